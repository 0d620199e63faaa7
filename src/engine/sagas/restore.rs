//! restore: an instance gets the disk of one of its snapshots. The new disk is an overlay on the snapshot, so nothing is copied until
//! the instance runs again; the old one goes last, and until the new one is proved all is put back where something fails. Disks that it
//! was given and that the snapshot holds go back with it.

use uuid::Uuid;

pub use crate::engine::replacement::How;

use crate::{
    engine::{
        Accepted, Ctx, Observer, disk_copy,
        domain::{image_volume, let_calls_end, refuse_drift, require_disks, state_of, unresponsive},
        host,
        journal::{self, OWNER_DIED, Run},
        lock::{self, Lock},
        progress::Reporter,
        replacement,
        restored_disks::{self, RestoredDisks},
    },
    hypervisor::DomainState,
    model::{
        Class, Code, DesiredState, Error, Hint, Instance, Name, OperationKind, Result, Snapshot, SnapshotState, Verb,
    },
    plan,
    store::{Operation, OperationState, instances, operations},
};

/// What a restore was accepted with.
pub struct Found {
    plan: Plan,
    /// The lock of the snapshot, so that it stays.
    _held: Lock,
}

/// What a restore would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The snapshot that the instance goes back to.
    pub snapshot: Snapshot,
    /// The disks that the instance was given.
    pub disks: RestoredDisks,
    /// It is to run afterwards.
    pub runs: bool,
}

/// What became of a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// The instance runs.
    pub runs: bool,
    /// Its disk is its own; if not, it holds the snapshot.
    pub is_own: bool,
}

/// Refused for an instance that is not to be changed so.
pub fn check_protected(instance: &Instance) -> Result<()> {
    let name = &instance.record.name;
    if !instance.is_protected() {
        return Ok(());
    }
    Err(Error::new(Code::Protected, format!("instance `{name}` is protected: its disk is not replaced"))
        .hint(Hint::new().run_with(Verb::Unprotect, &[name]).text(" lifts the protection")))
}

/// What a restore of an instance to a snapshot would do.
///
/// # Errors
/// Refused: a protected instance, one that is coming or going, that hangs, or was changed by hand; a snapshot of another instance, or
/// one that is not there.
pub fn plan(ctx: &Ctx, instance: &Instance, name: &Name) -> Result<Plan> {
    check_protected(instance)?;
    let own = &instance.record.name;
    if instance.phase.is_passing() {
        return Err(not_now(own, &format!("is {}", instance.phase)));
    }
    let found = ctx.store.require_snapshot(&ctx.host_id(), name)?;
    let snapshot = found.snapshot;
    if snapshot.record.uuid != instance.record.uuid {
        let of = &snapshot.record.name;
        let text = format!(
            "snapshot `{name}` is one of another instance, which was called `{of}`: `{own}` cannot have its disk"
        );
        return Err(Error::new(Code::OtherInstance, text)
            .hint(Hint::new().run_with(Verb::SnapshotList, &[own]).text(" shows those that it can be restored to"))
            .hint(
                Hint::new().run_with(Verb::Create, &[&"--from-snapshot", name]).text(" makes a new instance of it"),
            ));
    }
    if found.state != SnapshotState::Available {
        let text = format!("snapshot `{name}` is {}", found.state);
        return Err(Error::new(Code::NotSettled, text).hint("try again in a moment"));
    }
    check_whole(ctx, instance, &snapshot)?;
    let disks = restored_disks::sorted(ctx, &instance.record, &snapshot)?;
    restored_disks::check(ctx, &snapshot, &disks)?;
    let is_up = match state_of(ctx, instance)? {
        DomainState::Unresponsive => return Err(unresponsive(own)),
        DomainState::ShuttingDown => return Err(not_now(own, "is going down")),
        state => disk_copy::is_up(state),
    };
    refuse_drift(ctx, instance)?;
    let runs = is_up || instance.desired_state == DesiredState::Running;
    Ok(Plan { snapshot, disks, runs })
}

fn not_now(name: &Name, why: &str) -> Error {
    Error::new(Code::NotSettled, format!("instance `{name}` {why}")).hint("try again in a moment")
}

/// Refused where the disk of the instance, or the snapshot's, is not what it was when the snapshot was made.
fn check_whole(ctx: &Ctx, instance: &Instance, snapshot: &Snapshot) -> Result<()> {
    require_disks(ctx, instance)?;
    let (name, volume) = (&snapshot.name, plan::snapshot_disk(snapshot.id));
    if ctx.hypervisor.volume(&ctx.settings.host.pool, &volume)?.is_none() {
        return Err(Error::new(Code::NoVolume, format!("the copy `{volume}` of snapshot `{name}` is gone")));
    }
    let image = image_volume(ctx, instance)?;
    if image != snapshot.image {
        let text = format!("snapshot `{name}` lies on image `{}`, and the instance on `{image}`", snapshot.image);
        return Err(Error::new(Code::HostNotFit, text));
    }
    if snapshot.size > instance.record.disk {
        let text = format!(
            "snapshot `{name}` has a disk of {}, and the instance one of {}",
            snapshot.size, instance.record.disk
        );
        return Err(Error::new(Code::HostNotFit, text));
    }
    Ok(())
}

/// Accepts that an instance gets the disk of a snapshot.
///
/// # Errors
/// What [`plan`] refuses, or busy.
pub fn accept(ctx: &mut Ctx, instance: &Instance, name: &Name, observer: &mut dyn Observer) -> Result<Accepted<Found>> {
    let kind = OperationKind::Restore;
    check_protected(instance)?;
    let lock = lock::take(ctx, instance, kind.as_str())?;
    let mut instance = ctx.store.require(&instance.record.name)?;
    let id = ctx.store.require_snapshot(&ctx.host_id(), name)?.snapshot.id;
    let what = format!("snapshot `{name}`");
    let held = Lock::acquire_of(&ctx.locks(), (id, &what), kind.as_str(), &*ctx.clock, ctx.wait)?;
    let plan = plan(ctx, &instance, name)?;
    if plan.runs {
        host::prepare_host(ctx, &instance.record.network, observer)?;
    }
    instance.desired_state = if plan.runs { DesiredState::Running } else { DesiredState::Stopped };
    let operation = journal::new_operation(ctx, kind, &instance);
    let (wanted, phase, failure) = (instance.desired_state, instance.phase, instance.failure.as_deref());
    ctx.store.write(|t| {
        // Whoever puts all back finds here whether it is to run.
        instances::set_life(t, instance.record.uuid, wanted, phase, failure)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, instance, lock, found: Found { plan, _held: held } })
}

/// Restores what was accepted.
///
/// # Errors
/// What failed: the instance is as before then. Where that cannot be made so, the next command tries again. Once the new disk is the
/// instance's, what fails is gone on with by the next command.
pub fn run(ctx: &mut Ctx, accepted: Accepted<Found>, how: How, observer: &mut dyn Observer) -> Result<Restored> {
    let Accepted { operation, instance, lock: _lock, found } = accepted;
    let reporter = Reporter::start(ctx, &operation.id);
    let observer = &mut reporter.observe(observer);
    let mut run = Run::new(&operation.id);
    let restored =
        match replacement::replace(ctx, (&operation, &mut run), &instance, &found.plan.snapshot, how, observer) {
            Ok(restored) => restored,
            Err(error) => {
                let back = replacement::put_back(ctx, &operation.id, &instance, &run.started);
                let error = match back {
                    Ok(()) => nothing_restored(&instance, error),
                    Err(undo) => undo.cause(format!("undone because: {error}")),
                };
                return journal::end(ctx, &operation, Err(error));
            }
        };
    replacement::drop_old(ctx, &mut run, restored.record.uuid)?;
    journal::end(ctx, &operation, Ok(()))?;
    let is_own = replacement::make_own(ctx, &restored)?;
    Ok(Restored { runs: found.plan.runs, is_own })
}

fn nothing_restored(instance: &Instance, error: Error) -> Error {
    let (name, runs) = (&instance.record.name, instance.desired_state == DesiredState::Running);
    let how = if runs { "runs" } else { "is off" };
    // What is to be done about a disk that is gone again is of no use.
    let error = Error { class: Class::Failed, hints: Vec::new(), ..error };
    error.within(format!("restored nothing; instance `{name}` {how} as before"))
}

/// The process of a restore died: all is put back, or what is left to be done is, if the new disk is the instance's already.
///
/// # Errors
/// What libvirt says.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid) -> Result<String> {
    let steps = journal::journalled(ctx, &operation.id)?;
    let Some(instance) = ctx.store.instance_by_uuid(uuid)? else {
        return journal::close_of_dead_owner(ctx, operation);
    };
    let_calls_end(ctx, uuid);
    let steps: Vec<_> = steps.into_iter().map(|(sequence, step, _)| (sequence, step)).collect();
    let name = &operation.resource.name;
    if replacement::is_replaced(&steps, &instance.record) {
        replacement::drop_old(ctx, &mut Run { operation: &operation.id, started: steps }, uuid)?;
        ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
        return Ok(format!("finished the restore of `{name}` that was cut off"));
    }
    replacement::put_back(ctx, &operation.id, &instance, &steps)?;
    ctx.store.end_operation(&operation.id, OperationState::Failed, Some(OWNER_DIED), ctx.now())?;
    Ok(format!("restored nothing of `{name}`, as that was cut off: it is as before"))
}
