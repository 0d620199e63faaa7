//! A snapshot of one disk: while a guest runs with it, QEMU copies it, as in a snapshot of the instance; while nobody has it open, libvirt
//! does. The sidecar is written last.

use uuid::Uuid;

use crate::{
    engine::{
        Ctx, Observer, capacity, disk_copy,
        disks::{holder, lock_there},
        domain::{state_of, unresponsive, volume_path},
        execute::Payload,
        host,
        journal::{self, Run},
        lock::{self, Lock},
        progress::Reporter,
        snapshot_end::{cut, take_back, write_sidecar},
        snapshot_sidecar::text_of_disk,
        snapshot_source::no_volume,
    },
    hypervisor::{DomainState, VolumeInfo},
    model::{
        Code, Consistency, CopiedDisk, Disk, DiskSnapshot, DiskState, Error, Instance, Name, NetworkMode,
        OperationKind, ResourceRef, Result, Size, SnapshotState, StoredDiskSnapshot,
    },
    plan::{self, DiskCopy, DiskPort, Object, OwnedKind, Step},
    store::{Operation, disk_snapshots, operations, snapshots},
};

/// What a snapshot of a disk would be made from.
pub struct Source {
    copied: CopiedDisk,
    volume: VolumeInfo,
    /// The domain that runs with it, and the device that it is there; none: it is open nowhere.
    live: Option<(Uuid, &'static str)>,
    /// What can be said of its file system without an agent.
    consistency: Consistency,
    /// Whose lock keeps the disk as it is.
    holder: Option<Instance>,
}

impl Source {
    /// How much the copy takes at most.
    pub fn takes(&self) -> Size {
        Size::bytes(self.volume.allocation)
    }
}

/// A snapshot that is to be made: the database has it, and the lock of the disk is held, or that of the instance that has it.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    snapshot: DiskSnapshot,
    source: Source,
    _lock: Lock,
}

/// What a snapshot of a disk would be made from.
///
/// # Errors
/// Refused: a disk that is coming, going or being made larger, an instance that has it and does not answer, a pool without room.
pub fn source(ctx: &Ctx, name: &Name) -> Result<Source> {
    let disk = ctx.store.require_disk(&ctx.host_id(), name)?;
    let not_now = |code, text: String| Error::new(code, text).hint("try again in a moment");
    if disk.state != DiskState::Available {
        return Err(not_now(Code::NotSettled, format!("disk `{name}` is {}", disk.state)));
    }
    let holder = holder(ctx, disk.id)?;
    let (live, consistency) =
        holder.as_ref().map_or(Ok((None, Consistency::Stopped)), |instance| live_in(ctx, instance, &disk))?;
    if let Some((uuid, device)) = live
        && ctx.hypervisor.block_job(uuid, device)?.is_some()
    {
        return Err(not_now(Code::DomainBusy, format!("disk `{name}` has a block job already")));
    }
    let volume = plan::disk_volume(disk.id, disk.volume);
    let volume = ctx.hypervisor.volume(&ctx.settings.host.pool, &volume)?.ok_or_else(|| {
        Error::new(Code::DiskGone, format!("the volume `{volume}` of disk `{name}` is gone"))
            .hint("put it back from a backup, or delete the disk")
    })?;
    let view = host::view(ctx, &NetworkMode::Bridge(String::new()))?;
    let (held, overcommit) = (ctx.store.allocated(&ctx.host_id())?, &ctx.settings.host.overcommit);
    let (what, in_pool) = (format!("a snapshot of disk `{name}`"), (&view.pool, view.used_by_disks));
    capacity::check_copy(&what, volume.allocation, in_pool, &held, overcommit)?;
    let attached = holder.as_ref().and_then(|instance| instance.record.attachment(disk.id));
    let mount = attached.and_then(|one| one.mount.clone());
    let copied = CopiedDisk { disk: disk.id, name: disk.name, size: Size::bytes(volume.capacity), mount };
    Ok(Source { copied, volume, live, consistency, holder })
}

/// The domain of an instance, if it is up, with the device that the disk is there; and what can be said of the file system.
fn live_in(ctx: &Ctx, instance: &Instance, disk: &Disk) -> Result<(Option<(Uuid, &'static str)>, Consistency)> {
    let name = &instance.record.name;
    let not_now = |code, why: &str| {
        Err(Error::new(code, format!("instance `{name}`, which has disk `{}`, {why}", disk.name))
            .hint("try again in a moment"))
    };
    if instance.phase.is_passing() {
        return not_now(Code::NotSettled, &format!("is {}", instance.phase));
    }
    match state_of(ctx, instance)? {
        state if disk_copy::is_up(state) => match instance.record.attachment(disk.id).and_then(DiskPort::of) {
            Some(port) => Ok((Some((instance.record.uuid, port.device)), Consistency::Crash)),
            None => not_now(Code::NotSettled, "has it where lite gives none"),
        },
        DomainState::Off => Ok((None, Consistency::Stopped)),
        DomainState::Crashed => Ok((None, Consistency::Crash)),
        DomainState::Unresponsive => Err(unresponsive(name)),
        DomainState::ShuttingDown => not_now(Code::DomainStopping, "is going down"),
        _ => not_now(Code::NotSettled, "is in a state that lite does not know"),
    }
}

/// Accepts a snapshot of a disk, under a name of its own if none is given.
///
/// # Errors
/// What [`source`] refuses, a name that is taken, or busy.
pub fn accept(ctx: &mut Ctx, disk: &Name, name: Option<&Name>) -> Result<Accepted> {
    let kind = OperationKind::CreateDiskSnapshot;
    let found = ctx.store.require_disk(&ctx.host_id(), disk)?;
    let before = holder(ctx, found.id)?;
    let lock = match &before {
        Some(instance) => lock::take(ctx, instance, kind.as_str())?,
        None => lock_there(ctx, &found, kind)?,
    };
    // As it is now, not as it was before the lock.
    let source = source(ctx, disk)?;
    let ids = [&before, &source.holder].map(|one| one.as_ref().map(|instance| instance.record.uuid));
    if source.copied.disk != found.id || ids[0] != ids[1] {
        return Err(Error::new(Code::Busy, format!("disk `{disk}` was given or taken meanwhile")).hint("try again"));
    }
    let (host, now, requester) = (ctx.host_id(), ctx.now(), ctx.requester.clone());
    let (snapshot, operation) = ctx.store.write(|t| {
        let name = name.map_or_else(|| snapshots::free_name(t, disk), |name| Ok(name.clone()))?;
        let (id, disk) = (Uuid::new_v4(), source.copied.clone());
        let snapshot = DiskSnapshot { id, name, disk, consistency: None, created_at: now };
        let stored = StoredDiskSnapshot { snapshot, state: SnapshotState::Creating, allocation: None };
        disk_snapshots::insert(t, &host, &stored)?;
        let resource = ResourceRef::from(&stored.snapshot);
        let mut operation = Operation::started(kind, resource, host.clone(), requester, now);
        operation.machine = Some(ids[0].unwrap_or(found.id));
        operations::insert(t, &operation)?;
        Ok((stored.snapshot, operation))
    })?;
    Ok(Accepted { operation, snapshot, source, _lock: lock })
}

/// Makes the snapshot that was accepted.
///
/// # Errors
/// What failed: nothing of the snapshot is left. Where that cannot be made so, the next command tries again.
pub fn run(ctx: &mut Ctx, accepted: Accepted, observer: &mut dyn Observer) -> Result<StoredDiskSnapshot> {
    let Accepted { operation, mut snapshot, source, _lock } = accepted;
    let reporter = Reporter::start(ctx, &operation.id);
    reporter.observe(observer).note(&format!("copying up to {}", source.takes()));
    let mut run = Run::new(&operation.id);
    let made = make(ctx, &mut run, &mut snapshot, &source);
    let steps = run.started;
    match made {
        Ok(allocation) => {
            let state = SnapshotState::Available;
            let stored = StoredDiskSnapshot { snapshot, state, allocation: Some(allocation) };
            ctx.store.finish_disk_snapshot(&stored, &operation.id, ctx.clock.now())?;
            Ok(stored)
        }
        Err(error) => Err(take_back(ctx, (&operation, &steps), error, "make")?),
    }
}

/// Makes the copy and what is known of it; how much it takes.
fn make(ctx: &mut Ctx, run: &mut Run<'_>, snapshot: &mut DiskSnapshot, source: &Source) -> Result<Size> {
    let (pool, kind, none) = (ctx.settings.host.pool.clone(), OwnedKind::SnapshotPart, Payload::none());
    let name = plan::snapshot_part(snapshot.id, source.copied.disk);
    let (object, xml) =
        (Object::Volume { pool: pool.clone(), name: name.clone() }, plan::empty_xml(&name, source.copied.size)?);
    let is_frozen = match source.live {
        Some((uuid, device)) => {
            journal::step(ctx, run, &Step::Ensure { kind, object, xml }, &none)?;
            copy_live(ctx, run, uuid, device, &name)?
        }
        None => {
            let from = source.volume.name.clone();
            journal::step(ctx, run, &Step::Clone { kind, object, from, xml }, &none)?;
            false
        }
    };
    snapshot.consistency = Some(if is_frozen { Consistency::Frozen } else { source.consistency });
    let content = text_of_disk(snapshot)?;
    write_sidecar(ctx, run, snapshot.id, &content)?;
    let seen = ctx.hypervisor.volume(&pool, &name)?.ok_or_else(|| no_volume(&name))?;
    Ok(Size::bytes(seen.allocation))
}

/// Has QEMU copy the disk of a domain that is up; its guest is frozen for the end if it has an agent. Whether it was.
fn copy_live(ctx: &mut Ctx, run: &mut Run<'_>, uuid: Uuid, device: &str, name: &str) -> Result<bool> {
    let none = Payload::none();
    let path = volume_path(ctx, name)?;
    let xml = plan::copy_target_xml(&path, None)?;
    let copy = DiskCopy { device: device.to_owned(), path };
    journal::step(ctx, run, &Step::Copy { uuid, copy: copy.clone(), xml }, &none)?;
    cut(ctx, run, uuid, vec![copy])
}
