//! The names of instances in the DNS server of their network: `NAME.lite.internal`, and `NAME`.

use std::net::IpAddr;

use crate::model::{DOMAIN, DnsHost, Name, NetworkMode, Record};

/// The full name of an instance in DNS.
pub fn full_name(name: &Name) -> String {
    format!("{name}.{DOMAIN}")
}

/// The entries of an instance, one for each of its addresses; none on a bridge, where names are the LAN's.
pub fn dns_hosts(record: &Record) -> Vec<DnsHost> {
    let addresses = record.address.map(IpAddr::V4).into_iter().chain(record.address6.map(IpAddr::V6));
    addresses.filter(|_| record.network == NetworkMode::Nat).map(|address| entry(&record.name, address)).collect()
}

/// The full name is first: it is the answer to a question for the address.
fn entry(name: &Name, address: IpAddr) -> DnsHost {
    DnsHost { address, names: vec![full_name(name), name.to_string()] }
}

/// The instance that an entry of lite's form is for; none for an entry that somebody else made.
pub fn named_instance(host: &DnsHost) -> Option<Name> {
    let [full, short] = host.names.as_slice() else { return None };
    Name::parse(short).ok().filter(|name| full_name(name) == *full)
}

/// How the entries of a network become those of the instances.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameChanges {
    /// Entries of lite's form that stand in the way, to be removed first: of an instance that had the name or the address before.
    pub remove: Vec<DnsHost>,
    /// Entries that are missing, or missing in one copy of the network's definition.
    pub add: Vec<DnsHost>,
    /// Entries that are missing, each with one of somebody else that has its name or address. lite leaves that one alone.
    pub blocked: Vec<(DnsHost, DnsHost)>,
}

/// What is to be changed. `seen` are the entries of the network, each with whether all copies of its definition have it.
pub fn name_changes(wanted: &[DnsHost], seen: &[(&DnsHost, bool)]) -> NameChanges {
    let mut changes = NameChanges::default();
    for host in wanted {
        if seen.contains(&(host, true)) {
            continue;
        }
        let meets = |h: &DnsHost| h.address == host.address || h.names.iter().any(|n| host.names.contains(n));
        let others = seen.iter().map(|(h, _)| *h).filter(|h| *h != host && meets(h));
        let (ours, foreign): (Vec<_>, Vec<_>) = others.partition(|h| named_instance(h).is_some());
        match foreign.first() {
            Some(other) => changes.blocked.push((host.clone(), (*other).clone())),
            None => {
                let old = ours.into_iter().filter(|h| !wanted.contains(h) && !changes.remove.contains(h));
                let old: Vec<_> = old.cloned().collect();
                changes.remove.extend(old);
                changes.add.push(host.clone());
            }
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(name: &str, last: u8) -> DnsHost {
        entry(&Name::parse(name).unwrap(), IpAddr::from([192, 168, 150, last]))
    }

    fn foreign(last: u8, names: &[&str]) -> DnsHost {
        let names = names.iter().map(|n| (*n).to_owned()).collect();
        DnsHost { address: [192, 168, 150, last].into(), names }
    }

    #[test]
    fn an_entry_of_lites_form_tells_its_instance() {
        let told = |host: &DnsHost| named_instance(host).map(String::from);
        assert_eq!(told(&ours("web-1", 10)), Some("web-1".to_owned()));
        let others: [&[&str]; 6] = [
            &[],
            &["web.lite.internal"],
            &["web", "web.lite.internal"],
            &["web.lan", "web"],
            &["web.lite.internal", "web", "www"],
            &["Web_.lite.internal", "Web_"],
        ];
        for names in others {
            assert_eq!(told(&foreign(5, names)), None, "{names:?}");
        }
        let v6 = DnsHost { address: IpAddr::V6(1.into()), ..ours("web", 10) };
        assert_eq!(told(&v6), Some("web".to_owned()));
    }

    #[test]
    fn an_instance_has_an_entry_for_each_of_its_addresses() {
        let record = crate::plan::domain::tests::record();
        let of = |address6: Option<&str>| {
            dns_hosts(&Record { address6: address6.map(|a| a.parse().unwrap()), ..record.clone() })
        };
        let both = of(Some("fd6c:6974:6500:1::a"));
        let told: Vec<_> = both.iter().map(|h| format!("{} {}", h.address, h.names.join(" "))).collect();
        let names = "web-1.lite.internal web-1";
        assert_eq!(told, [format!("192.168.150.10 {names}"), format!("fd6c:6974:6500:1::a {names}")]);
        assert_eq!(of(None), both[..1]);
        // Neither stands in the way of the other; one that the instance has no more goes.
        let seen = [(&both[0], true)];
        assert_eq!(name_changes(&both, &seen), NameChanges { add: both[1..].to_vec(), ..NameChanges::default() });
        let moved = DnsHost { address: "fd6c:6974:6500:1::b".parse().unwrap(), ..both[1].clone() };
        let wanted = NameChanges { remove: vec![moved.clone()], add: both[1..].to_vec(), blocked: vec![] };
        assert_eq!(name_changes(&both, &[(&both[0], true), (&moved, true)]), wanted);
    }

    #[test]
    fn what_is_ours_is_changed_and_what_is_anothers_stays() {
        let (web, shop, db, moved) = (ours("web", 10), ours("shop", 11), ours("db", 12), ours("old", 10));
        let (nas, printer) = (foreign(13, &["nas", "nas.lan"]), foreign(12, &["printer"]));
        let gone = ours("gone", 14);
        let seen = [(&shop, true), (&moved, true), (&nas, true), (&printer, true), (&gone, true)];
        let changes = name_changes(&[web.clone(), shop.clone(), db.clone()], &seen);
        let wanted = NameChanges {
            remove: vec![moved.clone()],
            add: vec![web.clone()],
            blocked: vec![(db.clone(), printer.clone())],
        };
        assert_eq!(changes, wanted);
        assert_eq!(name_changes(&[ours("nas", 20)], &[(&nas, false)]).blocked.len(), 1);
        // Of the two copies one lacks it.
        let half = NameChanges { add: vec![web.clone()], ..NameChanges::default() };
        assert_eq!(name_changes(std::slice::from_ref(&web), &[(&web, false)]), half);
        assert_eq!(name_changes(std::slice::from_ref(&web), &[(&web, true)]), NameChanges::default());
    }
}
