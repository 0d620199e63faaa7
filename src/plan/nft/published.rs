//! Ports of the host that lead to guests: rules that translate, and a chain a guest for what was translated.

use std::{
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
    let translated = |of_address: bool| {
        let each = led_to.iter().flat_map(|own| own.published.iter().map(|p| (own.record, *p)));
        each.filter(move |(_, p)| p.address.is_some() == of_address).flat_map(|(record, p)| translations(record, p))
    };
    let mut chains: Vec<Chain> = led_to.iter().map(let_in).collect();
    chains.push(Chain::new("published_to_guests", led_to.iter().flat_map(|own| jumps(own.record, CHAIN))));
    chains.push(Chain::new("published_of_address", translated(true)));
    chains.push(Chain::new("published_of_host", translated(false)));
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

/// Where a port of the host leads, a rule for each family that both ends have.
fn translations(record: &Record, publication: &Publication) -> Vec<String> {
    let Publication { address, port, protocol, guest_port, .. } = publication;
    let has = |is_ipv6: bool| address.is_none_or(|address| address.is_ipv6() == is_ipv6);
    let to = address.as_ref().map_or_else(String::new, |address| Daddr("", address).to_string());
    let from = format!("{to}{} dport {port}", protocol.as_str());
    let ipv4 = record.address.filter(|_| has(false)).map(|guest| format!("{from} dnat ip to {guest}:{guest_port}"));
    let ipv6 = record.address6.filter(|_| has(true)).map(|guest| format!("{from} dnat ip6 to [{guest}]:{guest_port}"));
    ipv4.into_iter().chain(ipv6).collect()
}

/// To which address a packet goes, as a condition behind another word, and a space.
struct Daddr<'a>(&'static str, &'a IpAddr);

impl fmt::Display for Daddr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} daddr {} ", self.0, if self.1.is_ipv4() { "ip" } else { "ip6" }, self.1)
    }
}

/// What is let in from the world: a connection that was translated for a publication or a static address that is there. Whatever it
/// leads to has to be open for its source too.
fn let_in(own: &Own<'_>) -> Chain {
    let name = port_name(own.record.uuid);
    let whole = own.address.map(|address| format!("ct original ip daddr {address} goto to_{name}"));
    let rules = own.published.iter().flat_map(|publication| {
        let Publication { address, port, protocol, guest_port, sources } = publication;
        let protocol = protocol.as_str();
        let to = address.as_ref().map_or_else(String::new, |address| Daddr("ct original ", address).to_string());
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
