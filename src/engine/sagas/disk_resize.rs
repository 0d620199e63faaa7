//! A disk gets larger, while an instance that has it runs, or is off, or while nobody has it. Always forward: no disk gets smaller.

use crate::{
    engine::{
        Ctx, Observer, capacity,
        disks::{holder, is_up, lock_there},
        domain::{let_calls_end, state_of, unresponsive},
        execute::Payload,
        growth, host,
        journal::{self, OWNER_DIED, Run},
        lock::{self, Lock},
    },
    hypervisor::DomainState,
    model::{
        Code, Disk, DiskState, Error, Hint, Instance, Name, NetworkMode, OperationKind, ResourceRef, Result, Size,
    },
    plan::{self, Step},
    store::{Operation, OperationState, disks, operations},
};

/// A disk that is to get larger: the database says so, and its lock is held, or that of the instance that has it.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    disk: Disk,
    holder: Option<Instance>,
    grows: bool,
    live: bool,
    _lock: Lock,
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growing {
    /// The disk as it is now.
    pub disk: Disk,
    /// The instance that has it.
    holder: Option<Instance>,
    /// It is smaller than that now.
    grows: bool,
    /// A guest runs with it.
    live: bool,
}

/// What would be done.
///
/// # Errors
/// Refused: a size that no disk has, that is smaller than it is, or does not fit; or an instance that cannot be changed just now.
pub fn plan(ctx: &Ctx, name: &Name, size: Size) -> Result<Growing> {
    let size = Disk::check_size(size)?;
    let disk = ctx.store.require_disk(&ctx.host_id(), name)?;
    if disk.state != DiskState::Available {
        return Err(
            Error::new(Code::NotSettled, format!("disk `{name}` is {}", disk.state)).hint("try again in a moment")
        );
    }
    let holder = holder(ctx, disk.id)?;
    let live = holder.as_ref().map_or(Ok(false), |instance| runs(ctx, instance))?;
    let has = has(ctx, &disk)?.ok_or_else(|| gone(&disk))?;
    if size < has {
        let [has, wanted] = Size::together([has, size]);
        return Err(Error::new(
            Code::InvalidSize,
            format!("disk `{name}` has {has}, and cannot get smaller ({wanted})"),
        )
        .hint("make a smaller one, and copy what is on it"));
    }
    let grows = size > has;
    if grows {
        check_room(ctx, &disk, (has, size), live)?;
    }
    Ok(Growing { disk, holder, grows, live })
}

fn runs(ctx: &Ctx, instance: &Instance) -> Result<bool> {
    match state_of(ctx, instance)? {
        DomainState::Unresponsive => Err(unresponsive(&instance.record.name)),
        state => Ok(is_up(state)),
    }
}

/// What the volume of a disk has; none: it is gone.
fn has(ctx: &Ctx, disk: &Disk) -> Result<Option<Size>> {
    let seen = ctx.hypervisor.volume(&ctx.settings.host.pool, &plan::disk_volume(disk.id, disk.volume))?;
    Ok(seen.map(|volume| Size::bytes(volume.capacity)))
}

fn gone(disk: &Disk) -> Error {
    let volume = plan::disk_volume(disk.id, disk.volume);
    Error::new(Code::DiskGone, format!("the volume `{volume}` of disk `{}` is gone", disk.name))
        .hint("put it back from a backup, or delete the disk")
}

fn check_room(ctx: &Ctx, disk: &Disk, (has, size): (Size, Size), live: bool) -> Result<()> {
    let view = host::view(ctx, &NetworkMode::Bridge(String::new()))?;
    let (held, overcommit) = (ctx.store.allocated(&ctx.host_id())?, &ctx.settings.host.overcommit);
    let more = Size::bytes(size.as_bytes().saturating_sub(disk.size.as_bytes()));
    capacity::check_disk(more, (&view.pool, view.used_by_disks), &held, overcommit)?;
    if live { Ok(()) } else { capacity::check_growth(&format!("disk `{}`", disk.name), (has, size), &view.pool) }
}

/// Accepts that a disk gets larger; one that is as large already has what is on it use all of it.
///
/// # Errors
/// What [`plan`] refuses, or busy.
pub fn accept(ctx: &mut Ctx, name: &Name, size: Size) -> Result<Accepted> {
    let kind = OperationKind::ResizeDisk;
    let found = ctx.store.require_disk(&ctx.host_id(), name)?;
    let whose = holder(ctx, found.id)?;
    let lock = match &whose {
        Some(instance) => lock::take(ctx, instance, kind.as_str())?,
        None => lock_there(ctx, &found, kind)?,
    };
    // As it is now, not as it was before the lock.
    let Growing { mut disk, holder, grows, live } = plan(ctx, name, size)?;
    let ids = [&whose, &holder].map(|one| one.as_ref().map(|instance| instance.record.uuid));
    if disk.id != found.id || ids[0] != ids[1] {
        let text = format!("disk `{name}` was given or taken meanwhile");
        return Err(Error::new(Code::Busy, text).hint("try again"));
    }
    let mut operation =
        Operation::started(kind, ResourceRef::from(&disk), ctx.host_id(), ctx.requester.clone(), ctx.now());
    operation.machine = ids[0];
    disk.size = size;
    ctx.store.write(|t| {
        // From here on it is promised, and nobody is given the disk.
        disks::set_size(t, disk.id, size, DiskState::Resizing)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, disk, holder, grows, live, _lock: lock })
}

/// Makes the disk larger that was accepted.
///
/// # Errors
/// What failed; what the disk has then is said.
pub fn run(ctx: &mut Ctx, accepted: Accepted, observer: &mut dyn Observer) -> Result<Disk> {
    let Accepted { operation, mut disk, holder, grows, live, _lock } = accepted;
    if grows {
        let mut run = Run::new(&operation.id);
        let step = Step::Grow {
            pool: ctx.settings.host.pool.clone(),
            volume: plan::disk_volume(disk.id, disk.volume),
            domain: operation.machine,
            bytes: disk.size.as_bytes(),
        };
        if let Err(error) = journal::step(ctx, &mut run, &step, &Payload::none()) {
            // Where it cannot be seen what became of it, the next command does.
            let why = (error.code, error.to_string());
            let now = settle(ctx, &operation, Some((why.0, &why.1)))?;
            return Err(error.within(format!("could not make disk `{}` larger; it has {now}", disk.name)));
        }
    }
    if let Some(instance) = holder.filter(|_| live)
        && let Err(error) = growth::use_whole_disk(ctx, &instance.record, disk.id, disk.size)
    {
        let text = error.causes.iter().fold(error.message, |all, cause| format!("{all}: {cause}"));
        observer.warn(&Hint::from(text));
    }
    settle(ctx, &operation, None)?;
    disk.state = DiskState::Available;
    Ok(disk)
}

/// The database says what the disk has, whatever was done, and the operation is over: both at once.
fn settle(ctx: &mut Ctx, operation: &Operation, error: Option<(Code, &str)>) -> Result<Size> {
    let (id, now) = (operation.resource.id, ctx.now());
    let has = match ctx.store.disk_by_id(id)? {
        Some(disk) => has(ctx, &disk)?.unwrap_or(disk.size),
        None => Size::bytes(0),
    };
    let state = if error.is_some() { OperationState::Failed } else { OperationState::Succeeded };
    ctx.store.write(|t| {
        disks::set_size(t, id, has, DiskState::Available)?;
        operations::end(t, &operation.id, state, error, now)
    })?;
    Ok(has)
}

/// The process of a resize died: the disk has what it has.
///
/// # Errors
/// The host cannot be asked.
pub fn resume(ctx: &mut Ctx, operation: &Operation) -> Result<String> {
    let name = &operation.resource.name;
    if ctx.store.disk_by_id(operation.resource.id)?.is_none() {
        return journal::close_of_dead_owner(ctx, operation);
    }
    let_calls_end(ctx, operation.machine.unwrap_or(operation.resource.id));
    let has = settle(ctx, operation, Some(OWNER_DIED))?;
    Ok(format!("closed the resize of disk `{name}` that was cut off: it has {has}"))
}
