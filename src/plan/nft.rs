//! lite's own tables in the kernel's packet filter: who reaches the instances, and what they reach.
//!
//! Rendered whole from the rows, and loaded in one transaction: a step back is to render without a row, and load again. The
//! rules are those of the files in `nft/`; what differs from host to host is defined before them and put into their sets.
//! In the JSON of `nft` the same rules are expression trees that nobody can check by reading.

mod name;

use std::fmt;

use ipnet::Ipv4Net;
use sha2::{Digest, Sha256};

pub use name::port_name;
use name::{Quoted, Set, table_name};

use crate::model::{LoadedTable, NetworkMode, Port, Protocol, Record, Ruleset, hex};

const INET: &str = include_str!("nft/inet.nft");
const BRIDGE: &str = include_str!("nft/bridge.nft");

/// The NAT network, as the kernel knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nat {
    /// Its bridge.
    pub bridge: String,
    /// Its subnet.
    pub subnet: Ipv4Net,
}

/// A table: its family, its rules, and what is put into their sets.
type Table = (&'static str, &'static str, Vec<Set>);

/// The tables of a network for these instances; `nat` is none if there is no such network. A table that no instance needs
/// is not there.
pub fn ruleset<'a>(network: &str, nat: Option<&Nat>, instances: impl IntoIterator<Item = &'a Record>) -> Ruleset {
    let mut all: Vec<&Record> = instances.into_iter().collect();
    all.sort_by_key(|record| record.uuid);
    let mut tables: Vec<Table> = Vec::new();
    if !all.is_empty() {
        tables.push(("bridge", BRIDGE, at_the_ports(&all)));
    }
    all.retain(|record| record.network == NetworkMode::Nat);
    if nat.is_some() && !all.is_empty() {
        tables.push(("inet", INET, vec![behind_nat(&all)]));
    }
    let name = table_name(network);
    let rules = Transaction { name: &name, nat, tables: &tables }.to_string();
    let digest = hex(&Sha256::digest(&rules)[..16]);
    let mark = |(family, ..): &Table| format!("add chain {family} {name} {}{digest}\n", LoadedTable::MARK);
    let marks: String = tables.iter().map(mark).collect();
    let loaded = |(family, ..): &Table| LoadedTable { family: (*family).to_owned(), digest: digest.clone() };
    Ruleset { tables: tables.iter().map(loaded).collect(), text: rules + &marks, table: name }
}

/// All the tables in one text: each is removed if it is there, and made anew if it is needed.
struct Transaction<'a> {
    name: &'a str,
    nat: Option<&'a Nat>,
    tables: &'a [Table],
}

impl fmt::Display for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        if let Some(nat) = self.nat {
            writeln!(f, "define nat_bridge = {}\ndefine nat_subnet = {}", Quoted(&nat.bridge), nat.subnet.trunc())?;
        }
        for family in ["bridge", "inet"] {
            writeln!(f, "add table {family} {name}\ndelete table {family} {name}")?;
        }
        for (family, rules, sets) in self.tables {
            writeln!(f, "table {family} {name} {{\n{rules}}}")?;
            for set in sets.iter().filter(|set| !set.elements.is_empty()) {
                writeln!(f, "add element {family} {name} {set}")?;
            }
        }
        Ok(())
    }
}

/// The sets of the table at the ports of the bridges.
fn at_the_ports(all: &[&Record]) -> Vec<Set> {
    let port = |record: &Record| Quoted(&port_name(record.uuid)).to_string();
    let lan = all.iter().filter(|r| matches!(r.network, NetworkMode::Bridge(_)));
    let owner = |r: &&Record| Some(format!("{} . {} . {}", port(r), r.mac, r.address?));
    let open = |r: &&Record| {
        let port = port(r);
        r.ports.clone().into_iter().map(move |p| format!("{port} . {}", service(p)))
    };
    vec![
        Set { name: "ports", elements: all.iter().map(|r| port(r)).collect() },
        Set { name: "lan", elements: lan.map(|r| port(r)).collect() },
        Set { name: "hardware", elements: all.iter().map(|r| format!("{} . {}", port(r), r.mac)).collect() },
        Set { name: "owner", elements: all.iter().filter_map(owner).collect() },
        Set { name: "open", elements: all.iter().flat_map(open).collect() },
    ]
}

/// The set of the table that guests on the NAT network are routed through.
fn behind_nat(all: &[&Record]) -> Set {
    let open = |r: &&Record| {
        let address = r.address;
        r.ports.clone().into_iter().filter_map(move |p| Some(format!("{} . {}", address?, service(p))))
    };
    Set { name: "open", elements: all.iter().flat_map(open).collect() }
}

fn service(port: Port) -> String {
    let protocol = match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{protocol} . {}", port.number)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn record(id: u128, network: NetworkMode, address: Option<[u8; 4]>) -> Record {
        let uuid = Uuid::from_u128(id);
        let address = address.map(Into::into);
        Record { uuid, network, address, ..crate::plan::domain::tests::record() }
    }

    fn nat() -> Nat {
        Nat { bridge: "litebr0".to_owned(), subnet: "192.168.150.1/24".parse().unwrap() }
    }

    #[test]
    fn the_tables_follow_from_the_rows_alone() {
        let web = record(0xdead_beef, NetworkMode::Nat, Some([192, 168, 150, 10]));
        let lan = record(7, NetworkMode::Bridge("br0".to_owned()), None);
        let rules = ruleset("lite", Some(&nat()), [&web, &lan]);
        insta::assert_snapshot!(rules.text);
        assert_eq!(rules, ruleset("lite", Some(&nat()), [&lan, &web]), "in whatever order they come");
        let families = |rules: Ruleset| rules.tables.into_iter().map(|t| t.family).collect::<Vec<_>>();
        assert_eq!(families(rules), ["bridge", "inet"]);
        assert_eq!(families(ruleset("lite", Some(&nat()), [&lan])), ["bridge"]);
        assert_eq!(families(ruleset("lite", None, [&web])), ["bridge"]);
        let none = ruleset("lite", Some(&nat()), []);
        assert_eq!(
            none.text,
            "define nat_bridge = \"litebr0\"\ndefine nat_subnet = 192.168.150.0/24\n\
             add table bridge lite\ndelete table bridge lite\nadd table inet lite\ndelete table inet lite\n"
        );
        assert_eq!(families(none), Vec::<String>::new());
    }

    #[test]
    fn what_a_network_is_called_is_no_word_of_nft() {
        let long = "x".repeat(101);
        let names = ["lite", "lite-test-1", "table", "a b; flush ruleset", &long].map(table_name);
        assert_eq!(
            names,
            [
                "lite",
                "lite-test-1",
                "lite/table",
                "lite/f591530428650ea545f48a635d888e89",
                "lite/c675a2e604b0cd1229c036e3ce0c8742"
            ]
        );
        assert_eq!(Quoted("br0\" } flush\\").to_string(), "\"br0}flush\"");
        assert_eq!(port_name(Uuid::from_u128(0x1234_5678_9abc_def0)), "lt-789abcdef0");
    }
}
