//! The volumes of a snapshot: the copy of a disk, and what is known of it. Named by the snapshot's id alone, and not with the mark
//! of an instance's volumes: `lite-snap-ID.qcow2` would read as the root disk of an instance `snap`.

use uuid::Uuid;

use super::super::{
    description::{Class, Description},
    name::Owner,
    object::{Namespace, Object},
    place::Place,
};
use crate::model::{Record, ResourceKind};

const PREFIX: &str = "snap-";

/// A volume of a snapshot.
pub(super) struct SnapshotVolume {
    noun: &'static str,
    suffix: &'static str,
}

/// The copy of the root disk.
pub(super) const DISK: SnapshotVolume = SnapshotVolume { noun: "snapshot's disk", suffix: ".qcow2" };
/// What is known of the snapshot, written last: without it there is none.
pub(super) const SIDECAR: SnapshotVolume = SnapshotVolume { noun: "snapshot's sidecar", suffix: ".json" };

/// The name of the volume that holds the copy.
pub fn snapshot_disk(id: Uuid) -> String {
    DISK.volume(id)
}

/// The name of the volume that holds what is known of a snapshot.
pub fn snapshot_sidecar(id: Uuid) -> String {
    SIDECAR.volume(id)
}

impl SnapshotVolume {
    fn volume(&self, id: Uuid) -> String {
        format!("{PREFIX}{}{}", id.simple(), self.suffix)
    }
}

impl Description for SnapshotVolume {
    fn noun(&self) -> &'static str {
        self.noun
    }

    fn owner_kind(&self) -> ResourceKind {
        ResourceKind::Snapshot
    }

    fn class(&self) -> Class {
        Class::Data
    }

    fn namespace(&self) -> Namespace {
        Namespace::Volume
    }

    fn name(&self, owner: Owner<'_>) -> Option<String> {
        Some(self.volume(owner.id))
    }

    fn owner_in(&self, name: &str) -> Option<Uuid> {
        let id = name.strip_prefix(PREFIX)?.strip_suffix(self.suffix)?;
        Uuid::try_parse(id).ok().filter(|uuid| uuid.simple().to_string() == id)
    }

    /// Others give such names too, and a snapshot outlives a lost database: it goes only if the journal knows it.
    fn is_told_by_name(&self) -> bool {
        false
    }

    fn object(&self, _: &Record, _: Place<'_>) -> Option<Object> {
        None
    }

    fn removal(&self, _: &Record) -> Option<String> {
        None
    }
}
