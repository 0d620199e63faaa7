//! Snapshots of instances.

use super::{
    begun,
    change::{patiently, started},
};
use crate::{
    app::snapshot::{self, Flags},
    lightsail::{
        call::{Call, Done, name},
        fault::{Answer, Fault},
        map::storage as map,
        pages::page,
        wire::{CreateSnapshot, OfSnapshot, OneSnapshot, Page, Snapshots},
    },
    model::{Name, Unobserved},
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

/// Makes a snapshot of an instance.
pub fn create(call: &Call<'_>) -> Answer<Done> {
    let input: CreateSnapshot = call.input()?;
    let (of, new) = (name(&input.instance_name)?, name(&input.instance_snapshot_name)?);
    if input.tags.is_some_and(|tags| !tags.is_empty()) {
        return Err(Fault::invalid("a snapshot has the tags of its instance, and no others"));
    }
    let named = (&of, Some(&new));
    let accept = || snapshot::create(call.app(), call.caller, named, Flags::default(), &mut Unobserved);
    let about = ("CreateInstanceSnapshot", ("InstanceSnapshot", new.as_str()));
    begun(started(call, about, patiently(call, accept)?)?)
}

/// Removes a snapshot of an instance.
pub fn delete(call: &Call<'_>) -> Answer<Done> {
    let input: OfSnapshot = call.input()?;
    let of = name(&input.instance_snapshot_name)?;
    // One of a disk is none of these.
    one(call, input)?;
    gone(call, "DeleteInstanceSnapshot", &of)
}

/// Removes a snapshot that was found.
pub(super) fn gone(call: &Call<'_>, what: &str, of: &Name) -> Answer<Done> {
    let only = std::slice::from_ref(of);
    let accept = || snapshot::find(call.app(), call.caller, only, false, &mut Unobserved)?.accept();
    begun(started(call, (what, ("InstanceSnapshot", of.as_str())), patiently(call, accept)?)?)
}
