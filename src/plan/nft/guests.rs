//! What each guest sends and lets in: chains of its own, and those that lead to them.

use std::{collections::BTreeSet, net::Ipv6Addr};

use super::{
    chain::Chain,
    name::{From, Quoted, port_name},
};
use crate::model::{NetworkMode, Record, Rule};

/// The chains of the table at the ports of the bridges. Guests on the NAT network are reached by the host's IP layer alone,
/// whose table says by whom.
pub(super) fn at_the_ports(all: &[&Record]) -> Vec<Chain> {
    let lan = || all.iter().filter(|record| matches!(record.network, NetworkMode::Bridge(_)));
    let by = |key: &str, verdict: &str, record: &Record| {
        let port = port_name(record.uuid);
        format!("{key} {} {verdict}_{port}", Quoted(&port))
    };
    let mut chains: Vec<Chain> =
        all.iter().flat_map(|record| [sent(record), received("to", record, others(record))]).collect();
    chains.extend(lan().map(|record| received("host_to", record, host(record))));
    chains.push(Chain::new("from_guests", all.iter().map(|record| by("iifname", "jump from", record))));
    chains.push(Chain::new("to_guests", all.iter().map(|record| by("oifname", "jump to", record))));
    chains.push(Chain::new("host_to_guests", lan().map(|record| by("oifname", "jump host_to", record))));
    let to_host = |record: &&Record| format!("iifname {} jump host", Quoted(&port_name(record.uuid)));
    chains.push(Chain::new("guests_to_host", lan().map(to_host)));
    chains
}

/// The chains of the table of the NAT network.
pub(super) fn on_nat(guests: &[&Record]) -> Vec<Chain> {
    let own = |start: &str, record: &Record, rules| Chain::new(format!("{start}_{}", port_name(record.uuid)), rules);
    let to = |start: &'static str| {
        let jumps = move |record: &&Record| jumps(record, start);
        Chain::new(format!("{start}_guests"), guests.iter().flat_map(jumps))
    };
    let each =
        guests.iter().flat_map(|record| [own("to", record, others(record)), own("host_to", record, host(record))]);
    each.chain(["to", "host_to"].map(to)).collect()
}

/// The rules that lead to a guest's chain by its addresses; none: it has no address.
pub(super) fn jumps(record: &Record, start: &str) -> Vec<String> {
    let ipv4 = record.address.map(|address| format!("ip daddr {address}"));
    let ipv6 = record.address6.map(|address| format!("ip6 daddr {address}"));
    ipv4.into_iter().chain(ipv6).map(|to| format!("{to} jump {start}_{}", port_name(record.uuid))).collect()
}

/// The rule that leads to what a guest lets in from others, for what was sent to its own IPv6 address; none: it has none.
pub(super) fn routed(record: &Record) -> Option<String> {
    Some(format!("ct original ip6 daddr {} jump to_{}", record.address6?, port_name(record.uuid)))
}

/// What comes from a guest. The address of a guest on a LAN is not lite's to know, unless it was stated.
fn sent(record: &Record) -> Chain {
    let Record { uuid, mac, address, .. } = record;
    let own = match (&record.network, address) {
        (NetworkMode::Bridge(_), None) => {
            vec!["ether type ip accept".to_owned(), format!("arp saddr ether {mac} accept")]
        }
        (_, Some(address)) => {
            vec![format!("ip saddr {address} accept"), format!("arp saddr ether {mac} arp saddr ip {address} accept")]
        }
        (NetworkMode::Nat, None) => vec![],
    };
    let first = [format!("ether saddr != {mac} drop"), "jump sent".to_owned()];
    let own = own.into_iter().chain(sent6(record));
    Chain::new(format!("from_{}", port_name(*uuid)), first.into_iter().chain(own).chain(["drop".to_owned()]))
}

/// What comes from a guest by IPv6: as itself, by its address and by the link-local one of its hardware address. No guest is a
/// router, and each says of its own addresses alone whose hardware address is theirs (RFC 4861).
fn sent6(record: &Record) -> Vec<String> {
    let Some(address) = record.address6 else { return Vec::new() };
    let link_local = record.mac.link_local();
    let target = |is_not: Ipv6Addr| format!("@th,64,128 != {:#034x}", is_not.to_bits());
    vec![
        "icmpv6 type nd-router-advert drop".to_owned(),
        "icmpv6 type nd-redirect drop".to_owned(),
        format!("icmpv6 type nd-neighbor-advert {} {} drop", target(address), target(link_local)),
        format!("ip6 saddr {address} accept"),
        format!("ip6 saddr {link_local} accept"),
        // Before it has an address it asks whether somebody else has that.
        "ip6 saddr :: icmpv6 type nd-neighbor-solicit accept".to_owned(),
    ]
}

/// What arrives at a guest's port.
fn received(start: &str, record: &Record, lets_in: Vec<String>) -> Chain {
    let [first, last] = ["udp dport 68 accept", "goto unasked"].map(str::to_owned);
    Chain::new(format!("{start}_{}", port_name(record.uuid)), [first].into_iter().chain(lets_in).chain([last]))
}

/// What a guest lets in from others.
fn others(record: &Record) -> Vec<String> {
    record.rules().iter().flat_map(accepts).collect()
}

/// What a guest lets in from the host. The host is where the operator is: a source keeps out others.
fn host(record: &Record) -> Vec<String> {
    let services: BTreeSet<Rule> = record.rules().iter().map(|rule| Rule { source: None, ..*rule }).collect();
    services.iter().flat_map(accepts).collect()
}

/// What a rule lets in.
fn accepts(rule: &Rule) -> Vec<String> {
    let Rule { service, source } = rule;
    let from = source.as_ref().map_or_else(String::new, |source| format!("{} ", From(source)));
    match service.to_string().split_once('/') {
        Some((ports, protocol)) => vec![format!("{from}{protocol} dport {ports} accept")],
        None => ["icmp", "ipv6-icmp"].map(|protocol| format!("{from}meta l4proto {protocol} accept")).into(),
    }
}
