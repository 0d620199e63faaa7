//! The NAT network.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::xml::{Text, write};
use crate::model::{Code, Error, Hint, NetworkDefinition, Result, Verb, hex};

#[derive(Serialize)]
struct Network {
    name: Text,
    forward: Forward,
    bridge: Bridge,
    dns: Dns,
    ip: Ip,
}

#[derive(Serialize)]
struct Forward {
    #[serde(rename = "@mode")]
    mode: &'static str,
    nat: Nat,
}

#[derive(Serialize)]
struct Nat {
    port: Range,
}

#[derive(Serialize)]
struct Bridge {
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "@stp")]
    stp: &'static str,
    #[serde(rename = "@delay")]
    delay: u32,
}

#[derive(Serialize)]
struct Dns {
    #[serde(rename = "@enable")]
    enable: &'static str,
}

#[derive(Serialize)]
struct Ip {
    #[serde(rename = "@address")]
    address: Ipv4Addr,
    #[serde(rename = "@prefix")]
    prefix: u8,
    dhcp: Dhcp,
}

#[derive(Serialize)]
struct Dhcp {
    range: Range<Ipv4Addr>,
}

#[derive(Serialize)]
struct Range<T = u16> {
    #[serde(rename = "@start")]
    start: T,
    #[serde(rename = "@end")]
    end: T,
}

/// The bridge of a network: at most 15 characters, the kernel's limit for an interface (IFNAMSIZ). Of a longer name some
/// digits of its SHA-256 stand in, so that networks that begin alike have bridges of their own.
fn bridge_name(network: &str) -> String {
    if network.chars().count() <= 12 {
        return format!("{network}br0");
    }
    let cut: String = network.chars().take(6).collect();
    let digits = hex(&Sha256::digest(network)[..3]);
    format!("{cut}{digits}br0")
}

/// A NAT network on `subnet`: gateway `.1`, addresses from `.10`. Spanning tree is off: it costs a fresh guest about 4 s.
pub fn network_xml(name: &str, subnet: Ipv4Net) -> Result<String> {
    let hosts: Vec<Ipv4Addr> = subnet.hosts().collect();
    let (Some(gateway), Some(first), Some(last)) = (hosts.first(), hosts.get(9), hosts.last()) else {
        return Err(Error::new(Code::SubnetTooSmall, format!("the subnet `{subnet}` is too small for a network"))
            .hint("use one with a prefix of /28 or shorter, such as `192.168.150.0/24`"));
    };
    write(
        "network",
        &Network {
            name: Text::of(name),
            forward: Forward { mode: "nat", nat: Nat { port: Range { start: 1024, end: 65535 } } },
            bridge: Bridge { name: bridge_name(name), stp: "off", delay: 0 },
            dns: Dns { enable: "yes" },
            ip: Ip {
                address: *gateway,
                prefix: subnet.prefix_len(),
                dhcp: Dhcp { range: Range { start: *first, end: *last } },
            },
        },
    )
}

/// What lite needs to know of a network it hands out addresses on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// The host's own address.
    pub gateway: Ipv4Addr,
    /// Length of the prefix.
    pub prefix: u8,
    /// First address to hand out.
    pub first: Ipv4Addr,
    /// Last address to hand out.
    pub last: Ipv4Addr,
    /// Addresses that DHCP host entries keep already, ours or foreign.
    pub kept: Vec<Ipv4Addr>,
}

impl Subnet {
    /// Addresses that may be handed out, lowest first.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        (u32::from(self.first)..=u32::from(self.last)).map(Ipv4Addr::from).filter(|a| *a != self.gateway)
    }
}

/// Reads the subnet from a network's XML.
pub fn subnet_of(xml: &str) -> Result<Subnet> {
    let bad = |what: &str| {
        Error::new(Code::NetworkUnusable, format!("the network has no {what}")).hint(
            Hint::from("lite needs a network with an IPv4 subnet and DHCP; ")
                .run_with(Verb::Doctor, &[&"--fix"])
                .text(" makes one"),
        )
    };
    let network = NetworkDefinition::parse(xml).map_err(|e| bad("readable XML").cause(e))?;
    let ip = network.ips.into_iter().next().ok_or_else(|| bad("IPv4 address"))?;
    let prefix = ip.prefix.ok_or_else(|| bad("prefix"))?;
    let gateway = ip.address.ok_or_else(|| bad("IPv4 address"))?;
    let (first, last) = ip.range.ok_or_else(|| bad("DHCP range"))?;
    Ok(Subnet { gateway, prefix, first, last, kept: ip.hosts.iter().filter_map(|h| h.ip.parse().ok()).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_reads_back_as_its_subnet() {
        let xml = network_xml("lite", "192.168.150.0/28".parse().unwrap()).unwrap();
        let subnet = subnet_of(&xml).unwrap();
        assert_eq!(subnet.gateway, Ipv4Addr::new(192, 168, 150, 1));
        assert_eq!(subnet.addresses().count(), 5);
        assert_eq!(
            network_xml("lite", "10.0.0.0/29".parse().unwrap()).map_err(|e| e.code.as_str()),
            Err("subnet_too_small")
        );
    }
    #[test]
    fn networks_that_begin_alike_have_bridges_of_their_own() {
        assert_eq!(bridge_name("lite"), "litebr0");
        assert_eq!(bridge_name("abcdefghijkl"), "abcdefghijklbr0");
        let long = ["lite-production-1", "lite-production-2"].map(bridge_name);
        assert_eq!(long, ["lite-peb18abbr0", "lite-p61bea4br0"]);
    }
}
