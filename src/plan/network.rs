//! The NAT network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
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
    ip: Vec<Ip>,
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
    #[serde(rename = "@family", skip_serializing_if = "Option::is_none")]
    family: Option<&'static str>,
    #[serde(rename = "@address")]
    address: IpAddr,
    #[serde(rename = "@prefix")]
    prefix: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    dhcp: Option<Dhcp>,
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

/// A NAT network on `subnet`: gateway `.1`, addresses from `.10`, and on `subnet6` in the same way. libvirt routes and lite's own
/// firewall masquerades: in mode `nat` libvirt would reject what lite lets in. Spanning tree is off: it costs a fresh guest
/// about 4 s.
pub fn network_xml(name: &str, subnet: Ipv4Net, subnet6: Option<Ipv6Net>) -> Result<String> {
    let hosts: Vec<Ipv4Addr> = subnet.hosts().collect();
    let (Some(gateway), Some(_), Some(last)) = (hosts.first(), hosts.get(RESERVED), hosts.last()) else {
        return Err(Error::new(Code::SubnetTooSmall, format!("the subnet `{subnet}` is too small for a network"))
            .hint("use one with a prefix of /28 or shorter, such as `192.168.150.0/24`"));
    };
    let ip = Ip {
        family: None,
        address: IpAddr::V4(*gateway),
        prefix: subnet.prefix_len(),
        dhcp: Some(Dhcp { range: Range { start: hosts[dynamic(&hosts)], end: *last } }),
    };
    let ip6 = |net: Ipv6Net| Ip {
        family: Some("ipv6"),
        address: IpAddr::V6(nth(net, 1)),
        prefix: net.prefix_len(),
        dhcp: None,
    };
    write(
        "network",
        &Network {
            name: Text::of(name),
            forward: Forward { mode: "route" },
            bridge: Bridge { name: bridge_name(name), stp: "off", delay: 0 },
            domain: Domain { name: DOMAIN, local_only: "yes" },
            dns: Dns { enable: "yes" },
            ip: [ip].into_iter().chain(subnet6.map(ip6)).collect(),
        },
    )
}

/// The address of a subnet's machine of that number.
fn nth(net: Ipv6Net, number: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(net.network().to_bits() | u128::from(number))
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
    /// The host's own IPv6 address, with the prefix; none: the network has IPv4 alone.
    pub gateway6: Option<Ipv6Net>,
    /// Addresses that DHCP host entries keep already, ours or foreign.
    pub kept: Vec<Ipv4Addr>,
    /// What the network's DNS server answers for.
    pub named: Vec<DnsEntry>,
}

impl Subnet {
    /// Addresses that may be handed out, lowest first.
    pub fn addresses(&self) -> impl DoubleEndedIterator<Item = Ipv4Addr> {
        let all = (u32::from(self.first)..=u32::from(self.last)).map(Ipv4Addr::from).filter(|a| *a != self.gateway);
        all.filter(|a| self.address6(*a).is_none_or(|six| self.gateway6.is_some_and(|gateway| gateway.addr() != six)))
    }

    /// The IPv6 address of the machine that has this IPv4 address: it has the same number in its subnet. None: the network has
    /// IPv4 alone.
    pub fn address6(&self, address: Ipv4Addr) -> Option<Ipv6Addr> {
        let net = Ipv4Net::new(self.gateway, self.prefix).ok().filter(|net| net.contains(&address))?;
        // As many machines as an IPv4 subnet has are in any that lite makes.
        let net6 = self.gateway6.filter(|net6| net6.prefix_len() <= 96)?;
        Some(nth(net6, u32::from(address) - u32::from(net.network())))
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
        let six = self.address6(address);
        let is_named = |n: &DnsEntry| n.ip == address.to_string() || six.is_some_and(|six| n.ip.parse() == Ok(six));
        self.kept.contains(&address) || self.named.iter().any(is_named)
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
    let (named, gateway6) = (network.names, network.ips6.first().copied());
    let ip = network.ips.into_iter().next().ok_or_else(|| bad("IPv4 address"))?;
    let prefix = ip.prefix.ok_or_else(|| bad("prefix"))?;
    let gateway = ip.address.ok_or_else(|| bad("IPv4 address"))?;
    let (first, last) = handed_out(gateway, prefix, ip.range.ok_or_else(|| bad("DHCP range"))?);
    let kept = ip.hosts.iter().filter_map(|h| h.ip.parse().ok()).collect();
    Ok(Subnet { gateway, prefix, first, last, gateway6, kept, named })
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
        let xml = network_xml("lite", "192.168.150.0/28".parse().unwrap(), None).unwrap();
        let subnet = subnet_of(&xml).unwrap();
        assert_eq!(subnet.gateway, Ipv4Addr::new(192, 168, 150, 1));
        assert_eq!(subnet.addresses().map(|a| a.octets()[3]).collect::<Vec<_>>(), [10, 11, 12, 13]);
        assert!(xml.contains("<domain name=\"lite.internal\" localOnly=\"yes\"/>"), "{xml}");
        let of = |xml: &str| subnet_of(xml).map(|s| (s.first.octets()[3], s.last.octets()[3]));
        let xml = network_xml("lite", "192.168.150.0/24".parse().unwrap(), None).unwrap();
        assert!(xml.contains("<range start=\"192.168.150.240\" end=\"192.168.150.254\"/>"), "{xml}");
        assert_eq!(of(&xml), Ok((10, 239)));
        // As an earlier lite made it.
        assert_eq!(of(&xml.replace("150.240", "150.10")), Ok((10, 254)));
        assert_eq!(
            network_xml("lite", "10.0.0.0/29".parse().unwrap(), None).map_err(|e| e.code.as_str()),
            Err("subnet_too_small")
        );
    }

    #[test]
    fn an_address_has_the_same_number_in_both_subnets() {
        let of = |net: &str| network_xml("lite", net.parse().unwrap(), "fd6c:6974:6500:1::/64".parse().ok()).unwrap();
        let xml = of("192.168.150.0/24");
        assert!(xml.contains("<ip family=\"ipv6\" address=\"fd6c:6974:6500:1::1\" prefix=\"64\"/>"), "{xml}");
        let subnet = subnet_of(&xml).unwrap();
        let six = |address: [u8; 4]| subnet.address6(address.into()).map(|six| six.to_string());
        assert_eq!(six([192, 168, 150, 10]).as_deref(), Some("fd6c:6974:6500:1::a"));
        assert_eq!(six([192, 168, 151, 10]), None);
        let wide = subnet_of(&of("172.20.0.0/16")).unwrap();
        assert_eq!(wide.address6([172, 20, 3, 7].into()), "fd6c:6974:6500:1::307".parse().ok());
        // The host, or somebody by an entry in DNS, has the IPv6 address.
        let taken = subnet_of(&xml.replace("1::1\"", "1::a\"")).unwrap();
        assert_eq!(taken.addresses().next(), Some([192, 168, 150, 11].into()));
        let entry = "<dns enable=\"yes\"><host ip='fd6c:6974:6500:1:0::a'><hostname>nas</hostname></host></dns>";
        let named = subnet_of(&xml.replace("<dns enable=\"yes\"/>", entry)).unwrap();
        assert_eq!([10, 11].map(|n| named.is_kept([192, 168, 150, n].into())), [true, false]);
    }

    #[test]
    fn an_entry_of_the_dns_server_keeps_its_address_and_its_name_unless_it_is_lites() {
        let xml = network_xml("lite", "192.168.150.0/28".parse().unwrap(), None).unwrap();
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
