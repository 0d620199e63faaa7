//! Snapshots of instances, made and removed.
//!
//! A snapshot is an overlay on the instance's image, as the root disk is, so it depends on nothing but the image. QEMU copies into
//! it what the root disk holds; a stopped instance's domain is started paused for that. Disks that the instance was given are copied
//! whole, and all copies end at one moment. The sidecar is written last.

use jiff::civil::Date;
use uuid::Uuid;

use crate::{
    engine::{
        Ctx, Observer,
        domain::volume_path,
        execute::Payload,
        image_leftovers,
        images::is_received,
        journal::{self, Run},
        lock::{self, Lock},
        progress::Reporter,
        snapshot_end::{cut, end, write_sidecar},
        snapshot_sidecar::Sidecar,
        snapshot_source::no_volume,
    },
    model::{
        AnySnapshot, Code, Consistency, Error, Instance, Name, OperationKind, Record, ResourceRef, Result, Size,
        Snapshot, SnapshotState, StoredSnapshot,
    },
    plan::{self, DiskCopy, Object, OwnedKind, PausedPlan, Step},
    store::{Operation, OperationState, Transaction, disk_snapshots, operations, snapshots},
};

pub use crate::engine::snapshot_source::{Source, source};

/// A snapshot that is to be made: the database has it, and the lock of its instance is held.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    snapshot: Snapshot,
    source: Source,
    _lock: Lock,
}

/// Accepts a snapshot of an instance, under a name of its own if none is given.
///
/// # Errors
/// What [`source`] refuses, a name that is taken, or busy.
pub fn accept(ctx: &mut Ctx, instance: &Instance, name: Option<&Name>) -> Result<Accepted> {
    begin(ctx, instance, |t, instance| match name {
        Some(name) => Ok(Wanted { name: name.clone(), automatic: false, expires_at: None }),
        None => Ok(Wanted { name: snapshots::free_name(t, instance)?, automatic: false, expires_at: None }),
    })
}

/// Accepts the automatic snapshot of a day.
///
/// # Errors
/// Those of [`accept`].
pub fn accept_automatic(ctx: &mut Ctx, instance: &Instance, day: Date) -> Result<Accepted> {
    begin(ctx, instance, |t, instance| {
        Ok(Wanted { name: snapshots::free_name_of(t, instance, day)?, automatic: true, expires_at: None })
    })
}

/// Accepts a snapshot that goes by itself after a time, under a name of its own.
///
/// # Errors
/// Those of [`accept`].
pub fn accept_until(ctx: &mut Ctx, instance: &Instance, until: jiff::Timestamp) -> Result<Accepted> {
    begin(ctx, instance, |t, instance| {
        Ok(Wanted { name: snapshots::free_name(t, instance)?, automatic: false, expires_at: Some(until) })
    })
}

/// What a snapshot is to be.
struct Wanted {
    name: Name,
    automatic: bool,
    expires_at: Option<jiff::Timestamp>,
}

/// Accepts a snapshot; `wanted`: what it is to be for an instance of this name.
fn begin(
    ctx: &mut Ctx,
    instance: &Instance,
    wanted: impl Fn(&Transaction<'_>, &Name) -> Result<Wanted>,
) -> Result<Accepted> {
    let kind = OperationKind::CreateSnapshot;
    let lock = lock::take(ctx, instance, kind.as_str())?;
    // As it is now, not as it was before the lock.
    let instance = ctx.store.require(&instance.record.name)?;
    let source = source(ctx, &instance)?;
    let (host, now, requester) = (ctx.host_id(), ctx.now(), ctx.requester.clone());
    let (snapshot, operation) = ctx.store.write(|t| {
        let Wanted { name, automatic, expires_at } = wanted(t, &instance.record.name)?;
        let snapshot = Snapshot {
            id: Uuid::new_v4(),
            name,
            // Which disks it was given is told beside it: no other has those.
            record: Record { disks: Vec::new(), root_disk: None, ..instance.record.clone() },
            image: source.image.0.clone(),
            size: Size::bytes(source.root.capacity),
            disks: source.disks.iter().map(|one| one.copied.clone()).collect(),
            consistency: None,
            created_at: now,
            automatic,
            expires_at,
        };
        snapshots::insert(t, &host, &snapshot)?;
        let mut operation = Operation::started(kind, ResourceRef::from(&snapshot), host.clone(), requester, now);
        operation.machine = Some(instance.record.uuid);
        operations::insert(t, &operation)?;
        Ok((snapshot, operation))
    })?;
    Ok(Accepted { operation, snapshot, source, _lock: lock })
}

/// Makes the snapshot that was accepted.
///
/// # Errors
/// What failed: the guest runs on, and nothing of the snapshot is left. Where that cannot be made so, the next command tries again.
pub fn run(ctx: &mut Ctx, accepted: Accepted, observer: &mut dyn Observer) -> Result<StoredSnapshot> {
    let Accepted { operation, mut snapshot, source, _lock } = accepted;
    let reporter = Reporter::start(ctx, &operation.id);
    reporter.observe(observer).note(&format!("copying up to {}", source.takes()));
    let mut run = Run::new(&operation.id);
    let made = make(ctx, &mut run, &mut snapshot, &source);
    let steps = run.started;
    end(ctx, (&operation, &steps), snapshot, made, "make")
}

/// Makes the copies and what is known of them; how much they take.
fn make(ctx: &mut Ctx, run: &mut Run<'_>, snapshot: &mut Snapshot, source: &Source) -> Result<Size> {
    let (uuid, pool) = (snapshot.record.uuid, ctx.settings.host.pool.clone());
    let none = Payload::none();
    if !source.is_up {
        let step = start_paused(ctx, snapshot, source)?;
        journal::step(ctx, run, &step, &none)?;
    }
    let copies = copy(ctx, run, snapshot, source)?;
    let is_frozen = match source.is_up {
        true => cut(ctx, run, uuid, copies)?,
        false => journal::step(ctx, run, &Step::Cut { uuid, copies }, &none).map(|()| false)?,
    };
    if !source.is_up {
        journal::step(ctx, run, &Step::EndPaused { uuid }, &none)?;
    }
    snapshot.consistency = Some(if is_frozen { Consistency::Frozen } else { source.consistency });
    let content = Sidecar::of(ctx, snapshot)?.text()?;
    write_sidecar(ctx, run, snapshot.id, &content)?;
    let mut takes = 0;
    for name in plan::snapshot_copies(snapshot) {
        takes += ctx.hypervisor.volume(&pool, &name)?.ok_or_else(|| no_volume(&name))?.allocation;
    }
    Ok(Size::bytes(takes))
}

/// Copies each disk into a volume of its own; from then on each write goes to both.
fn copy(ctx: &mut Ctx, run: &mut Run<'_>, snapshot: &Snapshot, source: &Source) -> Result<Vec<DiskCopy>> {
    let (uuid, pool, none) = (snapshot.record.uuid, ctx.settings.host.pool.clone(), Payload::none());
    let root = plan::snapshot_disk(snapshot.id);
    let xml = plan::overlay_xml(&root, snapshot.size, &source.image.1)?;
    let mut targets = vec![(OwnedKind::SnapshotDisk, root, xml, Some(&*source.image.1))];
    for one in &snapshot.disks {
        let name = plan::snapshot_part(snapshot.id, one.disk);
        let xml = plan::empty_xml(&name, one.size)?;
        targets.push((OwnedKind::SnapshotPart, name, xml, None));
    }
    let mut copies = Vec::new();
    for ((kind, name, xml, below), device) in targets.into_iter().zip(source.devices()) {
        let object = Object::Volume { pool: pool.clone(), name: name.clone() };
        journal::step(ctx, run, &Step::Ensure { kind, object, xml }, &none)?;
        let path = volume_path(ctx, &name)?;
        let xml = plan::copy_target_xml(&path, below)?;
        let copy = DiskCopy { device: device.to_owned(), path };
        journal::step(ctx, run, &Step::Copy { uuid, copy: copy.clone(), xml }, &none)?;
        copies.push(copy);
    }
    Ok(copies)
}

fn start_paused(ctx: &Ctx, snapshot: &Snapshot, source: &Source) -> Result<Step> {
    let host = ctx.hypervisor.host()?;
    let record = &snapshot.record;
    let disks: Vec<_> = source.disks.iter().map(|one| (one.device, one.volume.path.as_str())).collect();
    let xml = plan::paused_xml(PausedPlan {
        record,
        root: &source.root.path,
        image: &source.image.1,
        disks: &disks,
        arch: &host.arch,
        machine: host.q35.then_some("q35"),
    })?;
    Ok(Step::StartPaused { uuid: record.uuid, xml })
}

/// A snapshot that goes: the database says so, and its lock is held.
pub struct Deletion {
    /// The operation.
    pub operation: Operation,
    lock: Lock,
}

/// Refused (busy) for a snapshot that is being made, or that the disk of an instance still lies on.
pub fn check_deletable(ctx: &Ctx, one: &AnySnapshot) -> Result<()> {
    match (one.state(), one) {
        (SnapshotState::Available, AnySnapshot::Instance(one)) => ctx.store.refuse_snapshot_in_use(&one.snapshot),
        (SnapshotState::Available, AnySnapshot::Disk(_)) | (SnapshotState::Deleting, _) => Ok(()),
        (SnapshotState::Creating, _) => {
            let text = format!("snapshot `{}` is being made", one.resource().name);
            Err(Error::new(Code::Busy, text).hint("delete it when it is there"))
        }
    }
}

/// Accepts that a snapshot goes.
///
/// # Errors
/// What [`check_deletable`] refuses, or busy.
pub fn accept_delete(ctx: &mut Ctx, name: &Name) -> Result<Deletion> {
    let (host, kind) = (ctx.host_id(), OperationKind::DeleteSnapshot);
    let id = ctx.store.require_any_snapshot(&host, name)?.resource().id;
    let what = format!("snapshot `{name}`");
    let lock = Lock::acquire_of(&ctx.locks(), (id, &what), kind.as_str(), &*ctx.clock, ctx.wait)?;
    // It may have gone, or another of the name be there, since it was found.
    let Some(found) = ctx.store.any_snapshot_by_id(id)? else {
        lock.retire();
        return Err(Error::new(Code::NoSuchSnapshot, format!("{what} was deleted meanwhile")));
    };
    check_deletable(ctx, &found)?;
    let requester = ctx.requester.clone();
    let operation = Operation::started(kind, found.resource(), host, requester, ctx.now());
    ctx.store.write(|t| {
        disk_snapshots::begin_delete(t, &found)?;
        operations::insert(t, &operation)
    })?;
    Ok(Deletion { operation, lock })
}

/// Removes the snapshot that was accepted to go.
///
/// # Errors
/// What could not be removed; the next command goes on with it.
pub fn run_delete(ctx: &mut Ctx, accepted: Deletion) -> Result<()> {
    go_on(ctx, &accepted.operation)?;
    accepted.lock.retire();
    Ok(())
}

/// The process of a delete died, or a step failed: it goes on.
///
/// # Errors
/// What could not be removed.
pub fn resume_delete(ctx: &mut Ctx, operation: &Operation, lock: Lock) -> Result<String> {
    go_on(ctx, operation)?;
    lock.retire();
    Ok(format!("finished the delete of snapshot `{}` that was cut off", operation.resource.name))
}

fn go_on(ctx: &mut Ctx, operation: &Operation) -> Result<()> {
    let (id, pool) = (operation.resource.id, ctx.settings.host.pool.clone());
    let mut run = Run::new(&operation.id);
    let volumes = match ctx.store.any_snapshot_by_id(id)? {
        Some(found) => plan::volumes_of_any(&found),
        None => vec![plan::snapshot_sidecar(id), plan::snapshot_disk(id)],
    };
    // Without its sidecar it is none, whatever happens next.
    for name in volumes {
        let step = Step::Remove { object: Object::Volume { pool: pool.clone(), name } };
        journal::step(ctx, &mut run, &step, &Payload::none())?;
    }
    let image = ctx.store.snapshot_by_id(id)?.map(|one| one.snapshot.image);
    let end = (operation.id.as_str(), OperationState::Succeeded);
    ctx.store.forget_snapshot(id, end, None, ctx.clock.now())?;
    match image.is_some_and(|image| is_received(&image)) {
        // It may have been the last that lay on it; what stays goes with the next command.
        true => image_leftovers::tidy(ctx).map(drop),
        false => Ok(()),
    }
}
