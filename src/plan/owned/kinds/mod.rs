//! The list of the kinds of owned things, each with a file here.

mod dhcp_host;
mod disk;
mod domain;
mod filter;
mod lock;
mod log;
mod root_disk;
mod saved_memory;
mod scratch_disk;
mod seed;
mod snapshot;

use uuid::Uuid;

pub use disk::{disk_volume, disk_volume_number, next_disk_volume};
pub use log::{console_log, report_log};
pub use root_disk::{ROOT_DEVICE, next_root_disk, root_disk, root_disk_number};
pub use saved_memory::saved_memory;
pub use seed::seed;
pub use snapshot::{snapshot_copies, snapshot_disk, snapshot_part, snapshot_sidecar, snapshot_volumes, volumes_of_any};

use super::{
    description::{Class, Description},
    object::{Namespace, Object},
    place::Place,
};
use crate::model::{Record, ResourceKind, words};

/// The list of the kinds: for each its word in the journal, and its description.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $description:expr;)+) => {
        words! {
            /// A kind of thing on the host that a resource owns, in the order in which people are told of them.
            OwnedKind;
            $($(#[$doc])* $name = $word,)+
        }

        impl OwnedKind {
            /// What lite knows of the kind.
            pub fn description(self) -> &'static dyn Description {
                match self { $(Self::$name => &$description,)+ }
            }
        }
    };
}

kinds! {
    /// The virtual machine.
    Domain = "domain", domain::Domain;
    /// The disk it boots from.
    RootDisk = "root_disk", root_disk::RootDisk;
    /// The small disk from which cloud-init reads.
    Seed = "seed", seed::Seed;
    /// A second, empty disk.
    ScratchDisk = "scratch_disk", scratch_disk::ScratchDisk;
    /// A disk that instances are given.
    Disk = "disk", disk::Disk;
    /// The copy of a disk that a snapshot holds.
    SnapshotDisk = "snapshot_disk", snapshot::DISK;
    /// The copy of a disk that an instance had been given.
    SnapshotPart = "snapshot_part", snapshot::SnapshotPart;
    /// What is known of a snapshot.
    SnapshotSidecar = "snapshot_sidecar", snapshot::SIDECAR;
    /// The memory that it goes on from, while it is made.
    SavedMemory = "saved_memory", saved_memory::SavedMemory;
    /// The firewall that an earlier lite gave it.
    Filter = "filter", filter::Filter;
    /// Its address, which an earlier lite had the network keep.
    DhcpHost = "dhcp_host", dhcp_host::DhcpHost;
    /// What its serial console said.
    ConsoleLog = "console_log", log::CONSOLE;
    /// What its guest reported.
    ReportLog = "report_log", log::REPORT;
    /// The lock of whoever works on it.
    Lock = "lock", lock::Lock;
}

impl OwnedKind {
    /// Those of one class, in the order of the list.
    pub fn of_class(class: Class) -> impl DoubleEndedIterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |kind| kind.description().class() == class)
    }

    /// Everything of an instance, each with its kind, in the order of the list.
    pub fn all_of<'a>(record: &'a Record, place: Place<'a>) -> impl Iterator<Item = (Self, Object)> + 'a {
        let own = Self::ALL.iter().filter(|kind| kind.description().owner_kind() == ResourceKind::Instance);
        own.filter_map(move |kind| Some((*kind, kind.description().object(record, place)?)))
    }

    /// What an object of this kind is called: "root disk `lite-web-1-….qcow2`".
    pub fn subject(self, object: &Object) -> String {
        match object.name() {
            Some(name) => format!("{} `{name}`", self.description().noun()),
            None => object.subject(),
        }
    }
}

/// A thing of an instance, with what there is to know of its kind.
#[derive(Clone)]
pub struct Thing {
    /// Its kind.
    pub description: &'static dyn Description,
    /// What it is on the host.
    pub object: Object,
}

/// Everything of an instance, in the order of the list of kinds.
pub fn things(record: &Record, place: Place<'_>) -> Vec<Thing> {
    let all = OwnedKind::all_of(record, place);
    all.map(|(kind, object)| Thing { description: kind.description(), object }).collect()
}

/// The kind and the owner that a name tells; none for a name that no kind's rule gives.
pub fn owner_of(namespace: Namespace, name: &str) -> Option<(OwnedKind, Uuid)> {
    let kinds = OwnedKind::ALL.iter().filter(|kind| kind.description().namespace() == namespace);
    kinds.filter_map(|kind| Some((*kind, kind.description().owner_in(name)?))).next()
}

/// Whether the name of a volume tells that it is an instance's.
pub fn is_of_instance(volume: &str) -> bool {
    owner_of(Namespace::Volume, volume)
        .is_some_and(|(kind, _)| kind.description().owner_kind() == ResourceKind::Instance)
}

/// Whether the name of a volume tells that capacity was promised for it: an instance's, or a disk that instances are given.
pub fn is_promised(volume: &str) -> bool {
    owner_of(Namespace::Volume, volume)
        .is_some_and(|(kind, _)| matches!(kind.description().owner_kind(), ResourceKind::Instance | ResourceKind::Disk))
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
    use crate::{model::Name, plan::owned::name::Owner};

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
    fn a_root_disk_has_a_number_after_the_first() {
        let first = crate::plan::domain::tests::record();
        let second = Record { root_disk: Some(next_root_disk(&first)), ..first.clone() };
        let id = first.uuid.simple();
        assert_eq!(root_disk(&first), format!("lite-web-1-{id}.qcow2"));
        assert_eq!(root_disk(&second), format!("lite-web-1-{id}.2.qcow2"));
        let owner = Some((OwnedKind::RootDisk, first.uuid));
        assert_eq!([&first, &second].map(|record| owner_of(Namespace::Volume, &root_disk(record))), [owner; 2]);
        assert_eq!(next_root_disk(&second), 3);
        let number = |volume: &str| root_disk_number(&first, volume);
        assert_eq!([number(&root_disk(&first)), number(&root_disk(&second))], [Some(1), Some(2)]);
        // Another lite's snapshot of it.
        assert_eq!(number(&format!("lite-snap-web-1-{id}.qcow2")), None);
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
            // A number that no root disk has.
            (Namespace::Volume, format!("lite-web-{id}.1.qcow2")),
            (Namespace::Volume, format!("lite-web-{id}.02.qcow2")),
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

    #[test]
    fn a_rotated_log_is_the_same_log() {
        let name = Name::parse("web-1").unwrap();
        let log = log::CONSOLE.name(owner(&name)).unwrap();
        assert_eq!(log_owner(&log), Some((ID, log.as_str())));
        assert_eq!(log_owner(&format!("{log}.0")), Some((ID, log.as_str())));
        for foreign in ["web-1.log", "x.log.", &format!("{log}.gz")] {
            assert_eq!(log_owner(foreign), None, "{foreign}");
        }
    }
}
