//! Whether lite's network can have IPv6 on this host, and on which subnet.

use std::{fmt, net::Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{routes, subnet::choose_subnet};
use crate::{
    hypervisor::Machine,
    model::{Code, Error, Host, Result, Subnet6, escaped},
};

const OFF: &str = "/proc/sys/net/ipv6/conf/all/disable_ipv6";

/// Why a network on this host cannot have IPv6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoIpv6 {
    /// It is switched off, or the kernel has none.
    Off,
    /// What libvirt writes its rules for it with does not work.
    NoIp6tables,
    /// These interfaces learn routes by router advertisements, and the kernel would stop that once it forwards. So libvirt
    /// refuses to start such a network.
    Learned(Vec<String>),
    /// The routes cannot be read: why.
    Unknown(String),
}

impl fmt::Display for NoIpv6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("IPv6 is off on this host"),
            Self::NoIp6tables => f.write_str("`ip6tables` does not work on this host"),
            Self::Learned(interfaces) => {
                let names: Vec<String> = interfaces.iter().map(|i| format!("`{}`", escaped(i))).collect();
                let names = names.join(", ");
                write!(f, "this host learns routes by router advertisements on {names}, where `accept_ra` is not 2")
            }
            Self::Unknown(why) => write!(f, "the host's IPv6 routes cannot be read: {}", escaped(why)),
        }
    }
}

/// A route as `ip` prints it.
#[derive(Deserialize)]
struct Entry {
    dst: String,
    dev: Option<String>,
    protocol: Option<String>,
}

/// Destinations of all IPv6 routes of the machine, if a network of libvirt's can have IPv6 there.
pub fn ipv6(machine: &dyn Machine) -> std::result::Result<Vec<Ipv6Net>, NoIpv6> {
    if machine.text(OFF).ok().as_deref() != Some("0") {
        return Err(NoIpv6::Off);
    }
    if !has_ip6tables(machine) {
        return Err(NoIpv6::NoIp6tables);
    }
    let entries = entries(machine).map_err(|e| NoIpv6::Unknown(e.to_string()))?;
    let mut learned: Vec<String> =
        entries.iter().filter(|e| e.protocol.as_deref() == Some("ra")).filter_map(|e| e.dev.clone()).collect();
    learned.sort();
    learned.dedup();
    learned.retain(|interface| machine.text(&accept_ra(interface)).ok().as_deref() != Some("2"));
    match learned.is_empty() {
        true => Ok(entries.iter().filter_map(|e| destination(&e.dst)).collect()),
        false => Err(NoIpv6::Learned(learned)),
    }
}

fn entries(machine: &dyn Machine) -> Result<Vec<Entry>> {
    routes::ask(machine, &["-j", "-6", "route", "show", "table", "all"]).and_then(|text| routes::parse(&text))
}

/// Destinations of all IPv6 routes of the machine but default ones.
///
/// # Errors
/// They cannot be read.
pub fn routes6(machine: &dyn Machine) -> Result<Vec<Ipv6Net>> {
    let all = entries(machine)?;
    Ok(all.iter().filter_map(|e| destination(&e.dst)).filter(|net| net.prefix_len() > 0).collect())
}

/// The switch of an interface that says whether it learns routes by router advertisements: `2` is also while it forwards.
pub fn accept_ra(interface: &str) -> String {
    format!("/proc/sys/net/ipv6/conf/{interface}/accept_ra")
}

/// libvirt takes `iptables` where it is installed, and then `ip6tables` too. Only root can try.
fn has_ip6tables(machine: &dyn Machine) -> bool {
    if machine.program("iptables").is_none() || !rustix::process::geteuid().is_root() {
        return true;
    }
    let list = |program: std::path::PathBuf| machine.run(&program, &["-w", "-n", "-L", "FORWARD"]);
    machine.program("ip6tables").is_some_and(|program| list(program).is_ok_and(|out| out.status.success()))
}

/// Where a route leads; none: a default route, which clashes with nothing.
fn destination(text: &str) -> Option<Ipv6Net> {
    text.parse().ok().or_else(|| text.parse::<Ipv6Addr>().ok().map(Ipv6Net::from))
}

/// The subnets of a network that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnets {
    /// IPv4.
    pub ipv4: Ipv4Net,
    /// IPv6; none: the network has IPv4 alone.
    pub ipv6: Option<Ipv6Net>,
    /// Why it has IPv4 alone; none: it has not, or that was set.
    pub lacks: Option<NoIpv6>,
}

/// Subnets for the network of `host`, that clash with none of the machine's routes.
///
/// # Errors
/// Those of [`choose_subnet`] and [`choose_subnet6`].
pub fn choose_subnets(machine: &dyn Machine, host: &Host) -> Result<Subnets> {
    let ipv4 = choose_subnet(&routes::routes(machine)?, host.subnet)?;
    // Of another machine's kernel nothing is known here.
    if !machine.runs_guests() {
        let ipv6 = if let Subnet6::Net(net) = host.subnet6 { Some(net) } else { None };
        return Ok(Subnets { ipv4, ipv6, lacks: None });
    }
    let able = ipv6(machine);
    let ipv6 = choose_subnet6(&able, host.subnet6, &seed(machine, &host.network))?;
    Ok(Subnets { ipv4, ipv6, lacks: able.err().filter(|_| host.subnet6 == Subnet6::Auto) })
}

/// What tells one host's network from all others, as far as it is known.
fn seed(machine: &dyn Machine, network: &str) -> String {
    let id = machine.text("/etc/machine-id").ok().filter(|id| !id.is_empty()).unwrap_or_else(|| machine.hostname());
    format!("{id} {network}")
}

/// An IPv6 subnet for lite's network: the one that is set, or the first of unique local ones that follow from `seed` which
/// clashes with no route; none: there is to be none, or the host is not able to.
///
/// # Errors
/// The one that is set clashes with a route, or the host is not able to.
pub fn choose_subnet6(
    able: &std::result::Result<Vec<Ipv6Net>, NoIpv6>,
    wanted: Subnet6,
    seed: &str,
) -> Result<Option<Ipv6Net>> {
    // A route to a network that holds the subnet is less exact, and leads there only what is not the subnet's.
    let clash = |net: Ipv6Net| able.iter().flatten().find(|route| net.contains(*route));
    match (wanted, able) {
        (Subnet6::No, _) | (Subnet6::Auto, Err(_)) => Ok(None),
        (Subnet6::Auto, Ok(_)) => Ok((0..100).map(|n| unique_local(seed, n)).find(|net| clash(*net).is_none())),
        (Subnet6::Net(net), Err(why)) => {
            Err(Error::new(Code::NoSubnet, format!("network with `{net}` cannot be made: {why}"))
                .hint("`LITE_SUBNET6=no` makes one with IPv4 alone"))
        }
        (Subnet6::Net(net), Ok(_)) => match clash(net) {
            None => Ok(Some(net)),
            Some(route) => {
                Err(Error::new(Code::SubnetClash, format!("subnet {net} clashes with this host's route to {route}"))
                    .hint("set `LITE_SUBNET6` to another /64, or to `auto`; `ip -6 route` lists the routes"))
            }
        },
    }
}

/// The global id is of 40 bits that nobody else is likely to have (RFC 4193, 3.2.2); 16 more tell the subnet.
fn unique_local(seed: &str, number: u32) -> Ipv6Net {
    let digest = Sha256::digest(format!("lite IPv6 subnet {number} {seed}"));
    let mut octets = [0; 16];
    octets[0] = 0xfd;
    octets[1..8].copy_from_slice(&digest[..7]);
    Ipv6Net::new_assert(octets.into(), 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_follows_from_the_seed_and_clashes_with_no_route() {
        let choose = |able: &std::result::Result<Vec<Ipv6Net>, NoIpv6>, wanted| {
            choose_subnet6(able, wanted, "id lite").map(|net| net.map(|net| net.to_string())).map_err(|e| e.message)
        };
        let first = unique_local("id lite", 0);
        assert_eq!(first.addr().octets()[0], 0xfd);
        assert_ne!(first, unique_local("id other", 0));
        let routes = |all: &[&str]| Ok(all.iter().map(|net| net.parse().unwrap()).collect());
        let free = routes(&["fd00::/8", "2001:db8::/32"]);
        assert_eq!(choose(&free, Subnet6::Auto), Ok(Some(first.to_string())));
        let taken = Ok(vec![first]);
        assert_eq!(choose(&taken, Subnet6::Auto), Ok(Some(unique_local("id lite", 1).to_string())));
        assert_eq!(choose(&free, Subnet6::No), Ok(None));
        let own = Subnet6::parse("2001:db8:0:7::/64").unwrap();
        assert_eq!(choose(&free, own), Ok(Some("2001:db8:0:7::/64".to_owned())));
        let clash = "subnet 2001:db8:0:7::/64 clashes with this host's route to 2001:db8:0:7::1/128".to_owned();
        assert_eq!(choose(&routes(&["2001:db8:0:7::1/128"]), own), Err(clash));
        // Without IPv6 there is none, and one that was asked for is refused.
        let off = Err(NoIpv6::Learned(vec!["eth0".to_owned(), "eth1".to_owned()]));
        assert_eq!(choose(&off, Subnet6::Auto), Ok(None));
        let why = "network with `2001:db8:0:7::/64` cannot be made: this host learns routes by router advertisements on \
                   `eth0`, `eth1`, where `accept_ra` is not 2";
        assert_eq!(choose(&off, own), Err(why.to_owned()));
    }

    #[test]
    fn destinations_are_networks_and_addresses() {
        let of = |text: &str| destination(text).map(|net| net.to_string());
        assert_eq!(of("fe80::/64").as_deref(), Some("fe80::/64"));
        assert_eq!(of("::1").as_deref(), Some("::1/128"));
        assert_eq!(of("default"), None);
    }
}
