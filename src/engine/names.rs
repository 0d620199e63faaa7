//! The names of instances in the DNS server of their network, made equal to the database. What wants a name, or wants one gone,
//! changes a row and calls [`apply`]; that may be done again at any time, by anybody.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Ctx,
    lock::{Lock, NAMES},
    resolver,
};
use crate::{
    kill_point,
    model::{DnsHost, Drift, Phase, Record, Result, escaped},
    plan::{self, NameChanges},
};

/// How long to wait for another process that writes names: each takes less than a tenth of a second.
const WAIT: Duration = Duration::from_secs(60);

/// Gives each instance that the database has its name. An entry that somebody else made stays, also where it has the name or the
/// address of an instance: that is a [`drift`]. So does one of an instance that the database does not know: it may be lost.
///
/// # Errors
/// What libvirt says.
pub fn apply(ctx: &Ctx) -> Result<()> {
    // What of this cannot be done is told by whoever restores it: the names are the network's first.
    let _ = tell_host(ctx, None);
    // Most calls end here, and take no turn.
    if changes(ctx)?.add.is_empty() {
        return Ok(());
    }
    in_turn(ctx, || {
        let (network, changes) = (&ctx.settings.host.network, changes(ctx)?);
        // While there is no network nobody can ask it; whoever makes one comes here.
        if changes.add.is_empty() || ctx.hypervisor.network(network)?.is_none() {
            return Ok(());
        }
        kill_point::reached("intent");
        changes.remove.iter().try_for_each(|host| ctx.hypervisor.remove_dns_host(network, host))?;
        changes.add.iter().try_for_each(|host| ctx.hypervisor.ensure_dns_host(network, host))?;
        kill_point::reached("effect");
        Ok(())
    })
}

/// Does something that no other process does to the names meanwhile.
fn in_turn<T>(ctx: &Ctx, body: impl FnOnce() -> Result<T>) -> Result<T> {
    Lock::acquire(&ctx.locks(), NAMES, "names", "names", &*ctx.clock, WAIT)?.ask(ctx, body)
}

/// Takes the name of an instance that goes away, with each of its addresses.
///
/// # Errors
/// What libvirt says.
pub fn remove(ctx: &Ctx, record: &Record) -> Result<()> {
    let network = &ctx.settings.host.network;
    let mut own = plan::dns_hosts(record);
    if own.is_empty() {
        return Ok(());
    }
    let _ = tell_host(ctx, Some(record.uuid));
    let seen = ctx.hypervisor.dns_hosts(network)?;
    own.retain(|own| seen.iter().any(|seen| seen.host == *own));
    if own.is_empty() {
        return Ok(());
    }
    in_turn(ctx, || {
        kill_point::reached("intent");
        own.iter().try_for_each(|own| ctx.hypervisor.remove_dns_host(network, own))?;
        kill_point::reached("effect");
        Ok(())
    })
}

/// Takes a name that no instance has; `false` if one has it after all.
///
/// # Errors
/// What libvirt says.
pub fn collect(ctx: &Ctx, host: &DnsHost) -> Result<bool> {
    in_turn(ctx, || {
        let owned = ctx.store.instances()?.iter().flat_map(|i| plan::dns_hosts(&i.record)).any(|own| own == *host);
        if !owned {
            kill_point::reached("intent");
            ctx.hypervisor.remove_dns_host(&ctx.settings.host.network, host)?;
            kill_point::reached("effect");
        }
        Ok(!owned)
    })
}

/// Writes the names again if some are missing, and tells this machine of a bridge that is new; whether it did either.
///
/// # Errors
/// What libvirt says.
pub fn restore(ctx: &Ctx) -> Result<bool> {
    let differs = !changes(ctx)?.add.is_empty();
    if differs {
        apply(ctx)?;
    }
    let written = tell_host(ctx, None)?;
    Ok(resolver::tell(ctx)? || written || differs)
}

/// Tells this machine's hosts file of the names; of one that goes away no longer. Whether it did not have them.
fn tell_host(ctx: &Ctx, without: Option<Uuid>) -> Result<bool> {
    if resolver::hosts(ctx).is_none() {
        return Ok(false);
    }
    in_turn(ctx, || {
        let names = wanted(ctx)?.into_iter().filter(|(uuid, _)| Some(*uuid) != without).map(|(_, host)| host);
        resolver::write_hosts(ctx, &names.collect::<Vec<_>>())
    })
}

/// In what the name of an instance differs from what its network answers; none: in nothing, or it has no name there.
///
/// # Errors
/// The host cannot be asked.
pub fn drift(ctx: &Ctx, record: &Record) -> Result<Option<Drift>> {
    let wanted = plan::dns_hosts(record);
    if wanted.is_empty() {
        return Ok(None);
    }
    let changes = changes(ctx)?;
    Ok(wanted.iter().find_map(|wanted| entry_drift(wanted, &changes)))
}

fn entry_drift(wanted: &DnsHost, changes: &NameChanges) -> Option<Drift> {
    let named = |now: String| Some(Drift::new("DNS", format!("`{}` is {}", wanted.names[0], wanted.address), now));
    if let Some((_, other)) = changes.blocked.iter().find(|(host, _)| host == wanted) {
        let other = format!("`{}` is {}", escaped(&other.names.join(" ")), other.address);
        return named(format!("{other}, by an entry that lite did not make"));
    }
    if changes.add.contains(wanted) { named("no such name".to_owned()) } else { None }
}

/// The instances that have a name. One whose row cannot be read keeps that which its network has, and one that goes away gets none.
fn wanted(ctx: &Ctx) -> Result<Vec<(Uuid, DnsHost)>> {
    let rows = ctx.store.instances_on(&ctx.host_id())?;
    let stay =
        rows.iter().filter_map(|(_, row)| row.as_ref().ok()).filter(|instance| instance.phase != Phase::Deleting);
    Ok(stay
        .flat_map(|instance| plan::dns_hosts(&instance.record).into_iter().map(|host| (instance.record.uuid, host)))
        .collect())
}

fn changes(ctx: &Ctx) -> Result<NameChanges> {
    let wanted: Vec<DnsHost> = wanted(ctx)?.into_iter().map(|(_, host)| host).collect();
    let seen = ctx.hypervisor.dns_hosts(&ctx.settings.host.network)?;
    let seen: Vec<(&DnsHost, bool)> = seen.iter().map(|s| (&s.host, s.whole)).collect();
    Ok(plan::name_changes(&wanted, &seen))
}
