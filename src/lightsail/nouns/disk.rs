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
        wire::{AttachDisk, CreateDisk, Disks, OfDisk, OneDisk, Page, Tag},
    },
    model::{Name, Result, Size, Unobserved},
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

pub(super) fn change<V: 'static>(
    call: &Call<'_>,
    about: (&str, (&'static str, &str)),
    accept: impl Fn() -> Result<Accepted<V>>,
) -> Answer<Done> {
    begun(started(call, about, patiently(call, accept)?)?)
}

/// A disk that is asked for.
pub(super) struct Wanted<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where.
    pub zone: &'a str,
    /// Its size.
    pub gb: u64,
}

/// The name and the size of a disk that is asked for; refused with what disks do not have.
pub(super) fn wanted(
    call: &Call<'_>,
    wanted: &Wanted<'_>,
    (tags, add_ons): (Option<&[Tag]>, Option<&[serde_json::Value]>),
) -> Answer<(Name, Size)> {
    let of = name(wanted.name)?;
    call.place()?.check_zone(wanted.zone)?;
    if tags.is_some_and(|tags| !tags.is_empty()) || add_ons.is_some_and(|all| !all.is_empty()) {
        return Err(Fault::invalid("disks have no tags and no add-ons here"));
    }
    if !(1..=LARGEST).contains(&wanted.gb) {
        return Err(Fault::invalid(format!("`sizeInGb` has to be 1 to {LARGEST}")));
    }
    Ok((of, Size::mib(wanted.gb << 10)))
}

/// Makes an empty disk.
pub fn create(call: &Call<'_>) -> Answer<Done> {
    let input: CreateDisk = call.input()?;
    let asked = Wanted { name: &input.disk_name, zone: &input.availability_zone, gb: input.size_in_gb };
    let (of, size) = wanted(call, &asked, (input.tags.as_deref(), input.add_ons.as_deref()))?;
    let new = NewDisk { name: &of, size: Some(size), from: None };
    let accept = || disk::create(call.app(), call.caller, new, Flags::default(), &mut Unobserved);
    change(call, ("CreateDisk", ("Disk", of.as_str())), accept)
}

/// Gives a disk to an instance, whose guest finds it by its own name.
pub fn attach(call: &Call<'_>) -> Answer<Done> {
    let input: AttachDisk = call.input()?;
    let (of, to) = (name(&input.disk_name)?, name(&input.instance_name)?);
    let accept = || disk::attach(call.app(), call.caller, (&of, &to), None, Flags::default(), &mut Unobserved);
    change(call, ("AttachDisk", ("Disk", of.as_str())), accept)
}

/// Takes a disk off its instance, whose guest lets go of it first.
pub fn detach(call: &Call<'_>) -> Answer<Done> {
    let input: OfDisk = call.input()?;
    let of = name(&input.disk_name)?;
    let accept = || disk::detach(call.app(), call.caller, &of, (false, Flags::default()), &mut Unobserved);
    change(call, ("DetachDisk", ("Disk", of.as_str())), accept)
}

/// Removes a disk.
pub fn delete(call: &Call<'_>) -> Answer<Done> {
    let input: OfDisk = call.input()?;
    let of = name(&input.disk_name)?;
    let one = std::slice::from_ref(&of);
    let accept = || disk::find(call.app(), call.caller, one, false, &mut Unobserved)?.accept();
    change(call, ("DeleteDisk", ("Disk", of.as_str())), accept)
}
