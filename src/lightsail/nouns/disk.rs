//! Disks: made, given to instances, taken off, removed.

use super::{
    begun,
    change::{patiently, started},
};
use crate::{
    app::{
        Accepted,
        disk::{self, Flags, NewDisk},
    },
    lightsail::{
        call::{Call, Done, name},
        fault::{Answer, Fault},
        map::storage as map,
        pages::page,
        wire::{AttachDisk, CreateDisk, Disks, OfDisk, OneDisk, Page},
    },
    model::{Result, Size, Unobserved},
};

/// The disks, by name.
pub fn all(call: &Call<'_>, input: Page) -> Answer<Disks> {
    let (rows, place) = (disk::list(call.app(), call.caller, &mut Unobserved)?, call.place()?);
    let at = (input.page_token.as_deref(), call.shared.page_size);
    let (rows, next_page_token) = page("disks", rows, |row| row.name.clone(), at)?;
    Ok(Disks { disks: rows.into_iter().map(|row| map::disk(row, &place)).collect(), next_page_token })
}

/// One disk.
pub fn one(call: &Call<'_>, input: OfDisk) -> Answer<OneDisk> {
    let row = disk::show(call.app(), call.caller, &name(&input.disk_name)?, &mut Unobserved)?;
    Ok(OneDisk { disk: map::disk(row, &call.place()?) })
}

/// Largest size that is asked for, in GB, as there.
const LARGEST: u64 = 16_384;

fn change<V: 'static>(
    call: &Call<'_>,
    (what, disk): (&str, &str),
    accept: impl Fn() -> Result<Accepted<V>>,
) -> Answer<Done> {
    begun(started(call, (what, ("Disk", disk)), patiently(call, accept)?)?)
}

/// Makes an empty disk.
pub fn create(call: &Call<'_>) -> Answer<Done> {
    let input: CreateDisk = call.input()?;
    let of = name(&input.disk_name)?;
    call.place()?.check_zone(&input.availability_zone)?;
    if input.tags.is_some_and(|tags| !tags.is_empty()) || input.add_ons.is_some_and(|all| !all.is_empty()) {
        return Err(Fault::invalid("disks have no tags and no add-ons here"));
    }
    if !(1..=LARGEST).contains(&input.size_in_gb) {
        return Err(Fault::invalid(format!("`sizeInGb` has to be 1 to {LARGEST}")));
    }
    let new = NewDisk { name: &of, size: Some(Size::mib(input.size_in_gb << 10)), from: None };
    let accept = || disk::create(call.app(), call.caller, new, Flags::default(), &mut Unobserved);
    change(call, ("CreateDisk", of.as_str()), accept)
}

/// Gives a disk to an instance, whose guest finds it by its own name.
pub fn attach(call: &Call<'_>) -> Answer<Done> {
    let input: AttachDisk = call.input()?;
    let (of, to) = (name(&input.disk_name)?, name(&input.instance_name)?);
    let accept = || disk::attach(call.app(), call.caller, (&of, &to), None, Flags::default(), &mut Unobserved);
    change(call, ("AttachDisk", of.as_str()), accept)
}

/// Takes a disk off its instance, whose guest lets go of it first.
pub fn detach(call: &Call<'_>) -> Answer<Done> {
    let input: OfDisk = call.input()?;
    let of = name(&input.disk_name)?;
    let accept = || disk::detach(call.app(), call.caller, &of, (false, Flags::default()), &mut Unobserved);
    change(call, ("DetachDisk", of.as_str()), accept)
}

/// Removes a disk.
pub fn delete(call: &Call<'_>) -> Answer<Done> {
    let input: OfDisk = call.input()?;
    let of = name(&input.disk_name)?;
    let one = std::slice::from_ref(&of);
    let accept = || disk::find(call.app(), call.caller, one, false, &mut Unobserved)?.accept();
    change(call, ("DeleteDisk", of.as_str()), accept)
}
