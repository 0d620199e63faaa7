//! The NAT network.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    names::named_instance,
    xml::{Text, write},
};
use crate::model::{Code, DOMAIN, DnsEntry, DnsHost, Error, Hint, NetworkDefinition, Result, Verb, hex};

#[derive(Serialize)]
struct Network {
    name: Text,
    forward: Forward,
    bridge: Bridge,
    domain: Domain,
    dns: Dns,
    ip: Ip,
}

#[derive(Serialize)]
struct Forward {
    #[serde(rename = "@mode")]
    mode: &'static str,
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

/// Questions for names in it go to no other server.
#[derive(Serialize)]
struct Domain {
    #[serde(rename = "@name")]
    name: &'static str,
    #[serde(rename = "@localOnly")]
    local_only: &'static str,
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
    range: Range,
}

#[derive(Serialize)]
struct Range {
    #[serde(rename = "@start")]
    start: Ipv4Addr,
    #[serde(rename = "@end")]
    end: Ipv4Addr,
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

/// Hosts of a subnet below the first address that lite hands out: the gateway, and room for what people set by hand.
const RESERVED: usize = 9;

/// The hosts of a subnet that DHCP hands out to others than lite's instances: the last sixteenth, one at least.
fn dynamic(hosts: &[Ipv4Addr]) -> usize {
    hosts.len() - (hosts.len() / 16).max(1)
}

/// A NAT network on `subnet`: gateway `.1`, addresses from `.10`. libvirt routes and lite's own firewall masquerades: in mode
/// `nat` libvirt would reject what lite lets in. Spanning tree is off: it costs a fresh guest about 4 s.
pub fn network_xml(name: &str, subnet: Ipv4Net) -> Result<String> {
    let hosts: Vec<Ipv4Addr> = subnet.hosts().collect();
    let (Some(gateway), Some(_), Some(last)) = (hosts.first(), hosts.get(RESERVED), hosts.last()) else {
        return Err(Error::new(Code::SubnetTooSmall, format!("the subnet `{subnet}` is too small for a network"))
            .hint("use one with a prefix of /28 or shorter, such as `192.168.150.0/24`"));
    };
    write(
        "network",
        &Network {
            name: Text::of(name),
            forward: Forward { mode: "route" },
            bridge: Bridge { name: bridge_name(name), stp: "off", delay: 0 },
            domain: Domain { name: DOMAIN, local_only: "yes" },
            dns: Dns { enable: "yes" },
            ip: Ip {
                address: *gateway,
                prefix: subnet.prefix_len(),
                dhcp: Dhcp { range: Range { start: hosts[dynamic(&hosts)], end: *last } },
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
    /// What the network's DNS server answers for.
    pub named: Vec<DnsEntry>,
}

impl Subnet {
    /// Addresses that may be handed out, lowest first.
    pub fn addresses(&self) -> impl DoubleEndedIterator<Item = Ipv4Addr> {
        (u32::from(self.first)..=u32::from(self.last)).map(Ipv4Addr::from).filter(|a| *a != self.gateway)
    }

    /// Names that the network's DNS server answers for by entries that are not lite's.
    pub fn foreign_names(&self) -> impl Iterator<Item = &str> {
        self.named.iter().filter(|entry| !is_lites(entry)).flat_map(|entry| &entry.names).map(String::as_str)
    }

    /// Whether an address lies in the subnet.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        Ipv4Net::new(self.gateway, self.prefix).is_ok_and(|net| net.contains(&address))
    }

    /// Whether a machine of the subnet can have the address: it is not the first nor the last.
    pub fn has_host(&self, address: Ipv4Addr) -> bool {
        let net = Ipv4Net::new(self.gateway, self.prefix);
        net.is_ok_and(|net| net.contains(&address) && address != net.network() && address != net.broadcast())
    }

    /// An entry of DHCP or of DNS has the address. Is that lite's, it is of an instance that the database has, or lost.
    pub fn is_kept(&self, address: Ipv4Addr) -> bool {
        self.kept.contains(&address) || self.named.iter().any(|n| n.ip == address.to_string())
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
    let named = network.names;
    let ip = network.ips.into_iter().next().ok_or_else(|| bad("IPv4 address"))?;
    let prefix = ip.prefix.ok_or_else(|| bad("prefix"))?;
    let gateway = ip.address.ok_or_else(|| bad("IPv4 address"))?;
    let (first, last) = handed_out(gateway, prefix, ip.range.ok_or_else(|| bad("DHCP range"))?);
    let kept = ip.hosts.iter().filter_map(|h| h.ip.parse().ok()).collect();
    Ok(Subnet { gateway, prefix, first, last, kept, named })
}

fn is_lites(entry: &DnsEntry) -> bool {
    let host = entry.ip.parse().map(|address| DnsHost { address, names: entry.names.clone() });
    host.is_ok_and(|host| named_instance(&host).is_some())
}

/// The addresses that lite hands out, first and last: those before the range of DHCP. A network of an earlier lite has no
/// room there: its range begins where lite's addresses do, and is lite's as well.
fn handed_out(gateway: Ipv4Addr, prefix: u8, range: (Ipv4Addr, Ipv4Addr)) -> (Ipv4Addr, Ipv4Addr) {
    let subnet = Ipv4Net::new(gateway, prefix).ok();
    let first = subnet.and_then(|s| s.hosts().nth(RESERVED)).filter(|first| *first < range.0);
    first.map_or(range, |first| (first, Ipv4Addr::from(u32::from(range.0) - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_reads_back_as_its_subnet() {
        let xml = network_xml("lite", "192.168.150.0/28".parse().unwrap()).unwrap();
        let subnet = subnet_of(&xml).unwrap();
        assert_eq!(subnet.gateway, Ipv4Addr::new(192, 168, 150, 1));
        assert_eq!(subnet.addresses().map(|a| a.octets()[3]).collect::<Vec<_>>(), [10, 11, 12, 13]);
        assert!(xml.contains("<domain name=\"lite.internal\" localOnly=\"yes\"/>"), "{xml}");
        let of = |xml: &str| subnet_of(xml).map(|s| (s.first.octets()[3], s.last.octets()[3]));
        let xml = network_xml("lite", "192.168.150.0/24".parse().unwrap()).unwrap();
        assert!(xml.contains("<range start=\"192.168.150.240\" end=\"192.168.150.254\"/>"), "{xml}");
        assert_eq!(of(&xml), Ok((10, 239)));
        // As an earlier lite made it.
        assert_eq!(of(&xml.replace("150.240", "150.10")), Ok((10, 254)));
        assert_eq!(
            network_xml("lite", "10.0.0.0/29".parse().unwrap()).map_err(|e| e.code.as_str()),
            Err("subnet_too_small")
        );
    }

    #[test]
    fn an_entry_of_the_dns_server_keeps_its_address_and_its_name_unless_it_is_lites() {
        let xml = network_xml("lite", "192.168.150.0/28".parse().unwrap()).unwrap();
        let entries = "<dns enable=\"yes\">
            <host ip='192.168.150.10'><hostname>web.lite.internal</hostname><hostname>web</hostname></host>
            <host ip='192.168.150.11'><hostname>NAS</hostname></host></dns>";
        let subnet = subnet_of(&xml.replace("<dns enable=\"yes\"/>", entries)).unwrap();
        assert_eq!(subnet.foreign_names().collect::<Vec<_>>(), ["nas"]);
        assert_eq!([10, 11, 12].map(|n| subnet.is_kept([192, 168, 150, n].into())), [true, true, false]);
    }

    #[test]
    fn networks_that_begin_alike_have_bridges_of_their_own() {
        assert_eq!(bridge_name("lite"), "litebr0");
        assert_eq!(bridge_name("abcdefghijkl"), "abcdefghijklbr0");
        let long = ["lite-production-1", "lite-production-2"].map(bridge_name);
        assert_eq!(long, ["lite-peb18abbr0", "lite-p61bea4br0"]);
    }
}
