//! remote delete: snapshots in a remote go, and all that no other there is made of. Their manifests go first: what is cut off then is none any
//! more, and what it was made of is let go of by whoever works with the remote next.

use uuid::Uuid;

use crate::{
    engine::{
        Ctx, Observer,
        journal::{self, OWNER_DIED},
        lock::Lock,
        off_site::{Contents, OffSite, tidy_if_reached},
        progress::Reporter,
        remote::open,
    },
    image::restic::Kept,
    kill_point,
    model::{
        Code, Error, Name, OperationKind, OperationState, Remote, RemoteState, ResourceRef, Result, Stage, Unobserved,
    },
    store::Operation,
};

/// Snapshots that are to go.
pub struct Found {
    remote: Remote,
    snapshots: Vec<OffSite>,
}

impl Found {
    /// Their names, in the order asked for.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.snapshots.iter().map(|one| &one.name)
    }
}

/// A deletion that is to be done: the lock of the remote is held.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    found: Found,
    _lock: Lock,
}

/// Looks for snapshots in a remote, by name or id.
///
/// # Errors
/// There is none of a name, or several; or the remote is not reached.
pub fn find(ctx: &Ctx, remote: &Name, snapshots: &[String]) -> Result<Found> {
    let remote = ctx.store.require_remote(remote)?;
    let there = Contents::of(&open(&ctx.settings, &remote, &ctx.cancel)?)?;
    let mut found: Vec<OffSite> = Vec::new();
    for named in snapshots {
        let one = there.require(&remote.name, named)?;
        // By its name, and by its id again.
        if !found.contains(one) {
            found.push(one.clone());
        }
    }
    Ok(Found { remote, snapshots: found })
}

/// Accepts that they go.
///
/// # Errors
/// Busy, or the remote was forgotten meanwhile.
pub fn accept(ctx: &mut Ctx, found: Found) -> Result<Accepted> {
    let (kind, remote) = (OperationKind::DeleteOffSite, &found.remote);
    let what = (remote.id, &*format!("remote `{}`", remote.name));
    let lock = Lock::acquire_of(&ctx.locks(), what, kind.as_str(), &*ctx.clock, ctx.wait)?;
    let is_there = ctx.store.remote_by_id(remote.id)?.is_some_and(|now| now.state == RemoteState::Available);
    if !is_there {
        lock.retire();
        return Err(Error::new(Code::NoSuchRemote, format!("remote `{}` was removed meanwhile", remote.name)));
    }
    let requester = ctx.requester.clone();
    let operation = Operation::started(kind, ResourceRef::from(remote), ctx.host_id(), requester, ctx.now());
    ctx.store.insert_operation(&operation)?;
    Ok(Accepted { operation, found, _lock: lock })
}

/// Does what was accepted, and takes back the room.
///
/// # Errors
/// What failed; what is not there any more then is gone for good.
pub fn run(ctx: &mut Ctx, accepted: Accepted, observer: &mut dyn Observer) -> Result<()> {
    let Accepted { operation, found, _lock } = accepted;
    let reporter = Reporter::start(ctx, &operation.id);
    let gone = let_go(ctx, &found, &mut reporter.observe(observer));
    journal::end(ctx, &operation, gone)
}

fn let_go(ctx: &Ctx, Found { remote, snapshots }: &Found, observer: &mut dyn Observer) -> Result<()> {
    observer.begin(Stage::Remove);
    let repository = open(&ctx.settings, remote, &ctx.ending)?;
    repository.unlock()?;
    let manifests: Vec<&Kept> = snapshots.iter().map(|one| &one.manifest).collect();
    kill_point::reached("intent");
    repository.forget(&manifests)?;
    kill_point::reached("effect");
    let left = Contents::of(&repository)?;
    repository.forget(&left.freed_by(snapshots))?;
    repository
        .prune()
        .map_err(|e| e.hint("the snapshots are deleted there; the next deletion takes back their room too"))
}

/// The process of a deletion died: the snapshots are there whole, or gone.
///
/// # Errors
/// Those of the database.
pub fn resume(ctx: &mut Ctx, operation: &Operation) -> Result<String> {
    if let Some(remote) = ctx.store.remote_by_id(operation.resource.id)? {
        tidy_if_reached(ctx, &remote);
    }
    ctx.store.end_operation(&operation.id, OperationState::Failed, Some(OWNER_DIED), ctx.now())?;
    let name = &operation.resource.name;
    Ok(format!("closed the deletion in remote `{name}` that was cut off: each snapshot is there whole, or gone"))
}

/// Deletes the oldest copies that the watcher made of snapshots of an instance, above so many, and never the `newest`; a sentence for each.
/// Those that somebody asked for stay.
///
/// # Errors
/// The remote is not reached, or somebody works with it.
pub fn thin(ctx: &mut Ctx, remote: &Name, (instance, newest): (Uuid, Uuid), keep: u16) -> Result<Vec<String>> {
    let remote = ctx.store.require_remote(remote)?;
    let there = Contents::of(&open(&ctx.settings, &remote, &ctx.cancel)?)?;
    let is_own = |one: &OffSite| one.kept_by_watcher && one.source == instance;
    let mut snapshots: Vec<OffSite> = there.snapshots.into_iter().filter(is_own).collect();
    snapshots.truncate(snapshots.len().saturating_sub(usize::from(keep.max(1))));
    snapshots.retain(|one| one.id != newest);
    if snapshots.is_empty() {
        return Ok(Vec::new());
    }
    let told =
        |one: &OffSite| format!("deleted automatic snapshot `{}` in `{}`: {keep} are kept", one.name, remote.name);
    let told = snapshots.iter().map(told).collect();
    let accepted = accept(ctx, Found { remote, snapshots })?;
    run(ctx, accepted, &mut Unobserved)?;
    Ok(told)
}
