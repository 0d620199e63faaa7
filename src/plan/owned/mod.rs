//! Everything that an instance owns on its host: one file for each kind of thing.
//!
//! Steps, delete, gc, audit, drift and repair go through [`OwnedKind::ALL`]; none of them names a kind. A new kind is a file
//! in `kinds` with its [`Description`], and a line in the list there. What libvirt has to do for a thing depends on its
//! [`Object`] alone.

mod attached;
mod description;
mod kinds;
mod name;
mod object;
mod place;

pub use attached::attached;
pub use description::{Attachment, Class, Description, Sources};
pub use kinds::{
    OwnedKind, ROOT_DEVICE, console_log, disk_volume, disk_volume_number, is_of_instance, is_promised, log_owner,
    next_disk_volume, next_root_disk, owner_of, report_log, root_disk, root_disk_number, saved_memory, seed,
    snapshot_copies, snapshot_disk, snapshot_part, snapshot_sidecar, snapshot_volumes, volumes_of_any,
};
pub use name::{Owner, is_marked};
pub use object::{Namespace, Object};
pub use place::Place;
#[cfg(test)]
pub(super) use {
    attached::attached_of,
    kinds::{Thing, things},
};
