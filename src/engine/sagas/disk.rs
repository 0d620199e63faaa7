//! Disks, made and removed.

use uuid::Uuid;

use crate::{
    engine::{
        Ctx, capacity,
        domain::let_calls_end,
        execute::Payload,
        host,
        journal::{self, OWNER_DIED, Run},
        lock::Lock,
    },
    model::{Code, Disk, DiskState, Error, Hint, Name, NetworkMode, OperationKind, ResourceRef, Result, Size, Verb},
    plan::{self, Object, OwnedKind, Step},
    store::{Operation, OperationState, disks, operations},
};

/// A disk that is to be made or to go: the database says so, and its lock is held.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    disk: Disk,
    lock: Lock,
}

/// Refused (exit 2), with the numbers, if a disk of this size cannot be promised.
///
/// # Errors
/// [`Code::NoCapacity`], or the host is not ready.
pub fn check_capacity(ctx: &Ctx, size: Size) -> Result<()> {
    let view = host::view(ctx, &NetworkMode::Bridge(String::new()))?;
    let (held, overcommit) = (ctx.store.allocated(&ctx.host_id())?, &ctx.settings.host.overcommit);
    capacity::check_disk(size, (&view.pool, view.used_by_disks), &held, overcommit)
}

/// Accepts that a disk is made.
///
/// # Errors
/// A name that is taken, a size that does not fit.
pub fn accept(ctx: &mut Ctx, name: &Name, size: Size) -> Result<Accepted> {
    check_capacity(ctx, size)?;
    let (host, kind) = (ctx.host_id(), OperationKind::CreateDisk);
    let disk = Disk { id: Uuid::new_v4(), name: name.clone(), size, state: DiskState::Creating, created_at: ctx.now() };
    let lock = lock(ctx, &disk, kind)?;
    let requester = ctx.requester.clone();
    let operation = Operation::started(kind, ResourceRef::from(&disk), host.clone(), requester, ctx.now());
    ctx.store.write(|t| {
        disks::insert(t, &host, &disk)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, disk, lock })
}

fn lock(ctx: &Ctx, disk: &Disk, kind: OperationKind) -> Result<Lock> {
    let what = format!("disk `{}`", disk.name);
    Lock::acquire_of(&ctx.locks(), (disk.id, &what), kind.as_str(), &*ctx.clock, ctx.wait)
}

/// Makes the disk that was accepted.
///
/// # Errors
/// What failed: nothing of the disk is left. Where that cannot be made so, the next command tries again.
pub fn run(ctx: &mut Ctx, accepted: Accepted) -> Result<Disk> {
    let Accepted { operation, disk, lock } = accepted;
    let object = volume(ctx, disk.id);
    let xml = plan::empty_xml(&plan::disk_volume(disk.id), disk.size)?;
    let mut run = Run::new(&operation.id);
    let step = Step::Ensure { kind: OwnedKind::Disk, object, xml };
    let made = journal::step(ctx, &mut run, &step, &Payload::none());
    let steps = run.started;
    let Err(error) = made else {
        ctx.store.finish_disk(disk.id, &operation.id, ctx.clock.now())?;
        return Ok(Disk { state: DiskState::Available, ..disk });
    };
    // What could not be undone stays open, and the next command tries it again.
    journal::roll_back(ctx, &operation.id, &steps).map_err(|undo| undo.cause(format!("undone because: {error}")))?;
    let why = (error.code, error.to_string());
    let end = (operation.id.as_str(), OperationState::Failed);
    ctx.store.forget_disk(disk.id, end, Some((why.0, &why.1)), ctx.clock.now())?;
    lock.retire();
    Err(error.within(format!("could not make disk `{}`; nothing of it is left", disk.name)))
}

fn volume(ctx: &Ctx, id: Uuid) -> Object {
    Object::Volume { pool: ctx.settings.host.pool.clone(), name: plan::disk_volume(id) }
}

/// The process of a create died: what it left is removed.
///
/// # Errors
/// What could not be undone.
pub fn resume(ctx: &mut Ctx, operation: &Operation, lock: Lock) -> Result<String> {
    let steps = journal::journalled(ctx, &operation.id)?;
    if steps.iter().any(|(.., done)| !done) {
        let_calls_end(ctx, operation.resource.id);
    }
    let steps: Vec<_> = steps.into_iter().map(|(sequence, step, _)| (sequence, step)).collect();
    journal::roll_back(ctx, &operation.id, &steps)?;
    let end = (operation.id.as_str(), OperationState::Failed);
    ctx.store.forget_disk(operation.resource.id, end, Some(OWNER_DIED), ctx.clock.now())?;
    lock.retire();
    Ok(format!("removed what was there of disk `{}`, which was cut off", operation.resource.name))
}

/// Accepts that a disk goes, with its data.
///
/// # Errors
/// Refused while an instance has it, or it is being made; or busy.
pub fn accept_delete(ctx: &mut Ctx, name: &Name) -> Result<Accepted> {
    let kind = OperationKind::DeleteDisk;
    let found = ctx.store.require_disk(&ctx.host_id(), name)?;
    let lock = lock(ctx, &found, kind)?;
    // It may have gone since it was found.
    let Some(disk) = ctx.store.disk_by_id(found.id)? else {
        lock.retire();
        return Err(Error::new(Code::NoSuchDisk, format!("disk `{name}` was deleted meanwhile")));
    };
    let requester = ctx.requester.clone();
    let operation = Operation::started(kind, ResourceRef::from(&disk), ctx.host_id(), requester, ctx.now());
    ctx.store.write(|t| {
        check_deletable(&disk, disks::holder(t, disk.id)?.as_deref())?;
        disks::set_state(t, disk.id, DiskState::Deleting)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, disk, lock })
}

/// Refused while an instance has it, or it is being made.
pub fn check_deletable(disk: &Disk, holder: Option<&str>) -> Result<()> {
    let name = &disk.name;
    if let Some(holder) = holder {
        return Err(Error::new(Code::DiskAttached, format!("instance `{holder}` has disk `{name}`"))
            .hint(Hint::from("take it off there first: ").run_with(Verb::DiskDetach, &[name])));
    }
    match disk.state {
        DiskState::Creating => {
            Err(Error::new(Code::Busy, format!("disk `{name}` is being made")).hint("delete it when it is there"))
        }
        DiskState::Resizing => {
            Err(Error::new(Code::Busy, format!("disk `{name}` is being made larger")).hint("try again in a moment"))
        }
        DiskState::Available | DiskState::Deleting => Ok(()),
    }
}

/// Removes the disk that was accepted to go.
///
/// # Errors
/// What could not be removed; the next command goes on with it.
pub fn run_delete(ctx: &mut Ctx, accepted: Accepted) -> Result<()> {
    go_on(ctx, &accepted.operation)?;
    accepted.lock.retire();
    Ok(())
}

/// The process of a delete died, or its step failed: it goes on.
///
/// # Errors
/// What could not be removed.
pub fn resume_delete(ctx: &mut Ctx, operation: &Operation, lock: Lock) -> Result<String> {
    go_on(ctx, operation)?;
    lock.retire();
    Ok(format!("finished the delete of disk `{}` that was cut off", operation.resource.name))
}

fn go_on(ctx: &mut Ctx, operation: &Operation) -> Result<()> {
    let id = operation.resource.id;
    let mut run = Run::new(&operation.id);
    let step = Step::Remove { object: volume(ctx, id) };
    journal::step(ctx, &mut run, &step, &Payload::none())?;
    let end = (operation.id.as_str(), OperationState::Succeeded);
    ctx.store.forget_disk(id, end, None, ctx.clock.now())
}
