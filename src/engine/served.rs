//! Whether the world reaches what the web front serves: its ports from a network namespace, and a site by its name.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    Ctx, proxy,
    reach::{OUTSIDE, Reach, world},
};
use crate::{
    acme,
    doctor::{self, Closed},
    hypervisor::Answer,
    model::{Domain, Port, Protocol, Result},
};

/// The ports of the web front.
pub const PORTS: [Port; 2] = [web(80), web(443)];

const fn web(number: u16) -> Port {
    Port { number, protocol: Protocol::Tcp }
}

/// How far a connection from outside comes to the ports of the web front, which runs: the first that it does not reach, or the last.
pub fn try_ports(ctx: &Ctx) -> (Port, Reach) {
    let tried = PORTS.map(|port| (port, try_port(ctx, port)));
    tried.iter().find(|(_, reach)| *reach != Reach::Whole).unwrap_or(&tried[1]).clone()
}

fn try_port(ctx: &Ctx, port: Port) -> Reach {
    let machine = &*ctx.machine;
    if !machine.runs_guests() {
        return Reach::Whole;
    }
    let Some(world) = world(ctx) else {
        return Reach::Untried("routes lead to all networks for documentation".to_owned());
    };
    match machine.ask_port_from_outside(world, (machine.outward_address(), port), OUTSIDE) {
        Ok(Answer::Accepted) => Reach::Whole,
        Ok(_) => closed(ctx).map_or(Reach::Unexplained, Reach::Stopped),
        Err(error) => Reach::Untried(error.to_string()),
    }
}

/// What stops packets from the world to the web front.
fn closed(ctx: &Ctx) -> Option<Closed> {
    let network = ctx.hypervisor.network(&ctx.settings.host.network).ok().flatten()?;
    doctor::web_obstacle(&ctx.settings, &*ctx.machine, &network, ctx.machine.outward_address()?)
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
