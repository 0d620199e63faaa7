//! Ports of the host that lead to guests: rules that translate, and a chain a guest for what was translated.

use uuid::Uuid;

use super::{
    chain::Chain,
    guests::jump,
    name::{From, port_name},
};
use crate::model::{Publication, Record};

/// A publication and the id of its instance.
pub type OfInstance = (Uuid, Publication);

/// How the chains of guests that something is published of begin.
const CHAIN: &str = "published_to";

/// The chains of what is published of these guests: what is translated, and what of that is let in.
pub(super) fn chains(guests: &[&Record], all: &[OfInstance]) -> Vec<Chain> {
    let own = |record: &Record| all.iter().filter(|(instance, _)| *instance == record.uuid).map(|(_, p)| p).collect();
    let published: Vec<(&Record, Vec<&Publication>)> = guests.iter().map(|record| (*record, own(record))).collect();
    let published: Vec<_> = published.into_iter().filter(|(_, own)| !own.is_empty()).collect();
    let translated = |of_address: bool| {
        let each = published.iter().flat_map(|(record, own)| own.iter().map(move |p| (*record, *p)));
        each.filter(move |(_, p)| p.address.is_some() == of_address).filter_map(|(record, p)| translation(record, p))
    };
    let mut chains: Vec<Chain> = published.iter().map(|(record, own)| let_in(record, own)).collect();
    chains.push(Chain::new("published_to_guests", published.iter().filter_map(|(record, _)| jump(record, CHAIN))));
    chains.push(Chain::new("published_of_address", translated(true)));
    chains.push(Chain::new("published_of_host", translated(false)));
    chains
}

/// Where a port of the host leads; none: the guest has no address.
fn translation(record: &Record, publication: &Publication) -> Option<String> {
    let Publication { address, port, protocol, guest_port, .. } = publication;
    let to = address.map_or_else(String::new, |address| format!("ip daddr {address} "));
    Some(format!("{to}{} dport {port} dnat ip to {}:{guest_port}", protocol.as_str(), record.address?))
}

/// What is let in from the world: a connection that was translated for a publication that is there. Whatever it leads to has
/// to be open for its source too.
fn let_in(record: &Record, own: &[&Publication]) -> Chain {
    let name = port_name(record.uuid);
    let rules = own.iter().flat_map(|publication| {
        let Publication { address, port, protocol, guest_port, sources } = publication;
        let protocol = protocol.as_str();
        let to = address.map_or_else(String::new, |address| format!("ct original ip daddr {address} "));
        let rule = format!("{protocol} dport {guest_port} {to}ct original proto-dst {port} goto to_{name}");
        match sources.is_empty() {
            true => vec![rule],
            false => sources.iter().map(|source| format!("{} {rule}", From(source))).collect(),
        }
    });
    Chain::new(format!("{CHAIN}_{name}"), rules)
}
