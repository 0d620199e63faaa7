//! The logs that virtlogd writes for a guest: files `NAME-ID.WORD.log`.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::super::{
    description::{Attachment, Class, Description},
    name::{self, Owner},
    object::Namespace,
};
use crate::model::Record;

/// What the serial console said.
pub(super) static CONSOLE: Log = Log { word: "console", attachment: Attachment::ConsoleLog };
/// What the guest reported.
pub(super) static REPORT: Log = Log { word: "report", attachment: Attachment::ReportLog };

/// One of the logs.
pub(super) struct Log {
    /// The word in its name.
    word: &'static str,
    /// What writes it.
    attachment: Attachment,
}

impl Log {
    fn file(&self, owner: Owner<'_>) -> String {
        format!("{}.{}.log", name::stem(owner), self.word)
    }
}

/// The file that the serial console of an instance is recorded to; `logs` is the folder.
pub fn console_log(record: &Record, logs: &Path) -> PathBuf {
    logs.join(CONSOLE.file(Owner::of(record)))
}

/// The file that the guest's report channel of an instance is recorded to; `logs` is the folder.
pub fn report_log(record: &Record, logs: &Path) -> PathBuf {
    logs.join(REPORT.file(Owner::of(record)))
}

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
        Some(self.file(owner))
    }

    fn owner_in(&self, name: &str) -> Option<Uuid> {
        name::id_in_stem(name.strip_suffix(".log")?.strip_suffix(self.word)?.strip_suffix('.')?)
    }

    fn attachment(&self) -> Attachment {
        self.attachment
    }

    /// Told with the secrets, in one phrase.
    fn removal(&self, _: &Record) -> Option<String> {
        None
    }
}
