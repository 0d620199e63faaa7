//! Snapshots: made, shown and deleted.

use std::time::Duration;

use super::{
    Accepted, App, Caller, Right,
    scope::{Sight, Target},
    sources::storage_prices,
};
use crate::{
    engine::{
        Ctx,
        sagas::{
            push::{self as push_saga, Pushed},
            snapshot as saga, verify,
        },
    },
    model::{AnySnapshot, Code, Error, Name, Observer, ResourceKind, Result, StoragePrices, Unobserved},
    store::{
        Store, resources,
        snapshots::{self, SnapshotUser},
    },
    view::{Changed, SnapshotView},
};

/// Flags of a change: wait for another one, or say only what would be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// Wait while another command works on the instance.
    pub wait: bool,
    /// Change nothing.
    pub dry_run: bool,
}

/// Accepts a snapshot of an instance, under the name given or one of its own.
///
/// # Errors
/// Refused: a name that is taken, an instance that cannot be copied just now, or a pool without room; or busy.
pub fn create(
    app: &App,
    caller: &Caller,
    (instance, name): (&Name, Option<&Name>),
    flags: Flags,
    observer: &mut dyn Observer,
) -> Result<Accepted<Vec<SnapshotView>>> {
    app.authorise(caller, Right::Change, Target::instance(instance))?;
    let mut ctx = app.change(caller, flags.wait, observer)?;
    let instance = ctx.store.require(instance)?;
    if flags.dry_run {
        let name = ctx.store.write(|t| match name {
            Some(name) => resources::refuse_taken(t, ResourceKind::Snapshot, name.as_str()).map(|()| name.clone()),
            None => snapshots::free_name(t, &instance.record.name),
        })?;
        let source = saga::source(&ctx, &instance)?;
        observer.status(&format!("snapshot `{name}` would take up to {}; nothing was changed", source.takes()));
        return Ok(Accepted::without_operation(|_| Ok(Vec::new())));
    }
    let accepted = saga::accept(&mut ctx, &instance, name)?;
    let prices = storage_prices(&app.settings, observer)?;
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        Ok(vec![SnapshotView::of(saga::run(&mut ctx, accepted, observer)?, Vec::new(), &prices)])
    }))
}

/// The snapshots, oldest first, of all instances and disks or of one: of the one that is called so now, or was when it was made. Nothing
/// is changed, and no database is made.
///
/// # Errors
/// Those of the database; nothing is called so.
pub fn list(
    app: &App,
    caller: &Caller,
    instance: Option<&Name>,
    observer: &mut dyn Observer,
) -> Result<Vec<SnapshotView>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    let sight = Sight::of(&store, &app.settings.host.id, caller)?;
    let mut all = store.all_snapshots(&app.settings.host.id)?;
    all.retain(|one| sight.any_snapshot(one));
    if let Some(name) = instance {
        all.retain(|one| one.of() == name);
        let is_disk = |disk: &crate::model::Disk| disk.name == *name && sight.disk(disk);
        if all.is_empty() && !store.disks(&app.settings.host.id)?.iter().any(is_disk) {
            app.authorise(caller, Right::Read, Target::instance(name))?;
            store.require(name)?;
        }
    }
    let (users, prices) = (users(&store, &sight)?, storage_prices(&app.settings, observer)?);
    Ok(all.into_iter().map(|one| view(one, &users, &prices)).collect())
}

/// Who lies on snapshots, of those that the caller sees.
fn users(store: &Store, sight: &Sight) -> Result<Vec<SnapshotUser>> {
    let mut all = store.users_of_snapshots()?;
    all.retain(|user| sight.instance(user.instance));
    Ok(all)
}

fn view(stored: AnySnapshot, users: &[SnapshotUser], prices: &StoragePrices) -> SnapshotView {
    let stored = match stored {
        AnySnapshot::Instance(stored) => *stored,
        AnySnapshot::Disk(stored) => return SnapshotView::of_disk(stored, prices),
    };
    let own = users.iter().filter(|user| user.snapshot == stored.snapshot.id);
    let names = own.map(|user| user.name.clone()).collect();
    SnapshotView::of(stored, names, prices)
}

/// One snapshot.
///
/// # Errors
/// There is none of that name.
pub fn show(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<SnapshotView> {
    app.authorise(caller, Right::Read, Target::Snapshots(std::slice::from_ref(name)))?;
    let store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    let stored = store.require_any_snapshot(&app.settings.host.id, name)?;
    let sight = Sight::of(&store, &app.settings.host.id, caller)?;
    Ok(view(stored, &users(&store, &sight)?, &storage_prices(&app.settings, observer)?))
}

/// Snapshots found for deletion.
pub struct Deletion {
    caller: Caller,
    ctx: Ctx,
    wait: bool,
    names: Vec<Name>,
}

/// Finds the snapshots named.
///
/// # Errors
/// Refused: there is none of a name; or one is being made.
pub fn find(app: &App, caller: &Caller, names: &[Name], wait: bool, observer: &mut dyn Observer) -> Result<Deletion> {
    app.authorise(caller, Right::Change, Target::Snapshots(names))?;
    let ctx = app.change(caller, wait, observer)?;
    for name in names {
        saga::check_deletable(&ctx, &ctx.store.require_any_snapshot(&ctx.host_id(), name)?)?;
    }
    Ok(Deletion { caller: caller.clone(), ctx, wait, names: names.to_vec() })
}

impl Deletion {
    /// What would be done.
    pub fn plan(&self) -> Vec<Changed> {
        self.names.iter().map(|name| Changed::new(name, "would be deleted")).collect()
    }

    /// Accepts that the one snapshot that was found goes.
    ///
    /// # Errors
    /// Refused, or busy; or it is not one.
    pub fn accept(self) -> Result<Accepted<Changed>> {
        let Self { ctx, names, .. } = self;
        match names.as_slice() {
            [name] => delete(ctx, name),
            _ => Err(Error::new(Code::Usage, "one snapshot is deleted at a time")),
        }
    }

    /// Deletes one after the other, up to the first that fails.
    ///
    /// # Errors
    /// Those of acceptance, and of what fails then.
    pub fn run(self, app: &App) -> Result<Vec<Changed>> {
        let Self { caller, ctx, wait, names } = self;
        let mut found_with = Some(ctx);
        let each = names.iter().map(|name| {
            // Each keeps its context for its run.
            let ctx = found_with.take().map_or_else(|| app.context(&caller, wait), Ok)?;
            delete(ctx, name)?.run(&mut Unobserved)
        });
        each.collect()
    }
}

/// Accepts that a snapshot goes.
fn delete(mut ctx: Ctx, name: &Name) -> Result<Accepted<Changed>> {
    let (accepted, deleted) = (saga::accept_delete(&mut ctx, name)?, Changed::new(name, "deleted"));
    Ok(Accepted::new(accepted.operation.clone(), move |_| saga::run_delete(&mut ctx, accepted).map(|()| deleted)))
}

/// Accepts that a snapshot is copied to a remote.
///
/// # Errors
/// Refused: there is none of a name; or busy.
pub fn push(
    app: &App,
    caller: &Caller,
    (snapshot, remote): (&Name, &Name),
    flags: Flags,
    observer: &mut dyn Observer,
) -> Result<Accepted<Changed>> {
    app.require(caller, Right::Change)?;
    let mut ctx = app.change(caller, flags.wait, observer)?;
    let pushed = |what: &str| Changed::new(snapshot, format!("{what} `{remote}`"));
    push_saga::find(&ctx, snapshot, remote)?;
    if flags.dry_run {
        let planned = pushed("would be pushed to");
        return Ok(Accepted::without_operation(move |_| Ok(planned)));
    }
    let accepted = push_saga::accept(&mut ctx, snapshot, remote)?;
    let (now, before) = (pushed("pushed to"), pushed("is there already in"));
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        Ok(match push_saga::run(&mut ctx, accepted, observer)? {
            Pushed::Now => now,
            Pushed::Before => before,
        })
    }))
}

/// Accepts that a snapshot is booted, in a machine without a network that goes afterwards, to see whether it is whole.
///
/// # Errors
/// Refused: there is none of that name, or it is being made or removed; or busy.
pub fn verify(
    app: &App,
    caller: &Caller,
    (name, timeout): (&Name, Duration),
    flags: Flags,
    observer: &mut dyn Observer,
) -> Result<Accepted<Changed>> {
    app.authorise(caller, Right::Change, Target::Snapshots(std::slice::from_ref(name)))?;
    let mut ctx = app.change(caller, flags.wait, observer)?;
    let name = name.clone();
    if flags.dry_run {
        ctx.store.require_snapshot(&ctx.host_id(), &name)?;
        return Ok(Accepted::without_operation(move |_| Ok(Changed::new(&name, "would be booted, without a network"))));
    }
    app.check_host()?;
    let accepted = verify::accept(&mut ctx, &name, timeout)?;
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        let took = verify::run(&mut ctx, accepted, observer)?;
        Ok(Changed::new(&name, format!("verified: its guest was up after {} s", took.as_secs())))
    }))
}
