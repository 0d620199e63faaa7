//! The disks of an instance that go back to a snapshot together with its root disk. Each gets a new volume beside the old one, a copy of
//! the snapshot's, before the instance is stopped; its record tells which it has.

use super::{
    Ctx, capacity,
    execute::Payload,
    host,
    journal::{self, Run},
};
use crate::{
    model::{Code, CopiedDisk, Error, Name, NetworkMode, Record, Result, Size, Snapshot},
    plan::{self, Namespace, Object, OwnedKind, Step},
};

/// The disks of an instance and of a snapshot, by what a restore does with them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RestoredDisks {
    /// Both have it: it goes back.
    pub back: Vec<Back>,
    /// The snapshot does not have it: it stays as it is.
    pub stay: Vec<Name>,
    /// The instance does not have it any more: it is left out.
    pub left: Vec<Name>,
}

/// A disk that goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// What it is called now.
    pub name: Name,
    /// What it has now: it never gets smaller.
    size: Size,
    copied: CopiedDisk,
}

/// What a restore would do with the disks of an instance.
///
/// # Errors
/// Those of the database.
pub fn sorted(ctx: &Ctx, record: &Record, snapshot: &Snapshot) -> Result<RestoredDisks> {
    let mut sorted = RestoredDisks::default();
    for attached in &record.disks {
        let disk = ctx.store.given_disk(attached.disk)?;
        match snapshot.disks.iter().find(|copied| copied.disk == disk.id) {
            Some(copied) => sorted.back.push(Back { name: disk.name, size: disk.size, copied: copied.clone() }),
            None => sorted.stay.push(disk.name),
        }
    }
    let is_left = |copied: &&CopiedDisk| record.disks.iter().all(|one| one.disk != copied.disk);
    sorted.left = snapshot.disks.iter().filter(is_left).map(|copied| copied.name.clone()).collect();
    Ok(sorted)
}

/// Refused where a copy is gone, or the pool has no room for another one of each.
///
/// # Errors
/// That, or the host cannot be asked.
pub fn check(ctx: &Ctx, snapshot: &Snapshot, disks: &RestoredDisks) -> Result<()> {
    if disks.back.is_empty() {
        return Ok(());
    }
    let mut needed = 0_u64;
    for one in &disks.back {
        let volume = plan::snapshot_part(snapshot.id, one.copied.disk);
        let seen = ctx.hypervisor.volume(&ctx.settings.host.pool, &volume)?.ok_or_else(|| {
            Error::new(Code::NoVolume, format!("the copy `{volume}` of snapshot `{}` is gone", snapshot.name))
        })?;
        needed = needed.saturating_add(seen.allocation);
    }
    let view = host::view(ctx, &NetworkMode::Bridge(String::new()))?;
    let (held, overcommit) = (ctx.store.allocated(&ctx.host_id())?, &ctx.settings.host.overcommit);
    let what = format!("a restore to snapshot `{}`", snapshot.name);
    capacity::check_copy(&what, needed, (&view.pool, view.used_by_disks), &held, overcommit)?;
    for one in disks.back.iter().filter(|one| one.size > one.copied.size) {
        capacity::check_growth(&format!("disk `{}`", one.name), (one.copied.size, one.size), &view.pool)?;
    }
    Ok(())
}

/// Makes the new volumes, and has the record name them.
///
/// # Errors
/// What libvirt says. The steps' undo removes them.
pub fn make(
    ctx: &mut Ctx,
    run: &mut Run<'_>,
    snapshot: &Snapshot,
    disks: &RestoredDisks,
    record: &mut Record,
) -> Result<()> {
    let pool = ctx.settings.host.pool.clone();
    for one in &disks.back {
        let Some(attached) = record.disks.iter_mut().find(|attached| attached.disk == one.copied.disk) else {
            continue;
        };
        let name = loop {
            attached.volume = Some(plan::next_disk_volume(attached.volume));
            let name = plan::disk_volume(attached.disk, attached.volume);
            if ctx.hypervisor.volume(&pool, &name)?.is_none() {
                break name;
            }
        };
        let from = plan::snapshot_part(snapshot.id, one.copied.disk);
        let xml = plan::empty_xml(&name, one.copied.size)?;
        let object = Object::Volume { pool: pool.clone(), name: name.clone() };
        journal::step(ctx, run, &Step::Clone { kind: OwnedKind::Disk, object, from, xml }, &Payload::none())?;
        if one.size > one.copied.size {
            let grow = Step::Grow { pool: pool.clone(), volume: name, domain: None, bytes: one.size.as_bytes() };
            journal::step(ctx, run, &grow, &Payload::none())?;
        }
    }
    Ok(())
}

/// The volumes of disks that a definition has, and of which another one has others.
pub fn replaced(before: &str, after: &str) -> Vec<String> {
    let volumes = |xml: &str| -> Vec<(uuid::Uuid, String)> {
        let paths = plan::disks_in_domain(xml);
        let names = paths.iter().filter_map(|path| path.rsplit('/').next());
        let of = |name: &str| plan::owner_of(Namespace::Volume, name).filter(|(kind, _)| *kind == OwnedKind::Disk);
        names.filter_map(|name| Some((of(name)?.1, name.to_owned()))).collect()
    };
    let new = volumes(after);
    let is_other = |(id, name): &(uuid::Uuid, String)| new.iter().any(|(of, other)| of == id && other != name);
    volumes(before).into_iter().filter(is_other).map(|(_, name)| name).collect()
}
