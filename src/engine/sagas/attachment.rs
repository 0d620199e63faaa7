//! attach and detach: a disk is given to an instance, or taken off it. The record of the instance tells which it has; its domain
//! is made to have those.

use uuid::Uuid;

use crate::{
    engine::{
        Accepted, Ctx, disks,
        domain::{refuse_drift, state_of, unresponsive, write_record},
        journal, lock,
    },
    hypervisor::DomainState,
    kill_point,
    model::{
        Code, Disk, DiskAttachment, DiskState, Error, Hint, Instance, MountPoint, Name, OperationKind, Record, Result,
        Verb,
    },
    store::{Operation, OperationState, disks as stored, instances, operations},
};

/// A disk that comes or goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The disk, as the instance has it, or had it.
    pub disk: DiskAttachment,
    /// The disk's name.
    pub name: Name,
    /// Where it is to be mounted.
    pub mount: Option<MountPoint>,
    /// The guest runs, and has to let go of it first.
    pub unmount: bool,
}

/// Refused while the domain of an instance cannot be changed; whether it is up.
fn check(ctx: &Ctx, instance: &Instance) -> Result<bool> {
    let name = &instance.record.name;
    if instance.phase.is_passing() {
        return Err(Error::new(Code::NotSettled, format!("instance `{name}` is {}", instance.phase))
            .hint("try again in a moment"));
    }
    let state = state_of(ctx, instance)?;
    if state == DomainState::Unresponsive {
        return Err(unresponsive(name));
    }
    refuse_drift(ctx, instance)?;
    Ok(disks::is_up(state))
}

fn has_agent(ctx: &Ctx, instance: &Instance) -> Result<bool> {
    Ok(ctx.hypervisor.live_definition(instance.record.uuid)?.is_some_and(|live| live.has_agent))
}

/// Refused as [`accept_attach`] would refuse it. An instance that has the disk already is content.
///
/// # Errors
/// Those of [`accept_attach`].
pub fn plan_attach(ctx: &Ctx, instance: &Instance, disk: &Disk, mount: Option<&MountPoint>) -> Result<()> {
    if let Some(has) = instance.record.attachment(disk.id) {
        return check_had(instance, &disk.name, has, mount);
    }
    let up = check(ctx, instance)?;
    if let Some(at) = mount {
        check_mount(ctx, instance, up, at)?;
    }
    free_unit(&instance.record)?;
    let holder = holder(ctx, disk)?.map(|other| other.record.name.to_string());
    check_free(disk, holder.as_deref(), Some(disk.state))
}

/// The instance that has a disk.
///
/// # Errors
/// Refused where that is deleted, and kept: it comes back with it.
pub fn holder(ctx: &Ctx, disk: &Disk) -> Result<Option<Instance>> {
    disks::holder(ctx, disk.id)
}

/// Refused where the disk that an instance has already is to be mounted elsewhere than it is.
fn check_had(instance: &Instance, disk: &Name, has: &DiskAttachment, mount: Option<&MountPoint>) -> Result<()> {
    if mount.is_none() || mount == has.mount.as_ref() {
        return Ok(());
    }
    let at = has.mount.as_ref().map_or_else(|| "not mounted by lite".to_owned(), |at| format!("mounted on `{at}`"));
    let text = format!("instance `{}` has disk `{disk}` already, {at}", instance.record.name);
    Err(Error::new(Code::DiskAttached, text)
        .hint(Hint::from("take it off first: ").run_with(Verb::DiskDetach, &[disk]).text(", then attach it again")))
}

fn free_unit(record: &Record) -> Result<u8> {
    DiskAttachment::free_unit(&record.disks).ok_or_else(|| {
        let most = DiskAttachment::MOST;
        Error::new(Code::NoCapacity, format!("instance `{}` has {most} disks, the most that there can be", record.name))
            .hint(Hint::from("take one off: ").run(Verb::DiskList).text(" shows them"))
    })
}

/// Accepts that an instance is given a disk. None: it has it already.
///
/// # Errors
/// Refused: a disk that another instance has or that is coming or going, an instance that has as many as it can have, or whose
/// guest cannot be asked to mount it; or busy.
pub fn accept_attach(
    ctx: &mut Ctx,
    instance: &Instance,
    name: &Name,
    mount: Option<&MountPoint>,
) -> Result<Option<Accepted<Change>>> {
    let kind = OperationKind::AttachDisk;
    let lock = lock::take(ctx, instance, kind.as_str())?;
    let mut instance = ctx.store.require(&instance.record.name)?;
    let disk = ctx.store.require_disk(&ctx.host_id(), name)?;
    if let Some(has) = instance.record.attachment(disk.id) {
        return check_had(&instance, name, has, mount).map(|()| None);
    }
    let up = check(ctx, &instance)?;
    if let Some(at) = mount {
        check_mount(ctx, &instance, up, at)?;
    }
    holder(ctx, &disk)?;
    // One that no instance has may be copied just now. From the record on the instance's lock keeps it.
    let _free = disks::lock_there(ctx, &disk, kind)?;
    let record = &mut instance.record;
    let unit = free_unit(record)?;
    let attached = DiskAttachment { disk: disk.id, unit, volume: disk.volume, mount: None };
    record.disks.push(attached.clone());
    let operation = journal::new_operation(ctx, kind, &instance);
    ctx.store.write(|t| {
        check_free(&disk, stored::holder(t, disk.id)?.as_deref(), stored::state(t, disk.id)?)?;
        instances::set_record(t, &instance.record)?;
        operations::insert(t, &operation)
    })?;
    let change = Change { disk: attached, name: disk.name, mount: mount.cloned(), unmount: false };
    Ok(Some(Accepted { operation, instance, lock, found: change }))
}

fn check_free(disk: &Disk, holder: Option<&str>, state: Option<DiskState>) -> Result<()> {
    let name = &disk.name;
    if let Some(holder) = holder {
        return Err(Error::new(Code::DiskAttached, format!("instance `{holder}` has disk `{name}`"))
            .hint(Hint::from("take it off there first: ").run_with(Verb::DiskDetach, &[name])));
    }
    match state {
        Some(DiskState::Available) => Ok(()),
        Some(state) => {
            Err(Error::new(Code::NotSettled, format!("disk `{name}` is {state}")).hint("try again in a moment"))
        }
        None => Err(Error::new(Code::NoSuchDisk, format!("disk `{name}` was deleted meanwhile"))),
    }
}

fn check_mount(ctx: &Ctx, instance: &Instance, up: bool, at: &MountPoint) -> Result<()> {
    let name = &instance.record.name;
    if instance.record.disks.iter().any(|one| one.mount.as_ref() == Some(at)) {
        return Err(Error::new(Code::DiskAttached, format!("another disk is mounted on `{at}` in instance `{name}`"))
            .hint("choose another folder"));
    }
    if !up {
        return Err(Error::new(
            Code::NotRunning,
            format!("instance `{name}` does not run, so nothing can be mounted in it"),
        )
        .hint(Hint::from("start it first (").run_with(Verb::Start, &[name]).text("), or leave out `--mount`")));
    }
    if !has_agent(ctx, instance)? {
        return Err(no_agent(name, "leave out `--mount`, and mount it in the guest"));
    }
    Ok(())
}

fn no_agent(name: &Name, instead: &str) -> Error {
    Error::new(Code::NoAgent, format!("the guest of instance `{name}` has no agent that could be asked"))
        .hint(format!("install `qemu-guest-agent` there, or wait until it has booted; or {instead}"))
}

/// Gives the disk that was accepted.
///
/// # Errors
/// What failed; the instance is as before then. Where that cannot be made so, the instance has the disk, and a repair goes on.
pub fn run_attach(ctx: &mut Ctx, accepted: Accepted<Change>) -> Result<Change> {
    let Accepted { operation, mut instance, lock: _lock, found: mut change } = accepted;
    kill_point::reached("intent");
    let done = disks::apply(ctx, &instance).and_then(|()| {
        kill_point::reached("effect");
        change.mount.as_ref().map_or(Ok(()), |at| disks::mount(ctx, &instance.record, &change.disk, at))
    });
    if let Err(error) = done {
        return undo(ctx, &operation, instance, &change, error);
    }
    if change.mount.is_some() {
        change.disk.mount.clone_from(&change.mount);
        let own = instance.record.disks.iter_mut().filter(|one| one.disk == change.disk.disk);
        own.for_each(|one| one.mount.clone_from(&change.mount));
        ctx.store.set_record(&instance.record)?;
        kill_point::reached("mounted");
        write_record(ctx, instance.record.uuid)?;
    }
    journal::end(ctx, &operation, Ok(change))
}

/// The domain first: a disk that a guest still has is no other's.
fn undo(ctx: &mut Ctx, operation: &Operation, instance: Instance, change: &Change, error: Error) -> Result<Change> {
    let before = without(&instance, change.disk.disk);
    if let Err(undo) = disks::apply(ctx, &before) {
        let text = format!("could not take disk `{}` off instance `{}` again", change.name, before.record.name);
        let failed = Error::new(Code::UndoFailed, text).cause(format!("{undo}; undone because: {error}"));
        let hint = Hint::from("stop the instance, and then: ").run_with(Verb::DiskDetach, &[&change.name]);
        return journal::end(ctx, operation, Err(failed.hint(hint)));
    }
    kill_point::reached("undone");
    ctx.store.set_record(&before.record)?;
    write_record(ctx, before.record.uuid)?;
    journal::end(ctx, operation, Err(error))
}

fn without(instance: &Instance, disk: Uuid) -> Instance {
    let mut record: Record = instance.record.clone();
    record.disks.retain(|one| one.disk != disk);
    Instance { record, ..instance.clone() }
}

/// Accepts that a disk is taken off the instance that has it. `force`: though the guest cannot be asked to let go of it.
///
/// # Errors
/// Refused: an instance that cannot be changed, or whose guest cannot be asked; or busy.
pub fn accept_detach(ctx: &mut Ctx, instance: &Instance, name: &Name, force: bool) -> Result<Option<Accepted<Change>>> {
    let kind = OperationKind::DetachDisk;
    let lock = lock::take(ctx, instance, kind.as_str())?;
    let instance = ctx.store.require(&instance.record.name)?;
    let disk = ctx.store.require_disk(&ctx.host_id(), name)?;
    let Some(attached) = instance.record.attachment(disk.id).cloned() else {
        return Ok(None);
    };
    let up = check(ctx, &instance)?;
    if up && !force && !has_agent(ctx, &instance)? {
        return Err(no_agent(&instance.record.name, "unmount it there, and use `--force`"));
    }
    let operation = journal::begin(ctx, kind, &instance)?;
    let change = Change { disk: attached, name: disk.name, mount: None, unmount: up && !force };
    Ok(Some(Accepted { operation, instance, lock, found: change }))
}

/// Takes off the disk that was accepted.
///
/// # Errors
/// What failed; the instance has the disk then, unmounted.
pub fn run_detach(ctx: &mut Ctx, accepted: Accepted<Change>) -> Result<Change> {
    let Accepted { operation, instance, lock: _lock, found: change } = accepted;
    if change.unmount
        && let Err(error) = disks::unmount(ctx, &instance.record, &change.disk)
    {
        return journal::end(ctx, &operation, Err(error));
    }
    kill_point::reached("intent");
    let after = without(&instance, change.disk.disk);
    if let Err(error) = disks::apply(ctx, &after) {
        // What was taken out of its definition is put back. Where libvirt is gone the operation stays open, and whoever comes next does it.
        return match disks::apply(ctx, &instance) {
            Ok(()) => journal::end(ctx, &operation, Err(error)),
            Err(_) => Err(error),
        };
    }
    kill_point::reached("effect");
    // Last: until then it is nobody else's.
    ctx.store.set_record(&after.record)?;
    kill_point::reached("written");
    write_record(ctx, after.record.uuid)?;
    journal::end(ctx, &operation, Ok(change))
}

/// The process of a change died: the domain gets the disks that the database has, whichever half was done.
///
/// # Errors
/// The host cannot be asked.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid) -> Result<String> {
    if let Some(instance) = ctx.store.instance_by_uuid(uuid)?
        && ctx.hypervisor.domain(uuid)?.is_some()
    {
        disks::apply(ctx, &instance)?;
    }
    ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
    Ok(format!("`{}` has the disks of its record again: the {} was cut off", operation.resource.name, operation.kind))
}
