//! The guests when their host is shut down: each is asked to power off, as a stop does, and stays wanted up.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{
    Ctx,
    domain::{POLL, PRESS},
};
use crate::{
    hypervisor::DomainState,
    model::{Name, Result},
};

/// Presses the power button of the instances that run, again and again, until all are off or `grace` is over; gives those that
/// still run then. After the next boot of the host they come up again.
///
/// # Errors
/// The database, or libvirt, does not answer.
pub fn shut_down_guests(ctx: &Ctx, grace: Duration) -> Result<Vec<Name>> {
    let rows = ctx.store.instances_on(&ctx.host_id())?.into_iter().filter_map(|(_, row)| row.ok());
    let ours: Vec<(Uuid, Name)> = rows.map(|i| (i.record.uuid, i.record.name)).collect();
    let begun = ctx.clock.instant();
    let mut press: Option<Instant> = None;
    loop {
        let running = running(ctx)?;
        let left: Vec<&(Uuid, Name)> = ours.iter().filter(|(uuid, _)| running.contains(uuid)).collect();
        let now = ctx.clock.instant();
        if left.is_empty() || now >= begun + grace {
            return Ok(left.into_iter().map(|(_, name)| name.clone()).collect());
        }
        if press.is_none_or(|last| now >= last + PRESS) {
            press = Some(now);
            for (uuid, _) in left {
                // A guest that boots hears none; one that is off by now needs none.
                let _ = ctx.hypervisor.shutdown(*uuid);
            }
        }
        ctx.clock.sleep(POLL);
    }
}

fn running(ctx: &Ctx) -> Result<HashSet<Uuid>> {
    let up = |state| matches!(state, DomainState::Running | DomainState::ShuttingDown);
    Ok(ctx.hypervisor.domains()?.into_iter().filter(|d| up(d.state)).map(|d| d.uuid).collect())
}
