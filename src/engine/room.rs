//! What is said of a pool that ran full while something was written to it: libvirt and tools tell that in words of theirs, or not at all.

use super::Ctx;
use crate::model::{Error, Size};

/// With less than this free a pool counts as full: what fails takes its own back before anybody looks.
const FULL: u64 = 16 << 20;

/// The error of something that needed so many bytes of the pool; where the pool is full, it says so, with both numbers.
pub fn explained(ctx: &Ctx, needed: u64, error: Error) -> Error {
    let pool = &ctx.settings.host.pool;
    let Ok(Some(seen)) = ctx.hypervisor.pool(pool) else { return error };
    let space = ctx.machine.space(seen.path.as_ref()).ok().filter(|_| ctx.machine.runs_guests());
    let free = space.map_or(seen.available, |space| space.available.min(seen.available));
    if free >= needed.max(FULL) {
        return error;
    }
    let [free, needed] = [free, needed].map(|bytes| Size::bytes(bytes).about());
    error.cause(format!("storage pool `{pool}` in `{}` has {free} free, and up to {needed} are needed", seen.path))
}
