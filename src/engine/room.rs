//! What is said of a pool that ran full while something was written to it: libvirt and tools tell that in words of theirs, or not at all.

use super::{Ctx, capacity};
use crate::model::{Code, Error, Size};

/// With less than this free a pool counts as full: what fails takes its own back before anybody looks.
const FULL: u64 = 16 << 20;

/// The error of something that needed so many bytes of the pool; where the pool is full, it says so, with both numbers.
pub fn explained(ctx: &Ctx, needed: u64, error: Error) -> Error {
    match shortage(ctx, needed) {
        Some(why) => error.cause(why),
        None => error,
    }
}

/// The same for an error that has no words of ours before it: it begins with what there was no room for, and says how room is made.
pub fn headed(ctx: &Ctx, what: &str, needed: u64, error: Error) -> Error {
    match shortage(ctx, needed).filter(|_| error.code != Code::Interrupted) {
        Some(why) => error.within(format!("no room for {what}: {why}")).hint(capacity::make_room()),
        None => error,
    }
}

/// What a full pool lacks; none: it has room, or cannot be asked.
fn shortage(ctx: &Ctx, needed: u64) -> Option<String> {
    let pool = &ctx.settings.host.pool;
    let seen = ctx.hypervisor.pool(pool).ok()??;
    let space = ctx.machine.space(seen.path.as_ref()).ok().filter(|_| ctx.machine.runs_guests());
    let free = space.map_or(seen.available, |space| space.available.min(seen.available));
    if free >= needed.max(FULL) {
        return None;
    }
    let [free, needed] = [free, needed].map(|bytes| Size::bytes(bytes).about());
    Some(format!("storage pool `{pool}` in `{}` has {free} free, and up to {needed} are needed", seen.path))
}
