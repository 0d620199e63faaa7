//! The definition of a virtual network.

use std::net::Ipv4Addr;

use ipnet::Ipv6Net;
use roxmltree::Node;

use super::{attribute, child, parse};
use crate::model::Result;

/// What lite reads in the XML of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkDefinition {
    /// Its bridge on the host.
    pub bridge: Option<String>,
    /// How it forwards packets, in libvirt's word; none: it leads nowhere but to the host.
    pub forward: Option<String>,
    /// libvirt is to translate addresses in another way than it does by itself.
    pub has_own_translation: bool,
    /// Its domain in DNS.
    pub domain: Option<String>,
    /// The names that its DNS server answers for, in the order of the XML.
    pub names: Vec<DnsEntry>,
    /// Its IPv4 subnets, in the order of the XML.
    pub ips: Vec<IpDefinition>,
    /// Its IPv6 subnets, each with the host's own address, in the order of the XML.
    pub ips6: Vec<Ipv6Net>,
}

/// An entry of the DNS server as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsEntry {
    /// The address; empty where none is stated.
    pub ip: String,
    /// The names, in lower case: case means nothing in DNS.
    pub names: Vec<String>,
}

/// An IPv4 subnet of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpDefinition {
    /// The host's own address.
    pub address: Option<Ipv4Addr>,
    /// Length of the prefix; from the netmask if that is what is stated.
    pub prefix: Option<u8>,
    /// First and last address that DHCP hands out.
    pub range: Option<(Ipv4Addr, Ipv4Addr)>,
    /// Addresses that are kept.
    pub hosts: Vec<DhcpEntry>,
}

/// A DHCP host entry as it is written; empty where something is not stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhcpEntry {
    /// The hardware address, in lower case.
    pub mac: String,
    /// The host's name.
    pub name: String,
    /// The address.
    pub ip: String,
}

impl NetworkDefinition {
    /// Reads the XML of a network; `libvirt_xml` if it is none.
    pub fn parse(xml: &str) -> Result<Self> {
        let document = parse(xml)?;
        let root = document.root_element();
        let forward = child(root, "forward");
        let ipv4 = |n: &Node<'_, '_>| n.has_tag_name("ip") && n.attribute("family").is_none_or(|f| f == "ipv4");
        Ok(Self {
            bridge: attribute(root, "bridge", "name"),
            forward: forward.map(|f| f.attribute("mode").unwrap_or("nat").to_owned()),
            has_own_translation: forward.and_then(|f| child(f, "nat")).is_some_and(|nat| !is_usual(nat)),
            domain: attribute(root, "domain", "name"),
            names: child(root, "dns").into_iter().flat_map(|d| elements(d, "host")).map(dns_entry).collect(),
            ips: root.children().filter(ipv4).map(ip).collect(),
            ips6: elements(root, "ip").filter(|n| n.attribute("family") == Some("ipv6")).filter_map(ip6).collect(),
        })
    }

    /// All addresses that are kept.
    pub fn hosts(self) -> impl Iterator<Item = DhcpEntry> {
        self.ips.into_iter().flat_map(|ip| ip.hosts)
    }
}

/// What libvirt adds to a network in mode `nat` that says nothing of it: all ports that need no privileges.
fn is_usual(nat: Node<'_, '_>) -> bool {
    let usual = |port: Node<'_, '_>| {
        port.has_tag_name("port") && port.attribute("start") == Some("1024") && port.attribute("end") == Some("65535")
    };
    nat.attributes().len() == 0 && nat.children().filter(Node::is_element).all(usual)
}

fn ip(node: Node<'_, '_>) -> IpDefinition {
    let address = |node: Node<'_, '_>, key: &str| node.attribute(key).and_then(|a| a.parse().ok());
    let dhcp = child(node, "dhcp");
    let range = dhcp.and_then(|d| child(d, "range"));
    let hosts = dhcp.into_iter().flat_map(|d| elements(d, "host"));
    IpDefinition {
        address: address(node, "address"),
        prefix: match node.attribute("prefix") {
            Some(prefix) => prefix.parse().ok(),
            None => address(node, "netmask").and_then(prefix_of),
        },
        range: range.and_then(|r| address(r, "start").zip(address(r, "end"))),
        hosts: hosts.map(entry).collect(),
    }
}

fn ip6(node: Node<'_, '_>) -> Option<Ipv6Net> {
    let prefix = node.attribute("prefix")?.parse().ok()?;
    Ipv6Net::new(node.attribute("address")?.parse().ok()?, prefix).ok()
}

fn elements<'a, 'input: 'a>(node: Node<'a, 'input>, tag: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |n| n.has_tag_name(tag))
}

fn dns_entry(node: Node<'_, '_>) -> DnsEntry {
    let names = elements(node, "hostname").map(|n| n.text().unwrap_or_default().trim().to_ascii_lowercase());
    DnsEntry { ip: node.attribute("ip").unwrap_or_default().to_owned(), names: names.collect() }
}

fn entry(node: Node<'_, '_>) -> DhcpEntry {
    let attribute = |key| node.attribute(key).unwrap_or_default().to_owned();
    DhcpEntry { mac: attribute("mac").to_ascii_lowercase(), name: attribute("name"), ip: attribute("ip") }
}

/// Length of the prefix that a netmask stands for; none if its ones are not all at the front.
fn prefix_of(mask: Ipv4Addr) -> Option<u8> {
    let bits = u32::from(mask);
    u8::try_from(bits.leading_ones()).ok().filter(|_| bits.leading_ones() + bits.trailing_zeros() >= 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_lite_looks_at_and_nothing_else() {
        let xml = "<network><name>n</name><bridge name='virbr0' stp='on'/>
            <domain name='lan.internal' localOnly='yes'/>
            <dns><txt name='x' value='y'/><host ip='10.0.0.9'><hostname>NAS.lan.internal</hostname><hostname>nas
            </hostname></host></dns>
            <ip family='ipv6' address='fd00::1' prefix='64'><dhcp><host id='x' ip='fd00::2'/></dhcp></ip>
            <ip address='10.0.0.1' netmask='255.255.255.240'><dhcp><range start='10.0.0.2' end='10.0.0.9'/>
            <host mac='52:54:00:AA:00:01' name='a' ip='10.0.0.2'/><host name='printer' ip='10.0.0.3'/></dhcp></ip>
            <ip family='ipv4' address='10.1.0.1' prefix='16'/></network>";
        let entry = |mac: &str, name: &str, ip: &str| DhcpEntry { mac: mac.into(), name: name.into(), ip: ip.into() };
        let range = Some((Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 9)));
        let hosts = vec![entry("52:54:00:aa:00:01", "a", "10.0.0.2"), entry("", "printer", "10.0.0.3")];
        let read = NetworkDefinition::parse(xml).unwrap();
        assert_eq!(
            read,
            NetworkDefinition {
                bridge: Some("virbr0".into()),
                forward: None,
                has_own_translation: false,
                domain: Some("lan.internal".into()),
                names: vec![DnsEntry { ip: "10.0.0.9".into(), names: vec!["nas.lan.internal".into(), "nas".into()] }],
                ips: vec![
                    IpDefinition {
                        address: Some(Ipv4Addr::new(10, 0, 0, 1)),
                        prefix: Some(28),
                        range,
                        hosts: hosts.clone()
                    },
                    IpDefinition {
                        address: Some(Ipv4Addr::new(10, 1, 0, 1)),
                        prefix: Some(16),
                        range: None,
                        hosts: vec![]
                    },
                ],
                ips6: vec!["fd00::1/64".parse().unwrap()],
            }
        );
        assert_eq!(read.hosts().collect::<Vec<_>>(), hosts);
        assert_eq!(NetworkDefinition::parse("no").map_err(|e| e.code.as_str()), Err("libvirt_xml"));
        assert_eq!([prefix_of([255, 0, 255, 0].into()), prefix_of([0; 4].into())], [None, Some(0)]);
        assert_eq!(prefix_of([255; 4].into()), Some(32));
    }

    #[test]
    fn the_way_packets_are_forwarded_is_read() {
        let of = |forward: &str| {
            let read = NetworkDefinition::parse(&format!("<network>{forward}</network>")).unwrap();
            (read.forward, read.has_own_translation)
        };
        let nat = |inner: &str| of(&format!("<forward mode='nat'><nat{inner}</nat></forward>"));
        let is = |mode: &str, own| (Some(mode.to_owned()), own);
        assert_eq!(of(""), (None, false));
        assert_eq!(of("<forward/>"), is("nat", false));
        assert_eq!(of("<forward mode='route' dev='eth0'/>"), is("route", false));
        assert_eq!(nat(">\n <port start='1024' end='65535'/>"), is("nat", false));
        assert_eq!(nat("><port start='5000' end='65535'/>"), is("nat", true));
        assert_eq!(nat("><address start='192.0.2.1' end='192.0.2.1'/>"), is("nat", true));
        assert_eq!(nat(" ipv6='yes'>"), is("nat", true));
    }
}
