//! What operations need to know of the host, and what they may make on it.

use std::time::Duration;

use super::{
    Ctx, Observer,
    allocate::HostView,
    firewall,
    lock::{HOST, Lock},
    names, network, resolver,
};
use crate::{
    doctor::{self, NoIpv6},
    hypervisor::{PoolInfo, VolumeInfo},
    kill_point,
    model::{Code, Error, Hint, HostUsage, NetworkMode, Result, Size, Verb},
    plan::{self, Subnet},
};

/// How long to wait for another process that makes pool and network.
const MAKE: Duration = Duration::from_secs(60);

/// Makes lite's own pool, network and log folder if they are missing, and says so.
pub fn prepare_host(ctx: &Ctx, network: &NetworkMode, observer: &mut dyn Observer) -> Result<()> {
    let host = &ctx.settings.host;
    // Said before anything is made for a guest that could not start without its rules.
    firewall::drift(ctx)?;
    ctx.machine.make_folder(&host.folders.logs).map_err(|e| {
        Error::new(Code::LogsNotWritable, format!("cannot make `{}`", host.folders.logs.display()))
            .cause(e)
            .hint(Hint::again_as_root_or("LITE_LOG_DIR"))
    })?;
    let pool = || -> Result<bool> { Ok(ctx.hypervisor.pool(&host.pool)?.is_some_and(|p| p.active)) };
    let nat = || -> Result<bool> {
        Ok(*network != NetworkMode::Nat || ctx.hypervisor.network(&host.network)?.is_some_and(|n| n.active))
    };
    if pool()? && nat()? {
        return Ok(());
    }
    // Two first commands at once must not both make them.
    Lock::acquire(&ctx.locks(), HOST, "host", "prepare the host", &*ctx.clock, MAKE)?.ask(ctx, || {
        if !pool()? {
            make_pool(ctx, observer)?;
        }
        if nat()? { Ok(()) } else { make_network(ctx, observer) }
    })
}

fn make_pool(ctx: &Ctx, observer: &mut dyn Observer) -> Result<()> {
    let host = &ctx.settings.host;
    let path = host.folders.pool.display().to_string();
    kill_point::reached("intent");
    ctx.hypervisor.ensure_pool(&host.pool, &plan::pool_xml(&host.pool, &path)?)?;
    kill_point::reached("effect");
    observer.note(&format!("made storage pool `{}` in `{path}`", host.pool));
    Ok(())
}

fn make_network(ctx: &Ctx, observer: &mut dyn Observer) -> Result<()> {
    let host = &ctx.settings.host;
    kill_point::reached("intent");
    let subnets = doctor::choose_subnets(&*ctx.machine, host)?;
    network::start(ctx, &host.network, &plan::network_xml(&host.network, subnets.ipv4, subnets.ipv6)?)?;
    kill_point::reached("effect");
    observer.note(&format!("made network `{}`", host.network));
    tell_lack(subnets.lacks, observer);
    names::apply(ctx)?;
    if let Err(error) = resolver::tell(ctx) {
        observer.warn(&Hint::from(error.to_string()));
    }
    tell_obstacles(ctx, observer)
}

/// Tells why instances get no IPv6, which can be put right before there are any.
fn tell_lack(why: Option<NoIpv6>, observer: &mut dyn Observer) {
    let Some(why) = why else { return };
    let text = format!("instances on it have IPv4 alone: {why}");
    match why {
        NoIpv6::Learned(_) => observer.warn(&Hint::from(text)),
        _ => observer.note(&text),
    }
}

/// Refused if the network is a bridge that this host does not have.
pub fn check_bridge(ctx: &Ctx, network: &NetworkMode) -> Result<()> {
    let NetworkMode::Bridge(bridge) = network else { return Ok(()) };
    // On another host nothing is known here; libvirt then says it at start.
    if !ctx.machine.runs_guests() || ctx.machine.has_bridge(bridge.as_str()) {
        return Ok(());
    }
    Err(Error::new(Code::NoBridge, format!("this host has no bridge `{bridge}`"))
        .hint("`ip -brief link show type bridge` lists those there are; `--network nat` needs none"))
}

/// Tells what firewalls of this host stop of the packets of guests on the network that was just made: they would fail much
/// later, and not say why. One that was there is judged before.
fn tell_obstacles(ctx: &Ctx, observer: &mut dyn Observer) -> Result<()> {
    let Some(network) = ctx.hypervisor.network(&ctx.settings.host.network)?.filter(|_| ctx.machine.runs_guests())
    else {
        return Ok(());
    };
    for obstacle in doctor::obstacles(&ctx.settings, &*ctx.machine, &network).into_iter().filter(|o| o.sure) {
        observer.warn(&Hint::from(format!("{obstacle}; what helps: `{}`", obstacle.fix)));
    }
    Ok(())
}

fn missing(what: &str, name: &str) -> Error {
    Error::new(Code::HostNotReady, format!("{what} `{name}` is missing"))
        .hint(Hint::new().run_with(Verb::Doctor, &[&"--fix"]).text(" makes it"))
}

/// The subnet of the NAT network.
pub(super) fn subnet(ctx: &Ctx) -> Result<Subnet> {
    let name = &ctx.settings.host.network;
    let seen = ctx.hypervisor.network(name)?.ok_or_else(|| missing("network", name))?;
    plan::subnet_of(&seen.xml)
}

/// The host as it is now.
pub fn view(ctx: &Ctx, network: &NetworkMode) -> Result<HostView> {
    let host = &ctx.settings.host;
    let pool = ctx.hypervisor.pool(&host.pool)?.ok_or_else(|| missing("storage pool", &host.pool))?;
    let pool = usable(ctx, pool);
    let ours: Vec<_> = ctx.store.desired_generations()?.into_iter().map(|(uuid, _)| uuid).collect();
    let domains = ctx.hypervisor.domains()?;
    let subnet = match network {
        NetworkMode::Bridge(_) => None,
        NetworkMode::Nat => Some(subnet(ctx)?),
    };
    Ok(HostView {
        info: ctx.hypervisor.host()?,
        used_by_disks: used_by_disks(&ctx.hypervisor.volumes(&host.pool)?),
        pool,
        foreign: domains.into_iter().filter(|d| !ours.contains(&d.uuid)).map(|d| d.name).collect(),
        subnet,
    })
}

/// libvirt counts what the file system keeps back for root; nobody may promise that.
pub fn usable(ctx: &Ctx, mut pool: PoolInfo) -> PoolInfo {
    if let (true, Ok(space)) = (ctx.machine.runs_guests(), ctx.machine.space(pool.path.as_ref())) {
        pool.available = pool.available.min(space.available);
    }
    pool
}

/// What is left for new instances.
pub fn capacity(ctx: &Ctx) -> Result<super::Capacity> {
    let view = view(ctx, &NetworkMode::Bridge(String::new()))?;
    let held = ctx.store.allocated(&ctx.host_id())?;
    Ok(super::Capacity::left(&view.info, &view.pool, view.used_by_disks, &held, &ctx.settings.host.overcommit))
}

/// What the host has and has promised.
///
/// # Errors
/// The host cannot be asked, or the database not be read.
pub fn usage(ctx: &Ctx) -> Result<HostUsage> {
    let (host, held) = (ctx.hypervisor.host()?, ctx.store.allocated(&ctx.host_id())?);
    Ok(HostUsage {
        cpus: host.cpus,
        vcpus_promised: held.vcpus,
        vcpus_limit: super::capacity::vcpus(&host),
        memory: Size::bytes(host.memory_kib << 10),
        memory_free: Size::bytes(host.memory_free_kib << 10),
        memory_promised: Size::bytes(held.memory),
        memory_limit: Size::bytes(super::capacity::memory(&host, &ctx.settings.host.overcommit)),
        disk: super::disk_usage(ctx)?,
    })
}

/// Refused, with the numbers, where the pool has no room for a copy of so many bytes.
///
/// # Errors
/// That, or the host cannot be asked.
pub fn check_copy(ctx: &Ctx, what: &str, needed: u64) -> Result<()> {
    let view = view(ctx, &NetworkMode::Bridge(String::new()))?;
    let (held, overcommit) = (ctx.store.allocated(&ctx.host_id())?, &ctx.settings.host.overcommit);
    super::capacity::check_copy(what, needed, (&view.pool, view.used_by_disks), &held, overcommit)
}

/// Bytes that the disks of instances use already. Snapshots are no disks that instances were promised.
pub fn used_by_disks(volumes: &[VolumeInfo]) -> u64 {
    volumes.iter().filter(|v| plan::is_promised(&v.name)).map(|v| v.allocation).sum()
}
