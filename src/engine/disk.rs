//! The disk that instances lie on: what is free of it, and what was promised.

use super::{Ctx, capacity, host::used_by_disks};
use crate::{
    hypervisor::Space,
    model::{Code, DiskUsage, Error, Hint, Result, Size, Verb},
    plan,
};

/// The space of the pool; none where it is not known. Asks libvirt only for a pool that is no folder of this machine.
///
/// # Errors
/// The host cannot be asked.
pub fn space(ctx: &Ctx) -> Result<Option<Space>> {
    if ctx.machine.runs_guests() {
        return Ok(ctx.machine.space(&ctx.settings.host.folders.pool).ok());
    }
    let pool = ctx.hypervisor.pool(&ctx.settings.host.pool)?.filter(|p| p.active);
    Ok(pool.map(|p| Space { total: p.capacity, available: p.available }))
}

/// Bytes of a pool of that space that stay free.
pub fn reserve(ctx: &Ctx, space: &Space) -> u64 {
    ctx.settings.host.overcommit.reserve(space.total)
}

/// Refused (exit 2) if less is free than stays free.
///
/// # Errors
/// That, or the host cannot be asked.
pub fn check(ctx: &Ctx) -> Result<()> {
    space(ctx)?.map_or(Ok(()), |space| capacity::check_reserve(space.available, reserve(ctx, &space)))
}

/// What is promised, used and free; none where the pool is not there.
///
/// # Errors
/// The host cannot be asked, or the database not be read.
pub fn usage(ctx: &Ctx) -> Result<Option<DiskUsage>> {
    let Some(space) = space(ctx)? else { return Ok(None) };
    let (used, overcommit) = (used(ctx)?, &ctx.settings.host.overcommit);
    Ok(Some(DiskUsage {
        promised: Size::bytes(ctx.store.allocated(&ctx.host_id())?.disk),
        limit: Size::bytes(capacity::disk(space.available, used, overcommit)),
        used: Size::bytes(used),
        free: Size::bytes(space.available),
        reserve: Size::bytes(reserve(ctx, &space)),
    }))
}

/// Bytes that the disks of instances take.
fn used(ctx: &Ctx) -> Result<u64> {
    if !ctx.machine.runs_guests() {
        return ctx.hypervisor.volumes(&ctx.settings.host.pool).map(|v| used_by_disks(&v));
    }
    let files = ctx.machine.entries(&ctx.settings.host.folders.pool).unwrap_or_default();
    let ours = files.iter().filter(|file| {
        let name = file.file_name().and_then(|n| n.to_str());
        name.is_some_and(plan::is_promised)
    });
    // One that goes meanwhile takes nothing.
    Ok(ours.filter_map(|file| ctx.machine.info(file).ok()).map(|info| info.allocated).sum())
}

/// Looks once more at what was reserved: an image that was made meanwhile, and what others did, took of it.
///
/// # Errors
/// Refused where the pool is nearly full by now, or so much memory is not there any more.
pub fn check_again(ctx: &Ctx, memory: Size) -> Result<()> {
    check(ctx)?;
    let free = Size::bytes(ctx.hypervisor.host()?.memory_free_kib << 10);
    if memory <= free {
        return Ok(());
    }
    let [needed, free] = Size::together([memory, free]);
    Err(Error::new(
        Code::NoCapacity,
        format!("the memory of this host was taken meanwhile: {needed} needed, {free} free"),
    )
    .hint(Hint::from("use a smaller bundle (").run(Verb::Bundles).text(" shows what fits), or stop an instance")))
}
