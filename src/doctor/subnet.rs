//! The host's routes, and a subnet that clashes with none.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::{
    hypervisor::Machine,
    model::{Code, Error, Result, escaped},
};

const TABLE: &str = "/proc/net/route";

/// One IPv4 route of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Interface it goes out of; `*` if it leads nowhere.
    pub interface: String,
    /// Where it leads.
    pub net: Ipv4Net,
}

/// Destinations of all IPv4 routes of the machine.
pub fn routes(machine: &dyn Machine) -> Result<Vec<Ipv4Net>> {
    Ok(read(machine)?.into_iter().map(|r| r.net).collect())
}

/// The kernel's route table.
pub fn read(machine: &dyn Machine) -> Result<Vec<Route>> {
    let text = machine.text(TABLE).map_err(|e| unreadable("it does not open").cause(e))?;
    parse_routes(&text)
}

fn unreadable(why: &str) -> Error {
    Error::new(Code::RoutesUnreadable, format!("cannot read the host's routes in `{TABLE}`: {why}"))
        .hint("`/proc` must be mounted: `mount -t proc proc /proc`")
}

/// Parses the text of `/proc/net/route`: addresses are hexadecimal in the machine's own byte order.
pub fn parse_routes(text: &str) -> Result<Vec<Route>> {
    text.lines().skip(1).filter(|line| !line.trim().is_empty()).map(parse_line).collect()
}

fn parse_line(line: &str) -> Result<Route> {
    let bad = || unreadable(&format!("`{}` is no route", escaped(line.trim_end())));
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let address = |at: usize| {
        let word = fields.get(at).filter(|w| w.len() == 8).ok_or_else(bad)?;
        let number = u32::from_str_radix(word, 16).map_err(|_| bad())?;
        Ok(Ipv4Addr::from(number.to_ne_bytes()))
    };
    let net = Ipv4Net::with_netmask(address(1)?, address(7)?).map_err(|_| bad())?;
    Ok(Route { interface: fields.first().copied().unwrap_or_default().to_owned(), net: net.trunc() })
}

/// The first route that the subnet would clash with. A default route clashes with nothing; nor do its two halves, which
/// VPNs set in its place.
pub fn clash(subnet: Ipv4Net, routes: &[Ipv4Net]) -> Option<Ipv4Net> {
    routes.iter().copied().find(|r| r.prefix_len() > 1 && (r.contains(&subnet) || subnet.contains(r)))
}

/// A subnet for lite's network: the preferred one, refused if it clashes with a route, or else the first that is free of
/// 192.168.150.0/24 to 192.168.254.0/24 and 10.150.0.0/24 to 10.150.255.0/24.
pub fn choose_subnet(routes: &[Ipv4Net], preferred: Option<Ipv4Net>) -> Result<Ipv4Net> {
    if let Some(subnet) = preferred.map(|s| s.trunc()) {
        return match clash(subnet, routes) {
            None => Ok(subnet),
            Some(route) => {
                let error =
                    Error::new(Code::SubnetClash, format!("subnet {subnet} clashes with this host's route to {route}"));
                Err(match candidates().find(|c| clash(*c, routes).is_none()) {
                    Some(free) => error.hint(format!("use a free one: `LITE_SUBNET={free}`, or leave it out")),
                    None => error.hint("set `LITE_SUBNET` to a subnet that no route leads to; `ip route` lists them"),
                })
            }
        };
    }
    candidates().find(|c| clash(*c, routes).is_none()).ok_or_else(|| {
        Error::new(Code::NoSubnet, "this host has routes to every subnet lite would choose from")
            .hint("set `LITE_SUBNET` to a subnet that no route leads to; `ip route` lists them")
    })
}

fn candidates() -> impl Iterator<Item = Ipv4Net> {
    let private = (150..=254).map(|third| Ipv4Addr::new(192, 168, third, 0));
    let large = (0..=255).map(|third| Ipv4Addr::new(10, 150, third, 0));
    private.chain(large).map(|address| Ipv4Net::new_assert(address, 24))
}
