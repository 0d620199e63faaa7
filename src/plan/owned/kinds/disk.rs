//! The volume of a disk that instances are given. Named by the disk's id alone, and not with the mark of an instance's volumes:
//! `lite-disk-ID.qcow2` would read as the root disk of an instance `disk`.

use uuid::Uuid;

use super::super::{
    description::{Class, Description},
    name::Owner,
    object::{Namespace, Object},
    place::Place,
};
use super::root_disk::{FIRST, is_number};
use crate::model::{Record, ResourceKind};

const PREFIX: &str = "disk-";
const SUFFIX: &str = ".qcow2";

pub(super) struct Disk;

/// The name of the volume of a disk: `disk-ID.qcow2` is the first, `disk-ID.2.qcow2` another.
pub fn disk_volume(id: Uuid, number: Option<u32>) -> String {
    let id = id.simple();
    number
        .filter(|number| *number > FIRST)
        .map_or_else(|| format!("{PREFIX}{id}{SUFFIX}"), |number| format!("{PREFIX}{id}.{number}{SUFFIX}"))
}

/// The number after that of a disk's volume.
pub fn next_disk_volume(number: Option<u32>) -> u32 {
    number.unwrap_or(FIRST).saturating_add(1)
}

/// The number in the name of a disk's volume; none: it is the first.
pub fn disk_volume_number(volume: &str) -> Option<u32> {
    volume.strip_suffix(SUFFIX)?.split_once('.')?.1.parse().ok()
}

impl Description for Disk {
    fn noun(&self) -> &'static str {
        "disk"
    }

    fn owner_kind(&self) -> ResourceKind {
        ResourceKind::Disk
    }

    fn class(&self) -> Class {
        Class::Data
    }

    fn namespace(&self) -> Namespace {
        Namespace::Volume
    }

    fn name(&self, owner: Owner<'_>) -> Option<String> {
        Some(disk_volume(owner.id, None))
    }

    fn owner_in(&self, name: &str) -> Option<Uuid> {
        let stem = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let id = match stem.split_once('.') {
            Some((id, number)) if is_number(number) => id,
            _ => stem,
        };
        Uuid::try_parse(id).ok().filter(|uuid| uuid.simple().to_string() == id)
    }

    /// Others give such names too, and a disk outlives a lost database: it goes only if the journal knows it.
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
    fn a_disk_has_a_number_after_the_first() {
        let id = Uuid::from_u128(0x1234);
        let [first, second] = [None, Some(next_disk_volume(None))].map(|number| disk_volume(id, number));
        let hex = id.simple();
        assert_eq!([&first, &second], [&format!("disk-{hex}.qcow2"), &format!("disk-{hex}.2.qcow2")]);
        let owner = |name: &str| owner_of(Namespace::Volume, name);
        assert_eq!([&first, &second].map(|name| owner(name)), [Some((OwnedKind::Disk, id)); 2]);
        assert_eq!([&first, &second].map(|name| disk_volume_number(name)), [None, Some(2)]);
        assert_eq!(next_disk_volume(Some(2)), 3);
        for name in [format!("disk-{hex}.1.qcow2"), format!("disk-{hex}.02.qcow2"), format!("disk-{hex}.x.qcow2")] {
            assert_eq!(owner(&name), None, "{name}");
        }
    }
}
