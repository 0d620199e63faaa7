//! Rules of a firewall, which come back as they were put: from anywhere is no list at all, and `all` is one rule.

use ipnet::IpNet;

use crate::{
    lightsail::{
        fault::{Answer, Fault},
        wire::{AskedPorts, PortInfo, PortState},
    },
    model::{Protocol, Rule, Rules, Service, escaped, source},
    view::OpenService,
};

/// Every port of a protocol.
const fn every(protocol: Protocol) -> Service {
    Service::Ports { first: 1, last: u16::MAX, protocol }
}

/// What `all` is.
const ALL: [Service; 3] = [every(Protocol::Tcp), every(Protocol::Udp), Service::Icmp];
/// Most sources of one rule.
const MOST: usize = 60;

/// What is asked for: some services, and from where; from anywhere where that is empty.
///
/// # Errors
/// It is nothing that a firewall of lite's knows.
pub fn read(asked: &AskedPorts) -> Answer<(Vec<Service>, Vec<IpNet>)> {
    if asked.cidr_list_aliases.as_ref().is_some_and(|names| !names.is_empty()) {
        return Err(Fault::invalid("`cidrListAliases` are not known here").tip("name the networks in `cidrs`"));
    }
    let lists = [&asked.cidrs, &asked.ipv6_cidrs].into_iter().flatten().flatten();
    let texts: Vec<&String> = lists.take(MOST + 1).collect();
    if texts.len() > MOST {
        return Err(Fault::invalid(format!("a rule has at most {MOST} sources")));
    }
    let sources = texts.into_iter().map(|text| source(text)).collect::<Result<Vec<_>, _>>()?;
    Ok((services(asked)?, sources))
}

fn services(asked: &AskedPorts) -> Answer<Vec<Service>> {
    let (from, to) = (asked.from_port.unwrap_or(-1), asked.to_port.unwrap_or(-1));
    let protocol = match asked.protocol.as_deref().unwrap_or_default() {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "icmp" if (from, to) == (-1, -1) => return Ok(vec![Service::Icmp]),
        "icmp" => return Err(Fault::invalid("ICMP is let in as a whole: `fromPort` and `toPort` have to be -1")),
        "icmpv6" => return Err(Fault::invalid("ICMP of IPv6 is let in with `icmp`")),
        "all" if [(0, 65_535), (-1, -1), (1, 65_535)].contains(&(from, to)) => return Ok(ALL.to_vec()),
        "all" => return Err(Fault::invalid("`all` are all ports: `fromPort` has to be 0, and `toPort` 65535")),
        other => {
            let text = format!("`{}` is no protocol of a firewall", escaped(other));
            return Err(Fault::invalid(text).tip("`tcp`, `udp`, `icmp` or `all`"));
        }
    };
    // The first port is 1: that of 0 is nobody's.
    let port = |number: i64| u16::try_from(number).ok();
    match (port(from.max(1)).filter(|_| from >= 0), port(to)) {
        (Some(first), Some(last)) if first <= last => Ok(vec![Service::Ports { first, last, protocol }]),
        _ => Err(Fault::invalid(format!("`fromPort` {from} and `toPort` {to} are no range of ports"))),
    }
}

/// The rules of all that is asked for.
///
/// # Errors
/// Those of [`read`].
pub fn rules(all: &[AskedPorts]) -> Answer<Rules> {
    let mut rules = Rules::new();
    for asked in all {
        let (services, sources) = read(asked)?;
        for service in services {
            match sources.is_empty() {
                true => rules.extend([Rule { service, source: None }]),
                false => rules.extend(sources.iter().map(|source| Rule { service, source: Some(*source) })),
            }
        }
    }
    // Who is named beside everybody is named for nothing.
    let open: Vec<Service> = rules.iter().filter(|rule| rule.source.is_none()).map(|rule| rule.service).collect();
    rules.retain(|rule| rule.source.is_none() || !open.contains(&rule.service));
    Ok(rules)
}

/// Ports of a protocol; of ICMP any type and code.
struct Ports {
    protocol: &'static str,
    from: i32,
    to: i32,
    sources: Vec<IpNet>,
}

/// What is open, with `all` as one.
fn ports(open: &[OpenService]) -> Vec<Ports> {
    let of = |service: Service| open.iter().find(|one| one.service == service).map(|one| &one.sources);
    let whole = of(ALL[0]).filter(|sources| ALL.iter().all(|service| of(*service) == Some(*sources)));
    let one = |one: &OpenService| {
        let (protocol, from, to) = match one.service {
            Service::Icmp => ("icmp", -1, -1),
            // As it is asked for.
            Service::Ports { first: 1, last: u16::MAX, protocol } => (protocol.as_str(), 0, 65_535),
            Service::Ports { first, last, protocol } => (protocol.as_str(), first.into(), last.into()),
        };
        Ports { protocol, from, to, sources: one.sources.clone() }
    };
    let all = whole.map(|sources| Ports { protocol: "all", from: 0, to: 65_535, sources: sources.clone() });
    let others = open.iter().filter(|one| whole.is_none() || !ALL.contains(&one.service));
    all.into_iter().chain(others.map(one)).collect()
}

/// The networks of one family.
fn of_family(sources: &[IpNet], is_ipv4: bool) -> Vec<String> {
    let own = sources.iter().filter(|source| matches!(source, IpNet::V4(_)) == is_ipv4);
    own.map(ToString::to_string).collect()
}

/// What is open.
pub fn states(open: &[OpenService]) -> Vec<PortState> {
    let state = |ports: Ports| PortState {
        from_port: ports.from,
        to_port: ports.to,
        protocol: ports.protocol.to_owned(),
        state: "open",
        cidrs: of_family(&ports.sources, true),
        ipv6_cidrs: of_family(&ports.sources, false),
        cidr_list_aliases: [],
    };
    ports(open).into_iter().map(state).collect()
}

/// The same, as a part of an instance.
pub fn infos(open: &[OpenService]) -> Vec<PortInfo> {
    let info = |ports: Ports| PortInfo {
        from_port: ports.from,
        to_port: ports.to,
        protocol: ports.protocol.to_owned(),
        access_from: match ports.sources.as_slice() {
            [] => "Anywhere (0.0.0.0/0 and ::/0)".to_owned(),
            _ => "Custom".to_owned(),
        },
        access_type: "Public",
        common_name: String::new(),
        access_direction: "inbound",
        cidrs: of_family(&ports.sources, true),
        ipv6_cidrs: of_family(&ports.sources, false),
        cidr_list_aliases: [],
    };
    ports(open).into_iter().map(info).collect()
}

#[cfg(test)]
mod tests {
    use super::{rules, states};
    use crate::{lightsail::wire::AskedPorts, view::OpenService};

    fn asked(protocol: &str, from: i64, to: i64, cidrs: &[&str]) -> AskedPorts {
        AskedPorts {
            from_port: Some(from),
            to_port: Some(to),
            protocol: Some(protocol.to_owned()),
            cidrs: Some(cidrs.iter().map(|cidr| (*cidr).to_owned()).collect()),
            ipv6_cidrs: None,
            cidr_list_aliases: None,
        }
    }

    #[test]
    fn rules_come_back_as_they_were_put() {
        let back = |all: &[AskedPorts]| {
            let rules = rules(all).unwrap();
            let told = states(&OpenService::all(&rules)).into_iter();
            told.map(|one| (one.protocol, one.from_port, one.to_port, one.cidrs.join(" "))).collect::<Vec<_>>()
        };
        for (protocol, from, to, cidrs) in [
            ("tcp", 22, 22, vec![]),
            ("udp", 8000, 8010, vec!["192.0.2.0/24", "198.51.100.7/32"]),
            ("tcp", 0, 65_535, vec!["0.0.0.0/0"]),
            ("icmp", -1, -1, vec![]),
            ("all", 0, 65_535, vec!["192.0.2.0/24"]),
        ] {
            let one = (protocol.to_owned(), i32::try_from(from).unwrap(), i32::try_from(to).unwrap(), cidrs.join(" "));
            assert_eq!(back(&[asked(protocol, from, to, &cidrs)]), [one]);
        }
        let both = [asked("tcp", 80, 80, &["192.0.2.0/24"]), asked("tcp", 80, 80, &[])];
        assert_eq!(back(&both), [("tcp".to_owned(), 80, 80, String::new())]);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for (protocol, from, to, cidr) in [
            ("tcp", -1, 80, ""),
            ("tcp", 80, 22, ""),
            ("tcp", 80, 65_536, ""),
            ("tcp", 0, 0, ""),
            ("icmp", 8, -1, ""),
            ("icmpv6", -1, -1, ""),
            ("all", 1, 2, ""),
            ("sctp", 1, 2, ""),
            ("", 1, 2, ""),
            ("tcp", 1, 2, "192.0.2.1/24"),
            ("tcp", 1, 2, "anywhere"),
        ] {
            let cidrs: Vec<&str> = Some(cidr).filter(|cidr| !cidr.is_empty()).into_iter().collect();
            let told = rules(&[asked(protocol, from, to, &cidrs)]).map_err(|fault| fault.kind);
            assert_eq!(told.map(|rules| rules.len()), Err("InvalidInputException"), "{protocol} {from} {to} {cidr}");
        }
    }
}
