//! lite's tables in the packet filter, made equal to the database. What wants a rule, or wants one gone, changes a row and
//! calls [`apply`]; that may be done again at any time, by anybody.

use std::{path::Path, time::Duration};

use ipnet::Ipv4Net;

use super::{
    Ctx,
    lock::{FIREWALL, Lock},
};
use crate::{
    kill_point,
    model::{Code, Drift, Error, NetworkDefinition, Result, Ruleset, StaticIp},
    plan::{self, FromWorld, Nat, StaticAddressOf},
};

/// How long to wait for another process that loads rules: each takes less than a tenth of a second.
const WAIT: Duration = Duration::from_secs(60);
/// What the kernel is told of the bridge: guests on isolated ports reach each other through the host, which answers ARP for
/// them, and are not told of a shorter way. It answers at once: answers that are put off are dropped whenever any interface of the
/// host goes, as with each guest that stops, and the next request comes a second later.
const SWITCHES: [(&str, &str, &str); 3] =
    [("conf", "proxy_arp_pvlan", "1"), ("conf", "send_redirects", "0"), ("neigh", "proxy_delay", "0")];

/// Makes the tables equal the database as it is now. Processes that do so take turns, so the last one loads the newest rows.
///
/// # Errors
/// What `nft` says. The tables that were loaded are still there then.
pub fn apply(ctx: &Ctx) -> Result<()> {
    Lock::acquire(&ctx.locks(), FIREWALL, "firewall", "firewall", &*ctx.clock, WAIT)?.ask(ctx, || {
        let (ruleset, nat) = wanted(ctx)?;
        if let Some(nat) = &nat {
            set_switches(ctx, nat)?;
        }
        if ctx.hypervisor.loaded_rules(&ruleset.table)? != ruleset.tables {
            kill_point::reached("intent");
            ctx.hypervisor.load_rules(&ruleset)?;
            kill_point::reached("effect");
        }
        Ok(())
    })
}

/// In what the tables differ from the database; none: they are as they should be. An empty database is no measure: if it was
/// lost, its guests run on, and their rules stay with them.
///
/// # Errors
/// The host cannot be asked.
pub fn drift(ctx: &Ctx) -> Result<Option<Drift>> {
    let (ruleset, _) = wanted(ctx)?;
    let loaded = ctx.hypervisor.loaded_rules(&ruleset.table)?;
    let now = match loaded.as_slice() {
        _ if ruleset.tables.is_empty() => return Ok(None),
        loaded if *loaded == ruleset.tables => return Ok(None),
        [] => "not loaded",
        _ => "not those of the database",
    };
    Ok(Some(Drift::new("firewall", format!("the rules of table `{}`", ruleset.table), now)))
}

/// Loads the rules again if others are loaded, or none; whether that was so. A bridge that was made anew, with its network,
/// is told again too.
///
/// # Errors
/// Those of [`drift`] and [`apply`].
pub fn restore(ctx: &Ctx) -> Result<bool> {
    let (_, nat) = wanted(ctx)?;
    nat.map_or(Ok(()), |nat| set_switches(ctx, &nat))?;
    let differs = drift(ctx)?.is_some();
    if differs {
        apply(ctx)?;
    }
    Ok(differs)
}

/// The rules for what the database has, and the network they are for; none while there is no such network.
fn wanted(ctx: &Ctx) -> Result<(Ruleset, Option<Nat>)> {
    let network = &ctx.settings.host.network;
    let nat = ctx.hypervisor.network(network)?.map(|seen| nat_of(&seen.xml)).transpose()?;
    // One whose row cannot be read holds up no other; its ports are closed until it can.
    let rows = ctx.store.instances_on(&ctx.host_id())?;
    let records = rows.iter().filter_map(|(_, row)| row.as_ref().ok()).map(|instance| &instance.record);
    let published = ctx.store.publications_on(&ctx.host_id())?;
    let published: Vec<_> = published.into_iter().map(|p| (p.instance, p.publication)).collect();
    let leads = |ip: StaticIp| Some(StaticAddressOf { instance: ip.instance?, address: ip.address });
    let addresses: Vec<_> = ctx.store.static_ips(&ctx.host_id())?.into_iter().filter_map(leads).collect();
    let from_world =
        FromWorld { published: &published, addresses: &addresses, web: &ctx.store.web_ports(&ctx.host_id())? };
    Ok((plan::ruleset(network, nat.as_ref(), records, from_world), nat))
}

fn nat_of(xml: &str) -> Result<Nat> {
    let network = NetworkDefinition::parse(xml)?;
    let subnet = network.ips.iter().find_map(|ip| Ipv4Net::new(ip.address?, ip.prefix?).ok());
    let subnet6 = network.ips6.first().copied();
    let nat = network.bridge.zip(subnet).map(|(bridge, subnet)| Nat { bridge, subnet, subnet6 });
    nat.ok_or_else(|| Error::new(Code::NetworkUnusable, "the network has no bridge or no IPv4 subnet"))
}

fn set_switches(ctx: &Ctx, nat: &Nat) -> Result<()> {
    let of = |kind: &str| Path::new("/proc/sys/net/ipv4").join(kind).join(&nat.bridge);
    // The bridge is there while the network is started, on a machine that runs guests.
    if !ctx.machine.runs_guests() || ctx.machine.info(&of("conf")).is_err() {
        return Ok(());
    }
    for (kind, name, value) in SWITCHES {
        let file = of(kind).join(name);
        if ctx.machine.text(&file.display().to_string()).is_ok_and(|now| now == value) {
            continue;
        }
        ctx.machine
            .write(&file, value)
            .map_err(|e| Error::new(Code::NotWritable, format!("cannot write `{}`", file.display())).cause(e))?;
    }
    Ok(())
}
