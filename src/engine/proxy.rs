//! The web front, made equal to the database. What wants a domain served, or served no longer, changes a row and calls
//! [`apply`]; that may be done again at any time, by anybody.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};

use uuid::Uuid;

use super::{
    Ctx,
    lock::{Attempt, Lock, PROXY},
};
use crate::{
    kill_point,
    model::{LoadBalancer, Name, ProxyConfiguration, ProxyCounters, ProxyFile, ProxyStatistics, Result, Target},
    plan::{self, BalancerAt, TargetAt},
};

/// What a kernel with IPv6 has.
const IPV6: &str = "/proc/net/if_inet6";
/// How long to wait for another process that loads it: one that starts HAProxy with 100 sites takes a second.
const WAIT: Duration = Duration::from_secs(60);

/// The folder of the web front.
pub fn folder(ctx: &Ctx) -> PathBuf {
    plan::proxy_folder(&ctx.settings.paths.state)
}

/// Makes the web front equal the database as it is now. Processes that do so take turns, so the last one loads the newest rows.
///
/// # Errors
/// What HAProxy says. Whatever was served still is.
pub fn apply(ctx: &mut Ctx) -> Result<()> {
    let _lock = Lock::acquire(&ctx.locks(), PROXY, "proxy", "proxy", &*ctx.clock, WAIT)?;
    let wanted = wanted(ctx)?;
    kill_point::reached("intent");
    let counted = ctx.hypervisor.load_proxy(&wanted)?;
    kill_point::reached("effect");
    counted.map_or(Ok(()), |lines| keep(ctx, &lines))
}

/// Keeps what the worker that was replaced had counted.
fn keep(ctx: &mut Ctx, lines: &[ProxyStatistics]) -> Result<()> {
    let host = ctx.host_id();
    let balancers = ctx.store.load_balancers(&host)?;
    let each = of_each(&balancers, lines).filter_map(|(id, own)| Some((id, ProxyCounters::of(&own)?)));
    ctx.store.add_proxy_counters(&host, &each.collect::<Vec<_>>())
}

/// In what it differs from the database, in words; none: in nothing.
///
/// # Errors
/// The host cannot be asked.
pub fn drift(ctx: &Ctx) -> Result<Option<&'static str>> {
    let wanted = wanted(ctx)?;
    let loaded = ctx.hypervisor.loaded_proxy(&wanted.folder)?;
    Ok(match (&wanted.digest, loaded) {
        (None, None) => None,
        (Some(_), None) => Some("HAProxy does not run"),
        (None, Some(_)) => Some("HAProxy runs, and there is nothing that it is to serve"),
        (Some(digest), Some(loaded)) if *digest == loaded && knows_live(ctx, &wanted) => None,
        (Some(_), Some(_)) => Some("HAProxy serves something else than the database says"),
    })
}

/// Whether HAProxy was told of all certificates and answers: its files are written once it was.
fn knows_live(ctx: &Ctx, wanted: &ProxyConfiguration) -> bool {
    let mut all = wanted.maps.iter().chain([&wanted.certificates]);
    let is_written = |file: &ProxyFile| {
        ctx.machine.read(&wanted.folder.join(file.name)).is_ok_and(|text| text == file.text.as_bytes())
    };
    !ctx.machine.runs_guests() || all.all(is_written)
}

/// Loads it again if it serves something else, or does not run; whether that was so.
///
/// # Errors
/// Those of [`apply`].
pub fn restore(ctx: &mut Ctx) -> Result<bool> {
    let differs = drift(ctx)?.is_some();
    if differs {
        apply(ctx)?;
    }
    Ok(differs)
}

/// Whether it is at work, so that the host's ports 80 and 443 are its own.
///
/// # Errors
/// The host cannot be asked.
pub fn runs(ctx: &Ctx) -> Result<bool> {
    Ok(ctx.hypervisor.loaded_proxy(&folder(ctx))?.is_some())
}

/// What HAProxy tells of load balancers and their instances, by their ids; nothing while it does not run.
///
/// # Errors
/// The host cannot be asked.
pub fn statistics(ctx: &Ctx, balancers: &[LoadBalancer]) -> Result<HashMap<Uuid, Vec<ProxyStatistics>>> {
    let backends: Vec<String> = balancers.iter().map(|balancer| plan::balancer_backend(&balancer.name)).collect();
    let lines = ctx.hypervisor.proxy_statistics(&folder(ctx), &backends)?;
    Ok(of_each(balancers, &lines).collect())
}

/// The lines of each load balancer.
fn of_each<'a>(
    balancers: &'a [LoadBalancer],
    lines: &'a [ProxyStatistics],
) -> impl Iterator<Item = (Uuid, Vec<ProxyStatistics>)> + 'a {
    balancers.iter().map(|balancer| {
        let backend = plan::balancer_backend(&balancer.name);
        (balancer.id, lines.iter().filter(|line| line.backend == backend).cloned().collect())
    })
}

/// What HAProxy tells of a load balancer, and what workers before this one had counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What the worker tells.
    pub lines: Vec<ProxyStatistics>,
    /// What those before it had counted.
    pub before: ProxyCounters,
}

/// Both at one time, by the ids of the load balancers; none while another process loads it.
///
/// # Errors
/// The host cannot be asked, or those of the database.
pub fn counted(ctx: &Ctx, balancers: &[LoadBalancer]) -> Result<Option<HashMap<Uuid, Counted>>> {
    let Attempt::Held(_lock) = Lock::attempt(&ctx.locks(), PROXY, "proxy", ctx.now())? else { return Ok(None) };
    let before = ctx.store.proxy_counters(&ctx.host_id())?;
    let all = statistics(ctx, balancers)?.into_iter();
    let with = |(id, lines)| (id, Counted { lines, before: before.get(&id).copied().unwrap_or_default() });
    Ok(Some(all.map(with).collect()))
}

fn wanted(ctx: &Ctx) -> Result<ProxyConfiguration> {
    let host = ctx.host_id();
    let rows = ctx.store.instances_on(&host)?;
    let records = rows.iter().filter_map(|(_, row)| row.as_ref().ok()).map(|instance| &instance.record);
    let guests: HashMap<_, _> = records.filter_map(|r| Some((r.uuid, (r.name.clone(), r.address?)))).collect();
    let sites = ctx.store.sites_on(&host)?.into_iter();
    let sites: Vec<_> = sites.filter_map(|row| Some((row.site, guests.get(&row.instance)?.1))).collect();
    let balancers = ctx.store.load_balancers(&host)?;
    let balancers: Vec<_> = balancers.into_iter().map(|balancer| balancer_at(balancer, &guests)).collect();
    let folder = folder(ctx);
    let mut certificates = ctx.store.certificates_on(&host)?;
    for certificate in &mut certificates {
        // One whose file is lost would keep HAProxy from all the others.
        certificate.file = certificate.file.take().filter(|file| ctx.machine.info(&folder.join(file)).is_ok());
    }
    // Guests of libvirt's test driver run nowhere.
    let ipv6 = !ctx.machine.runs_guests() || ctx.machine.info(Path::new(IPV6)).is_ok();
    Ok(plan::proxy(&folder, &sites, &balancers, &certificates, ipv6))
}

fn balancer_at(balancer: LoadBalancer, guests: &HashMap<Uuid, (Name, Ipv4Addr)>) -> BalancerAt {
    let at = |&Target { instance, draining }: &Target| {
        let (name, address) = guests.get(&instance)?.clone();
        Some(TargetAt { name, instance, address, draining })
    };
    let mut targets: Vec<TargetAt> = balancer.targets.iter().filter_map(at).collect();
    targets.sort();
    BalancerAt { balancer, targets }
}
