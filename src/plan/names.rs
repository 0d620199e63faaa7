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
    let stem = rest.strip_suffix(".qcow2").or_else(|| rest.strip_suffix(".seed.iso"))?;
    let (_, id) = stem.rsplit_once('-')?;
    (id.len() == 32).then(|| Uuid::try_parse(id).ok()).flatten()
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
    }
}
