//! What is let in.

use crate::{
    app::instance::firewall,
    lightsail::{
        call::{Call, name},
        fault::Answer,
        map::firewall as map,
        wire::{OfInstance, PortStates},
    },
    model::Unobserved,
};

/// What the firewall of an instance lets in.
pub fn states(call: &Call<'_>, input: OfInstance) -> Answer<PortStates> {
    let view = firewall::show(call.app(), call.caller, &name(&input.instance_name)?, &mut Unobserved)?;
    Ok(PortStates { port_states: view.rules.iter().map(map::state).collect() })
}
