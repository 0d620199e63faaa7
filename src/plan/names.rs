//! Names of what an instance owns on the host besides its domain.

use uuid::Uuid;

use super::owned::{OwnedKind, Owner};
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
        let of = |kind: OwnedKind| kind.description().name(Owner { name, id: uuid }).unwrap_or_default();
        let log = |kind| paths.logs.join(of(kind)).display().to_string();
        Self {
            root: of(OwnedKind::RootDisk),
            seed: of(OwnedKind::Seed),
            filter: of(OwnedKind::Filter),
            console_log: log(OwnedKind::ConsoleLog),
            report_log: log(OwnedKind::ReportLog),
        }
    }
}
