//! push: a snapshot is copied to a remote. Its manifest is kept last, so that it is there whole or not at all; what a push that died had
//! kept by then is let go of by the next.

use crate::{
    engine::{
        Ctx, Observer,
        hashed::{Content, Hashed},
        journal::{self, OWNER_DIED},
        lock::Lock,
        manifest::ExportedSecret,
        off_site::{
            Contents, DATA, DISK, IMAGE, MANIFEST, Manifest, content_of, data, manifest_tags, tags, tidy,
            tidy_if_reached, volume_bytes,
        },
        progress::Reporter,
        remote::open,
        snapshot_sidecar::Sidecar,
    },
    image::restic::Repository,
    kill_point,
    model::{
        Code, Error, Name, OperationKind, OperationState, Remote, ResourceRef, Result, Snapshot, SnapshotState, Stage,
    },
    plan,
    store::{Operation, snapshots},
};

/// A push that is to be done: the locks of snapshot and remote are held.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    snapshot: Snapshot,
    remote: Remote,
    secrets: Vec<ExportedSecret>,
    by_watcher: bool,
    _locks: [Lock; 2],
}

/// What came of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It is there now.
    Now,
    /// It was there already.
    Before,
}

/// The snapshot and the remote of a push.
///
/// # Errors
/// There is none of a name, or it is being made or removed.
pub fn find(ctx: &Ctx, snapshot: &Name, remote: &Name) -> Result<(Snapshot, Remote)> {
    let found = ctx.store.require_snapshot(&ctx.host_id(), snapshot)?;
    if found.state != SnapshotState::Available {
        return Err(Error::new(Code::Busy, format!("snapshot `{snapshot}` is being made, or goes"))
            .hint("push it when it is there"));
    }
    Ok((found.snapshot, ctx.store.require_remote(remote)?))
}

/// Accepts a push.
///
/// # Errors
/// What [`find`] refuses, or busy.
pub fn accept(ctx: &mut Ctx, snapshot: &Name, remote: &Name) -> Result<Accepted> {
    let kind = OperationKind::PushSnapshot;
    let (found, remote) = find(ctx, snapshot, remote)?;
    let lock = |id, what: &str| Lock::acquire_of(&ctx.locks(), (id, what), kind.as_str(), &*ctx.clock, ctx.wait);
    let locks =
        [lock(remote.id, &format!("remote `{}`", remote.name))?, lock(found.id, &format!("snapshot `{snapshot}`"))?];
    // As it is now, not as it was before the locks.
    let (snapshot, remote) = find(ctx, snapshot, &remote.name)?;
    let secrets = ctx.store.write(|t| snapshots::secrets_of(t, &snapshot))?;
    let requester = ctx.requester.clone();
    let mut operation = Operation::started(kind, ResourceRef::from(&snapshot), ctx.host_id(), requester, ctx.now());
    // By which a later command finds what it kept.
    operation.machine = Some(remote.id);
    ctx.store.insert_operation(&operation)?;
    let secrets = secrets.into_iter().map(ExportedSecret::from).collect();
    Ok(Accepted { operation, snapshot, remote, secrets, by_watcher: false, _locks: locks })
}

/// The same, of a copy that nobody asked for: it goes by itself.
///
/// # Errors
/// As above.
pub fn accept_by_watcher(ctx: &mut Ctx, snapshot: &Name, remote: &Name) -> Result<Accepted> {
    Ok(Accepted { by_watcher: true, ..accept(ctx, snapshot, remote)? })
}

/// Does what was accepted.
///
/// # Errors
/// What failed: nothing of it counts there.
pub fn run(ctx: &mut Ctx, accepted: Accepted, observer: &mut dyn Observer) -> Result<Pushed> {
    let reporter = Reporter::start(ctx, &accepted.operation.id);
    let pushed = push(ctx, &accepted, &mut reporter.observe(observer));
    if pushed.is_err() {
        // Even where the push was told to end. What it does not reach is let go of by the next.
        tidy_if_reached(ctx, &accepted.remote);
    }
    journal::end(ctx, &accepted.operation, pushed)
}

fn push(ctx: &Ctx, accepted: &Accepted, observer: &mut dyn Observer) -> Result<Pushed> {
    let Accepted { operation, snapshot, remote, secrets, by_watcher, .. } = accepted;
    let operation = operation.id.as_str();
    observer.begin(Stage::Checking);
    let Sidecar { blueprint, parameters, .. } = Sidecar::read(ctx, snapshot.id)?;
    let repository = open(&ctx.settings, remote, &ctx.ending)?;
    let there = tidy(&repository, remote, ctx.now())?;
    if there.snapshots.iter().any(|one| one.id == snapshot.id) {
        return Ok(Pushed::Before);
    }
    observer.begin(Stage::Copying);
    let image = &snapshot.record.image_digest;
    let (image_by, image_content) = match there.image(image) {
        Some(by) => (by.to_owned(), content_of(ctx, &snapshot.image, observer)?),
        None => {
            let content =
                keep(ctx, &repository, (IMAGE, &snapshot.image), &tags("image", remote, operation), observer)?;
            (operation.to_owned(), content)
        }
    };
    if image_content.sha256 != *image {
        let text =
            format!("volume `{}` is not the image any more that snapshot `{}` lies on", snapshot.image, snapshot.name);
        return Err(Error::failed(Code::ImageDamaged, text));
    }
    let disk = plan::snapshot_disk(snapshot.id);
    let disk = keep(ctx, &repository, (DISK, &disk), &tags("disk", remote, operation), observer)?;
    let mut disks = Vec::new();
    for (n, copied) in snapshot.disks.iter().enumerate() {
        let volume = plan::snapshot_part(snapshot.id, copied.disk);
        disks.push(keep(ctx, &repository, (DATA, &volume), &tags(&data(n), remote, operation), observer)?);
    }
    let backing = crate::engine::domain::volume_path(ctx, &snapshot.image)?;
    let manifest = Manifest::new(
        snapshot.clone(),
        (blueprint, parameters),
        secrets.clone(),
        backing,
        ([image_content, disk], disks),
    )
    .text()?;
    let tags = manifest_tags(tags("snapshot", remote, operation), snapshot, (image, &image_by), *by_watcher);
    kill_point::reached("intent");
    repository.keep(MANIFEST, &tags, &mut manifest.as_slice())?;
    kill_point::reached("effect");
    // Another host may have let go of the image meanwhile, which no snapshot lay on.
    match Contents::of(&repository)?.snapshots.iter().any(|one| one.id == snapshot.id) {
        true => Ok(Pushed::Now),
        false => {
            Err(Error::new(Code::RemoteFailed, "the copy is not whole: somebody else took of it").hint("push it again"))
        }
    }
}

/// Keeps the bytes of a volume; what they were.
fn keep(
    ctx: &Ctx,
    repository: &Repository<'_>,
    (name, volume): (&str, &str),
    tags: &crate::image::restic::Tags,
    observer: &mut dyn Observer,
) -> Result<Content> {
    kill_point::reached("intent");
    let (mut bytes, total) = volume_bytes(ctx, volume)?;
    let mut hashed = Hashed::new(&mut bytes, total, observer);
    repository.keep(name, tags, &mut hashed)?;
    kill_point::reached("effect");
    Ok(hashed.content())
}

/// The process of a push died: what it had kept is let go of where the remote is reached, and by the next push where it is not.
///
/// # Errors
/// Those of the database.
pub fn resume(ctx: &mut Ctx, operation: &Operation) -> Result<String> {
    let remote = operation.machine.map(|id| ctx.store.remote_by_id(id)).transpose()?.flatten();
    if let Some(remote) = remote {
        let what = (remote.id, &*format!("remote `{}`", remote.name));
        let _lock = Lock::acquire_of(&ctx.locks(), what, operation.kind.as_str(), &*ctx.clock, ctx.wait)?;
        tidy_if_reached(ctx, &remote);
    }
    ctx.store.end_operation(&operation.id, OperationState::Failed, Some(OWNER_DIED), ctx.now())?;
    Ok(format!("closed the push of snapshot `{}` that was cut off; nothing of it counts", operation.resource.name))
}
