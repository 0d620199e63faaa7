//! What lite does for an instance by itself: snapshots once a day.

use jiff::civil::Date;

use super::{begun, power::change_of, snapshot::gone};
use crate::{
    app::{
        Right,
        instance::auto_snapshot::{Copies, SetAutoSnapshot},
        snapshot,
    },
    lightsail::{
        call::{Call, Done, name},
        fault::{Answer, Fault},
        map::add_on as map,
        past,
        wire::{
            AddOnRequest, AutoSnapshots, DeleteAutoSnapshot, DisableAddOn, EnableAddOn, OfResource, SetIpAddressType,
        },
    },
    model::{AutoSnapshot, Name, SnapshotState, Tag, Unobserved, escaped},
    view::SnapshotView,
};

/// Refused unless it is the one that there is.
fn check(kind: &str) -> Answer<()> {
    if kind == map::AUTO_SNAPSHOT {
        return Ok(());
    }
    Err(Fault::invalid(format!("`{}` is not known here: `{}` is", escaped(kind), map::AUTO_SNAPSHOT)))
}

/// When snapshots are asked for, by the host's clock; none: whenever.
fn time(call: &Call<'_>, request: &AddOnRequest) -> Answer<Option<jiff::civil::Time>> {
    check(&request.add_on_type)?;
    let given = request.auto_snapshot_add_on_request.as_ref().and_then(|of| of.snapshot_time_of_day.as_deref());
    let time = given.map(AutoSnapshot::parse_time).transpose()?;
    Ok(time.map(|time| map::of_host(time, call.offset())))
}

/// The tag of an instance that is made with add-ons; none: with none.
pub fn tag(call: &Call<'_>, requests: &[AddOnRequest]) -> Answer<Option<Tag>> {
    match requests {
        [] => Ok(None),
        [one] => {
            let usual = AutoSnapshot::default();
            Ok(Some(Tag::automatic(AutoSnapshot { time: time(call, one)?.unwrap_or(usual.time), ..usual })))
        }
        _ => Err(Fault::invalid("there is one add-on here, so `addOns` holds at most one")),
    }
}

/// Has a snapshot made every day.
pub fn enable(call: &Call<'_>) -> Answer<Done> {
    let input: EnableAddOn = call.input()?;
    let time = time(call, &input.add_on_request)?;
    let on = SetAutoSnapshot::On { time, keep: None, remote: Copies::AsBefore };
    change_of(call, "EnableAddOn", &input.resource_name, &on)
}

/// Has none made any more. Those that are there stay.
pub fn disable(call: &Call<'_>) -> Answer<Done> {
    let input: DisableAddOn = call.input()?;
    check(&input.add_on_type)?;
    change_of(call, "DisableAddOn", &input.resource_name, &SetAutoSnapshot::Off)
}

/// The automatic snapshots of an instance, the latest first.
fn automatic(call: &Call<'_>, of: &Name) -> Answer<Vec<SnapshotView>> {
    let mut all = snapshot::list(call.app(), call.caller, Some(of), &mut Unobserved)?;
    all.retain(|view| view.automatic && view.instance.is_some());
    all.reverse();
    Ok(all)
}

/// The automatic snapshots of an instance.
pub fn all(call: &Call<'_>, input: OfResource) -> Answer<AutoSnapshots> {
    let of = name(&input.resource_name)?;
    let auto_snapshots = automatic(call, &of)?.iter().map(map::auto_snapshot).collect();
    Ok(AutoSnapshots { resource_name: of.into(), resource_type: "Instance", auto_snapshots })
}

/// The latest automatic snapshot of an instance that is whole; or that of a day.
pub fn found(call: &Call<'_>, of: &str, date: Option<&str>) -> Answer<Name> {
    let of = name(of)?;
    let read = |text: &str| {
        let wrong = |_| Fault::invalid(format!("`{}` is no day such as `2026-03-01`", escaped(text)));
        text.parse::<Date>().map_err(wrong)
    };
    let day = date.map(read).transpose()?;
    let is_it =
        |view: &SnapshotView| view.state == SnapshotState::Available && day.is_none_or(|day| map::day(view) == day);
    match automatic(call, &of)?.into_iter().find(is_it) {
        Some(view) => name(&view.name),
        None => {
            let when = day.map(|day| format!(" of {day}")).unwrap_or_default();
            Err(Fault::not_found(format!("there is no automatic snapshot of `{of}`{when}"))
                .tip("`get-auto-snapshots` lists those there are"))
        }
    }
}

/// Removes the automatic snapshot of a day.
pub fn delete(call: &Call<'_>) -> Answer<Done> {
    let input: DeleteAutoSnapshot = call.input()?;
    gone(call, "DeleteAutoSnapshot", &found(call, &input.resource_name, Some(&input.date))?)
}

/// Says that an instance has the kinds of addresses that it has: they are those of its network.
pub fn set_addresses(call: &Call<'_>) -> Answer<Done> {
    let input: SetIpAddressType = call.input()?;
    call.caller.require_somewhere(Right::Change)?;
    if input.resource_type != "Instance" {
        return Err(Fault::invalid("`resourceType` has to be `Instance`"));
    }
    let of = name(&input.resource_name)?;
    if super::instance::addresses(call, &of)? != input.ip_address_type {
        return Err(Fault::invalid(format!("`{of}` keeps its addresses: IPv4, and IPv6 where its network has it"))
            .tip("the setting `subnet6` gives the network IPv6"));
    }
    let now = call.app().clock.now();
    begun((past::done("SetIpAddressType", ("Instance", of.as_str()), now, &call.place()?), None))
}
