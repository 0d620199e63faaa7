//! upgrade: the guest of an instance runs the part `upgrade` of its blueprint, as that is today. A snapshot was made before: where the
//! part fails, or the application does not answer afterwards, or the process dies, the instance gets the disk of that again.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    catalog::Blueprint,
    engine::{
        Accepted, Ctx, Observer,
        domain::{let_calls_end, refuse_drift, state_of, unresponsive},
        journal::{self, OWNER_DIED, Run},
        lock::{self, Lock},
        progress::Reporter,
        replacement::{self, How},
        upgrading::{self, Limit, Way},
    },
    hypervisor::DomainState,
    kill_point,
    model::{
        Class, Code, DesiredState, Error, Hint, Instance, Name, OperationKind, Phase, Record, Result, Snapshot,
        Unobserved, Verb,
    },
    plan::{self, Step},
    store::{Operation, OperationState, instances, operations},
};

/// How long a guest that goes back may take to power off, where it has disks of its own that it may have written to.
const GRACE: Duration = Duration::from_secs(30);

/// What an upgrade was accepted with.
pub struct Found {
    blueprint: Blueprint,
    snapshot: Snapshot,
    way: Way,
    /// The lock of the snapshot, so that it stays.
    _held: Lock,
}

/// Refused where an instance cannot be upgraded by this blueprint; how its guest is reached.
///
/// # Errors
/// A blueprint without the part, or not for the base of the instance; an instance that is protected, does not run, is not set up, was
/// changed by hand, or whose guest is not reached.
pub fn plan(ctx: &Ctx, instance: &Instance, blueprint: &Blueprint) -> Result<Way> {
    let (record, name) = (&instance.record, &instance.record.name);
    check_part(record, blueprint)?;
    if instance.is_protected() {
        let text = format!("instance `{name}` is protected: an upgrade that fails would replace its disk");
        return Err(Error::new(Code::Protected, text)
            .hint(Hint::new().run_with(Verb::Unprotect, &[name]).text(" lifts the protection")));
    }
    check_set_up(instance)?;
    match state_of(ctx, instance)? {
        DomainState::Running => {}
        DomainState::Unresponsive => return Err(unresponsive(name)),
        DomainState::ShuttingDown => return Err(not_now(name, "is going down")),
        _ => {
            let text = format!("instance `{name}` does not run, so nothing can be upgraded in it");
            return Err(
                Error::new(Code::NotRunning, text).hint(Hint::from("start it first: ").run_with(Verb::Start, &[name]))
            );
        }
    }
    refuse_drift(ctx, instance)?;
    upgrading::way(ctx, record)?.ok_or_else(|| {
        let text =
            format!("the guest of instance `{name}` has no agent that could be asked, and lets nobody in at 22/tcp");
        Error::new(Code::NoAgent, text).hint(
            Hint::from("wait until it has booted, install `qemu-guest-agent` there, or let this host in: ")
                .run_with(Verb::Firewall, &[name, &"open", &"22"]),
        )
    })
}

fn check_part(record: &Record, blueprint: &Blueprint) -> Result<()> {
    let (name, id) = (&record.name, &blueprint.id);
    if blueprint.upgrade.is_empty() {
        let text = format!("blueprint `{id}` of instance `{name}` has no part `upgrade`");
        return Err(Error::new(Code::NoUpgrade, text)
            .hint(Hint::from("upgrade it by hand, after a snapshot: ").run_with(Verb::SnapshotCreate, &[name]))
            .hint(Hint::new().run_with(Verb::Ssh, &[name])));
    }
    if !blueprint.bases.contains(&record.base) {
        let bases = blueprint.bases.iter().map(|base| format!("`{base}`")).collect::<Vec<_>>().join(", ");
        let text = format!("blueprint `{id}` is for {bases} today, and instance `{name}` runs `{}`", record.base);
        return Err(Error::new(Code::NoUpgrade, text).hint("make a new instance, and move what is on this one"));
    }
    Ok(())
}

fn check_set_up(instance: &Instance) -> Result<()> {
    let name = &instance.record.name;
    match instance.phase {
        Phase::Ready => Ok(()),
        Phase::Failed => Err(Error::new(Code::NotSettled, format!("the set-up of instance `{name}` failed"))
            .hint(Hint::from("why: ").run_with(Verb::Logs, &[name, &"--boot"]))),
        Phase::Unverified => Err(not_now(name, "is not set up yet")),
        phase => Err(not_now(name, &format!("is {phase}"))),
    }
}

fn not_now(name: &Name, why: &str) -> Error {
    Error::new(Code::NotSettled, format!("instance `{name}` {why}")).hint("try again in a moment")
}

/// Accepts that an instance is upgraded, with a snapshot of it that was just made.
///
/// # Errors
/// What [`plan`] refuses, or busy.
pub fn accept(ctx: &mut Ctx, instance: &Instance, blueprint: Blueprint, snapshot: &Name) -> Result<Accepted<Found>> {
    let kind = OperationKind::Upgrade;
    let lock = lock::take(ctx, instance, kind.as_str())?;
    let mut instance = ctx.store.require(&instance.record.name)?;
    let snapshot = ctx.store.require_snapshot(&ctx.host_id(), snapshot)?.snapshot;
    let what = format!("snapshot `{}`", snapshot.name);
    let held = Lock::acquire_of(&ctx.locks(), (snapshot.id, &what), kind.as_str(), &*ctx.clock, ctx.wait)?;
    let way = plan(ctx, &instance, &blueprint)?;
    // Whoever goes back finds here that it is to run.
    instance.desired_state = DesiredState::Running;
    let operation = journal::new_operation(ctx, kind, &instance);
    let (wanted, phase, failure) = (instance.desired_state, instance.phase, instance.failure.as_deref());
    ctx.store.write(|t| {
        instances::set_life(t, instance.record.uuid, wanted, phase, failure)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, instance, lock, found: Found { blueprint, snapshot, way, _held: held } })
}

/// Upgrades what was accepted; the part and the application have so long together.
///
/// # Errors
/// What failed: the instance has the disk of its snapshot again then, and runs. Where that cannot be made so, the next command tries
/// again.
pub fn run(ctx: &mut Ctx, accepted: Accepted<Found>, timeout: Duration, observer: &mut dyn Observer) -> Result<()> {
    let Accepted { operation, instance, lock: _lock, found } = accepted;
    let reporter = Reporter::start(ctx, &operation.id);
    let observer = &mut reporter.observe(observer);
    let mut run = Run::new(&operation.id);
    let upgraded = upgrade(ctx, (&operation, &mut run), &instance, &found, timeout, observer);
    let Err(error) = upgraded else { return Ok(()) };
    let back = go_back(ctx, (&operation, &mut run), &instance, &found.snapshot, observer);
    let error = match &back {
        Ok(_) => went_back(&instance, &found.snapshot, error),
        Err(undo) => not_back(&instance, undo.clone()).cause(format!("undone because: {error}")),
    };
    let ended = journal::end(ctx, &operation, Err(error));
    if let Ok(new) = back {
        // The next command goes on with it.
        let _ = replacement::make_own(ctx, &new);
    }
    ended
}

fn went_back(instance: &Instance, snapshot: &Snapshot, error: Error) -> Error {
    let (name, of) = (&instance.record.name, &snapshot.name);
    // What is to be done about a disk that is gone again is of no use.
    let error = Error { class: Class::Failed, hints: Vec::new(), ..error };
    error.within(format!("could not upgrade instance `{name}`: it runs as before, with the disk of snapshot `{of}`"))
}

fn not_back(instance: &Instance, error: Error) -> Error {
    let name = &instance.record.name;
    Error::new(Code::UndoFailed, format!("could not upgrade instance `{name}`, nor bring it back to its snapshot yet"))
        .cause(error)
        .hint(Hint::from("the next `lite` command tries it again, or ").run(Verb::Repair))
}

fn upgrade(
    ctx: &mut Ctx,
    (operation, run): (&Operation, &mut Run<'_>),
    instance: &Instance,
    found: &Found,
    timeout: Duration,
    observer: &mut dyn Observer,
) -> Result<()> {
    let record = &instance.record;
    let limit = Limit { begun: ctx.clock.instant(), timeout };
    journal::announce(ctx, run, &Step::Upgrade { uuid: record.uuid, snapshot: found.snapshot.id })?;
    kill_point::reached("intent");
    let part = (&found.blueprint, &found.way);
    upgrading::upgrade(ctx, (operation, record), part, limit, observer)?;
    kill_point::reached("effect");
    finish(ctx, operation, record, &found.blueprint)
}

/// The instance is one of today's blueprint, by its domain too, and the operation is done.
fn finish(ctx: &mut Ctx, operation: &Operation, record: &Record, today: &Blueprint) -> Result<()> {
    let (of_instance, _) = ctx.store.blueprint_of(record.uuid)?;
    let new = Record { blueprint_version: today.version.clone(), ..record.clone() };
    let (upgrade, health, version) = (today.upgrade.clone(), today.health.clone(), today.version.clone());
    let blueprint = Blueprint { upgrade, health, version, ..of_instance };
    let metadata = plan::metadata_xml(&new)?;
    ctx.hypervisor.set_domain_metadata(record.uuid, plan::METADATA_URI, plan::METADATA_PREFIX, &metadata)?;
    kill_point::reached("written");
    let now = ctx.now();
    ctx.store.write(|t| {
        instances::set_record(t, &new)?;
        instances::set_blueprint(t, new.uuid, &blueprint)?;
        operations::end(t, &operation.id, OperationState::Succeeded, None, now)
    })
}

/// The instance gets the disk of its snapshot; what the guest made of its own is thrown away.
fn go_back(
    ctx: &mut Ctx,
    (operation, run): (&Operation, &mut Run<'_>),
    instance: &Instance,
    snapshot: &Snapshot,
    observer: &mut dyn Observer,
) -> Result<Instance> {
    let grace = if instance.record.disks.is_empty() { Duration::ZERO } else { GRACE };
    let how = How { grace, until_ready: None };
    let new = replacement::replace(ctx, (operation, run), instance, snapshot, how, observer)?;
    replacement::drop_old(ctx, run, instance.record.uuid)?;
    Ok(new)
}

/// The process of an upgrade died. Nobody knows what its guest is now, so it goes back, or is gone on with where it was going back.
///
/// # Errors
/// What libvirt says.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid) -> Result<String> {
    let steps = journal::journalled(ctx, &operation.id)?;
    let Some(instance) = ctx.store.instance_by_uuid(uuid)? else {
        return journal::close_of_dead_owner(ctx, operation);
    };
    let_calls_end(ctx, uuid);
    let steps: Vec<(i64, Step)> = steps.into_iter().map(|(sequence, step, _)| (sequence, step)).collect();
    let snapshot = steps.iter().find_map(|(_, step)| match step {
        Step::Upgrade { snapshot, .. } => Some(*snapshot),
        _ => None,
    });
    let name = &operation.resource.name;
    let Some(snapshot) = snapshot else {
        journal::close_of_dead_owner(ctx, operation)?;
        return Ok(format!("upgraded nothing of `{name}`, as that was cut off"));
    };
    let mut run = Run { operation: &operation.id, started: steps };
    if replacement::is_replaced(&run.started, &instance.record) {
        replacement::drop_old(ctx, &mut run, uuid)?;
    } else {
        let stored = ctx.store.snapshot_by_id(snapshot)?;
        let snapshot = stored.ok_or_else(|| gone(&instance))?.snapshot;
        // A way back that was begun is begun anew.
        replacement::take_back(ctx, &operation.id, &instance, &run.started)?;
        run.started.retain(|(_, step)| step.undo().is_none());
        go_back(ctx, (operation, &mut run), &instance, &snapshot, &mut Unobserved)
            .map_err(|error| not_back(&instance, error))?;
    }
    ctx.store.end_operation(&operation.id, OperationState::Failed, Some(OWNER_DIED), ctx.now())?;
    Ok(format!("undid the upgrade of `{name}` that was cut off: it runs as before, with the disk of its snapshot"))
}

fn gone(instance: &Instance) -> Error {
    let name = &instance.record.name;
    Error::new(Code::UndoFailed, format!("the snapshot that instance `{name}` was to go back to is gone"))
}
