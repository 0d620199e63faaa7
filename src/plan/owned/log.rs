//! The logs that virtlogd writes for a guest: files `NAME-ID.WORD.log`.

use uuid::Uuid;

use super::{Class, Description, Namespace, Owner, name, owner_of};
use crate::model::Record;

/// One of the logs, by the word in its name.
pub(super) struct Log(pub &'static str);

impl Description for Log {
    fn noun(&self) -> &'static str {
        "log"
    }

    fn class(&self) -> Class {
        Class::Log
    }

    fn namespace(&self) -> Namespace {
        Namespace::Log
    }

    fn name(&self, owner: Owner<'_>) -> Option<String> {
        Some(format!("{}.{}.log", name::stem(owner), self.0))
    }

    fn owner_in(&self, name: &str) -> Option<Uuid> {
        name::id_in_stem(name.strip_suffix(".log")?.strip_suffix(self.0)?.strip_suffix('.')?)
    }

    /// Told with the secrets, in one phrase.
    fn removal(&self, _: &Record) -> Option<String> {
        None
    }
}

/// The owner of a log file, and the file's name without the number of its rotation; none for any other file.
pub fn log_owner(file: &str) -> Option<(Uuid, &str)> {
    let base = match file.rsplit_once('.') {
        Some((base, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => base,
        _ => file,
    };
    owner_of(Namespace::Log, base).map(|(_, id)| (id, base))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Name;

    #[test]
    fn a_rotated_log_is_the_same_log() {
        let (name, id) = (Name::parse("web-1").unwrap(), Uuid::from_u128(0x1234));
        let log = Log("console").name(Owner { name: &name, id }).unwrap();
        assert_eq!(log_owner(&log), Some((id, log.as_str())));
        assert_eq!(log_owner(&format!("{log}.0")), Some((id, log.as_str())));
        for foreign in ["web-1.log", "x.log.", &format!("{log}.gz")] {
            assert_eq!(log_owner(foreign), None, "{foreign}");
        }
    }
}
