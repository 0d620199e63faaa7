//! export: the disk of a snapshot, or of an instance that is off, in a file that leaves the host. Nothing on the host is changed, so one
//! whose process died is closed: what it wrote is no export, and its copy in the pool is swept as image work.

use std::{
    io::{Read, Write},
    path::Path,
};

use uuid::Uuid;

use crate::{
    engine::{
        Ctx, Observer,
        domain::{image_volume, require_disks, state_of, volume_path},
        hashed::{Content, Hashed},
        host, journal,
        lock::Lock,
        manifest::{Exported, ExportedSecret, Manifest},
        progress::Reporter,
        snapshot_sidecar::Sidecar,
    },
    hypervisor::DomainState,
    image::{
        Packed,
        archive::{self, MEMBERS, Member},
    },
    model::{
        Code, Consistency, Error, Hint, Instance, Name, OperationKind, ResourceRef, Result, SnapshotState, Stage,
        Unobserved, Verb,
    },
    plan,
    store::{Operation, Secret, snapshots},
};

/// An export that is to be written. The lock of what it is of is held: nobody starts or removes that meanwhile.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    of: Exported,
    /// The volume, and that of the image which it lies on.
    disk: (String, String),
    _lock: Lock,
}

/// Accepts the export of a snapshot.
///
/// # Errors
/// Refused: it is being made or removed, or somebody works on it.
pub fn accept_snapshot(ctx: &mut Ctx, name: &Name, with_secrets: bool) -> Result<Accepted> {
    let found = ctx.store.require_snapshot(&ctx.host_id(), name)?.snapshot;
    let what = format!("snapshot `{name}`");
    let lock = lock(ctx, (found.id, &what))?;
    let now = ctx.store.snapshot_by_id(found.id)?.filter(|now| now.state == SnapshotState::Available);
    let Some((consistency, snapshot)) = now.and_then(|now| Some((now.snapshot.consistency?, now.snapshot))) else {
        return Err(Error::new(Code::Busy, format!("{what} is being made, or goes")).hint("export it when it is there"));
    };
    let what = format!("an export of snapshot `{name}`");
    let disk = (plan::snapshot_disk(snapshot.id), snapshot.image.clone());
    check_room(ctx, &what, &disk)?;
    let Sidecar { blueprint, parameters, .. } = Sidecar::read(ctx, snapshot.id)?;
    let secrets = secrets(with_secrets, || ctx.store.write(|t| snapshots::secrets_of(t, &snapshot)))?;
    let resource = ResourceRef::from(&snapshot);
    let of = Exported {
        taken_at: snapshot.created_at,
        consistency,
        record: snapshot.record,
        blueprint,
        parameters,
        secrets,
    };
    begin(ctx, resource, of, disk, lock)
}

/// Accepts the export of an instance that is off.
///
/// # Errors
/// Refused: it is not, or somebody works on it.
pub fn accept_instance(ctx: &mut Ctx, instance: &Instance, with_secrets: bool) -> Result<Accepted> {
    let name = instance.record.name.clone();
    let lock = lock(ctx, (instance.record.uuid, &format!("instance `{name}`")))?;
    let instance = ctx.store.require(&name)?;
    let uuid = instance.record.uuid;
    if instance.phase.is_passing() {
        return Err(Error::new(Code::NotSettled, format!("instance `{name}` is {}", instance.phase)));
    }
    let consistency = match state_of(ctx, &instance)? {
        DomainState::Off => Consistency::Stopped,
        DomainState::Crashed => Consistency::Crash,
        _ => {
            let error = Error::new(Code::DomainRunning, format!("instance `{name}` runs: its disk is written to"));
            return Err(error.hint(Hint::from("export a snapshot of it: ").run_with(Verb::SnapshotCreate, &[&name])));
        }
    };
    require_disks(ctx, &instance)?;
    if instance.record.lies_on.is_some() {
        let text = format!("the disk of instance `{name}` still lies on the snapshot that it was made from");
        let hint = Hint::from("it becomes its own while the instance runs: ").run_with(Verb::Start, &[&name]);
        return Err(Error::new(Code::DomainBusy, text).hint(hint));
    }
    let disk = (plan::root_disk(&instance.record), image_volume(ctx, &instance)?);
    check_room(ctx, &format!("an export of instance `{name}`"), &disk)?;
    let (blueprint, parameters) = ctx.store.blueprint_of(uuid)?;
    let secrets = secrets(with_secrets, || ctx.store.secrets(uuid))?;
    let resource = ResourceRef::instance(&instance.record);
    let of = Exported { taken_at: ctx.now(), consistency, record: instance.record, blueprint, parameters, secrets };
    begin(ctx, resource, of, disk, lock)
}

/// Refused, with the numbers, where the pool has no room for the copy that is made first: at most what both volumes take.
fn check_room(ctx: &Ctx, what: &str, (disk, image): &(String, String)) -> Result<()> {
    let pool = &ctx.settings.host.pool;
    let taken = |volume: &str| Ok(ctx.hypervisor.volume(pool, volume)?.map_or(0, |seen| seen.allocation));
    host::check_copy(ctx, what, taken(disk)? + taken(image)?)
}

fn secrets(wanted: bool, all: impl FnOnce() -> Result<Vec<Secret>>) -> Result<Vec<ExportedSecret>> {
    if wanted { Ok(all()?.into_iter().map(ExportedSecret::from).collect()) } else { Ok(Vec::new()) }
}

fn lock(ctx: &Ctx, what: (Uuid, &str)) -> Result<Lock> {
    Lock::acquire_of(&ctx.locks(), what, OperationKind::Export.as_str(), &*ctx.clock, ctx.wait)
}

fn begin(ctx: &mut Ctx, resource: ResourceRef, of: Exported, disk: (String, String), lock: Lock) -> Result<Accepted> {
    let requester = ctx.requester.clone();
    let operation = Operation::started(OperationKind::Export, resource, ctx.host_id(), requester, ctx.now());
    ctx.store.insert_operation(&operation)?;
    Ok(Accepted { operation, of, disk, _lock: lock })
}

/// Writes the export that was accepted.
///
/// # Errors
/// What failed; what was written by then is no export.
pub fn run(ctx: &mut Ctx, accepted: Accepted, to: &mut dyn Write, observer: &mut dyn Observer) -> Result<()> {
    let Accepted { operation, of, disk, _lock } = accepted;
    let reporter = Reporter::start(ctx, &operation.id);
    let written = write(ctx, of, &disk, to, &mut reporter.observe(observer));
    journal::end(ctx, &operation, written)
}

fn write(
    ctx: &Ctx,
    of: Exported,
    (disk, image): &(String, String),
    to: &mut dyn Write,
    observer: &mut dyn Observer,
) -> Result<()> {
    let (disk, image) = (volume_path(ctx, disk)?, volume_path(ctx, image)?);
    let packed = Packed::of(&ctx.images()?, (Path::new(&disk), Path::new(&image)), &ctx.ending, observer)?;
    let [_, _, name] = MEMBERS;
    let domain = plan::portable_xml(&of.record, &ctx.hypervisor.host()?.arch, name)?;
    let content =
        |bytes: &mut dyn Read| digest(bytes).map_err(|e| Error::new(Code::Read, "cannot read the copy").cause(e));
    let of_disk = content(&mut packed.open()?)?;
    let of_domain = content(&mut domain.as_bytes())?;
    let length = of_disk.length;
    let manifest = Manifest::new(of, ctx.now(), of_domain, of_disk).text()?;
    observer.begin(Stage::Copying);
    let mut disk = packed.open()?;
    let mut counted = Counted { source: &mut disk, done: 0, total: length, observer };
    let (mut manifest_bytes, mut domain_bytes) = (manifest.as_slice(), domain.as_bytes());
    archive::write(
        to,
        ctx.now(),
        [
            Member { length: manifest.len() as u64, source: &mut manifest_bytes },
            Member { length: domain.len() as u64, source: &mut domain_bytes },
            Member { length, source: &mut counted },
        ],
    )
}

/// Bytes on their way, which are told of.
struct Counted<'a> {
    source: &'a mut dyn Read,
    done: u64,
    total: u64,
    observer: &'a mut dyn Observer,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.done += count as u64;
        self.observer.bytes(self.done, Some(self.total));
        Ok(count)
    }
}

fn digest(bytes: &mut dyn Read) -> std::io::Result<Content> {
    let mut unobserved = Unobserved;
    let mut hashed = Hashed::new(bytes, None, &mut unobserved);
    std::io::copy(&mut hashed, &mut std::io::sink())?;
    Ok(hashed.content())
}
