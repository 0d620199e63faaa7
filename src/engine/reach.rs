//! Whether what is published is reached from outside: a connection that begins in a network namespace of its own passes all
//! that a stranger's does, which one that this host begins does not.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use ipnet::Ipv4Net;

use super::{Ctx, forward};
use crate::{
    doctor::{self, Closed},
    hypervisor::Answer,
    model::{Code, Error, Hint, Port, Protocol, Publication, Record, Verb, escaped},
};

/// How long a guest on this host may take to answer.
const GUEST: Duration = Duration::from_secs(1);
/// Few services answer an empty datagram; the kernel refuses one that is for nobody at once.
const GUEST_UDP: Duration = Duration::from_millis(200);
/// How long an answer may take to come back outside: the kernel asks a second time after 1 s, a third after 3 s.
pub(super) const OUTSIDE: Duration = Duration::from_secs(4);

/// Networks that nobody has (RFC 5737).
const WORLDS: [Ipv4Net; 3] = [
    Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 2, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(203, 0, 113, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(198, 51, 100, 0), 24),
];

/// How far a connection comes that begins outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// To the instance; or that cannot be told, as with a service that keeps silent, or a host elsewhere.
    Whole,
    /// Nothing listens at the instance's port, or the instance is off.
    NobodyListens,
    /// The instance answers this host, and a firewall that is not lite's stops others.
    Stopped(Closed),
    /// The instance answers this host, and libvirt stops others: its network is in mode `nat`.
    Refused(String),
    /// As before, but not by any rule that lite understands.
    Unexplained,
    /// It cannot be tried; why.
    Untried(String),
}

/// Tries what was published of an instance, whose rules are loaded.
pub fn try_all<'a>(ctx: &Ctx, record: &Record, published: &'a [Publication]) -> Vec<(&'a Publication, Reach)> {
    let mut is_off = false;
    let reach = |publication: &'a Publication| {
        let reach = match is_off {
            true => Reach::NobodyListens,
            false => try_one(ctx, record, publication, &mut is_off),
        };
        (publication, reach)
    };
    published.iter().map(reach).collect()
}

fn try_one(ctx: &Ctx, record: &Record, publication: &Publication, is_off: &mut bool) -> Reach {
    let (machine, protocol) = (&*ctx.machine, publication.protocol);
    let Some(guest) = record.address.filter(|_| machine.runs_guests()) else { return Reach::Whole };
    let inner = Port { number: publication.guest_port, protocol };
    let limit = if protocol == Protocol::Tcp { GUEST } else { GUEST_UDP };
    let near = match machine.ask_port(guest, inner, limit) {
        Ok(Answer::Unreached) if protocol == Protocol::Udp => return Reach::Whole,
        Ok(Answer::Unreached) => {
            *is_off = true;
            return Reach::NobodyListens;
        }
        Ok(near) => near,
        Err(error) => return Reach::Untried(error.to_string()),
    };
    let address = match publication.address {
        Some(IpAddr::V6(_)) => return Reach::Untried("lite tries IPv4 alone".to_owned()),
        Some(IpAddr::V4(address)) => Some(address),
        None => machine.outward_address(),
    };
    let Some(world) = world(ctx) else {
        return Reach::Untried("routes lead to all networks for documentation".to_owned());
    };
    match machine.ask_port_from_outside(world, (address, publication.host_port()), OUTSIDE) {
        Err(error) => Reach::Untried(error.to_string()),
        Ok(far) if far != near => stopper(ctx, record, inner),
        Ok(_) if near == Answer::Refused => Reach::NobodyListens,
        Ok(_) => Reach::Whole,
    }
}

/// A network that this host has no route to.
pub(super) fn world(ctx: &Ctx) -> Option<Ipv4Net> {
    let routes = doctor::routes(&*ctx.machine).ok()?;
    WORLDS.into_iter().find(|world| doctor::choose_subnet(&routes, Some(*world)).is_ok())
}

/// Why a port is not reached. In mode `nat` libvirt's own rule stops it, and there may be others.
fn stopper(ctx: &Ctx, record: &Record, port: Port) -> Reach {
    if let Ok(Some(network)) = forward::refusing_network(ctx) {
        return Reach::Refused(network);
    }
    obstacle(ctx, record, port).map_or(Reach::Unexplained, Reach::Stopped)
}

/// What stops packets from the world to a port of an instance.
fn obstacle(ctx: &Ctx, record: &Record, port: Port) -> Option<Closed> {
    let network = ctx.hypervisor.network(&ctx.settings.host.network).ok().flatten()?;
    doctor::inward_obstacle(&ctx.settings, &*ctx.machine, &network, (record.address?, port))
}

/// The error of something published that a firewall stops, with what helps.
pub fn stopped(end: &dyn Display, closed: &Closed) -> Error {
    Error::new(Code::NotReached, format!("`{end}` is not reached from outside: {} stops what comes in", closed.by))
        .hint(Hint::from(format!("nothing is published; let it pass, and try again: `{}`", closed.fix)))
        .hint(Hint::new().run(Verb::Doctor).text(" tells what else it stops"))
}

/// The error of something published that libvirt stops, with what helps.
pub fn refused(publication: &Publication, network: &str) -> Error {
    let (end, network) = (publication.end(), escaped(network));
    let text = format!(
        "`{end}` is not reached from outside: network `{network}` is in libvirt's mode `nat`, whose rules refuse what comes in"
    );
    Error::new(Code::NotReached, text).hint(
        Hint::from("nothing is published; move the network, which stops no instance, and try again: ")
            .run_with(Verb::Repair, &[&"--network", &"route"]),
    )
}

/// What is to be said of something published that stays; none: nothing.
pub fn doubt(end: &dyn Display, reach: &Reach) -> Option<Hint> {
    match reach {
        Reach::Unexplained => Some(Hint::from(format!(
            "`{end}` was not reached from a network namespace on this host, and no firewall rule that lite understands stops it: \
             try it from another machine"
        ))),
        Reach::Untried(why) => {
            Some(Hint::from(format!("whether `{end}` is reached from outside could not be tried: {why}")))
        }
        Reach::Whole | Reach::NobodyListens | Reach::Stopped(_) | Reach::Refused(_) => None,
    }
}
