//! What a domain has of the things that its instance owns.

use super::{
    description::Attachment,
    kinds::{Thing, disk_volume, things},
    object::Object,
    place::Place,
};
use crate::{
    model::{Record, Result},
    plan::parts::{Attached, AttachedDisk, DiskPort},
};

/// What the domain of an instance has, with the disks that it was given; `path` tells where a volume lies.
///
/// # Errors
/// Those of `path`.
pub fn attached(record: &Record, place: Place<'_>, path: impl Fn(&str) -> Result<String>) -> Result<Attached> {
    let mut attached = attached_of(things(record, place), &path)?;
    for given in &record.disks {
        let Some(port) = DiskPort::of(given) else { continue };
        let volume = disk_volume(given.disk, given.volume);
        attached.disks.push(AttachedDisk { word: "disk", path: path(&volume)?, volume, port });
    }
    Ok(attached)
}

/// What the domain of an instance has of these things.
pub(in crate::plan) fn attached_of(things: Vec<Thing>, path: impl Fn(&str) -> Result<String>) -> Result<Attached> {
    let mut attached = Attached::default();
    for Thing { description, object } in things {
        match (description.attachment(), object) {
            (Attachment::Disk(port), Object::Volume { name, .. }) => {
                attached.disks.push(AttachedDisk { word: description.word(), path: path(&name)?, volume: name, port });
            }
            (Attachment::ConsoleLog, Object::Logs { files }) => attached.console_log = files.concat(),
            (Attachment::ReportLog, Object::Logs { files }) => attached.report_log = files.concat(),
            _ => {}
        }
    }
    Ok(attached)
}
