//! Rules of a firewall, which come back as they were put: from anywhere is no list at all.

use ipnet::IpNet;

use crate::{
    lightsail::wire,
    model::{Protocol, Service},
    view::OpenService,
};

/// The networks of one family.
fn of_family(sources: &[IpNet], is_ipv4: bool) -> Vec<String> {
    let own = sources.iter().filter(|source| matches!(source, IpNet::V4(_)) == is_ipv4);
    own.map(ToString::to_string).collect()
}

/// Protocol, lowest and highest port; of ICMP any type and code.
fn ports(service: Service) -> (String, i32, i32) {
    match service {
        Service::Icmp => ("icmp".to_owned(), -1, -1),
        Service::Ports { first, last, protocol } => {
            let protocol = match protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            };
            (protocol.to_owned(), first.into(), last.into())
        }
    }
}

/// What is open.
pub fn state(open: &OpenService) -> wire::PortState {
    let (protocol, from_port, to_port) = ports(open.service);
    wire::PortState {
        from_port,
        to_port,
        protocol,
        state: "open",
        cidrs: of_family(&open.sources, true),
        ipv6_cidrs: of_family(&open.sources, false),
        cidr_list_aliases: [],
    }
}

/// The same, as a part of an instance.
pub fn info(open: &OpenService) -> wire::PortInfo {
    let (protocol, from_port, to_port) = ports(open.service);
    wire::PortInfo {
        from_port,
        to_port,
        protocol,
        access_from: match open.sources.as_slice() {
            [] => "Anywhere (0.0.0.0/0 and ::/0)".to_owned(),
            _ => "Custom".to_owned(),
        },
        access_type: "Public",
        common_name: String::new(),
        access_direction: "inbound",
        cidrs: of_family(&open.sources, true),
        ipv6_cidrs: of_family(&open.sources, false),
        cidr_list_aliases: [],
    }
}
