//! What the watcher does to an instance. Nobody waits: a busy instance, or a user who decided otherwise meanwhile, wins.

use uuid::Uuid;

use crate::{
    engine::{
        Ctx, Unobserved, disk,
        domain::{lost, renewal, state_of},
        execute::{Payload, execute},
        handover, host,
        journal::{self, Run},
        lock::{Attempt, Lock},
    },
    hypervisor::DomainState,
    kill_point,
    model::{DesiredState, EventKind, Instance, OperationKind, Result},
    plan::Step,
    store::{Operation, events, instances},
};

/// Starts an instance that is down and wanted up. False if that is not so any more, or somebody is at work on it.
pub fn restart(ctx: &mut Ctx, uuid: Uuid, generation: i64) -> Result<bool> {
    let Some((instance, _lock)) = still_wanted(ctx, uuid, generation, "restart")? else { return Ok(false) };
    if !matches!(state_of(ctx, &instance)?, DomainState::Off | DomainState::Crashed) {
        return Ok(false);
    }
    host::prepare_host(ctx, &instance.record.network, &mut Unobserved)?;
    disk::check(ctx)?;
    let xml = ctx.hypervisor.domain_xml(uuid)?.ok_or_else(|| lost(ctx, &instance))?;
    let mut steps = renewal(ctx, &instance, &xml)?.into_iter().chain([Step::Start { uuid }]);
    let Some(operation) = begin_if_possible(ctx, OperationKind::Restart, &instance)? else {
        return steps.try_for_each(|step| execute(ctx, &step, &Payload::none())).map(|()| true);
    };
    let id = operation.id.clone();
    let mut run = Run::new(&id);
    let result = steps.try_for_each(|step| journal::step(ctx, &mut run, &step, &Payload::none()));
    journal::end(ctx, &operation, result).map(|()| true)
}

/// Tries whether a guest that a full disk paused can go on.
pub fn try_resume(ctx: &mut Ctx, uuid: Uuid, generation: i64) -> Result<bool> {
    let Some((instance, _lock)) = still_wanted(ctx, uuid, generation, "resume")? else { return Ok(false) };
    if state_of(ctx, &instance)? != DomainState::PausedIoError {
        return Ok(false);
    }
    kill_point::reached("intent");
    ctx.hypervisor.resume(uuid)?;
    kill_point::reached("effect");
    Ok(true)
}

/// Presses the reset button of a guest that does not answer.
pub fn reset_unresponsive(ctx: &mut Ctx, uuid: Uuid, generation: i64) -> Result<bool> {
    let Some((instance, _lock)) = still_wanted(ctx, uuid, generation, "reset")? else { return Ok(false) };
    let operation = begin_if_possible(ctx, OperationKind::Reset, &instance)?;
    kill_point::reached("intent");
    let result = ctx.hypervisor.reset(uuid);
    kill_point::reached("effect");
    match operation {
        Some(operation) => journal::end(ctx, &operation, result)?,
        None => result?,
    }
    Ok(true)
}

/// Writes that an operation starts; none where the database cannot be written. The guest does not wait for that: either of
/// these operations is one call, so a death leaves nothing to undo, and the watcher counts what it does.
fn begin_if_possible(ctx: &mut Ctx, kind: OperationKind, instance: &Instance) -> Result<Option<Operation>> {
    match journal::begin(ctx, kind, instance) {
        Err(error) if error.code.is_of_state() => Ok(None),
        begun => begun.map(Some),
    }
}

/// Takes note that an instance is down because somebody, or its guest, wants it so; with the events that tell of it, together:
/// once the instance is wanted off, nobody would find out again.
pub fn accept_stop(ctx: &mut Ctx, uuid: Uuid, generation: i64, told: &[(EventKind, &str)]) -> Result<bool> {
    let Some((instance, _lock)) = still_wanted(ctx, uuid, generation, "stop")? else { return Ok(false) };
    if !matches!(state_of(ctx, &instance)?, DomainState::Off | DomainState::Crashed) {
        return Ok(false);
    }
    let (stamp, record) = (ctx.stamp(), &instance.record);
    ctx.store.write(|t| {
        instances::set_life(t, uuid, DesiredState::Stopped, instance.phase, instance.failure.as_deref())?;
        told.iter().try_for_each(|(kind, text)| {
            events::record(t, &stamp.host, &stamp.event(*kind, Some(record), *text)).map(drop)
        })
    })?;
    Ok(true)
}

/// The instance with its lock, if the user still wants it up, decided nothing since, and nobody is at work on it.
fn still_wanted(ctx: &mut Ctx, uuid: Uuid, generation: i64, doing: &str) -> Result<Option<(Instance, Lock)>> {
    let Attempt::Held(lock) = Lock::attempt(&ctx.locks(), uuid, doing, ctx.now())? else { return Ok(None) };
    let intent = ctx.store.desired_generations()?.into_iter().find(|(id, _)| *id == uuid).map(|(_, n)| n);
    let Some(instance) = ctx.store.instance_by_uuid(uuid)? else {
        lock.retire();
        return Ok(None);
    };
    let wanted = instance.desired_state == DesiredState::Running
        && intent == Some(generation)
        && !instance.phase.is_passing()
        && !handover::is_left_open(ctx, uuid)?;
    Ok(wanted.then_some((instance, lock)))
}
