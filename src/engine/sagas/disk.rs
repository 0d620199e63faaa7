//! Disks, made and removed.

use uuid::Uuid;

use crate::{
    engine::{
        Ctx, capacity,
        disks::{holder, lock},
        domain::let_calls_end,
        execute::Payload,
        host,
        journal::{self, OWNER_DIED, Run},
        lock::Lock,
    },
    hypervisor::VolumeInfo,
    model::{
        Code, CopiedDisk, Disk, DiskState, Error, Hint, Name, NetworkMode, OperationKind, ResourceRef, Result, Size,
        SnapshotState, Verb,
    },
    plan::{self, Object, OwnedKind, Step},
    store::{Operation, OperationState, disks, operations},
};

/// A disk that is to be made or to go: the database says so, and its lock is held.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    disk: Disk,
    copied: Option<Copied>,
    lock: Lock,
}

/// What a new disk is a copy of.
struct Copied {
    /// The volume that a snapshot has of it.
    volume: String,
    /// What that has.
    size: Size,
    /// The lock of the snapshot, so that it stays.
    _held: Lock,
}

/// A disk in a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The snapshot.
    pub snapshot: &'a Name,
    /// What the disk was called then; none: it is the only one.
    pub disk: Option<&'a Name>,
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
    begin(ctx, name, size, None)
}

/// Accepts that a disk is made of one in a snapshot, as large as that one was, or larger.
///
/// # Errors
/// A name that is taken, a size that does not fit, a snapshot that does not hold the disk; or busy.
pub fn accept_copy(ctx: &mut Ctx, name: &Name, source: Source<'_>, size: Option<Size>) -> Result<Accepted> {
    let id = ctx.store.require_any_snapshot(&ctx.host_id(), source.snapshot)?.resource().id;
    let what = format!("snapshot `{}`", source.snapshot);
    let kind = OperationKind::CreateDisk;
    let held = Lock::acquire_of(&ctx.locks(), (id, &what), kind.as_str(), &*ctx.clock, ctx.wait)?;
    let (volume, size) = plan_copy(ctx, source, size)?;
    let copied = Copied { size: Size::bytes(volume.capacity), volume: volume.name, _held: held };
    begin(ctx, name, size, Some(copied))
}

/// The volume that a disk would be a copy of, and the size that it would have.
///
/// # Errors
/// Those of [`accept_copy`].
pub fn plan_copy(ctx: &Ctx, source: Source<'_>, size: Option<Size>) -> Result<(VolumeInfo, Size)> {
    let (found, name) = (ctx.store.require_any_snapshot(&ctx.host_id(), source.snapshot)?, source.snapshot);
    if found.state() != SnapshotState::Available {
        let text = format!("snapshot `{name}` is {}", found.state());
        return Err(Error::new(Code::NotSettled, text).hint("try again in a moment"));
    }
    let copied = disk_in(name, found.disks(), source.disk)?;
    let part = plan::snapshot_part(found.resource().id, copied.disk);
    let volume = ctx.hypervisor.volume(&ctx.settings.host.pool, &part)?;
    let volume =
        volume.ok_or_else(|| Error::new(Code::NoVolume, format!("the copy `{part}` of snapshot `{name}` is gone")))?;
    let has = Size::bytes(volume.capacity);
    let size = Disk::check_size(size.unwrap_or(has))?;
    if size < has {
        let [has, wanted] = Size::together([has, size]);
        let text = format!("disk `{}` of snapshot `{name}` has {has}, and cannot get smaller ({wanted})", copied.name);
        return Err(Error::new(Code::InvalidSize, text).hint("leave out `--size`, or say a larger one"));
    }
    check_capacity(ctx, size)?;
    let view = host::view(ctx, &NetworkMode::Bridge(String::new()))?;
    let (held, overcommit) = (ctx.store.allocated(&ctx.host_id())?, &ctx.settings.host.overcommit);
    let (what, in_pool) = (format!("a disk of snapshot `{name}`"), (&view.pool, view.used_by_disks));
    capacity::check_copy(&what, volume.allocation, in_pool, &held, overcommit)?;
    capacity::check_growth(&what, (has, size), &view.pool)?;
    Ok((volume, size))
}

/// The disk in a snapshot that is meant.
fn disk_in<'a>(name: &Name, disks: &'a [CopiedDisk], wanted: Option<&Name>) -> Result<&'a CopiedDisk> {
    let all: Vec<String> = disks.iter().map(|one| format!("`{}`", one.name)).collect();
    let refused = |text: String| Error::new(Code::NoSuchDisk, text);
    match (wanted, disks) {
        (_, []) => Err(refused(format!("snapshot `{name}` holds no disk beside the root disk"))
            .hint(Hint::from("a new instance has that: ").run_with(Verb::Create, &[&"--from-snapshot", &name]))),
        (None, [one]) => Ok(one),
        (None, _) => Err(refused(format!("snapshot `{name}` holds several disks: {}", all.join(", ")))
            .hint("say which one with `--disk`")),
        (Some(wanted), disks) => disks.iter().find(|one| one.name == *wanted).ok_or_else(|| {
            refused(format!("snapshot `{name}` holds no disk `{wanted}`")).hint(format!("it holds {}", all.join(", ")))
        }),
    }
}

fn begin(ctx: &mut Ctx, name: &Name, size: Size, copied: Option<Copied>) -> Result<Accepted> {
    let (host, kind) = (ctx.host_id(), OperationKind::CreateDisk);
    let disk = Disk {
        id: Uuid::new_v4(),
        name: name.clone(),
        size,
        volume: None,
        state: DiskState::Creating,
        created_at: ctx.now(),
    };
    let lock = lock(ctx, &disk, kind)?;
    let requester = ctx.requester.clone();
    let operation = Operation::started(kind, ResourceRef::from(&disk), host.clone(), requester, ctx.now());
    ctx.store.write(|t| {
        disks::insert(t, &host, &disk)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, disk, copied, lock })
}

/// Makes the disk that was accepted.
///
/// # Errors
/// What failed: nothing of the disk is left. Where that cannot be made so, the next command tries again.
pub fn run(ctx: &mut Ctx, accepted: Accepted) -> Result<Disk> {
    let Accepted { operation, disk, copied, lock } = accepted;
    let mut run = Run::new(&operation.id);
    let made = make(ctx, &mut run, &disk, copied.as_ref());
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

/// Makes its volume: an empty one, or a copy, which then gets as large as it is to be.
fn make(ctx: &mut Ctx, run: &mut Run<'_>, disk: &Disk, copied: Option<&Copied>) -> Result<()> {
    let (kind, object, none) = (OwnedKind::Disk, volume(ctx, disk), Payload::none());
    let (name, pool) = (plan::disk_volume(disk.id, disk.volume), ctx.settings.host.pool.clone());
    let Some(copied) = copied else {
        let xml = plan::empty_xml(&name, disk.size)?;
        return journal::step(ctx, run, &Step::Ensure { kind, object, xml }, &none);
    };
    let (from, xml) = (copied.volume.clone(), plan::empty_xml(&name, copied.size)?);
    journal::step(ctx, run, &Step::Clone { kind, object, from, xml }, &none)?;
    let bytes = disk.size.as_bytes();
    match disk.size > copied.size {
        true => journal::step(ctx, run, &Step::Grow { pool, volume: name, domain: None, bytes }, &none),
        false => Ok(()),
    }
}

fn volume(ctx: &Ctx, disk: &Disk) -> Object {
    Object::Volume { pool: ctx.settings.host.pool.clone(), name: plan::disk_volume(disk.id, disk.volume) }
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
    plan_delete(ctx, &disk)?;
    let requester = ctx.requester.clone();
    let operation = Operation::started(kind, ResourceRef::from(&disk), ctx.host_id(), requester, ctx.now());
    ctx.store.write(|t| {
        check_deletable(&disk, disks::holder(t, disk.id)?.as_deref())?;
        disks::set_state(t, disk.id, DiskState::Deleting)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, disk, copied: None, lock })
}

/// Refused as [`accept_delete`] would refuse it.
///
/// # Errors
/// An instance has it, or one that is deleted and kept; or it is being made.
pub fn plan_delete(ctx: &Ctx, disk: &Disk) -> Result<()> {
    let holder = holder(ctx, disk.id)?.map(|instance| instance.record.name.to_string());
    check_deletable(disk, holder.as_deref())
}

/// Refused while an instance has it, or it is being made.
fn check_deletable(disk: &Disk, holder: Option<&str>) -> Result<()> {
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
    if let Some(disk) = ctx.store.disk_by_id(id)? {
        let step = Step::Remove { object: volume(ctx, &disk) };
        journal::step(ctx, &mut run, &step, &Payload::none())?;
    }
    let end = (operation.id.as_str(), OperationState::Succeeded);
    ctx.store.forget_disk(id, end, None, ctx.clock.now())
}
