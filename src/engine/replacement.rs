//! The root disk of an instance is replaced by one on a snapshot, by whichever operation. The new disk is an overlay, so nothing is
//! copied until the instance runs again; the old one goes last, and until the new one is proved all can be put back. Disks that it was given
//! and that the snapshot holds go back with it: they are copied before it is stopped.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Ctx, Observer,
    domain::{definition, lost, volume_path},
    execute::{Payload, execute},
    journal::{self, Run},
    power, pulls,
    ready::{reported, wait_started},
    restored_disks,
};
use crate::{
    kill_point,
    model::{Code, DesiredState, Error, Hint, Instance, Phase, Record, Result, Snapshot, Verb},
    plan::{self, Namespace, Object, OwnedKind, Step},
    store::{Operation, disks, instances},
};

/// How long is waited for the new disk to be the instance's own; it goes on by itself.
const OWN: Duration = Duration::from_secs(30);
/// How often that is looked at.
const POLL: Duration = Duration::from_millis(200);

/// How a disk is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct How {
    /// How long the guest may take to power off before the plug is pulled.
    pub grace: Duration,
    /// How long its application may take until it answers; none: nobody waits, and a guest that starts is enough.
    pub until_ready: Option<Duration>,
}

/// Makes the instance have a new disk on the snapshot: up to the last line of this all can be put back. One that is to run is started.
///
/// # Errors
/// What failed.
pub fn replace(
    ctx: &mut Ctx,
    (operation, run): (&Operation, &mut Run<'_>),
    instance: &Instance,
    snapshot: &Snapshot,
    how: How,
    observer: &mut dyn Observer,
) -> Result<Instance> {
    let (uuid, none) = (instance.record.uuid, Payload::none());
    let (wanted, mut with_disks) = (restored_disks::sorted(ctx, &instance.record, snapshot)?, instance.clone());
    restored_disks::make(ctx, run, snapshot, &wanted, &mut with_disks.record)?;
    power::power_off_or_pull(ctx, instance, how.grace, observer)?;
    journal::step(ctx, run, &Step::Destroy { uuid }, &none)?;
    let new = with_new_disk(ctx, &with_disks, snapshot)?;
    let (pool, name) = (ctx.settings.host.pool.clone(), plan::root_disk(&new.record));
    let below = volume_path(ctx, &plan::snapshot_disk(snapshot.id))?;
    let xml = plan::overlay_xml(&name, new.record.disk, &below)?;
    let root = Step::Ensure { kind: OwnedKind::RootDisk, object: Object::Volume { pool, name }, xml };
    journal::step(ctx, run, &root, &none)?;
    let from = ctx.hypervisor.domain_xml(uuid)?.ok_or_else(|| lost(ctx, instance))?;
    let to = definition(ctx, &new)?;
    journal::step(ctx, run, &Step::Redefine { uuid, from, to }, &none)?;
    if instance.desired_state == DesiredState::Running {
        let (begun, offset) = (ctx.clock.instant(), reported(ctx, &instance.record));
        journal::step(ctx, run, &Step::Start { uuid }, &none)?;
        if let Some(timeout) = how.until_ready.filter(|_| instance.phase == Phase::Ready) {
            wait_started(ctx, (operation, instance), offset, (begun, timeout), observer)?;
        }
    }
    ctx.store.write(|t| {
        new.record.disks.iter().try_for_each(|attached| disks::set_volume(t, attached.disk, attached.volume))?;
        instances::set_record(t, &new.record)
    })?;
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

/// Puts all back that [`replace`] did, as the record has it: the old disk was not touched.
///
/// # Errors
/// What could not be put back.
pub fn put_back(ctx: &mut Ctx, operation: &str, instance: &Instance, steps: &[(i64, Step)]) -> Result<()> {
    take_back(ctx, operation, instance, steps)?;
    if instance.desired_state == DesiredState::Running {
        let uuid = instance.record.uuid;
        execute(ctx, &Step::Start { uuid }, &Payload::none()).map_err(|error| not_put_back(instance, error))?;
    }
    Ok(())
}

/// As [`put_back`], and the instance is left off.
///
/// # Errors
/// Those of [`put_back`].
pub fn take_back(ctx: &mut Ctx, operation: &str, instance: &Instance, steps: &[(i64, Step)]) -> Result<()> {
    let uuid = instance.record.uuid;
    // A start that was cut off may have been by the new definition.
    if steps.iter().any(|(_, step)| matches!(step, Step::Redefine { .. })) {
        execute(ctx, &Step::Destroy { uuid }, &Payload::none()).map_err(|error| not_put_back(instance, error))?;
    }
    journal::roll_back(ctx, operation, steps)?;
    kill_point::reached("back");
    Ok(())
}

/// The error of an instance that could not be put back: the next command tries it again.
pub fn not_put_back(instance: &Instance, error: Error) -> Error {
    if error.code == Code::UndoFailed {
        return error;
    }
    Error::new(Code::UndoFailed, format!("could not put instance `{}` back", instance.record.name))
        .cause(error)
        .hint(Hint::from("run ").run(Verb::Repair).text(" when the cause is gone; its disk was not touched"))
}

/// Whether the disk of a record is the one that these steps made.
pub fn is_replaced(steps: &[(i64, Step)], record: &Record) -> bool {
    let root = plan::root_disk(record);
    steps.iter().any(|(_, step)| matches!(step, Step::Ensure { object, .. } if object.name() == Some(&*root)))
}

/// The old disks go, now that the new ones are the instance's.
///
/// # Errors
/// One is still there.
pub fn drop_old(ctx: &mut Ctx, run: &mut Run<'_>, uuid: Uuid) -> Result<()> {
    for name in old_disks(&run.started, uuid) {
        let object = Object::Volume { pool: ctx.settings.host.pool.clone(), name };
        journal::step(ctx, run, &Step::Remove { object }, &Payload::none()).map_err(|error| {
            let text = "nothing is lost: its old disk goes with the next `lite` command, or ";
            let hint = Hint::from(text).run(Verb::Repair);
            error.within("the instance is restored, but its old disk is still there").hint(hint)
        })?;
    }
    Ok(())
}

/// The root disk in the definition that the domain had before, and the volumes of disks that have another one now.
fn old_disks(steps: &[(i64, Step)], uuid: Uuid) -> Vec<String> {
    let Some((from, to)) = steps.iter().find_map(|(_, step)| match step {
        Step::Redefine { from, to, .. } => Some((from, to)),
        _ => None,
    }) else {
        return Vec::new();
    };
    let before = plan::disks_in_domain(from);
    let names = before.iter().filter_map(|path| path.rsplit('/').next());
    let mut own = names.filter(|name| plan::owner_of(Namespace::Volume, name) == Some((OwnedKind::RootDisk, uuid)));
    own.next().map(str::to_owned).into_iter().chain(restored_disks::replaced(from, to)).collect()
}

/// The new disk becomes the instance's own while it runs; whether it is. One that takes long goes on without anybody.
///
/// # Errors
/// What libvirt says.
pub fn make_own(ctx: &mut Ctx, restored: &Instance) -> Result<bool> {
    let (end, name) = (ctx.clock.instant() + OWN, &restored.record.name);
    let runs = restored.desired_state == DesiredState::Running;
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
