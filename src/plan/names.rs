//! Names of everything an instance owns on the host. They hold the instance's id, so they cannot meet a foreign thing.

use uuid::Uuid;

use crate::model::{Name, Paths};

/// What an instance owns on the host besides its domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// Volume of the root disk.
    pub root: String,
    /// Volume of the seed.
    pub seed: String,
    /// Network filter.
    pub filter: String,
    /// File the serial console is recorded to.
    pub console_log: String,
    /// File the guest's report channel is recorded to.
    pub report_log: String,
}

impl Resources {
    /// The names for an instance.
    pub fn of(name: &Name, uuid: Uuid, paths: &Paths) -> Self {
        let id = uuid.simple().to_string();
        let log = |kind: &str| paths.logs.join(format!("{name}-{id}.{kind}.log")).display().to_string();
        Self {
            root: format!("lite-{name}-{id}.qcow2"),
            seed: format!("lite-{name}-{id}.seed.iso"),
            filter: format!("lite-{uuid}"),
            console_log: log("console"),
            report_log: log("report"),
        }
    }
}

/// The instance id in the name of a volume that follows our rule; none for any other volume.
pub fn volume_is_ours(volume: &str) -> Option<Uuid> {
    let rest = volume.strip_prefix("lite-")?;
    stem(rest.strip_suffix(".qcow2").or_else(|| rest.strip_suffix(".seed.iso"))?).map(|(_, id)| id)
}

/// The instance id in the name of a filter that follows our rule.
pub fn filter_is_ours(filter: &str) -> Option<Uuid> {
    let id = filter.strip_prefix("lite-")?;
    Uuid::try_parse(id).ok().filter(|uuid| uuid.to_string() == id)
}

/// The instance id in the name of a log file that follows our rule, and the file without the number of its rotation.
pub fn log_is_ours(file: &str) -> Option<(Uuid, &str)> {
    let base = match file.rsplit_once('.') {
        Some((base, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => base,
        _ => file,
    };
    let rest = base.strip_suffix(".log")?;
    let (_, id) = stem(rest.strip_suffix(".console").or_else(|| rest.strip_suffix(".report"))?)?;
    Some((id, base))
}

/// Reads `NAME-ID` with the id as 32 hexadecimal digits.
fn stem(text: &str) -> Option<(Name, Uuid)> {
    let (name, id) = text.rsplit_once('-')?;
    let uuid = Uuid::try_parse(id).ok().filter(|uuid| uuid.simple().to_string() == id)?;
    Some((Name::parse(name).ok()?, uuid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_of_ours_gives_its_instance_back() {
        let uuid = Uuid::from_u128(0x1234);
        let paths = Paths { state: "s".into(), logs: "l".into(), blueprints: vec![], pool: "p".into() };
        let resources = Resources::of(&Name::parse("web-1").unwrap(), uuid, &paths);
        assert_eq!(volume_is_ours(&resources.root), Some(uuid));
        assert_eq!(volume_is_ours(&resources.seed), Some(uuid));
        for foreign in ["lite-web.qcow2", "base-debian-13.qcow2", "lite--.seed.iso", "web-1.qcow2"] {
            assert_eq!(volume_is_ours(foreign), None, "{foreign}");
        }
        // A name that no instance can have, and an id that lite would write otherwise.
        let id = uuid.simple().to_string();
        for foreign in [format!("lite-Web-{id}.qcow2"), format!("lite-web-{}.qcow2", id.replace('0', "O"))] {
            assert_eq!(volume_is_ours(&foreign), None, "{foreign}");
        }
    }

    #[test]
    fn filters_and_logs_of_ours_give_their_instance_back() {
        let uuid = Uuid::from_u128(0x1234);
        let paths = Paths { state: "s".into(), logs: "".into(), blueprints: vec![], pool: "p".into() };
        let resources = Resources::of(&Name::parse("web-1").unwrap(), uuid, &paths);
        assert_eq!(filter_is_ours(&resources.filter), Some(uuid));
        assert_eq!(filter_is_ours(&format!("lite-{}", uuid.simple())), None);
        assert_eq!(filter_is_ours("clean-traffic"), None);
        let log = resources.console_log.as_str();
        assert_eq!(log_is_ours(log), Some((uuid, log)));
        assert_eq!(log_is_ours(&format!("{log}.0")), Some((uuid, log)));
        assert_eq!(log_is_ours(&resources.report_log).map(|(id, _)| id), Some(uuid));
        for foreign in ["web.console.log", "web-1.log", "x.log.", &format!("{log}.gz")] {
            assert_eq!(log_is_ours(foreign), None, "{foreign}");
        }
    }
}
