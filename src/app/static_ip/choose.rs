//! Which address is kept: whether it is ours to keep, and free.

use std::net::Ipv4Addr;

use crate::{
    doctor,
    engine::Ctx,
    model::{Code, Error, Hint, HostId, Name, ResourceKind, Result, StaticIp, Verb, is_machines},
    plan::{self, Subnet},
    store::{Transaction, resources, static_ips},
};

/// Where an address may lie.
enum Place {
    /// On an interface of the host.
    Host,
    /// On the NAT network.
    Network(Subnet),
}

/// Keeps an address, or tells which it would be.
pub(super) fn allocate(ctx: &mut Ctx, name: &Name, wanted: Option<Ipv4Addr>, dry_run: bool) -> Result<StaticIp> {
    let place = place(ctx, wanted)?;
    let (host, network, created_at) = (ctx.host_id(), ctx.settings.host.network.clone(), ctx.now());
    let ip = ctx.store.write(|t| {
        resources::refuse_taken(t, ResourceKind::StaticIp, name.as_str())?;
        let address = match (wanted, &place) {
            (Some(address), place) => free(t, (&host, &network), address, place)?,
            (None, Place::Network(subnet)) => first_free(t, (&host, &network), subnet)?,
            (None, Place::Host) => return Err(Error::new(Code::Internal, "no address was asked for")),
        };
        let ip = StaticIp { name: name.clone(), address, instance: None, created_at };
        if !dry_run {
            static_ips::insert(t, &host, &ip)?;
        }
        Ok(ip)
    })?;
    if !dry_run {
        ctx.store.write_network_file(&host)?;
    }
    Ok(ip)
}

/// Gives an address back, or tells which it would be.
pub(super) fn release(ctx: &mut Ctx, name: &Name, dry_run: bool) -> Result<StaticIp> {
    let host = ctx.host_id();
    let ip = ctx.store.write(|t| static_ips::release(t, &host, name, dry_run))?;
    if !dry_run {
        ctx.store.write_network_file(&host)?;
    }
    Ok(ip)
}

fn place(ctx: &Ctx, wanted: Option<Ipv4Addr>) -> Result<Place> {
    let network = &ctx.settings.host.network;
    let seen = ctx.hypervisor.network(network)?.map(|seen| plan::subnet_of(&seen.xml)).transpose()?;
    match (wanted, seen) {
        (Some(address), Some(subnet)) if subnet.contains(address) => {
            check_of_network(&subnet, network, address)?;
            Ok(Place::Network(subnet))
        }
        (Some(address), _) => check_of_host(ctx, address).map(|()| Place::Host),
        (None, Some(subnet)) => Ok(Place::Network(subnet)),
        (None, None) => Err(Error::new(Code::HostNotReady, format!("there is no network `{network}`"))
            .hint(Hint::new().run_with(Verb::Doctor, &[&"--fix"]).text(" makes it"))),
    }
}

/// Refused: the host's own address there, and one that DHCP hands out.
fn check_of_network(subnet: &Subnet, network: &str, address: Ipv4Addr) -> Result<()> {
    let why = match address {
        a if a == subnet.gateway => "it is the host's own on the network",
        a if !subnet.has_host(a) => "it is the network's own",
        a if a > subnet.last => "DHCP hands it out there",
        _ => return Ok(()),
    };
    let (first, last) = (subnet.first, subnet.last);
    Err(Error::new(Code::NotOurAddress, format!("`{address}` is no free address of network `{network}`: {why}"))
        .hint(format!("use one from {first} to {last}, or leave out `--address`")))
}

/// Refused: an address that is not on an interface of the host, and those that the host needs itself. Of a host elsewhere
/// nothing is known here.
fn check_of_host(ctx: &Ctx, address: Ipv4Addr) -> Result<()> {
    let refused = |why: &str| Error::new(Code::NotOurAddress, format!("`{address}` {why}"));
    if !is_machines(address) {
        return Err(refused("is no address that a machine on a network has"));
    }
    if !ctx.machine.runs_guests() {
        return Ok(());
    }
    let own = doctor::addresses(&*ctx.machine)?;
    if !own.iter().any(|own| own.address == address) {
        let all: Vec<_> = own.iter().map(|own| format!("{} ({})", own.address, own.interface)).collect();
        return Err(refused("is on no interface of this host").hint(format!(
            "this host has {}; leave out `--address` for one of the instances' network",
            if all.is_empty() { "none".to_owned() } else { all.join(", ") }
        )));
    }
    if ctx.machine.outward_address() == Some(address) {
        return Err(refused("is the address by which this host itself goes out")
            .hint("its services would be cut off: publish ports of it instead, with `lite publish`"));
    }
    Ok(())
}

fn free(t: &Transaction<'_>, (host, network): (&HostId, &str), address: Ipv4Addr, place: &Place) -> Result<Ipv4Addr> {
    let holder = static_ips::holder(t, host, network, address)?;
    let kept = matches!(place, Place::Network(subnet) if subnet.is_kept(address));
    match holder.or(kept.then(|| format!("an entry of network `{network}` has it"))) {
        Some(holder) => Err(static_ips::in_use(address, &holder)),
        None => Ok(address),
    }
}

/// From the end: instances are given the first ones.
fn first_free(t: &Transaction<'_>, (host, network): (&HostId, &str), subnet: &Subnet) -> Result<Ipv4Addr> {
    for address in subnet.addresses().rev().filter(|address| !subnet.is_kept(*address)) {
        if static_ips::holder(t, host, network, address)?.is_none() {
            return Ok(address);
        }
    }
    Err(Error::new(Code::NoFreeAddress, format!("network `{network}` has no free address"))
        .hint(Hint::from("give one back (").run(Verb::IpList).text(" shows them), or delete an instance")))
}
