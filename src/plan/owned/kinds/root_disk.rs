//! The root disk: a qcow2 overlay on an image.

use super::super::{
    description::{Attachment, Class, Description, Sources},
    name::{self, Owner},
    object::Namespace,
};
use crate::{
    model::{Record, Result},
    plan::{
        parts::{DiskPlace, DiskPort, DomainPlan, Slot},
        storage::overlay_xml,
    },
};

const SUFFIX: &str = ".qcow2";

/// The device that the root disk is in its guest.
pub const ROOT_DEVICE: &str = "vda";

pub(super) struct RootDisk;

/// The name of the root disk's volume.
pub fn root_disk(record: &Record) -> String {
    name::volume(Owner::of(record), SUFFIX)
}

impl Description for RootDisk {
    fn noun(&self) -> &'static str {
        "root disk"
    }

    fn class(&self) -> Class {
        Class::Data
    }

    fn namespace(&self) -> Namespace {
        Namespace::Volume
    }

    fn volume_suffix(&self) -> Option<&'static str> {
        Some(SUFFIX)
    }

    /// `lite-NAME-ID.qcow2` has no word for what it is: another lite's snapshot `lite-snap-NAME-ID.qcow2` reads like the
    /// root disk of an instance `snap-NAME`.
    fn is_told_by_name(&self) -> bool {
        false
    }

    fn definition(&self, plan: &DomainPlan<'_>, sources: &Sources<'_>) -> Result<Option<String>> {
        let Some(image) = sources.image_path else { return Ok(None) };
        overlay_xml(&root_disk(plan.record), plan.record.disk, image).map(Some)
    }

    fn attachment(&self) -> Attachment {
        Attachment::Disk(DiskPort {
            device: ROOT_DEVICE,
            place: DiskPlace::Slot(Slot::ROOT_DISK),
            is_qcow2: true,
            is_read_only: false,
        })
    }

    fn removal(&self, record: &Record) -> Option<String> {
        Some(format!("{} `{}` ({}) and its data", self.noun(), root_disk(record), record.disk))
    }
}
