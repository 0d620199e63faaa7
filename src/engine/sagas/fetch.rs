//! A snapshot comes back from a remote: a local one, from which instances are made as from others. That is the one way back, so that all
//! checks of a create hold for it, and nothing of what the remote says is defined.

use std::{io::Write, path::Path};

use uuid::Uuid;

use crate::{
    engine::{
        Ctx, Observer, capacity,
        domain::{let_calls_end, volume_path},
        execute::Payload,
        hashed::{Content, Expected},
        host,
        journal::{self, OWNER_DIED, Run},
        lock::Lock,
        off_site::{Contents, DATA, DISK, IMAGE, MANIFEST, MOST, Manifest, OffSite, base_of, content_of},
        progress::Reporter,
        remote::open,
        snapshot_end::end,
        snapshot_sidecar::Sidecar,
    },
    hypervisor::Upload,
    image::restic::{Kept, Received, Repository, receive_image},
    kill_point,
    model::{
        Code, Error, Name, NetworkMode, OperationKind, OperationState, Remote, ResourceRef, Result, Size, Snapshot,
        Stage, StoredSnapshot, Unobserved,
    },
    plan::{self, Object, OwnedKind, Step},
    store::{Operation, Secret, operations, snapshots},
};

/// A snapshot that is to come back: the database has it, and its lock is held.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    snapshot: Snapshot,
    remote: Remote,
    told: OffSite,
    manifest: Manifest,
    _locks: [Lock; 2],
}

/// What would come back.
pub struct Found {
    remote: Remote,
    told: OffSite,
    manifest: Manifest,
    name: Name,
}

impl Found {
    /// Its name here.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// How much it takes at most.
    pub fn takes(&self) -> Size {
        let Manifest { image, disk, disks, .. } = &self.manifest;
        let all = [image, disk].into_iter().chain(disks).map(|content| content.length);
        Size::bytes(all.fold(0, u64::saturating_add))
    }
}

/// Looks for a snapshot in a remote, and reads what it is. `name`: what it is to be called here.
///
/// # Errors
/// There is none, it is damaged, or there is no room for it.
pub fn find(ctx: &Ctx, remote: &Name, snapshot: &str, name: Option<&Name>) -> Result<Found> {
    let remote = ctx.store.require_remote(remote)?;
    let repository = open(&ctx.settings, &remote, &ctx.cancel)?;
    let there = Contents::of(&repository)?;
    let told = there.require(&remote.name, snapshot)?.clone();
    let mut text = Bounded(Vec::new());
    repository.give(&told.manifest, MANIFEST, &mut text)?;
    let manifest = Manifest::read(&text.0, &told)?;
    let name = name.unwrap_or(&told.name).clone();
    let found = Found { remote, told, manifest, name };
    // Without a pool there is one of nothing but room, which is made then.
    if ctx.hypervisor.pool(&ctx.settings.host.pool)?.is_some() {
        let view = host::view(ctx, &NetworkMode::Bridge(String::new()))?;
        let (held, overcommit) = (ctx.store.allocated(&ctx.host_id())?, &ctx.settings.host.overcommit);
        let what = format!("snapshot `{}`", found.name);
        capacity::check_copy(&what, found.takes().as_bytes(), (&view.pool, view.used_by_disks), &held, overcommit)?;
    }
    Ok(found)
}

/// Bytes of a manifest, and no more.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MOST {
            return Err(std::io::Error::other("it is larger than one is"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Accepts that it comes back.
///
/// # Errors
/// A name that is taken, or busy.
pub fn accept(ctx: &mut Ctx, found: Found) -> Result<Accepted> {
    let Found { remote, told, manifest, name } = found;
    host::prepare_host(ctx, &NetworkMode::Bridge(String::new()), &mut Unobserved)?;
    let kind = OperationKind::FetchSnapshot;
    // A snapshot of its own, which does not go by itself.
    let snapshot =
        Snapshot { id: Uuid::new_v4(), name, automatic: false, expires_at: None, ..manifest.snapshot.clone() };
    let lock = |id, what: &str| Lock::acquire_of(&ctx.locks(), (id, what), kind.as_str(), &*ctx.clock, ctx.wait);
    let what = format!("snapshot `{}`", snapshot.name);
    let locks = [lock(remote.id, &format!("remote `{}`", remote.name))?, lock(snapshot.id, &what)?];
    let (host, requester) = (ctx.host_id(), ctx.requester.clone());
    let operation = Operation::started(kind, ResourceRef::from(&snapshot), host.clone(), requester, ctx.now());
    let secrets: Vec<Secret> = manifest.secrets.iter().cloned().map(Secret::from).collect();
    let of_source = (&manifest.blueprint, &manifest.parameters);
    ctx.store.write(|t| {
        snapshots::bring(t, &host, &snapshot, of_source, &secrets)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, snapshot, remote, told, manifest, _locks: locks })
}

/// Brings what was accepted.
///
/// # Errors
/// What failed: nothing of the snapshot is left.
pub fn run(ctx: &mut Ctx, accepted: Accepted, observer: &mut dyn Observer) -> Result<StoredSnapshot> {
    let reporter = Reporter::start(ctx, &accepted.operation.id);
    let (operation, snapshot) = (accepted.operation.clone(), accepted.snapshot.clone());
    let mut run = Run::new(&operation.id);
    let brought = bring(ctx, &mut run, &accepted, &mut reporter.observe(observer));
    let steps = run.started;
    end(ctx, (&operation, &steps), snapshot, brought, "restore")
}

fn bring(ctx: &mut Ctx, run: &mut Run<'_>, accepted: &Accepted, observer: &mut dyn Observer) -> Result<Size> {
    let Accepted { snapshot, remote, told, manifest, .. } = accepted;
    let (pool, images, cancel) = (ctx.settings.host.pool.clone(), ctx.images()?, ctx.ending.clone());
    let repository = open(&ctx.settings, remote, &cancel)?;
    observer.begin(Stage::Download);
    if ctx.hypervisor.volume(&pool, &snapshot.image)?.is_none() {
        let named = (base_of(&snapshot.image), manifest.image.sha256.as_str());
        let mut image = |to: &mut dyn Write, observer: &mut dyn Observer| {
            fetch(&repository, (&told.image_file, IMAGE), &manifest.image, to, observer)
        };
        receive_image(&images, named, &mut image, &cancel, observer)?;
    } else {
        check_image(ctx, &snapshot.image, &manifest.image)?;
    }
    let base = volume_path(ctx, &snapshot.image)?;
    let mut disk = |to: &mut dyn Write, observer: &mut dyn Observer| {
        fetch(&repository, (&told.disk, DISK), &manifest.disk, to, observer)
    };
    let (places, size) = ((Path::new(&manifest.backing), Path::new(&base)), snapshot.size.as_bytes());
    let received = Received::overlay(&images, places, size, &mut disk, &cancel, observer)?;
    observer.begin(Stage::Copying);
    let name = plan::snapshot_disk(snapshot.id);
    let xml = plan::seed_xml(&name, manifest.disk.length)?;
    let mut takes = put(ctx, run, (OwnedKind::SnapshotDisk, name, xml), received)?;
    for ((copied, content), kept) in snapshot.disks.iter().zip(&manifest.disks).zip(&told.disks) {
        observer.begin(Stage::Download);
        let mut data =
            |to: &mut dyn Write, observer: &mut dyn Observer| fetch(&repository, (kept, DATA), content, to, observer);
        let received = Received::disk(&images, copied.size.as_bytes(), &mut data, &cancel, observer)?;
        observer.begin(Stage::Copying);
        let name = plan::snapshot_part(snapshot.id, copied.disk);
        // libvirt is to know what it is, and takes no more bytes than it believes to have room for; the size is that in the header.
        let xml = plan::empty_xml(&name, copied.size.max(Size::bytes(content.length)))?;
        takes += put(ctx, run, (OwnedKind::SnapshotPart, name, xml), received)?;
    }
    let content = Sidecar::new(snapshot, &manifest.blueprint, &manifest.parameters).text()?;
    let name = plan::snapshot_sidecar(snapshot.id);
    let xml = plan::seed_xml(&name, content.len() as u64)?;
    let step = Step::Ensure { kind: OwnedKind::SnapshotSidecar, object: Object::Volume { pool, name }, xml };
    journal::step(ctx, run, &step, &Payload::of(OwnedKind::SnapshotSidecar, &content))?;
    Ok(Size::bytes(takes))
}

/// Puts a file that came back into a volume of the snapshot; its length.
fn put(
    ctx: &mut Ctx,
    run: &mut Run<'_>,
    (kind, name, xml): (OwnedKind, String, String),
    received: Received,
) -> Result<u64> {
    let (mut file, length) = received.open()?;
    let pool = ctx.settings.host.pool.clone();
    let object = Object::Volume { pool: pool.clone(), name: name.clone() };
    journal::step(ctx, run, &Step::Ensure { kind, object, xml }, &Payload::none())?;
    ctx.hypervisor.upload_from(&pool, &name, Upload { source: &mut file, length })?;
    kill_point::reached("effect");
    Ok(length)
}

/// Writes a file that is kept; refused where it is not what the manifest says.
fn fetch(
    repository: &Repository<'_>,
    (kept, name): (&Kept, &str),
    wanted: &Content,
    to: &mut dyn Write,
    observer: &mut dyn Observer,
) -> Result<()> {
    let mut expected = Expected::new(to, wanted, observer);
    repository.give(kept, name, &mut expected)?;
    match expected.ends_whole() {
        true => Ok(()),
        false => Err(Error::new(Code::RemoteDamaged, format!("`{name}` is not as it was pushed"))),
    }
}

/// Whether the image that is here is the one that is wanted: its name has a part of the digest alone.
fn check_image(ctx: &Ctx, volume: &str, wanted: &Content) -> Result<()> {
    match content_of(ctx, volume, &mut Unobserved)? == *wanted {
        true => Ok(()),
        false => {
            let text = format!("volume `{volume}` is not the image that the snapshot lies on");
            Err(Error::failed(Code::ImageDamaged, text))
        }
    }
}

/// The process died: what was there of the snapshot goes.
///
/// # Errors
/// What could not be undone.
pub fn resume(ctx: &mut Ctx, operation: &Operation) -> Result<String> {
    let steps = journal::journalled(ctx, &operation.id)?;
    if steps.iter().any(|(.., done)| !done) {
        let_calls_end(ctx, operation.resource.id);
    }
    let steps: Vec<_> = steps.into_iter().map(|(sequence, step, _)| (sequence, step)).collect();
    journal::roll_back(ctx, &operation.id, &steps)?;
    let end = (operation.id.as_str(), OperationState::Failed);
    ctx.store.forget_snapshot(operation.resource.id, end, Some(OWNER_DIED), ctx.clock.now())?;
    Ok(format!("removed what was there of snapshot `{}`, whose restore was cut off", operation.resource.name))
}
