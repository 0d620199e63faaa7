//! Whether the world reaches what the web front serves: its ports from a network namespace, and a site by its name.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    Ctx, proxy,
    reach::{self, OUTSIDE, Reach, global_address6, world},
};
use crate::{
    acme,
    doctor::{self, Closed},
    hypervisor::Answer,
    model::{Domain, Hint, Port, Protocol, Result},
};

/// How far a connection from outside comes to these ports of the web front, which runs: the first that it does not reach, or the
/// last.
pub fn try_ports(ctx: &Ctx, ports: &[u16]) -> Option<(Port, Reach)> {
    let port = |number: &u16| Port { number: *number, protocol: Protocol::Tcp };
    let tried: Vec<_> = ports.iter().map(port).map(|port| (port, try_port(ctx, port))).collect();
    tried.iter().find(|(_, reach)| *reach != Reach::Whole).or(tried.last()).cloned()
}

/// Tries ports that something new is to answer at: what there is to say of that. An authority would look in vain for the answer
/// to its challenge, and counts that.
///
/// # Errors
/// [`Code::NotReached`](crate::model::Code): a firewall of the host stops what comes in.
pub fn from_outside(ctx: &Ctx, ports: &[u16]) -> Result<Option<Hint>> {
    match try_ports(ctx, ports) {
        Some((port, Reach::Stopped(closed))) => Err(reach::stopped(&port, &closed)),
        Some((port, reach)) => Ok(reach::doubt(&port, &reach)),
        None => Ok(None),
    }
}

/// By IPv4, and by IPv6 where the host has an address of it: an authority tries that first.
fn try_port(ctx: &Ctx, port: Port) -> Reach {
    let machine = &*ctx.machine;
    if !machine.runs_guests() {
        return Reach::Whole;
    }
    let by_ipv4 = try_by(ctx, port, machine.outward_address().map(IpAddr::V4), false);
    match global_address6(machine) {
        Some(address) if by_ipv4 == Reach::Whole => try_by(ctx, port, Some(IpAddr::V6(address)), true),
        _ => by_ipv4,
    }
}

fn try_by(ctx: &Ctx, port: Port, address: Option<IpAddr>, ipv6: bool) -> Reach {
    let Some(world) = world(ctx, ipv6) else {
        return Reach::Untried("routes lead to all networks for documentation".to_owned());
    };
    match ctx.machine.ask_port_from_outside(world, (address, port), OUTSIDE) {
        Ok(Answer::Accepted) => Reach::Whole,
        Ok(_) if ipv6 => Reach::Unexplained { ipv6 },
        Ok(_) => closed(ctx, port).map_or(Reach::Unexplained { ipv6 }, Reach::Stopped),
        Err(error) => Reach::Untried(error.to_string()),
    }
}

/// What stops packets from the world to a port of the web front.
fn closed(ctx: &Ctx, port: Port) -> Option<Closed> {
    let network = ctx.hypervisor.network(&ctx.settings.host.network).ok().flatten()?;
    doctor::web_obstacle(&ctx.settings, &*ctx.machine, &network, (ctx.machine.outward_address()?, port.number))
}

/// Asks for the first page of a site by its name, with the certificate that was issued: the status; none: no answer came in time,
/// or there is no certificate.
///
/// # Errors
/// [`Code::ProxyFailed`](crate::model::Code): it is not served with that certificate.
pub fn try_site(ctx: &Ctx, domain: &Domain) -> Result<Option<u16>> {
    let certificate = ctx.store.certificate(&ctx.host_id(), domain)?;
    let Some(file) = certificate.and_then(|c| c.file).filter(|_| ctx.machine.runs_guests()) else { return Ok(None) };
    let address = ctx.machine.outward_address().unwrap_or(Ipv4Addr::LOCALHOST);
    acme::status_of(domain, IpAddr::V4(address), &proxy::folder(ctx).join(file))
}
