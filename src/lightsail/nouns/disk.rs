//! Disks.

use crate::{
    app::disk,
    lightsail::{
        call::{Call, name},
        fault::Answer,
        map::storage as map,
        pages::page,
        wire::{Disks, OfDisk, OneDisk, Page},
    },
    model::Unobserved,
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
