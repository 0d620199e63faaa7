//! export: the disks of a snapshot, or of an instance that is off, in a file that leaves the host. Nothing on the host is changed, so one
//! whose process died is closed: what it wrote is no export, and its copy in the pool is swept as image work.

use std::{
    io::{Read, Write},
    path::PathBuf,
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
        room,
        snapshot_sidecar::Sidecar,
        snapshot_source::{given, source},
    },
    hypervisor::DomainState,
    image::{
        Packed,
        archive::{self, DISKS},
    },
    model::{
        Code, Consistency, Error, Hint, Instance, Name, OperationKind, ResourceRef, Result, Size, SnapshotState, Stage,
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
    disks: Vec<Volume>,
    /// Bytes of the pool that their copies take at most.
    needed: u64,
    _lock: Lock,
}

/// A disk that is to be in it.
struct Volume {
    name: String,
    /// The volume of the image which it lies on; none: it lies on nothing.
    below: Option<String>,
}

impl Volume {
    /// All of one thing: the root disk and its image, and those that an instance was given.
    fn all(root: String, image: String, given: impl Iterator<Item = String>) -> Vec<Self> {
        let root = Self { name: root, below: Some(image) };
        std::iter::once(root).chain(given.map(|name| Self { name, below: None })).collect()
    }
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
    let given = snapshot.disks.iter().map(|one| plan::snapshot_part(snapshot.id, one.disk));
    let disks = Volume::all(plan::snapshot_disk(snapshot.id), snapshot.image.clone(), given);
    let needed = check_room(ctx, &what, &disks)?;
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
        disks: snapshot.disks,
    };
    begin(ctx, resource, of, (disks, needed), lock)
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
    let given = given(ctx, &instance.record)?;
    let volumes = given.iter().map(|one| one.volume.name.clone());
    let volumes = Volume::all(plan::root_disk(&instance.record), image_volume(ctx, &instance)?, volumes);
    let needed = check_room(ctx, &format!("an export of instance `{name}`"), &volumes)?;
    let (blueprint, parameters) = ctx.store.blueprint_of(uuid)?;
    let secrets = secrets(with_secrets, || ctx.store.secrets(uuid))?;
    let resource = ResourceRef::instance(&instance.record);
    let of = Exported {
        taken_at: ctx.now(),
        consistency,
        record: instance.record,
        blueprint,
        parameters,
        secrets,
        disks: given.into_iter().map(|one| one.copied).collect(),
    };
    begin(ctx, resource, of, (volumes, needed), lock)
}

/// Looks before anything is changed whether one that runs can be exported: its snapshot, and then the copies of that, have to fit.
///
/// # Errors
/// Refused: no snapshot of it can be made now, or the pool has no room for both.
pub fn check_running(ctx: &Ctx, instance: &Instance) -> Result<()> {
    let source = source(ctx, instance)?;
    let image = ctx.hypervisor.volume(&ctx.settings.host.pool, &source.image.0)?.map_or(0, |seen| seen.allocation);
    let taken = source.takes().as_bytes().saturating_mul(2).saturating_add(image);
    host::check_copy(ctx, &format!("an export of instance `{}`, which runs,", instance.record.name), taken)
}

/// How much the copies that are made first take at most, which is what all volumes take; refused, with the numbers, where the pool has
/// no room for that.
fn check_room(ctx: &Ctx, what: &str, disks: &[Volume]) -> Result<u64> {
    let mut taken = 0_u64;
    for volume in disks.iter().flat_map(|disk| std::iter::once(&disk.name).chain(&disk.below)) {
        let seen = ctx.hypervisor.volume(&ctx.settings.host.pool, volume)?;
        taken = taken.saturating_add(seen.map_or(0, |seen| seen.allocation));
    }
    host::check_copy(ctx, what, taken).map(|()| taken)
}

fn secrets(wanted: bool, all: impl FnOnce() -> Result<Vec<Secret>>) -> Result<Vec<ExportedSecret>> {
    if wanted { Ok(all()?.into_iter().map(ExportedSecret::from).collect()) } else { Ok(Vec::new()) }
}

fn lock(ctx: &Ctx, what: (Uuid, &str)) -> Result<Lock> {
    Lock::acquire_of(&ctx.locks(), what, OperationKind::Export.as_str(), &*ctx.clock, ctx.wait)
}

fn begin(
    ctx: &mut Ctx,
    resource: ResourceRef,
    of: Exported,
    (disks, needed): (Vec<Volume>, u64),
    lock: Lock,
) -> Result<Accepted> {
    let requester = ctx.requester.clone();
    let operation = Operation::started(OperationKind::Export, resource, ctx.host_id(), requester, ctx.now());
    ctx.store.insert_operation(&operation)?;
    Ok(Accepted { operation, of, disks, needed, _lock: lock })
}

/// Writes the export that was accepted.
///
/// # Errors
/// What failed; what was written by then is no export.
pub fn run(ctx: &mut Ctx, accepted: Accepted, to: &mut dyn Write, observer: &mut dyn Observer) -> Result<()> {
    let Accepted { operation, of, disks, needed, _lock } = accepted;
    let reporter = Reporter::start(ctx, &operation.id);
    let written = write(ctx, of, (&disks, needed), to, &mut reporter.observe(observer));
    journal::end(ctx, &operation, written)
}

fn write(
    ctx: &Ctx,
    of: Exported,
    (disks, needed): (&[Volume], u64),
    to: &mut dyn Write,
    observer: &mut dyn Observer,
) -> Result<()> {
    let path = |name: &String| volume_path(ctx, name).map(PathBuf::from);
    let place = |disk: &Volume| Ok((path(&disk.name)?, disk.below.as_ref().map(path).transpose()?));
    let places = disks.iter().map(place).collect::<Result<Vec<_>>>()?;
    let packed = Packed::of(&ctx.images()?, &places, &ctx.ending, observer);
    let packed = packed.map_err(|e| room::headed(ctx, "the export", needed, e))?;
    let members = DISKS.get(..disks.len()).unwrap_or(&DISKS);
    let domain = plan::portable_xml(&of.record, &ctx.hypervisor.host()?.arch, members)?;
    let content =
        |bytes: &mut dyn Read| digest(bytes).map_err(|e| Error::new(Code::Read, "cannot read the copy").cause(e));
    let mut contents = packed.open()?.iter_mut().map(|file| content(file)).collect::<Result<Vec<_>>>()?;
    let of_domain = content(&mut domain.as_bytes())?;
    let lengths: Vec<u64> = contents.iter().map(|content| content.length).collect();
    let root = contents.remove(0);
    let manifest = Manifest::new(of, ctx.now(), of_domain, (root, contents)).text()?;
    observer.begin(Stage::Copying);
    let total = lengths.iter().sum();
    let texts = [manifest.as_slice(), domain.as_bytes()];
    let files: Vec<_> = packed.open()?.into_iter().zip(lengths).collect();
    write_members(archive::Writer::new(to, ctx.now()), texts, (files, total), observer).map_err(|e| match e.code {
        Code::NotWritable => e.within(format!("an export of {} was not written", Size::bytes(total).about())),
        _ => e,
    })
}

fn write_members<R: Read>(
    mut export: archive::Writer<'_>,
    texts: [&[u8]; 2],
    (files, total): (Vec<(R, u64)>, u64),
    observer: &mut dyn Observer,
) -> Result<()> {
    for mut text in texts {
        let length = text.len() as u64;
        export.add(&mut text, length)?;
    }
    let mut done = 0;
    for (mut file, length) in files {
        export.add(&mut Counted { source: &mut file, done, total, observer }, length)?;
        done += length;
    }
    export.end()
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
