//! Disks: made, given to instances, taken off, removed.

use super::{
    Accepted, App, Caller, Right,
    scope::{Sight, Target},
    sources::storage_prices,
    storage::{holder, holders},
};
use crate::{
    engine::{
        Ctx,
        sagas::{attachment, disk as saga, disk_resize, disk_snapshot},
    },
    model::{
        Code, Disk, DiskAttachment, Error, Instance, MountPoint, Name, Observer, ResourceKind, Result, Size,
        StoragePrices, Unobserved,
    },
    store::{resources, snapshots},
    view::{Changed, DiskRow, SnapshotView},
};

pub use crate::engine::sagas::disk::Source;

/// Flags of a change: wait for another one, or say only what would be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// Wait while another command works on the instance.
    pub wait: bool,
    /// Change nothing.
    pub dry_run: bool,
}

/// A disk that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewDisk<'a> {
    /// Its name.
    pub name: &'a Name,
    /// Its size; none: that of the disk that it is a copy of.
    pub size: Option<Size>,
    /// The disk in a snapshot that it is a copy of; none: it is empty.
    pub from: Option<Source<'a>>,
}

/// Accepts that a disk is made.
///
/// # Errors
/// Refused: a name that is taken, a size that no disk has or that does not fit, or a snapshot that does not hold the disk; or busy.
pub fn create(
    app: &App,
    caller: &Caller,
    new: NewDisk<'_>,
    flags: Flags,
    observer: &mut dyn Observer,
) -> Result<Accepted<Vec<DiskRow>>> {
    app.require(caller, Right::Change)?;
    let (name, size) = (new.name, new.size.map(Disk::check_size).transpose()?);
    let mut ctx = app.change(caller, flags.wait, observer)?;
    if flags.dry_run {
        ctx.store.write(|t| resources::refuse_taken(t, ResourceKind::Disk, name.as_str()))?;
        let size = match new.from {
            Some(source) => saga::plan_copy(&ctx, source, size)?.1,
            None => {
                let size = required(size)?;
                saga::check_capacity(&ctx, size)?;
                size
            }
        };
        observer.status(&format!("disk `{name}` of {size} would be made; nothing was changed"));
        return Ok(Accepted::without_operation(|_| Ok(Vec::new())));
    }
    let accepted = match new.from {
        Some(source) => saga::accept_copy(&mut ctx, name, source, size)?,
        None => saga::accept(&mut ctx, name, required(size)?)?,
    };
    let prices = storage_prices(&app.settings, observer)?;
    Ok(Accepted::new(accepted.operation.clone(), move |_| {
        let disk = saga::run(&mut ctx, accepted)?;
        Ok(vec![view(disk, &[], &prices)])
    }))
}

fn required(size: Option<Size>) -> Result<Size> {
    size.ok_or_else(|| Error::new(Code::Usage, "an empty disk needs a size").hint("say it with `--size`"))
}

/// Accepts a snapshot of a disk, under the name given or one of its own.
///
/// # Errors
/// Refused: a name that is taken, a disk that cannot be copied just now, or a pool without room; or busy.
pub fn snapshot(
    app: &App,
    caller: &Caller,
    (disk, name): (&Name, Option<&Name>),
    flags: Flags,
    observer: &mut dyn Observer,
) -> Result<Accepted<Vec<SnapshotView>>> {
    app.require(caller, Right::Change)?;
    let mut ctx = app.change(caller, flags.wait, observer)?;
    if flags.dry_run {
        let name = ctx.store.write(|t| match name {
            Some(name) => resources::refuse_taken(t, ResourceKind::Snapshot, name.as_str()).map(|()| name.clone()),
            None => snapshots::free_name(t, disk),
        })?;
        let takes = disk_snapshot::source(&ctx, disk)?.takes();
        observer.status(&format!("snapshot `{name}` would take up to {takes}; nothing was changed"));
        return Ok(Accepted::without_operation(|_| Ok(Vec::new())));
    }
    let accepted = disk_snapshot::accept(&mut ctx, disk, name)?;
    let prices = storage_prices(&app.settings, observer)?;
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        Ok(vec![SnapshotView::of_disk(disk_snapshot::run(&mut ctx, accepted, observer)?, &prices)])
    }))
}

/// The disks, by name. Nothing is changed, and no database is made.
///
/// # Errors
/// Those of the database.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<DiskRow>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    let sight = Sight::of(&store, &app.settings.host.id, caller)?;
    let (instances, prices) = (holders(&store, &app.settings.host.id)?, storage_prices(&app.settings, observer)?);
    let seen = store.disks(&app.settings.host.id)?.into_iter().filter(|disk| sight.disk(disk));
    Ok(seen.map(|disk| view(disk, &instances, &prices)).collect())
}

/// One disk.
///
/// # Errors
/// There is none of that name.
pub fn show(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<DiskRow> {
    app.authorise(caller, Right::Read, Target::Disks(std::slice::from_ref(name)))?;
    let store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    let disk = store.require_disk(&app.settings.host.id, name)?;
    Ok(view(disk, &holders(&store, &app.settings.host.id)?, &storage_prices(&app.settings, observer)?))
}

/// Accepts that an instance is given a disk, and mounts it in its guest if that is wanted.
///
/// # Errors
/// Refused: a disk that another instance has, or an instance that cannot be given one just now; or busy.
pub fn attach(
    app: &App,
    caller: &Caller,
    (name, instance): (&Name, &Name),
    mount: Option<&MountPoint>,
    flags: Flags,
    observer: &mut dyn Observer,
) -> Result<Accepted<Vec<DiskRow>>> {
    app.require(caller, Right::Change)?;
    let mut ctx = app.change(caller, flags.wait, observer)?;
    let (disk, instance) = (ctx.store.require_disk(&ctx.host_id(), name)?, ctx.store.require(instance)?);
    if flags.dry_run {
        attachment::plan_attach(&ctx, &instance, &disk, mount)?;
        observer
            .status(&format!("instance `{}` would be given disk `{name}`; nothing was changed", instance.record.name));
        return Ok(Accepted::without_operation(|_| Ok(Vec::new())));
    }
    let Some(accepted) = attachment::accept_attach(&mut ctx, &instance, name, mount)? else {
        observer.status(&format!("instance `{}` has disk `{name}` already", instance.record.name));
        return after(ctx, disk, observer);
    };
    let mounts = mount.is_some();
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        if mounts {
            observer.note("the guest mounts it; an empty disk gets a file system first");
        }
        attachment::run_attach(&mut ctx, accepted)?;
        Ok(vec![row(&ctx, disk, observer)?])
    }))
}

/// Accepts that a disk is taken off its instance, whose guest lets go of it first; `force`: though it cannot be asked to.
///
/// # Errors
/// Refused: a disk that is in use in the guest, or a guest that cannot be asked; or busy.
pub fn detach(
    app: &App,
    caller: &Caller,
    name: &Name,
    (force, flags): (bool, Flags),
    observer: &mut dyn Observer,
) -> Result<Accepted<Vec<DiskRow>>> {
    app.require(caller, Right::Change)?;
    let mut ctx = app.change(caller, flags.wait, observer)?;
    let disk = ctx.store.require_disk(&ctx.host_id(), name)?;
    let Some(instance) = attachment::holder(&ctx, &disk)? else {
        observer.status(&format!("no instance has disk `{name}`"));
        return after(ctx, disk, observer);
    };
    if flags.dry_run {
        observer.status(&format!(
            "disk `{name}` would be taken off instance `{}`; nothing was changed",
            instance.record.name
        ));
        return Ok(Accepted::without_operation(|_| Ok(Vec::new())));
    }
    let Some(accepted) = attachment::accept_detach(&mut ctx, &instance, name, force)? else {
        return after(ctx, disk, observer);
    };
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        attachment::run_detach(&mut ctx, accepted)?;
        Ok(vec![row(&ctx, disk, observer)?])
    }))
}

/// Accepts that a disk gets larger, and what is on it with it, if a guest runs with it.
///
/// # Errors
/// Refused: a size that is smaller than it has, or does not fit; or busy.
pub fn resize(
    app: &App,
    caller: &Caller,
    (name, size): (&Name, Size),
    flags: Flags,
    observer: &mut dyn Observer,
) -> Result<Accepted<Vec<DiskRow>>> {
    app.authorise(caller, Right::Change, Target::Disks(std::slice::from_ref(name)))?;
    let mut ctx = app.change(caller, flags.wait, observer)?;
    if flags.dry_run {
        let disk = disk_resize::plan(&ctx, name, size)?.disk;
        observer.status(&format!("disk `{name}` would have {size} (now {}); nothing was changed", disk.size));
        return Ok(Accepted::without_operation(|_| Ok(Vec::new())));
    }
    let accepted = disk_resize::accept(&mut ctx, name, size)?;
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        let disk = disk_resize::run(&mut ctx, accepted, observer)?;
        Ok(vec![row(&ctx, disk, observer)?])
    }))
}

fn row(ctx: &Ctx, disk: Disk, observer: &mut dyn Observer) -> Result<DiskRow> {
    Ok(view(disk, &holders(&ctx.store, &ctx.host_id())?, &storage_prices(&ctx.settings, observer)?))
}

fn after(ctx: Ctx, disk: Disk, observer: &mut dyn Observer) -> Result<Accepted<Vec<DiskRow>>> {
    let row = row(&ctx, disk, observer)?;
    Ok(Accepted::without_operation(move |_| Ok(vec![row])))
}

/// Disks found for deletion.
pub struct Deletion {
    caller: Caller,
    ctx: Ctx,
    wait: bool,
    names: Vec<Name>,
}

/// Finds the disks named.
///
/// # Errors
/// Refused: there is none of a name, an instance has it, or it is being made.
pub fn find(app: &App, caller: &Caller, names: &[Name], wait: bool, observer: &mut dyn Observer) -> Result<Deletion> {
    app.require(caller, Right::Change)?;
    let ctx = app.change(caller, wait, observer)?;
    for name in names {
        let disk = ctx.store.require_disk(&ctx.host_id(), name)?;
        saga::plan_delete(&ctx, &disk)?;
    }
    Ok(Deletion { caller: caller.clone(), ctx, wait, names: names.to_vec() })
}

impl Deletion {
    /// What would be done.
    pub fn plan(&self) -> Vec<Changed> {
        self.names.iter().map(|name| Changed::new(name, "would be deleted")).collect()
    }

    /// Accepts that the one disk that was found goes.
    ///
    /// # Errors
    /// Refused, or busy; or it is not one.
    pub fn accept(self) -> Result<Accepted<Changed>> {
        let Self { ctx, names, .. } = self;
        match names.as_slice() {
            [name] => delete(ctx, name),
            _ => Err(Error::new(Code::Usage, "one disk is deleted at a time")),
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

/// Accepts that a disk goes.
fn delete(mut ctx: Ctx, name: &Name) -> Result<Accepted<Changed>> {
    let (accepted, deleted) = (saga::accept_delete(&mut ctx, name)?, Changed::new(name, "deleted"));
    Ok(Accepted::new(accepted.operation.clone(), move |_| saga::run_delete(&mut ctx, accepted).map(|()| deleted)))
}

fn view(disk: Disk, instances: &[Instance], prices: &StoragePrices) -> DiskRow {
    let held = holder(&disk, instances);
    DiskRow {
        instance: held.map(|(instance, _)| instance.record.name.to_string()),
        is_instance_deleted: held.is_some_and(|(instance, _)| instance.record.kept.is_some()),
        mount: held.and_then(|(_, attached)| attached.mount.as_ref()).map(ToString::to_string),
        device: format!("/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_{}", DiskAttachment::serial(disk.id)),
        name: disk.name.into(),
        size: disk.size,
        state: disk.state,
        price: prices.disk.of(disk.size),
        currency: prices.currency.clone(),
        created_at: disk.created_at,
    }
}
