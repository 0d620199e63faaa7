//! Ports of the host that lead to guests: maps that translate, and a chain a guest for what was translated.

use std::fmt;

use uuid::Uuid;

use super::name::{From, Set, port_name};
use crate::model::{Protocol, Publication, Record};

/// A publication and the id of its instance.
pub type OfInstance = (Uuid, Publication);

/// How the chains of guests that something is published of begin.
const CHAIN: &str = "published_to";

fn all_of<'a>(record: &Record, all: &'a [OfInstance]) -> Vec<&'a Publication> {
    all.iter().filter(|(instance, _)| *instance == record.uuid).map(|(_, publication)| publication).collect()
}

/// What is let in from the world: a connection that was translated for a publication that is there. Whatever it leads to has
/// to be open for its source too.
pub(super) struct Chains<'a> {
    pub guests: &'a [&'a Record],
    pub all: &'a [OfInstance],
}

impl fmt::Display for Chains<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for record in self.guests {
            let (own, port) = (all_of(record, self.all), port_name(record.uuid));
            if own.is_empty() {
                continue;
            }
            writeln!(f, "\tchain {CHAIN}_{port} {{")?;
            for publication in own {
                let Publication { address, port: at, protocol, guest_port, sources } = publication;
                let protocol = protocol.as_str();
                let to = address.map_or_else(String::new, |address| format!("ct original ip daddr {address} "));
                let rule = format!("{protocol} dport {guest_port} {to}ct original proto-dst {at} goto to_{port}");
                match sources.is_empty() {
                    true => writeln!(f, "\t\t{rule}")?,
                    false => {
                        for source in sources {
                            writeln!(f, "\t\t{} {rule}", From(source))?;
                        }
                    }
                }
            }
            writeln!(f, "\t}}")?;
        }
        Ok(())
    }
}

/// The maps of what is published of these guests.
pub(super) fn maps(guests: &[&Record], all: &[OfInstance]) -> Vec<Set> {
    let of = |record: &&&Record| !all_of(record, all).is_empty();
    let jump = |record: &&Record| {
        let address = record.address?;
        Some(format!("{address} : jump {CHAIN}_{}", port_name(record.uuid)))
    };
    let mut sets = vec![Set { name: "published", elements: guests.iter().filter(of).filter_map(jump).collect() }];
    let names = [
        ("tcp_of_address", Protocol::Tcp, true),
        ("udp_of_address", Protocol::Udp, true),
        ("tcp_of_host", Protocol::Tcp, false),
        ("udp_of_host", Protocol::Udp, false),
    ];
    for (name, protocol, of_address) in names {
        let element = |record: &&Record| {
            let guest = record.address?;
            let own = all_of(record, all);
            let own = own.into_iter().filter(|p| p.protocol == protocol && p.address.is_some() == of_address);
            Some(own.map(move |p| {
                let key = p.address.map_or_else(String::new, |address| format!("{address} . "));
                format!("{key}{} : {guest} . {}", p.port, p.guest_port)
            }))
        };
        sets.push(Set { name, elements: guests.iter().filter_map(element).flatten().collect() });
    }
    sets
}
