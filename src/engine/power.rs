//! Powers a guest off: it is asked first (ACPI), again and again: one that boots hears nothing.

use std::time::Duration;

use super::{
    Ctx, Observer,
    domain::{POLL, PRESS},
    execute,
};
use crate::{
    hypervisor::DomainState,
    model::{Code, Error, Hint, Instance, Result, Verb},
};

/// How a stop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It was off already.
    Already,
    /// The guest powered off.
    Gently,
    /// The plug was pulled.
    Forced,
}

/// Asks the guest of an instance that goes away to power off, and pulls the plug where it does not within `grace`. One that hangs or
/// is off is left to the caller.
///
/// # Errors
/// The host cannot be asked, or what libvirt says.
pub fn power_off_or_pull(
    ctx: &mut Ctx,
    instance: &Instance,
    grace: Duration,
    observer: &mut dyn Observer,
) -> Result<()> {
    match ctx.hypervisor.domain(instance.record.uuid)?.map(|domain| domain.state) {
        Some(DomainState::Running) => power_off(ctx, instance, true, grace, observer).map(drop),
        _ => Ok(()),
    }
}

/// Asks the guest to power off, again and again, until it is off; with `force` the plug is pulled in the end.
///
/// # Errors
/// It is not off.
pub fn power_off(
    ctx: &mut Ctx,
    instance: &Instance,
    force: bool,
    grace: Duration,
    observer: &mut dyn Observer,
) -> Result<Stopped> {
    let (uuid, name) = (instance.record.uuid, &instance.record.name);
    let begun = ctx.clock.instant();
    let (end, mut press) = (begun + grace, begun + PRESS);
    let asked = ctx.hypervisor.shutdown(uuid);
    if asked.is_ok() || force {
        observer.note(&format!("asked the guest to power off, waiting up to {} s", grace.as_secs()));
    }
    if asked.is_ok() {
        while ctx.clock.instant() < end && !ctx.cancelled() {
            match ctx.hypervisor.domain(uuid)?.map(|d| d.state) {
                None | Some(DomainState::Off | DomainState::Crashed) => return Ok(Stopped::Gently),
                Some(_) if ctx.clock.instant() >= press => {
                    // A guest that boots hears none; one that goes down, or is off by now, needs none.
                    let _ = ctx.hypervisor.shutdown(uuid);
                    press = ctx.clock.instant() + PRESS;
                }
                Some(_) => ctx.clock.sleep(POLL),
            }
        }
    }
    if ctx.cancelled() && !force {
        return Err(Error::new(
            Code::Interrupted,
            format!("interrupted; `{name}` was asked to power off and may still do so"),
        ));
    }
    if !force {
        return Err(asked
            .err()
            .unwrap_or_else(|| {
                Error::new(
                    Code::GuestDidNotStop,
                    format!("`{name}` did not power off within {} s and keeps running", grace.as_secs()),
                )
            })
            .hint(
                Hint::from("pull the plug: ")
                    .run_with(Verb::Stop, &[&name, &"--force"])
                    .text(" (the guest's unsaved data is lost)"),
            ));
    }
    execute::libvirt_slot(ctx)?.ask(ctx, || ctx.hypervisor.destroy(uuid))?;
    Ok(Stopped::Forced)
}
