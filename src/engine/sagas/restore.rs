//! restore: an instance gets the disk of one of its snapshots. The new disk is an overlay on the snapshot, so nothing is copied until
//! the instance runs again; the old one goes last, and until the new one is proved all is put back where something fails.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    engine::{
        Accepted, Ctx, Observer, disk_copy,
        domain::{
            definition, drift_of, image_volume, let_calls_end, lost, require_disks, state_of, unresponsive, volume_path,
        },
        execute::{Payload, execute},
        host,
        journal::{self, OWNER_DIED, Run},
        lock::{self, Lock},
        power,
        progress::Reporter,
        pulls,
        ready::{reported, wait_started},
    },
    hypervisor::DomainState,
    kill_point,
    model::{
        Class, Code, DesiredState, Error, Hint, Instance, Name, OperationKind, Phase, Record, Result, Snapshot,
        SnapshotState, Verb,
    },
    plan::{self, Namespace, Object, OwnedKind, Step},
    store::{Operation, OperationState, instances, operations},
};

/// How long is waited for the new disk to be the instance's own; it goes on by itself.
const OWN: Duration = Duration::from_secs(30);
/// How often that is looked at.
const POLL: Duration = Duration::from_millis(200);

/// What a restore was accepted with.
pub struct Found {
    snapshot: Snapshot,
    /// It is to run afterwards.
    runs: bool,
    /// The lock of the snapshot, so that it stays.
    _held: Lock,
}

/// How a restore is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    /// How long the guest may take to power off before the plug is pulled.
    pub grace: Duration,
    /// How long its application may take until it answers; none: nobody waits, and a guest that starts is enough.
    pub until_ready: Option<Duration>,
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

/// The snapshot that an instance would be restored to, and whether it would run afterwards.
///
/// # Errors
/// Refused: a protected instance, one that is coming or going, that hangs, or was changed by hand; a snapshot of another instance, or
/// one that is not there.
pub fn plan(ctx: &Ctx, instance: &Instance, name: &Name) -> Result<(Snapshot, bool)> {
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
    let is_up = match state_of(ctx, instance)? {
        DomainState::Unresponsive => return Err(unresponsive(own)),
        DomainState::ShuttingDown => return Err(not_now(own, "is going down")),
        state => disk_copy::is_up(state),
    };
    if let Some(drift) = drift_of(ctx, instance)?.unwrap_or_default().first() {
        return Err(Error::new(
            Code::HostNotFit,
            format!("the domain of instance `{own}` was changed by hand: {drift}"),
        )
        .hint(Hint::from("put it back first: ").run_with(Verb::Repair, &[own])));
    }
    Ok((snapshot, is_up || instance.desired_state == DesiredState::Running))
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
    let (snapshot, runs) = plan(ctx, &instance, name)?;
    if runs {
        host::prepare_host(ctx, &instance.record.network, observer)?;
    }
    instance.desired_state = if runs { DesiredState::Running } else { DesiredState::Stopped };
    let operation = journal::new_operation(ctx, kind, &instance);
    let (wanted, phase, failure) = (instance.desired_state, instance.phase, instance.failure.as_deref());
    ctx.store.write(|t| {
        // Whoever puts all back finds here whether it is to run.
        instances::set_life(t, instance.record.uuid, wanted, phase, failure)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, instance, lock, found: Found { snapshot, runs, _held: held } })
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
    let restored = match replace(ctx, (&operation, &mut run), &instance, &found, how, observer) {
        Ok(restored) => restored,
        Err(error) => {
            let back = put_back(ctx, &operation.id, &instance, &run.started);
            let error = match back {
                Ok(()) => nothing_restored(&instance, error),
                Err(undo) => undo.cause(format!("undone because: {error}")),
            };
            return journal::end(ctx, &operation, Err(error));
        }
    };
    drop_old(ctx, &mut run, restored.record.uuid)?;
    journal::end(ctx, &operation, Ok(()))?;
    let is_own = make_own(ctx, &restored, found.runs)?;
    Ok(Restored { runs: found.runs, is_own })
}

fn nothing_restored(instance: &Instance, error: Error) -> Error {
    let (name, runs) = (&instance.record.name, instance.desired_state == DesiredState::Running);
    let how = if runs { "runs" } else { "is off" };
    // What is to be done about a disk that is gone again is of no use.
    let error = Error { class: Class::Failed, hints: Vec::new(), ..error };
    error.within(format!("restored nothing; instance `{name}` {how} as before"))
}

/// Makes the instance have the new disk: up to the last line of this all can be put back.
fn replace(
    ctx: &mut Ctx,
    (operation, run): (&Operation, &mut Run<'_>),
    instance: &Instance,
    found: &Found,
    how: How,
    observer: &mut dyn Observer,
) -> Result<Instance> {
    let (uuid, none) = (instance.record.uuid, Payload::none());
    power::power_off_or_pull(ctx, instance, how.grace, observer)?;
    journal::step(ctx, run, &Step::Destroy { uuid }, &none)?;
    let new = with_new_disk(ctx, instance, &found.snapshot)?;
    let (pool, name) = (ctx.settings.host.pool.clone(), plan::root_disk(&new.record));
    let below = volume_path(ctx, &plan::snapshot_disk(found.snapshot.id))?;
    let xml = plan::overlay_xml(&name, new.record.disk, &below)?;
    let root = Step::Ensure { kind: OwnedKind::RootDisk, object: Object::Volume { pool, name }, xml };
    journal::step(ctx, run, &root, &none)?;
    let from = ctx.hypervisor.domain_xml(uuid)?.ok_or_else(|| lost(ctx, instance))?;
    let to = definition(ctx, &new)?;
    journal::step(ctx, run, &Step::Redefine { uuid, from, to }, &none)?;
    if found.runs {
        let (begun, offset) = (ctx.clock.instant(), reported(ctx, &instance.record));
        journal::step(ctx, run, &Step::Start { uuid }, &none)?;
        if let Some(timeout) = how.until_ready.filter(|_| instance.phase == Phase::Ready) {
            wait_started(ctx, (operation, instance), offset, (begun, timeout), observer)?;
        }
    }
    ctx.store.set_record(&new.record)?;
    kill_point::reached("restored");
    Ok(new)
}

/// The instance with a disk that no volume has the name of, on the snapshot.
fn with_new_disk(ctx: &Ctx, instance: &Instance, snapshot: &Snapshot) -> Result<Instance> {
    let mut record = instance.record.clone();
    loop {
        record = Record { root_disk: Some(plan::next_root_disk(&record)), lies_on: Some(snapshot.id), ..record };
        if ctx.hypervisor.volume(&ctx.settings.host.pool, &plan::root_disk(&record))?.is_none() {
            return Ok(Instance { record, ..instance.clone() });
        }
    }
}

/// Puts all back that a restore did, as the record has it: the old disk was not touched.
fn put_back(ctx: &mut Ctx, operation: &str, instance: &Instance, steps: &[(i64, Step)]) -> Result<()> {
    let uuid = instance.record.uuid;
    let undo = |error: Error| match error.code {
        Code::UndoFailed => error,
        _ => Error::new(Code::UndoFailed, format!("could not put instance `{}` back", instance.record.name))
            .cause(error)
            .hint(Hint::from("run ").run(Verb::Repair).text(" when the cause is gone; its disk was not touched")),
    };
    // A start that was cut off may have been by the new definition.
    if steps.iter().any(|(_, step)| matches!(step, Step::Redefine { .. })) {
        execute(ctx, &Step::Destroy { uuid }, &Payload::none()).map_err(undo)?;
    }
    journal::roll_back(ctx, operation, steps)?;
    kill_point::reached("back");
    if instance.desired_state == DesiredState::Running {
        execute(ctx, &Step::Start { uuid }, &Payload::none()).map_err(undo)?;
    }
    Ok(())
}

/// The old disk goes, now that the new one is the instance's.
fn drop_old(ctx: &mut Ctx, run: &mut Run<'_>, uuid: Uuid) -> Result<()> {
    let Some(name) = old_disk(&run.started, uuid) else { return Ok(()) };
    let object = Object::Volume { pool: ctx.settings.host.pool.clone(), name };
    journal::step(ctx, run, &Step::Remove { object }, &Payload::none()).map_err(|error| {
        let hint = Hint::from("nothing is lost: its old disk goes with the next `lite` command, or ").run(Verb::Repair);
        error.within("the instance is restored, but its old disk is still there").hint(hint)
    })
}

/// The root disk in the definition that the domain had before.
fn old_disk(steps: &[(i64, Step)], uuid: Uuid) -> Option<String> {
    let before = steps.iter().find_map(|(_, step)| match step {
        Step::Redefine { from, .. } => Some(plan::disks_in_domain(from)),
        _ => None,
    })?;
    let names = before.iter().filter_map(|path| path.rsplit('/').next());
    let mut own = names.filter(|name| plan::owner_of(Namespace::Volume, name) == Some((OwnedKind::RootDisk, uuid)));
    own.next().map(str::to_owned)
}

/// The new disk becomes the instance's own while it runs; one that takes long goes on without anybody.
fn make_own(ctx: &mut Ctx, restored: &Instance, runs: bool) -> Result<bool> {
    let (end, name) = (ctx.clock.instant() + OWN, &restored.record.name);
    loop {
        let is_own = pulls::advance(ctx, restored).map_err(|error| {
            error
                .within(format!("instance `{name}` is restored, but its disk still lies on the snapshot"))
                .hint("the next `lite` command goes on with that; the snapshot is held until then")
        })?;
        if is_own || !runs || ctx.cancelled() || ctx.clock.instant() >= end {
            return Ok(is_own);
        }
        ctx.clock.sleep(POLL);
    }
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
    let (name, root) = (&operation.resource.name, plan::root_disk(&instance.record));
    let is_new = |step: &Step| matches!(step, Step::Ensure { object, .. } if object.name() == Some(&*root));
    if steps.iter().any(|(_, step)| is_new(step)) {
        drop_old(ctx, &mut Run { operation: &operation.id, started: steps }, uuid)?;
        ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
        return Ok(format!("finished the restore of `{name}` that was cut off"));
    }
    put_back(ctx, &operation.id, &instance, &steps)?;
    ctx.store.end_operation(&operation.id, OperationState::Failed, Some(OWNER_DIED), ctx.now())?;
    Ok(format!("restored nothing of `{name}`, as that was cut off: it is as before"))
}
