//! Start, stop, reboot and delete.

use std::time::Duration;

use super::{
    begun,
    change::{patiently, started},
};
use crate::{
    app::instance::{
        change::{self, Change},
        delete::Delete,
        power::{Reboot, Start, Stop},
    },
    lightsail::{
        call::{Call, Done, name},
        fault::{Answer, Fault},
        wire::{OfInstance, StartInstance, StopInstance},
    },
    model::Unobserved,
};

/// How long a guest may take to go down.
const DOWN: Duration = Duration::from_secs(120);

pub(super) fn change_of(call: &Call<'_>, what: &str, instance: &str, change: &impl Change) -> Answer<Done> {
    let of = name(instance)?;
    let accept = || change::accept(call.app(), call.caller, change, (&of, false), &mut Unobserved);
    begun(started(call, (what, ("Instance", of.as_str())), patiently(call, accept)?)?)
}

/// Starts an instance.
pub fn start(call: &Call<'_>) -> Answer<Done> {
    let input: StartInstance = call.input()?;
    if input.attribute_updates.is_some_and(|updates| !updates.is_null()) {
        return Err(Fault::invalid("an instance keeps its bundle when it is started")
            .tip("`lite resize NAME --bundle BUNDLE` gives it another"));
    }
    change_of(call, "StartInstance", &input.instance_name, &Start { until_ready: call.shared.until_ready })
}

/// Stops an instance.
pub fn stop(call: &Call<'_>) -> Answer<Done> {
    let input: StopInstance = call.input()?;
    let stop = Stop { force: input.force.unwrap_or(false), timeout: DOWN };
    change_of(call, "StopInstance", &input.instance_name, &stop)
}

/// Reboots an instance.
pub fn reboot(call: &Call<'_>) -> Answer<Done> {
    let input: OfInstance = call.input()?;
    change_of(call, "RebootInstance", &input.instance_name, &Reboot { force: false })
}

/// Deletes an instance, which is kept for as long as the host keeps what is deleted.
pub fn delete(call: &Call<'_>) -> Answer<Done> {
    let input: OfInstance = call.input()?;
    change_of(call, "DeleteInstance", &input.instance_name, &Delete { now: false })
}
