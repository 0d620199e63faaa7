//! What an instance costs.

use super::span;
use crate::{
    app::instance::list,
    lightsail::{
        call::{Call, name},
        fault::{Answer, Fault},
        map::cost as map,
        wire::{Estimates, GetCost},
    },
    model::Unobserved,
};

/// What an instance costs in a time.
pub fn estimate(call: &Call<'_>, input: GetCost) -> Answer<Estimates> {
    let (from, to) = span(input.start_time, input.end_time)?;
    let wanted = name(&input.resource_name)?;
    let (rows, _) = list::cost(call.app(), call.caller, &[], &mut Unobserved)?;
    let row = rows.into_iter().find(|row| row.name == wanted.as_str());
    let row = row.ok_or_else(|| Fault::not_found(format!("there is no instance `{wanted}`")))?;
    Ok(Estimates { resources_budget_estimate: vec![map::budget(&row, (from, to))] })
}
