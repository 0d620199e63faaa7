//! The root disk: a qcow2 overlay on an image.

use uuid::Uuid;

use super::super::{
    description::{Attachment, Class, Description, Sources},
    name::{self, Owner},
    object::{Namespace, Object},
    place::Place,
};
use crate::{
    model::{Record, Result},
    plan::{
        parts::{DiskPlace, DiskPort, DomainPlan, Slot},
        storage::overlay_xml,
    },
};

const SUFFIX: &str = ".qcow2";
/// The number of the volume that a create makes.
pub(super) const FIRST: u32 = 1;

/// The device that the root disk is in its guest.
pub const ROOT_DEVICE: &str = "vda";

pub(super) struct RootDisk;

/// The name of the root disk's volume.
pub fn root_disk(record: &Record) -> String {
    numbered(record, record.root_disk.unwrap_or(FIRST))
}

/// The number of a volume that is a root disk of the instance, the one that it has or another.
pub fn root_disk_number(record: &Record, volume: &str) -> Option<u32> {
    let stem = volume.strip_suffix(SUFFIX)?;
    let number = stem.rsplit_once('.').map_or(Some(FIRST), |(_, number)| number.parse().ok())?;
    (numbered(record, number) == volume).then_some(number)
}

/// `lite-NAME-ID.qcow2` is the first, `lite-NAME-ID.2.qcow2` another.
fn numbered(record: &Record, number: u32) -> String {
    let suffix = if number > FIRST { format!(".{number}{SUFFIX}") } else { SUFFIX.to_owned() };
    name::volume(Owner::of(record), &suffix)
}

/// The number of the root disk after that of a record.
pub fn next_root_disk(record: &Record) -> u32 {
    record.root_disk.unwrap_or(FIRST).saturating_add(1)
}

/// Whether a text is the number of a volume that is not the first, as lite writes it.
pub(super) fn is_number(text: &str) -> bool {
    text.parse::<u32>().is_ok_and(|number| number > FIRST && number.to_string() == text)
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

    fn owner_in(&self, volume: &str) -> Option<Uuid> {
        let stem = volume.strip_suffix(SUFFIX)?;
        match stem.rsplit_once('.') {
            Some((bare, number)) if is_number(number) => name::id_in_volume(bare, ""),
            _ => name::id_in_volume(stem, ""),
        }
    }

    fn object(&self, record: &Record, place: Place<'_>) -> Option<Object> {
        self.namespace().named(root_disk(record), place)
    }

    /// `lite-NAME-ID.qcow2` has no word for what it is: another lite's snapshot `lite-snap-NAME-ID.qcow2` reads like the
    /// root disk of an instance `snap-NAME`.
    fn is_told_by_name(&self) -> bool {
        false
    }

    fn definition(&self, plan: &DomainPlan<'_>, sources: &Sources<'_>) -> Result<Option<String>> {
        let Some(image) = plan.snapshot.or(sources.image_path).filter(|_| sources.image_path.is_some()) else {
            return Ok(None);
        };
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
