//! The volume of a disk that instances are given. Named by the disk's id alone, and not with the mark of an instance's volumes:
//! `lite-disk-ID.qcow2` would read as the root disk of an instance `disk`.

use uuid::Uuid;

use super::super::{
    description::{Class, Description},
    name::Owner,
    object::{Namespace, Object},
    place::Place,
};
use crate::model::{Record, ResourceKind};

const PREFIX: &str = "disk-";
const SUFFIX: &str = ".qcow2";

pub(super) struct Disk;

/// The name of the volume of a disk.
pub fn disk_volume(id: Uuid) -> String {
    format!("{PREFIX}{}{SUFFIX}", id.simple())
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
        Some(disk_volume(owner.id))
    }

    fn owner_in(&self, name: &str) -> Option<Uuid> {
        let id = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
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
