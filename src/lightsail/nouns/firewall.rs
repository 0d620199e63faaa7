//! What is let in, and its changes.

use super::{
    change::{patiently, started},
    one_begun,
};
use crate::{
    app::instance::firewall::{self, Action, Refirewall},
    lightsail::{
        call::{Call, Done, name},
        fault::Answer,
        map::firewall as map,
        wire::{ChangePorts, OfInstance, PortStates, PutPorts},
    },
    model::Unobserved,
};

/// What the firewall of an instance lets in.
pub fn states(call: &Call<'_>, input: OfInstance) -> Answer<PortStates> {
    let view = firewall::show(call.app(), call.caller, &name(&input.instance_name)?, &mut Unobserved)?;
    Ok(PortStates { port_states: map::states(&view.rules) })
}

/// Lets more in.
pub fn open(call: &Call<'_>) -> Answer<Done> {
    change(call, "OpenInstancePublicPorts", Action::Open)
}

/// Lets less in.
pub fn close(call: &Call<'_>) -> Answer<Done> {
    change(call, "CloseInstancePublicPorts", Action::Close)
}

fn change(call: &Call<'_>, what: &str, action: Action) -> Answer<Done> {
    let input: ChangePorts = call.input()?;
    let of = name(&input.instance_name)?;
    let (services, sources) = map::read(&input.port_info)?;
    let request = Refirewall { name: of.clone(), action, services, sources, seen: None, wait: false, dry_run: false };
    let accepted = patiently(call, || firewall::accept(call.app(), call.caller, &request, &mut Unobserved))?;
    one_begun(started(call, (what, ("Instance", of.as_str())), accepted)?)
}

/// Lets in what is said, and nothing else.
pub fn put(call: &Call<'_>) -> Answer<Done> {
    let input: PutPorts = call.input()?;
    let (of, rules) = (name(&input.instance_name)?, map::rules(&input.port_infos)?);
    let accept = || firewall::replace(call.app(), call.caller, (&of, rules.clone()), &mut Unobserved);
    let about = ("PutInstancePublicPorts", ("Instance", of.as_str()));
    one_begun(started(call, about, patiently(call, accept)?)?)
}
