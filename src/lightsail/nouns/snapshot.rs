//! Snapshots of instances.

use crate::{
    app::snapshot,
    lightsail::{
        call::{Call, name},
        fault::{Answer, Fault},
        map::storage as map,
        pages::page,
        wire::{OfSnapshot, OneSnapshot, Page, Snapshots},
    },
    model::Unobserved,
};

/// The snapshots of instances, by name.
pub fn all(call: &Call<'_>, input: Page) -> Answer<Snapshots> {
    let (views, place) = (snapshot::list(call.app(), call.caller, None, &mut Unobserved)?, call.place()?);
    let all = views.into_iter().filter_map(|view| map::snapshot(view, &place)).collect();
    let at = (input.page_token.as_deref(), call.shared.page_size);
    let (instance_snapshots, next_page_token) =
        page("snapshots", all, |one: &crate::lightsail::wire::Snapshot| one.name.clone(), at)?;
    Ok(Snapshots { instance_snapshots, next_page_token })
}

/// One snapshot of an instance.
pub fn one(call: &Call<'_>, input: OfSnapshot) -> Answer<OneSnapshot> {
    let wanted = name(&input.instance_snapshot_name)?;
    let view = snapshot::show(call.app(), call.caller, &wanted, &mut Unobserved)?;
    let found = map::snapshot(view, &call.place()?);
    let instance_snapshot =
        found.ok_or_else(|| Fault::not_found(format!("`{wanted}` is a snapshot of a disk, not of an instance")))?;
    Ok(OneSnapshot { instance_snapshot })
}
