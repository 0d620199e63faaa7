//! The volumes of a snapshot: the copies of disks, and what is known of it. Named by the snapshot's id alone, and not with the mark
//! of an instance's volumes: `lite-snap-ID.qcow2` would read as the root disk of an instance `snap`.

use uuid::Uuid;

use super::super::{
    description::{Class, Description},
    name::Owner,
    object::{Namespace, Object},
    place::Place,
};
use crate::model::{AnySnapshot, Record, ResourceKind, Snapshot};

const PREFIX: &str = "snap-";
const PART: &str = ".qcow2";

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

/// The name of the volume that holds the copy of a disk which the instance had been given.
pub fn snapshot_part(id: Uuid, disk: Uuid) -> String {
    format!("{PREFIX}{}.{}{PART}", id.simple(), disk.simple())
}

/// The names of the volumes that hold the copies of a snapshot, that of the root disk first.
pub fn snapshot_copies(snapshot: &Snapshot) -> Vec<String> {
    let parts = snapshot.disks.iter().map(|copied| snapshot_part(snapshot.id, copied.disk));
    std::iter::once(snapshot_disk(snapshot.id)).chain(parts).collect()
}

/// The names of all volumes of a snapshot, the sidecar first.
pub fn snapshot_volumes(snapshot: &Snapshot) -> Vec<String> {
    std::iter::once(snapshot_sidecar(snapshot.id)).chain(snapshot_copies(snapshot)).collect()
}

/// The names of all volumes of a snapshot of whatever, the sidecar first.
pub fn volumes_of_any(snapshot: &AnySnapshot) -> Vec<String> {
    match snapshot {
        AnySnapshot::Instance(one) => snapshot_volumes(&one.snapshot),
        AnySnapshot::Disk(one) => {
            let id = one.snapshot.id;
            vec![snapshot_sidecar(id), snapshot_part(id, one.snapshot.disk.disk)]
        }
    }
}

/// The id that a name has between these, written as lite writes one.
fn id_between(name: &str, begin: &str, end: &str) -> Option<Uuid> {
    let id = name.strip_prefix(begin)?.strip_suffix(end)?;
    Uuid::try_parse(id).ok().filter(|uuid| uuid.simple().to_string() == id)
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
        id_between(name, PREFIX, self.suffix)
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

/// The copy of a disk that the instance had been given: its name holds the disk's id as well.
pub(super) struct SnapshotPart;

impl Description for SnapshotPart {
    fn noun(&self) -> &'static str {
        "snapshot's copy of a disk"
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

    fn owner_in(&self, name: &str) -> Option<Uuid> {
        let (owner, disk) = name.split_once('.')?;
        id_between(disk, "", PART)?;
        id_between(owner, PREFIX, "")
    }

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

#[cfg(test)]
mod tests {
    use super::{super::owner_of, *};
    use crate::plan::OwnedKind;

    #[test]
    fn a_copy_of_a_disk_tells_its_snapshot() {
        let ids = [Uuid::from_u128(0x1234), Uuid::from_u128(0x5678)];
        let part = snapshot_part(ids[0], ids[1]);
        assert_eq!(owner_of(Namespace::Volume, &part), Some((OwnedKind::SnapshotPart, ids[0])));
        let no_part = [part.replace(".qcow2", ".json"), part.replace("5678", "567"), part.replace("snap-", "snap-0")];
        for name in no_part {
            assert_eq!(owner_of(Namespace::Volume, &name), None, "{name}");
        }
    }
}
