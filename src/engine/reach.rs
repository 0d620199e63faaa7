//! Whether what is published is reached from outside: a connection that begins in a network namespace of its own passes all
//! that a stranger's does, which one that this host begins does not.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{Ctx, forward};
use crate::{
    doctor::{self, Closed},
    hypervisor::{Answer, Machine},
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
/// The same of IPv6 (RFC 9637, RFC 3849).
const WORLDS6: [Ipv6Net; 2] = [
    Ipv6Net::new_assert(Ipv6Addr::new(0x3fff, 0xfff, 0, 0, 0, 0, 0, 0), 64),
    Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0xffff, 0, 0, 0, 0), 64),
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
    Unexplained {
        /// By IPv6, of which no rules are looked at.
        ipv6: bool,
    },
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

/// An address of a guest, and one of the host that leads to it; none: any.
struct Ends {
    guest: IpAddr,
    host: Option<IpAddr>,
}

/// The ends of something published: by IPv4, and by IPv6 where the guest and the host have it.
fn ends(ctx: &Ctx, record: &Record, publication: &Publication) -> Vec<Ends> {
    let of4 = |host: Option<IpAddr>| record.address.map(|guest| Ends { guest: guest.into(), host });
    let of6 = |host: IpAddr| record.address6.map(|guest| Ends { guest: guest.into(), host: Some(host) });
    let machine = &*ctx.machine;
    let (ipv4, ipv6) = match publication.address {
        Some(host @ IpAddr::V4(_)) => (of4(Some(host)), None),
        Some(host @ IpAddr::V6(_)) => (None, of6(host)),
        None => {
            let host6 = global_address6(machine).map(IpAddr::from);
            (of4(machine.outward_address().map(Into::into)), host6.and_then(of6))
        }
    };
    ipv4.into_iter().chain(ipv6).collect()
}

fn try_one(ctx: &Ctx, record: &Record, publication: &Publication, is_off: &mut bool) -> Reach {
    if !ctx.machine.runs_guests() {
        return Reach::Whole;
    }
    let each = ends(ctx, record, publication);
    let tried = each.iter().map(|ends| try_ends(ctx, record, publication, ends));
    let reach =
        tried.into_iter().find(|tried| *tried != Tried::Reach(Reach::Whole)).unwrap_or(Tried::Reach(Reach::Whole));
    match reach {
        Tried::IsOff => {
            *is_off = true;
            Reach::NobodyListens
        }
        Tried::Reach(reach) => reach,
    }
}

/// What came of one try.
#[derive(PartialEq, Eq)]
enum Tried {
    /// The guest does not even refuse.
    IsOff,
    /// So far it came.
    Reach(Reach),
}

fn try_ends(ctx: &Ctx, record: &Record, publication: &Publication, ends: &Ends) -> Tried {
    let (machine, protocol) = (&*ctx.machine, publication.protocol);
    let inner = Port { number: publication.guest_port, protocol };
    let limit = if protocol == Protocol::Tcp { GUEST } else { GUEST_UDP };
    let near = match machine.ask_port(ends.guest, inner, limit) {
        Ok(Answer::Unreached) if protocol == Protocol::Udp => return Tried::Reach(Reach::Whole),
        Ok(Answer::Unreached) => return Tried::IsOff,
        Ok(near) => near,
        Err(error) => return Tried::Reach(Reach::Untried(error.to_string())),
    };
    let Some(world) = world(ctx, ends.guest.is_ipv6()) else {
        return Tried::Reach(Reach::Untried("routes lead to all networks for documentation".to_owned()));
    };
    Tried::Reach(match machine.ask_port_from_outside(world, (ends.host, publication.host_port()), OUTSIDE) {
        Err(error) => Reach::Untried(error.to_string()),
        Ok(far) if far != near => stopper(ctx, record, inner, ends.guest.is_ipv6()),
        Ok(_) if near == Answer::Refused => Reach::NobodyListens,
        Ok(_) => Reach::Whole,
    })
}

/// The IPv6 address of this host that the world routes (2000::/3: RFC 4291, 2.4).
pub(super) fn global_address6(machine: &dyn Machine) -> Option<Ipv6Addr> {
    machine.outward_address6().filter(|address| address.segments()[0] >> 13 == 1)
}

/// A network that this host has no route to.
pub(super) fn world(ctx: &Ctx, ipv6: bool) -> Option<IpNet> {
    let machine = &*ctx.machine;
    if ipv6 {
        let routes = doctor::routes6(machine).ok()?;
        let is_free = |world: &Ipv6Net| !routes.iter().any(|route| route.contains(world) || world.contains(route));
        return WORLDS6.into_iter().find(is_free).map(IpNet::V6);
    }
    let routes = doctor::routes(machine).ok()?;
    WORLDS.into_iter().find(|world| doctor::choose_subnet(&routes, Some(*world)).is_ok()).map(IpNet::V4)
}

/// Why a port is not reached. In mode `nat` libvirt's own rule stops it, and there may be others.
fn stopper(ctx: &Ctx, record: &Record, port: Port, ipv6: bool) -> Reach {
    if let Ok(Some(network)) = forward::refusing_network(ctx) {
        return Reach::Refused(network);
    }
    // The rules that lite looks at are those for IPv4.
    let obstacle = if ipv6 { None } else { obstacle(ctx, record, port) };
    obstacle.map_or(Reach::Unexplained { ipv6 }, Reach::Stopped)
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
        Reach::Unexplained { ipv6: true } => Some(Hint::from(format!(
            "`{end}` was not reached by IPv6 from a network namespace on this host: look for a rule that stops it (`nft list \
             ruleset`), or try it from another machine"
        ))),
        Reach::Unexplained { ipv6: false } => Some(Hint::from(format!(
            "`{end}` was not reached from a network namespace on this host, and no firewall rule that lite understands stops it: \
             try it from another machine"
        ))),
        Reach::Untried(why) => {
            Some(Hint::from(format!("whether `{end}` is reached from outside could not be tried: {why}")))
        }
        Reach::Whole | Reach::NobodyListens | Reach::Stopped(_) | Reach::Refused(_) => None,
    }
}
