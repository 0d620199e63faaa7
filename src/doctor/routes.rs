//! The host's IPv4 routes as `ip` tells them: of every table that the kernel may look in, and which one it takes.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    hypervisor::{Machine, OUTSIDE_LINK},
    model::{Code, Error, Result, escaped},
};

/// One IPv4 route of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Interface it goes out of; `*` if it leads nowhere, or out of several.
    pub interface: String,
    /// Where it leads.
    pub net: Ipv4Net,
}

#[derive(Deserialize)]
struct Entry {
    dst: String,
    dev: Option<String>,
    table: Option<String>,
    gateway: Option<String>,
    #[serde(default)]
    nexthops: Vec<Hop>,
}

/// Where the kernel sends a packet.
#[derive(Deserialize)]
struct Hop {
    dev: Option<String>,
    gateway: Option<String>,
}

/// Destinations of all IPv4 routes of the machine, without those of links that are gone in a moment.
pub fn routes(machine: &dyn Machine) -> Result<Vec<Ipv4Net>> {
    let lasting = |route: &Route| !route.interface.starts_with(OUTSIDE_LINK);
    Ok(read(machine)?.into_iter().filter(lasting).map(|r| r.net).collect())
}

/// All IPv4 routes of the machine that a packet may take.
pub fn read(machine: &dyn Machine) -> Result<Vec<Route>> {
    let routes = ask(machine, &["-j", "-4", "route", "show", "table", "all"])?;
    let rules = ask(machine, &["-j", "-4", "rule", "show"])?;
    parse_routes(&routes, &rules)
}

/// Addresses of the routers that the machine knows.
pub fn gateways(machine: &dyn Machine) -> Result<Vec<Ipv4Addr>> {
    let routes = parse::<Entry>(&ask(machine, &["-j", "-4", "route", "show", "table", "all"])?)?;
    let all = routes.into_iter().flat_map(|r| r.nexthops.into_iter().map(|h| h.gateway).chain([r.gateway]));
    Ok(all.flatten().filter_map(|g| g.parse().ok()).collect())
}

/// An IPv4 address of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAddress {
    /// The interface that has it.
    pub interface: String,
    /// The address.
    pub address: Ipv4Addr,
}

#[derive(Deserialize)]
struct Interface {
    // `ip` prints an empty entry for each interface without such an address.
    #[serde(default)]
    ifname: String,
    #[serde(default)]
    addr_info: Vec<AddressInfo>,
}

#[derive(Deserialize)]
struct AddressInfo {
    local: Option<Ipv4Addr>,
}

/// The IPv4 addresses that others may reach the machine at, in the order of its interfaces.
pub fn addresses(machine: &dyn Machine) -> Result<Vec<OwnAddress>> {
    parse_addresses(&ask(machine, &["-j", "-4", "address", "show"])?)
}

fn parse_addresses(text: &str) -> Result<Vec<OwnAddress>> {
    let all = parse::<Interface>(text)?.into_iter().flat_map(|Interface { ifname, addr_info }| {
        let of = move |address| OwnAddress { interface: ifname.clone(), address };
        addr_info.into_iter().filter_map(|info| info.local).map(of)
    });
    Ok(all.filter(|own| !own.address.is_loopback()).collect())
}

/// The interface by which a packet of this machine leaves for an address; none if no route leads there.
pub fn way(machine: &dyn Machine, to: Ipv4Addr) -> Result<Option<String>> {
    Ok(hops(machine, to)?.into_iter().find_map(|hop| hop.dev))
}

/// Whether a packet of this machine reaches an address without a router: who has it answers this machine's ARP.
pub fn is_direct(machine: &dyn Machine, to: Ipv4Addr) -> Result<bool> {
    Ok(hops(machine, to)?.first().is_some_and(|hop| hop.gateway.is_none()))
}

/// Where the kernel sends a packet for an address; nothing if no route leads there.
fn hops(machine: &dyn Machine, to: Ipv4Addr) -> Result<Vec<Hop>> {
    let (program, to) = (ip(machine)?, to.to_string());
    let out = machine
        .run(&program, &["-j", "-4", "route", "get", &to])
        .map_err(|e| unreadable("`ip` does not run").cause(e))?;
    // It fails where no route leads.
    match out.status.success() {
        true => parse::<Hop>(&String::from_utf8_lossy(&out.stdout)),
        false => Ok(Vec::new()),
    }
}

/// Reads what `ip -j route show table all` and `ip -j rule show` print. Routes of a table that no rule names are left out.
pub fn parse_routes(routes: &str, rules: &str) -> Result<Vec<Route>> {
    let rules: Vec<serde_json::Map<String, serde_json::Value>> = parse(rules)?;
    // The rule of VRFs names no table: it may be any.
    let any = rules.iter().any(|rule| rule.contains_key("l3mdev"));
    let named = |table: &str| any || rules.iter().any(|r| r.get("table").and_then(|t| t.as_str()) == Some(table));
    let used = parse::<Entry>(routes)?.into_iter().filter(|e| named(e.table.as_deref().unwrap_or("main")));
    used.map(route).collect()
}

fn route(entry: Entry) -> Result<Route> {
    let net = match entry.dst.as_str() {
        "default" => Ok(Ipv4Net::default()),
        one if !one.contains('/') => one.parse::<Ipv4Addr>().map(Ipv4Net::from).map_err(|_| one),
        net => net.parse::<Ipv4Net>().map_err(|_| net),
    };
    let net = net.map_err(|bad| unreadable(&format!("`{}` is no destination", escaped(bad))))?;
    Ok(Route { interface: entry.dev.unwrap_or_else(|| "*".to_owned()), net: net.trunc() })
}

fn ip(machine: &dyn Machine) -> Result<std::path::PathBuf> {
    machine.program("ip").ok_or_else(|| unreadable("there is no program `ip`"))
}

pub(super) fn ask(machine: &dyn Machine, arguments: &[&str]) -> Result<String> {
    let out = machine.run(&ip(machine)?, arguments).map_err(|e| unreadable("`ip` does not run").cause(e))?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&out.stderr);
    Err(unreadable("`ip` fails").cause(escaped(said.lines().next().unwrap_or_default())))
}

/// A list of `ip`'s, which prints nothing for an empty one.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<Vec<T>> {
    match text.trim() {
        "" => Ok(Vec::new()),
        text => serde_json::from_str(text).map_err(|e| unreadable("`ip` prints something else").cause(e)),
    }
}

fn unreadable(why: &str) -> Error {
    Error::new(Code::RoutesUnreadable, format!("cannot read the host's routes: {why}"))
        .hint("`ip -j -4 route show table all` must work: `apt-get install iproute2`")
}

#[cfg(test)]
mod tests {
    use super::parse_addresses;

    #[test]
    fn the_addresses_are_those_of_all_interfaces_but_the_loopback() {
        let text = r#"[{"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]},{},
            {"ifname":"eth0","addr_info":[{"family":"inet","local":"203.0.113.7"},{"local":"203.0.113.8"},{}]},
            {"ifname":"wg0"}]"#;
        let all = parse_addresses(text).unwrap();
        let all: Vec<_> = all.iter().map(|own| format!("{} {}", own.interface, own.address)).collect();
        assert_eq!(all, ["eth0 203.0.113.7", "eth0 203.0.113.8"]);
        assert_eq!(parse_addresses("").unwrap(), []);
    }
}
