//! Snapshots of disks.

use super::{disk, snapshot::gone};
use crate::{
    app::{
        disk::{Flags, NewDisk, Source, snapshot as accept_snapshot},
        snapshot,
    },
    lightsail::{
        call::{Call, Done, name},
        fault::{Answer, Fault},
        map::storage as map,
        pages::page,
        wire::{
            CreateDiskFromSnapshot, CreateDiskSnapshot, DiskSnapshot, DiskSnapshots, OfDiskSnapshot, OneDiskSnapshot,
            Page,
        },
    },
    model::{Name, Unobserved},
};

/// The snapshots of disks, by name.
pub fn all(call: &Call<'_>, input: Page) -> Answer<DiskSnapshots> {
    let (views, place) = (snapshot::list(call.app(), call.caller, None, &mut Unobserved)?, call.place()?);
    let all = views.into_iter().filter_map(|view| map::disk_snapshot(view, &place)).collect();
    let at = (input.page_token.as_deref(), call.shared.page_size);
    let (disk_snapshots, next_page_token) = page("disk snapshots", all, |one: &DiskSnapshot| one.name.clone(), at)?;
    Ok(DiskSnapshots { disk_snapshots, next_page_token })
}

/// One snapshot of a disk.
pub fn one(call: &Call<'_>, input: OfDiskSnapshot) -> Answer<OneDiskSnapshot> {
    Ok(OneDiskSnapshot { disk_snapshot: found(call, &name(&input.disk_snapshot_name)?)? })
}

fn found(call: &Call<'_>, wanted: &Name) -> Answer<DiskSnapshot> {
    let view = snapshot::show(call.app(), call.caller, wanted, &mut Unobserved)?;
    let found = map::disk_snapshot(view, &call.place()?);
    found.ok_or_else(|| Fault::not_found(format!("`{wanted}` is a snapshot of an instance, not of a disk")))
}

/// Makes a snapshot of a disk.
pub fn create(call: &Call<'_>) -> Answer<Done> {
    let input: CreateDiskSnapshot = call.input()?;
    let new = name(&input.disk_snapshot_name)?;
    let (Some(of), None) = (input.disk_name, input.instance_name) else {
        return Err(Fault::invalid("`diskName` has to name the disk")
            .tip("`create-instance-snapshot` is for the first disk of an instance"));
    };
    if input.tags.is_some_and(|tags| !tags.is_empty()) {
        return Err(Fault::invalid("snapshots of disks have no tags here"));
    }
    let of = name(&of)?;
    let accept = || accept_snapshot(call.app(), call.caller, (&of, Some(&new)), Flags::default(), &mut Unobserved);
    disk::change(call, ("CreateDiskSnapshot", ("DiskSnapshot", new.as_str())), accept)
}

/// Removes a snapshot of a disk.
pub fn delete(call: &Call<'_>) -> Answer<Done> {
    let input: OfDiskSnapshot = call.input()?;
    let of = name(&input.disk_snapshot_name)?;
    // One of an instance is none of these.
    found(call, &of)?;
    gone(call, "DeleteDiskSnapshot", &of)
}

/// Makes a disk that is a copy of the one in a snapshot.
pub fn restore(call: &Call<'_>) -> Answer<Done> {
    let input: CreateDiskFromSnapshot = call.input()?;
    let Some(from) = input.disk_snapshot_name else {
        return Err(Fault::invalid("`diskSnapshotName` has to name the snapshot: the watcher makes none of disks"));
    };
    let (from, add_ons) = (name(&from)?, input.add_ons.as_deref());
    found(call, &from)?;
    let new = disk::Wanted { name: &input.disk_name, zone: &input.availability_zone, gb: input.size_in_gb };
    let (of, size) = disk::wanted(call, &new, (input.tags.as_deref(), add_ons))?;
    let new = NewDisk { name: &of, size: Some(size), from: Some(Source { snapshot: &from, disk: None }) };
    let accept = || crate::app::disk::create(call.app(), call.caller, new, Flags::default(), &mut Unobserved);
    disk::change(call, ("CreateDiskFromSnapshot", ("Disk", of.as_str())), accept)
}
