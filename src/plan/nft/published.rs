//! Ports of the host that lead to guests: rules that translate, and a chain a guest for what was translated.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use uuid::Uuid;

use super::{
    Nat,
    chain::Chain,
    guests::jumps,
    name::{From, port_name},
};
use crate::model::{Publication, Record};

/// A publication and the id of its instance.
pub type OfInstance = (Uuid, Publication);

/// A static address that leads to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticAddressOf {
    /// The id of the instance.
    pub instance: Uuid,
    /// The address.
    pub address: Ipv4Addr,
}

/// What leads to instances from outside of their network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FromWorld<'a> {
    /// Ports of the host.
    pub published: &'a [OfInstance],
    /// Whole addresses, one an instance at most.
    pub addresses: &'a [StaticAddressOf],
    /// Ports of the host's web front, which guests reach too.
    pub web: &'a [u16],
}

/// How the chains of guests that something is published of begin.
const CHAIN: &str = "published_to";

/// What leads to one guest.
struct Own<'a> {
    record: &'a Record,
    published: Vec<&'a Publication>,
    address: Option<Ipv4Addr>,
}

/// The chains of what leads to these guests: what is translated, and what of that is let in.
pub(super) fn chains(guests: &[&Record], all: FromWorld<'_>, nat: &Nat) -> Vec<Chain> {
    let own = |record| Own::of(record, all);
    let led_to: Vec<Own<'_>> = guests.iter().map(|record| own(record)).filter(Own::is_any).collect();
    let mut chains: Vec<Chain> = led_to.iter().map(let_in).collect();
    chains.push(Chain::new("published_to_guests", led_to.iter().flat_map(|own| jumps(own.record, CHAIN))));
    chains.push(Chain::new("published_of_address", translations(&led_to, true)));
    chains.push(Chain::new("published_of_host", translations(&led_to, false)));
    let pairs = || led_to.iter().filter_map(|own| own.address.zip(own.record.address));
    let inward = pairs().map(|(address, guest)| format!("ip daddr {address} dnat ip to {guest}"));
    chains.push(Chain::new("static_addresses", inward));
    // One of the network is known to this host alone: nobody else could answer to it.
    let outward = pairs().filter(|(address, _)| !nat.subnet.contains(address));
    let outward = outward.map(|(address, guest)| format!("ip saddr {guest} snat ip to {address}"));
    chains.push(Chain::new("from_static_addresses", outward));
    chains
}

impl<'a> Own<'a> {
    fn of(record: &'a Record, all: FromWorld<'a>) -> Self {
        let published = all.published.iter().filter(|(instance, _)| *instance == record.uuid).map(|(_, p)| p);
        let address = all.addresses.iter().find(|own| own.instance == record.uuid).map(|own| own.address);
        Self { record, published: published.collect(), address }
    }

    fn is_any(&self) -> bool {
        self.address.is_some() || !self.published.is_empty()
    }
}

/// Where the ports of the host lead, a map for each family and protocol: one is found as soon as one of five hundred, and `nft` loads
/// them in a third of the time that as many rules take.
fn translations(led_to: &[Own<'_>], of_address: bool) -> Vec<String> {
    let mut maps: BTreeMap<(bool, &str), BTreeMap<Port, String>> = BTreeMap::new();
    for own in led_to {
        for publication in own.published.iter().filter(|p| p.address.is_some() == of_address) {
            let Publication { address, port, protocol, guest_port, .. } = publication;
            let guests = [own.record.address.map(IpAddr::V4), own.record.address6.map(IpAddr::V6)];
            let is_of_family = |guest: &IpAddr| address.is_none_or(|address| address.is_ipv6() == guest.is_ipv6());
            for guest in guests.into_iter().flatten().filter(is_of_family) {
                let map = maps.entry((guest.is_ipv6(), protocol.as_str())).or_default();
                map.entry(Port { address: *address, port: *port }).or_insert(format!("{guest} . {guest_port}"));
            }
        }
    }
    let rule = |((is_ipv6, protocol), map): ((bool, &str), BTreeMap<Port, String>)| {
        let family = family(is_ipv6);
        let to = if of_address { format!("{family} daddr . ") } else { String::new() };
        let elements: Vec<String> = map.iter().map(|(port, guest)| format!("{port} : {guest}")).collect();
        format!("dnat {family} to {to}{protocol} dport map {{ {} }}", elements.join(", "))
    };
    maps.into_iter().map(rule).collect()
}

/// The key of a published port in its map.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Port {
    address: Option<IpAddr>,
    port: u16,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.iter().try_for_each(|address| write!(f, "{address} . "))?;
        write!(f, "{}", self.port)
    }
}

/// The word of a family.
fn family(is_ipv6: bool) -> &'static str {
    if is_ipv6 { "ip6" } else { "ip" }
}

/// What is let in from the world: a connection that was translated for a publication or a static address that is there. Whatever it
/// leads to has to be open for its source too.
fn let_in(own: &Own<'_>) -> Chain {
    let name = port_name(own.record.uuid);
    let whole = own.address.map(|address| format!("ct original ip daddr {address} goto to_{name}"));
    let rules = own.published.iter().flat_map(|publication| {
        let Publication { address, port, protocol, guest_port, sources } = publication;
        let protocol = protocol.as_str();
        let to = address.map_or_else(String::new, |to| format!("ct original {} daddr {to} ", family(to.is_ipv6())));
        let rule = format!("{protocol} dport {guest_port} {to}ct original proto-dst {port} goto to_{name}");
        match sources.is_empty() {
            true => vec![rule],
            // Nobody of the other family comes by an address.
            false => {
                let sources =
                    sources.iter().filter(|from| address.is_none_or(|to| to.is_ipv4() == from.addr().is_ipv4()));
                sources.map(|source| format!("{} {rule}", From(source))).collect()
            }
        }
    });
    Chain::new(format!("{CHAIN}_{name}"), whole.into_iter().chain(rules))
}
