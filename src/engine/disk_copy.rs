//! Copies of the disks of a domain that runs, and its guest's file systems frozen meanwhile.
//!
//! A copy proves itself by nothing but `ready` in the live definition, read right before it is ended: a half one passes every
//! check. A guest that is frozen and that nobody thaws hangs in each write for ever, so it gets a timer of its own first.

use std::time::Duration;

use uuid::Uuid;

use super::Ctx;
use crate::{
    hypervisor::DomainState,
    model::{Code, Error, LiveDefinition, Mirror, Result, Size},
    plan::DiskCopy,
};

/// How often a copy is looked at.
const POLL: Duration = Duration::from_millis(50);
/// How often a thaw is tried, and how long after each.
const THAW: (u32, Duration) = (3, Duration::from_secs(1));
/// A program of the guest that thaws it after 20 s, whatever becomes of the host.
const TIMER: (&str, [&str; 6]) = (
    "/usr/bin/systemd-run",
    ["--on-active=20", "--timer-property=AccuracySec=1s", "--collect", "/usr/sbin/fsfreeze", "--unfreeze", "/"],
);

/// Ends a domain that is paused. One that runs was started by somebody else meanwhile.
pub fn end_paused(ctx: &Ctx, uuid: Uuid) -> Result<()> {
    match ctx.hypervisor.domain(uuid)?.map(|domain| domain.state) {
        Some(DomainState::Paused | DomainState::PausedIoError) => ctx.hypervisor.destroy(uuid),
        _ => Ok(()),
    }
}

/// Copies a disk until the copy is whole; it then gets each write too.
pub fn copy(ctx: &Ctx, uuid: Uuid, copy: &DiskCopy, xml: &str) -> Result<()> {
    if mirror(ctx, uuid, copy)?.is_none() {
        ctx.hypervisor.copy_disk(uuid, &copy.device, xml)?;
    }
    loop {
        match mirror(ctx, uuid, copy)? {
            Some(mirror) if mirror.is_ready => return Ok(()),
            Some(_) if ctx.cancelled() => return Err(Error::new(Code::Interrupted, "interrupted: nothing was copied")),
            Some(_) => ctx.clock.sleep(POLL),
            None => return Err(vanished(ctx, copy)),
        }
    }
}

/// Ends a copy. Content if there is none, and if the disk is mirrored to another place: that is somebody else's.
pub fn end(ctx: &Ctx, uuid: Uuid, copy: &DiskCopy) -> Result<()> {
    match mirror(ctx, uuid, copy)? {
        Some(_) => ctx.hypervisor.abort_block_job(uuid, &copy.device),
        None => Ok(()),
    }
}

/// Lets a domain run on. Content if it is off: nothing is to be resumed then.
pub fn resume(ctx: &Ctx, uuid: Uuid) -> Result<()> {
    match ctx.hypervisor.domain(uuid)?.map(|domain| domain.state) {
        Some(DomainState::Paused) => ctx.hypervisor.resume(uuid),
        _ => Ok(()),
    }
}

/// Ends copies that are whole.
pub fn cut(ctx: &Ctx, uuid: Uuid, copies: &[DiskCopy]) -> Result<()> {
    let live = live(ctx, uuid)?.unwrap_or_default();
    for copy in copies {
        match mirror_in(&live, copy) {
            Some(mirror) if mirror.is_ready => {}
            _ => return Err(vanished(ctx, copy)),
        }
    }
    copies.iter().try_for_each(|copy| ctx.hypervisor.abort_block_job(uuid, &copy.device))
}

/// Has a guest thaw by itself after a while, whether it is frozen then or not. One without systemd has no such timer, and is
/// thawed from here alone.
pub fn set_thaw_timer(ctx: &Ctx, uuid: Uuid) {
    let _ = ctx.hypervisor.run_in_guest(uuid, TIMER.0, &TIMER.1, &[]);
}

/// Thaws a guest, until it says that it is. Content if it is off, or its agent is away: then nothing froze it.
pub fn thaw(ctx: &Ctx, uuid: Uuid) -> Result<()> {
    let mut tries = 0;
    loop {
        if live(ctx, uuid)?.is_none_or(|live| !live.has_agent) {
            return Ok(());
        }
        tries += 1;
        let thawed = ctx.hypervisor.thaw(uuid).and_then(|()| ctx.hypervisor.is_frozen(uuid));
        match thawed {
            Ok(false) => return Ok(()),
            Ok(true) if tries >= THAW.0 => {
                return Err(Error::new(Code::GuestAgent, format!("the guest of domain {uuid} stays frozen")));
            }
            Err(error) if tries >= THAW.0 => return Err(error),
            _ => ctx.clock.sleep(THAW.1),
        }
    }
}

fn live(ctx: &Ctx, uuid: Uuid) -> Result<Option<LiveDefinition>> {
    ctx.hypervisor.live_definition(uuid)
}

/// The copy as the live definition shows it, if the disk is mirrored there.
fn mirror(ctx: &Ctx, uuid: Uuid, copy: &DiskCopy) -> Result<Option<Mirror>> {
    Ok(live(ctx, uuid)?.and_then(|live| mirror_in(&live, copy)))
}

fn mirror_in(live: &LiveDefinition, copy: &DiskCopy) -> Option<Mirror> {
    live.disk(&copy.device)?.mirror.clone().filter(|mirror| mirror.path == copy.path)
}

/// A job that ends before its copy is whole does so without a word; most likely the pool is full.
fn vanished(ctx: &Ctx, copy: &DiskCopy) -> Error {
    let pool = &ctx.settings.host.pool;
    let error =
        Error::new(Code::SnapshotFailed, format!("the copy of disk `{}` ended before it was whole", copy.device));
    match ctx.hypervisor.pool(pool) {
        Ok(Some(seen)) => error.cause(format!("storage pool `{pool}` has {} free", Size::bytes(seen.available))),
        _ => error,
    }
}

/// Whether the domain is there to be copied while its guest runs, or paused.
pub fn is_up(state: DomainState) -> bool {
    matches!(state, DomainState::Running | DomainState::Paused | DomainState::PausedIoError)
}
