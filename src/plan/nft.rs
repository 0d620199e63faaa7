//! lite's own tables in the kernel's packet filter: who reaches the instances, and what they reach.
//!
//! Rendered whole from the rows, and loaded in one transaction: a step back is to render without a row, and load again. The
//! rules are those of the files in `nft/`; what differs from host to host is defined before them, or in chains of its own.
//! In the JSON of `nft` the same rules are expression trees that nobody can check by reading.
//!
//! There are no sets and maps, which would be shorter and, for many guests, faster. While a table is replaced, the kernel
//! judges a packet that is on its way by the old rules but looks into their sets as they are after the change, where nothing
//! is left (`nft_do_chain` and the sets' lookups read the generation each for itself): a connection that lives was refused at
//! one load in three.

mod chain;
mod guests;
mod name;
mod published;

use std::fmt;

use ipnet::{Ipv4Net, Ipv6Net};
use sha2::{Digest, Sha256};

use chain::Chain;
pub use name::port_name;
use name::{Quoted, table_name};
pub use published::{FromWorld, OfInstance, StaticAddressOf};

use crate::model::{LoadedTable, NetworkMode, Record, Ruleset, hex, is_unique_local};

const INET: &str = include_str!("nft/inet.nft");
const INET6: &str = include_str!("nft/inet6.nft");
/// The chains of [`INET`] that look into those of [`INET6`] first.
const FIRST6: [&str; 5] = ["translate", "postrouting", "forward", "output", "input"];
const BRIDGE: &str = include_str!("nft/bridge.nft");

/// The NAT network, as the kernel knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nat {
    /// Its bridge.
    pub bridge: String,
    /// Its subnet.
    pub subnet: Ipv4Net,
    /// Its IPv6 subnet; none: it has IPv4 alone.
    pub subnet6: Option<Ipv6Net>,
}

/// A table.
struct Table {
    family: &'static str,
    /// The same for all guests.
    rules: Vec<&'static str>,
    /// Those that the rules lead to.
    chains: Vec<Chain>,
}

/// The tables of a network for these instances; `nat` is none if there is no such network. A table that no instance needs
/// is not there.
pub fn ruleset<'a>(
    network: &str,
    nat: Option<&Nat>,
    instances: impl IntoIterator<Item = &'a Record>,
    from_world: FromWorld<'_>,
) -> Ruleset {
    let mut all: Vec<&Record> = instances.into_iter().collect();
    all.sort_by_key(|record| record.uuid);
    let routed: Vec<&Record> = all.iter().copied().filter(|record| record.network == NetworkMode::Nat).collect();
    let mut tables: Vec<Table> = Vec::new();
    if !all.is_empty() {
        tables.push(Table { family: "bridge", rules: vec![BRIDGE], chains: guests::at_the_ports(&all) });
    }
    if let Some(nat) = nat.filter(|_| !routed.is_empty()) {
        let mut chains = guests::on_nat(&routed);
        chains.extend(published::chains(&routed, from_world, nat));
        chains.push(Chain::new("web_front", from_world.web.iter().map(|port| format!("tcp dport {port} accept"))));
        let mut rules = vec![INET];
        if let Some(subnet6) = nat.subnet6 {
            chains.extend(ipv6(&routed, subnet6));
            rules.push(INET6);
        }
        tables.push(Table { family: "inet", rules, chains });
    }
    let name = table_name(network);
    let rules = Transaction { name: &name, nat, tables: &tables }.to_string();
    let digest = hex(&Sha256::digest(&rules)[..16]);
    let mark = |table: &Table| format!("add chain {} {name} {}{digest}\n", table.family, LoadedTable::MARK);
    let marks: String = tables.iter().map(mark).collect();
    let loaded = |table: &Table| LoadedTable { family: table.family.to_owned(), digest: digest.clone() };
    Ruleset { tables: tables.iter().map(loaded).collect(), text: rules + &marks, table: name }
}

/// The chains of IPv6 that hang on whether the world has a route to the guests: those that it has not are masqueraded, the
/// others reached as their rules say.
fn ipv6(guests: &[&Record], subnet: Ipv6Net) -> [Chain; 2] {
    let (masqueraded, reached) = match is_unique_local(subnet) {
        true => (vec!["ip6 saddr $nat_subnet6 masquerade".to_owned()], Vec::new()),
        // What is published comes by another address.
        false => (Vec::new(), guests.iter().filter_map(|record| guests::routed(record)).collect()),
    };
    [Chain::new("masquerade6", masqueraded), Chain::new("routed_to_guests", reached)]
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
            if let Some(subnet6) = nat.subnet6 {
                writeln!(f, "define nat_subnet6 = {}", subnet6.trunc())?;
            }
        }
        for family in ["bridge", "inet"] {
            writeln!(f, "add table {family} {name}\ndelete table {family} {name}")?;
        }
        for Table { family, rules, chains } in self.tables {
            writeln!(f, "table {family} {name} {{")?;
            chains.iter().try_for_each(|chain| write!(f, "{chain}"))?;
            rules.iter().try_for_each(|rules| f.write_str(rules))?;
            f.write_str("}\n")?;
            if rules.contains(&INET6) {
                FIRST6.iter().try_for_each(|chain| writeln!(f, "insert rule {family} {name} {chain} jump {chain}6"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{Protocol, Publication, Rule};

    fn record(id: u128, network: NetworkMode, address: Option<[u8; 4]>) -> Record {
        let uuid = Uuid::from_u128(id);
        let address = address.map(Into::into);
        Record { uuid, network, address, ..crate::plan::domain::tests::record() }
    }

    fn nat() -> Nat {
        Nat { bridge: "litebr0".to_owned(), subnet: "192.168.150.1/24".parse().unwrap(), subnet6: None }
    }

    #[test]
    fn the_tables_follow_from_the_rows_alone() {
        let web = record(0xdead_beef, NetworkMode::Nat, Some([192, 168, 150, 10]));
        let rules = ["22/tcp from 192.0.2.0/24", "22/tcp from 2001:db8::/32", "8000-8010/udp"];
        let rules = rules.iter().flat_map(|rule| Rule::try_from((*rule).to_owned())).collect();
        let lan = Record { firewall: Some(rules), ..record(7, NetworkMode::Bridge("br0".to_owned()), None) };
        let of = |address: Option<[u8; 4]>, port, protocol, guest_port| Publication {
            address: address.map(Into::into),
            port,
            protocol,
            guest_port,
            sources: vec!["192.0.2.0/24".parse().unwrap()],
        };
        let published = [
            (web.uuid, of(None, 8080, Protocol::Tcp, 80)),
            (web.uuid, Publication { sources: vec![], ..of(Some([203, 0, 113, 7]), 53, Protocol::Udp, 53) }),
        ];
        let db = record(8, NetworkMode::Nat, Some([192, 168, 150, 11]));
        let of = |record: &Record, address: [u8; 4]| StaticAddressOf { instance: record.uuid, address: address.into() };
        let addresses = [of(&web, [203, 0, 113, 8]), of(&db, [192, 168, 150, 239])];
        let all = FromWorld { published: &published, addresses: &addresses, web: &[80, 443] };
        let rules = ruleset("lite", Some(&nat()), [&web, &lan, &db], all);
        insta::assert_snapshot!(rules.text);
        assert_eq!(rules, ruleset("lite", Some(&nat()), [&lan, &db, &web], all), "in whatever order they come");
        let families = |rules: Ruleset| rules.tables.into_iter().map(|t| t.family).collect::<Vec<_>>();
        assert_eq!(families(rules), ["bridge", "inet"]);
        assert_eq!(families(ruleset("lite", Some(&nat()), [&lan], FromWorld::default())), ["bridge"]);
        assert_eq!(families(ruleset("lite", None, [&web], FromWorld::default())), ["bridge"]);
        let none = ruleset("lite", Some(&nat()), [], FromWorld::default());
        assert_eq!(
            none.text,
            "define nat_bridge = \"litebr0\"\ndefine nat_subnet = 192.168.150.0/24\n\
             add table bridge lite\ndelete table bridge lite\nadd table inet lite\ndelete table inet lite\n"
        );
        assert_eq!(families(none), Vec::<String>::new());
    }

    #[test]
    fn guests_with_ipv6_have_rules_for_it() {
        let of = |id, last, address6: Option<&str>| {
            let address6 = address6.map(|text| text.parse().unwrap());
            Record { address6, ..record(id, NetworkMode::Nat, Some([192, 168, 150, last])) }
        };
        let (web, old) = (of(0xdead_beef, 10, Some("fd6c:6974:6500:1::a")), of(8, 11, None));
        let published = |address: Option<&str>, port| Publication {
            address: address.map(|text| text.parse().unwrap()),
            port,
            protocol: Protocol::Tcp,
            guest_port: 80,
            sources: ["192.0.2.0/24", "2001:db8:1::/48"].map(|text| text.parse().unwrap()).into(),
        };
        let (lan, own) = (published(None, 8080), published(Some("2001:db8::7"), 8080));
        let published = [(web.uuid, lan), (web.uuid, own), (old.uuid, published(None, 8081))];
        let all = FromWorld { published: &published, addresses: &[], web: &[] };
        let nat = |subnet6: &str| Nat { subnet6: subnet6.parse().ok(), ..nat() };
        let rules = ruleset("lite", Some(&nat("fd6c:6974:6500:1::1/64")), [&web, &old], all);
        insta::assert_snapshot!(rules.text);
        let web = Record { address6: "2001:db8:0:7::a".parse().ok(), ..web };
        let routed = ruleset("lite", Some(&nat("2001:db8:0:7::1/64")), [&web, &old], all);
        let own: Vec<_> = routed.text.lines().skip_while(|line| !line.contains("chain masquerade6")).take(5).collect();
        let to_web = "\t\tct original ip6 daddr 2001:db8:0:7::a jump to_lt-00deadbeef";
        assert_eq!(own, ["\tchain masquerade6 {", "\t}", "\tchain routed_to_guests {", to_web, "\t}"]);
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
