//! stop: the guest is asked first (ACPI), again and again: one that boots hears nothing; the plug is pulled only with `force`.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    engine::{
        Accepted, Ctx, Observer,
        domain::{POLL, PRESS, adopt_power_state, state_of, unresponsive},
        execute, journal, lock,
        progress::Reporter,
    },
    hypervisor::DomainState,
    kill_point,
    model::{Code, DesiredState, Error, Hint, Instance, OperationKind, Result, Verb},
    store::Operation,
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

/// Accepts a stop; none: the instance is off already. From now on it is wanted off.
///
/// # Errors
/// Busy, or the host cannot be asked.
pub fn accept(ctx: &mut Ctx, instance: &Instance) -> Result<Option<Accepted<DomainState>>> {
    let lock = lock::take(ctx, instance, OperationKind::Stop.as_str())?;
    let operation = journal::new_operation(ctx, OperationKind::Stop, instance);
    let uuid = instance.record.uuid;
    let state = state_of(ctx, instance)?;
    ctx.store.set_desired_state(uuid, DesiredState::Stopped)?;
    if matches!(state, DomainState::Off | DomainState::Crashed) {
        return Ok(None);
    }
    ctx.store.insert_operation(&operation)?;
    Ok(Some(Accepted { operation, instance: instance.clone(), lock, found: state }))
}

/// Stops what was accepted.
///
/// # Errors
/// What failed. The instance keeps running then, and is wanted so.
pub fn run(
    ctx: &mut Ctx,
    accepted: Accepted<DomainState>,
    force: bool,
    grace: Duration,
    observer: &mut dyn Observer,
) -> Result<Stopped> {
    let Accepted { operation, instance, lock: _lock, found: state } = accepted;
    let uuid = instance.record.uuid;
    let reporter = Reporter::start(ctx, &operation.id);
    let observer = &mut reporter.observe(observer);
    kill_point::reached("intent");
    // A QEMU that does not answer presses no button, and libvirt would wait for it.
    let result = match (state, force) {
        (DomainState::Unresponsive, true) => ctx.hypervisor.destroy(uuid).map(|()| Stopped::Forced),
        (DomainState::Unresponsive, false) => Err(unresponsive(&instance.record.name)),
        _ => power_off(ctx, &instance, force, grace, observer),
    };
    kill_point::reached("effect");
    if result.is_err() {
        ctx.store.set_desired_state(uuid, DesiredState::Running)?;
    }
    journal::end(ctx, &operation, result)
}

fn power_off(
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
    let _slot = execute::libvirt_slot(ctx)?;
    ctx.hypervisor.destroy(uuid)?;
    Ok(Stopped::Forced)
}

/// The process of a stop died: what the host shows decides how it ended.
///
/// # Errors
/// The host cannot be asked.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid) -> Result<String> {
    if ctx.store.instance_by_uuid(uuid)?.is_some() {
        adopt_power_state(ctx, uuid)?;
    }
    journal::close_of_dead_owner(ctx, operation)
}
