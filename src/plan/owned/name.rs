//! The names of owned things. They hold the owner's id, so they cannot meet a foreign thing.

use uuid::Uuid;

use super::{Namespace, OwnedKind};
use crate::model::{Name, Record};

/// What the names of all that is ours begin with, where others have names as well.
const PREFIX: &str = "lite-";

/// Whose a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The owner's name when the thing was made.
    pub name: &'a Name,
    /// The owner's id.
    pub id: Uuid,
}

impl<'a> Owner<'a> {
    /// An instance as an owner.
    pub fn of(record: &'a Record) -> Self {
        Self { name: &record.name, id: record.uuid }
    }
}

/// The kind and the owner that a name tells; none for a name that no kind's rule gives.
pub fn owner_of(namespace: Namespace, name: &str) -> Option<(OwnedKind, Uuid)> {
    let kinds = OwnedKind::ALL.iter().filter(|kind| kind.description().namespace() == namespace);
    kinds.filter_map(|kind| Some((*kind, kind.description().owner_in(name)?))).next()
}

/// Whether a volume of our pool is marked as lite's, be it of a kind that this lite knows or not.
pub fn is_marked(volume: &str) -> bool {
    volume.starts_with(PREFIX)
}

/// `NAME-ID`, with the id as 32 hexadecimal digits.
pub(super) fn stem(owner: Owner<'_>) -> String {
    format!("{}-{}", owner.name, owner.id.simple())
}

/// The id in `NAME-ID`.
pub(super) fn id_in_stem(text: &str) -> Option<Uuid> {
    let (name, id) = text.rsplit_once('-')?;
    Name::parse(name).ok()?;
    Uuid::try_parse(id).ok().filter(|uuid| uuid.simple().to_string() == id)
}

/// The name of a volume, which ends in its kind's suffix.
pub(super) fn volume(owner: Owner<'_>, suffix: &str) -> String {
    format!("{PREFIX}{}{suffix}", stem(owner))
}

/// The id in the name of a volume with this suffix.
pub(super) fn id_in_volume(name: &str, suffix: &str) -> Option<Uuid> {
    id_in_stem(name.strip_prefix(PREFIX)?.strip_suffix(suffix)?)
}

/// The name of a filter: libvirt's filters have no owner, so the id alone makes it ours.
pub(super) fn filter(owner: Owner<'_>) -> String {
    format!("{PREFIX}{}", owner.id)
}

/// The id in the name of a filter.
pub(super) fn id_in_filter(name: &str) -> Option<Uuid> {
    id_of(name.strip_prefix(PREFIX)?)
}

/// An id in the form that lite writes.
pub(super) fn id_of(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|uuid| uuid.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(0x1234);

    fn owner(name: &Name) -> Owner<'_> {
        Owner { name, id: ID }
    }

    #[test]
    fn every_name_gives_its_kind_and_its_owner_back() {
        let name = Name::parse("web-1").unwrap();
        for kind in OwnedKind::ALL {
            let description = kind.description();
            let Some(text) = description.name(owner(&name)) else { continue };
            assert_eq!(owner_of(description.namespace(), &text), Some((*kind, ID)), "{text}");
        }
    }

    #[test]
    fn no_name_is_read_by_the_rules_of_two_kinds() {
        let name = Name::parse("web-1").unwrap();
        for kind in OwnedKind::ALL {
            let description = kind.description();
            let Some(text) = description.name(owner(&name)) else { continue };
            let all = OwnedKind::ALL.iter().map(|k| k.description());
            let readers = all.filter(|d| d.namespace() == description.namespace() && d.owner_in(&text).is_some());
            assert_eq!(readers.count(), 1, "{text}");
        }
    }

    #[test]
    fn a_foreign_name_has_no_owner() {
        let id = ID.simple().to_string();
        let foreign = [
            (Namespace::Volume, "lite-web.qcow2".to_owned()),
            (Namespace::Volume, "base-debian-13.qcow2".to_owned()),
            (Namespace::Volume, "lite--.seed.iso".to_owned()),
            (Namespace::Volume, "web-1.qcow2".to_owned()),
            // A name that no instance can have, an id that lite would write otherwise, a suffix of no kind.
            (Namespace::Volume, format!("lite-Web-{id}.qcow2")),
            (Namespace::Volume, format!("lite-web-{}.qcow2", id.replace('0', "O"))),
            (Namespace::Volume, format!("lite-web-{id}.snap.qcow2")),
            (Namespace::Filter, "clean-traffic".to_owned()),
            (Namespace::Filter, format!("lite-{id}")),
            (Namespace::Log, "web.console.log".to_owned()),
            (Namespace::Log, "web-1.log".to_owned()),
            (Namespace::Log, format!("web-{id}.qemu.log")),
            (Namespace::Lock, format!("{id}.lock")),
        ];
        for (namespace, name) in foreign {
            assert_eq!(owner_of(namespace, &name), None, "{name}");
        }
    }
}
