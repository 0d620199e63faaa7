//! stop: the guest is asked first (ACPI), again and again: one that boots hears nothing; the plug is pulled only with `force`.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    engine::{
        Accepted, Ctx, Observer,
        domain::{adopt_power_state, state_of, unresponsive},
        journal, lock,
        power::{Stopped, power_off},
        progress::Reporter,
    },
    hypervisor::DomainState,
    kill_point,
    model::{DesiredState, Instance, OperationKind, Result},
    store::Operation,
};

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
