//! What each guest lets in: two chains a guest, which a map of its table leads to.

use std::{collections::BTreeSet, fmt};

use super::name::{From, Quoted, Set, port_name};
use crate::model::{Record, Rule};

/// Who sends: the map that leads to the guests' chains, and how these begin.
const FROM: [(&str, &str); 2] = [("guests", "to"), ("guests_for_host", "host_to")];

/// By what a table knows a guest; none: the table is not about the guest.
pub(super) type Key = fn(&Record) -> Option<String>;

/// The guest's interface on the host.
pub(super) fn by_port(record: &Record) -> Option<String> {
    Some(Quoted(&port_name(record.uuid)).to_string())
}

/// The guest's address.
pub(super) fn by_address(record: &Record) -> Option<String> {
    record.address.map(|address| address.to_string())
}

/// The chains of these guests.
pub(super) struct Chains<'a>(pub &'a [&'a Record]);

impl fmt::Display for Chains<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for record in self.0 {
            let rules = record.rules();
            // The host is where the operator is: a source keeps out others.
            let services: BTreeSet<Rule> = rules.iter().map(|rule| Rule { source: None, ..*rule }).collect();
            for ((_, start), rules) in FROM.into_iter().zip([rules, services]) {
                writeln!(f, "\tchain {start}_{} {{", port_name(record.uuid))?;
                rules.iter().try_for_each(|rule| writeln!(f, "\t\t{} accept", Match(rule)))?;
                writeln!(f, "\t}}")?;
            }
        }
        Ok(())
    }
}

/// The maps that lead to the guests' chains.
pub(super) fn maps(guests: &[&Record], key: Key) -> [Set; 2] {
    FROM.map(|(name, start)| {
        let element = |record: &&Record| Some(format!("{} : jump {start}_{}", key(record)?, port_name(record.uuid)));
        Set { name, elements: guests.iter().filter_map(element).collect() }
    })
}

/// What a rule lets in, as the condition of an nftables rule.
struct Match<'a>(&'a Rule);

impl fmt::Display for Match<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { service, source } = self.0;
        if let Some(source) = source {
            write!(f, "{} ", From(source))?;
        }
        match service.to_string().split_once('/') {
            Some((ports, protocol)) => write!(f, "{protocol} dport {ports}"),
            None => f.write_str("meta l4proto { icmp, ipv6-icmp }"),
        }
    }
}
