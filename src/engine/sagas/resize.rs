//! resize: an instance gets another bundle. Its disk is made larger first, while it runs; then it is stopped, defined anew, started and
//! waited for. What fails is taken back but for the disk, which never gets smaller.

use std::time::Duration;

use uuid::Uuid;

pub use crate::engine::resizing::{Resizing, plan};
use crate::{
    catalog::Bundle,
    engine::{
        Accepted, Ctx, Observer,
        domain::{let_calls_end, redefinition, renewal},
        execute::{Payload, execute},
        growth, host,
        journal::{self, OWNER_DIED, Run},
        lock,
        power::{power_off, power_off_or_pull},
        progress::Reporter,
        ready::{reported, wait_started},
        removal::purge::make_room,
        resizing::{check_room, look, view},
    },
    hypervisor::DomainState,
    kill_point,
    model::{
        Class, Code, DesiredState, Error, Hint, Instance, OperationKind, Phase, Record, Result, Size, Unobserved, Verb,
    },
    plan::{self, Step},
    store::{Operation, OperationState, held, instances, operations},
};

/// How long a guest that goes back to its old size may take at most to power off before the plug is pulled.
const GRACE: Duration = Duration::from_secs(30);

/// How a resize is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    /// Pull the plug of a guest that does not power off.
    pub force: bool,
    /// How long it may take to power off.
    pub grace: Duration,
    /// How long its application may take until it answers; none: nobody waits for it.
    pub until_ready: Option<Duration>,
}

/// Accepts a resize: what the instance has and what it gets are held for it. None: it has that bundle, at today's price.
///
/// # Errors
/// What [`plan`] refuses, or busy. Nothing is left then.
pub fn accept(
    ctx: &mut Ctx,
    instance: &Instance,
    bundle: &Bundle,
    observer: &mut dyn Observer,
) -> Result<Option<Accepted<Resizing>>> {
    let lock = lock::take(ctx, instance, OperationKind::Resize.as_str())?;
    let instance = ctx.store.require(&instance.record.name)?;
    let Some(found) = look(ctx, &instance, bundle)? else { return Ok(None) };
    let (old, new) = (&instance.record, &found.record);
    if found.restarts {
        host::prepare_host(ctx, &old.network, observer)?;
        if let Some(image) = ctx.store.image_of(old.uuid)?.filter(|image| !image.is_empty()) {
            ctx.images()?.take_back(&image)?;
        }
    }
    if found.grows {
        make_room(ctx, &found.disk_alone(), observer)?;
    }
    let operation = journal::new_operation(ctx, OperationKind::Resize, &instance);
    let (view, host, settings) = (view(ctx)?, ctx.host_id(), ctx.settings.clone());
    ctx.store.write(|t| {
        check_room(&instance, &found, &view, held::allocated(t, &host)?, &settings.host.overcommit)?;
        held::hold(t, old.uuid, old.vcpus.max(new.vcpus), old.memory.max(new.memory), new.disk)?;
        operations::insert(t, &operation)
    })?;
    Ok(Some(Accepted { operation, instance, lock, found }))
}

/// Resizes what was accepted.
///
/// # Errors
/// What failed. The instance is as before then, but for its disk, which may be larger.
pub fn run(ctx: &mut Ctx, accepted: Accepted<Resizing>, how: How, observer: &mut dyn Observer) -> Result<Resizing> {
    let Accepted { operation, instance, lock: _lock, found } = accepted;
    let reporter = Reporter::start(ctx, &operation.id);
    let observer = &mut reporter.observe(observer);
    let mut run = Run::new(&operation.id);
    match change(ctx, &mut run, (&operation, &instance, &found), how, observer) {
        Ok(()) => {
            if found.grows && found.restarts {
                use_whole_root(ctx, &found.record, observer);
            }
            finish(ctx, &operation, &found.record)?;
            Ok(found)
        }
        Err(error) if error.code == Code::Interrupted && has_started(&run.started) => {
            finish(ctx, &operation, &found.record)?;
            let (name, bundle) = (&found.record.name, &found.record.bundle);
            let text = format!("instance `{name}` has bundle `{bundle}` now, and its application was not waited for");
            Err(Error { hints: Vec::new(), ..error }.within(text))
        }
        Err(error) => Err(go_back(ctx, run, (&operation, &instance, &found), (how.grace.min(GRACE), error))),
    }
}

fn change(
    ctx: &mut Ctx,
    run: &mut Run<'_>,
    (operation, instance, to): (&Operation, &Instance, &Resizing),
    how: How,
    observer: &mut dyn Observer,
) -> Result<()> {
    let (uuid, none) = (instance.record.uuid, Payload::none());
    let target = Instance { record: to.record.clone(), ..instance.clone() };
    // Before anything is stopped: it may be refused, and nobody would have noticed.
    if to.grows {
        journal::step(ctx, run, &growth_of(ctx, &to.record), &none)?;
    }
    if to.restarts {
        kill_point::reached("intent");
        power_off(ctx, instance, how.force, how.grace, observer)?;
        kill_point::reached("off");
    }
    let redefined = redefinition(ctx, &target)?;
    journal::step(ctx, run, &redefined, &none)?;
    if !to.restarts {
        return Ok(());
    }
    let (begun, offset) = (ctx.clock.instant(), reported(ctx, &to.record));
    journal::step(ctx, run, &Step::Start { uuid }, &none)?;
    match (how.until_ready, instance.phase) {
        (Some(timeout), Phase::Ready) => wait_started(ctx, (operation, &target), offset, (begun, timeout), observer),
        _ => Ok(()),
    }
}

fn growth_of(ctx: &Ctx, record: &Record) -> Step {
    let (pool, volume) = (ctx.settings.host.pool.clone(), plan::root_disk(record));
    Step::Grow { pool, volume, domain: Some(record.uuid), bytes: record.disk.as_bytes() }
}

/// The resize has succeeded, whatever its guest makes of the room.
fn use_whole_root(ctx: &Ctx, record: &Record, observer: &mut dyn Observer) {
    if let Err(error) = growth::use_whole_root(ctx, record) {
        let text = error.causes.iter().fold(error.message, |all, cause| format!("{all}: {cause}"));
        observer.warn(&Hint::from(format!("{text}; look at it there: ")).run_with(Verb::Ssh, &[&record.name]));
    }
}

/// The record tells the new bundle, and the operation is done: both at once.
fn finish(ctx: &mut Ctx, operation: &Operation, record: &Record) -> Result<()> {
    let now = ctx.now();
    ctx.store.write(|t| {
        held::hold(t, record.uuid, record.vcpus, record.memory, record.disk)?;
        instances::set_record(t, record)?;
        operations::end(t, &operation.id, OperationState::Succeeded, None, now)
    })
}

/// Takes a resize back that failed, and says so. What cannot be taken back stays open, and the next command tries it again.
fn go_back(
    ctx: &mut Ctx,
    mut run: Run<'_>,
    (operation, instance, to): (&Operation, &Instance, &Resizing),
    (grace, error): (Duration, Error),
) -> Error {
    let back = power_off_again(ctx, &mut run, instance, grace)
        .and_then(|()| journal::roll_back(ctx, &operation.id, &run.started))
        .and_then(|()| if to.restarts { start_again(ctx, instance) } else { Ok(()) });
    let name = &instance.record.name;
    if let Err(undo) = back {
        let text = format!("could not resize instance `{name}`, nor bring it back to its old size yet");
        return undo
            .within(text)
            .cause(format!("undone because: {error}"))
            .hint(Hint::from("the next `lite` command tries it again, or ").run(Verb::Repair));
    }
    let grown = run.started.iter().any(|(_, step)| matches!(step, Step::Grow { .. }));
    let (was, disk) = (&instance.record.bundle, to.record.disk);
    let rest = if grown { format!("; its disk stays at {disk}, as disks never shrink") } else { String::new() };
    let as_before = if to.restarts { "runs as before" } else { "is as before" };
    let text = format!("could not resize instance `{name}`: it {as_before}, with bundle `{was}`{rest}");
    let error = match has_started(&run.started) {
        // What a wait hints at is about a new instance.
        true => Error { hints: Vec::new(), ..error }
            .hint(Hint::from("what it wrote meanwhile: ").run_with(Verb::Logs, &[name])),
        false => error,
    };
    let error = error.within(text);
    let why = (error.code, error.to_string());
    match release(ctx, (operation, instance), grown.then_some(disk), (why.0, &why.1)) {
        Ok(()) => error,
        Err(failed) => failed.cause(format!("undone because: {error}")),
    }
}

/// Its guest is asked to power off, so that the disk is whole for the old size. Whoever finds this cut off goes back too.
fn power_off_again(ctx: &mut Ctx, run: &mut Run<'_>, instance: &Instance, grace: Duration) -> Result<()> {
    let uuid = instance.record.uuid;
    if !has_started(&run.started) {
        return Ok(());
    }
    journal::announce(ctx, run, &Step::Destroy { uuid })?;
    kill_point::reached("back");
    power_off_or_pull(ctx, instance, grace, &mut Unobserved)
}

/// Starts an instance that ran before, with the definition that it had.
fn start_again(ctx: &Ctx, instance: &Instance) -> Result<()> {
    let uuid = instance.record.uuid;
    if !matches!(ctx.hypervisor.domain(uuid)?.map(|d| d.state), Some(DomainState::Off | DomainState::Crashed)) {
        return Ok(());
    }
    let xml = ctx.hypervisor.domain_xml(uuid)?.unwrap_or_default();
    for step in renewal(ctx, instance, &xml)?.into_iter().chain([Step::Start { uuid }]) {
        execute(ctx, &step, &Payload::none())?;
    }
    kill_point::reached("restarted");
    Ok(())
}

fn has_started(steps: &[(i64, Step)]) -> bool {
    steps.iter().any(|(_, step)| matches!(step, Step::Start { .. }))
}

/// Holds for the instance what it had before, and its disk as large as it became; the operation has failed: both at once.
fn release(
    ctx: &mut Ctx,
    (operation, instance): (&Operation, &Instance),
    disk: Option<Size>,
    why: (Code, &str),
) -> Result<()> {
    let (record, now) = (&instance.record, ctx.now());
    ctx.store.write(|t| {
        held::hold(t, record.uuid, record.vcpus, record.memory, disk.unwrap_or(record.disk))?;
        operations::end(t, &operation.id, OperationState::Failed, Some(why), now)
    })
}

/// The process of a resize died. One that had started the instance as it was to be stands, whatever its application does; any other is
/// taken back.
///
/// # Errors
/// What could not be taken back.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid) -> Result<String> {
    let steps = journal::journalled(ctx, &operation.id)?;
    let Some(instance) = ctx.store.instance_by_uuid(uuid)? else {
        return journal::close_of_dead_owner(ctx, operation);
    };
    if steps.iter().any(|(.., done)| !done) {
        let_calls_end(ctx, uuid);
    }
    let steps: Vec<(i64, Step)> = steps.into_iter().map(|(sequence, step, _)| (sequence, step)).collect();
    let name = &operation.resource.name;
    if let Some(record) = stands(ctx, uuid, &steps)? {
        let told = format!("closed the resize of `{name}` that was cut off: it has bundle `{}`", record.bundle);
        return finish(ctx, operation, &record).map(|()| told);
    }
    journal::roll_back(ctx, &operation.id, &steps)?;
    let started = match instance.desired_state {
        DesiredState::Running => start_again(ctx, &instance),
        DesiredState::Stopped => Ok(()),
    };
    let rest = match started {
        Err(error) if error.class == Class::Unreachable => return Err(error),
        // It is off, as one that could not be started; others are not kept waiting for it.
        Err(error) => format!("; it could not be started again: {error}"),
        Ok(()) => String::new(),
    };
    let grown = steps.iter().find_map(|(_, step)| match step {
        Step::Grow { bytes, .. } => Some(Size::bytes(*bytes)),
        _ => None,
    });
    release(ctx, (operation, &instance), grown, OWNER_DIED)?;
    Ok(format!("undid the resize of `{name}` that was cut off{rest}"))
}

/// The record of an instance that runs as it was to be; none: it is to be as before.
fn stands(ctx: &Ctx, uuid: Uuid, steps: &[(i64, Step)]) -> Result<Option<Record>> {
    let started = has_started(steps) && !steps.iter().any(|(_, step)| matches!(step, Step::Destroy { .. }));
    let runs = started && ctx.hypervisor.domain(uuid)?.is_some_and(|d| d.state == DomainState::Running);
    let to = steps.iter().find_map(|(_, step)| match step {
        Step::Redefine { to, .. } if runs => plan::record_of(to),
        _ => None,
    });
    Ok(to)
}
