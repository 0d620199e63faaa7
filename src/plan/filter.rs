//! The firewall of an instance: one network filter.
//!
//! `clean-traffic` refuses forged hardware addresses, IP addresses and ARP. The rules here run at the bridge port
//! (libvirt's `<ip>` rules), so they hold for the host's own traffic and for neighbours on the same bridge too, where
//! rules with connection state do not. Having no state, they leave the ports from 32768 up to the guest: replies to
//! its own connections arrive there (Linux' `ip_local_port_range`).

use serde::Serialize;
use uuid::Uuid;

use super::xml::{Text, write};
use crate::model::{Port, Protocol, Result};

/// First port that replies to the guest's own connections may arrive on.
const FIRST_EPHEMERAL: u16 = 32768;
/// DHCP answers arrive here (RFC 2131).
const DHCP_CLIENT: u16 = 68;

#[derive(Serialize)]
struct Filter {
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "@chain")]
    chain: &'static str,
    uuid: Text,
    filterref: Ref,
    rule: Vec<Rule>,
}

#[derive(Serialize)]
struct Ref {
    #[serde(rename = "@filter")]
    filter: &'static str,
}

#[derive(Serialize)]
struct Rule {
    #[serde(rename = "@action")]
    action: &'static str,
    #[serde(rename = "@direction")]
    direction: &'static str,
    #[serde(rename = "@priority")]
    priority: i32,
    ip: Ip,
}

#[derive(Serialize)]
struct Ip {
    #[serde(rename = "@protocol")]
    protocol: Protocol,
    #[serde(rename = "@dstportstart")]
    start: u16,
    #[serde(rename = "@dstportend")]
    end: u16,
}

fn rule(action: &'static str, priority: i32, protocol: Protocol, start: u16, end: u16) -> Rule {
    Rule { action, direction: "in", priority, ip: Ip { protocol, start, end } }
}

/// A filter that lets in `ports` and, of all other TCP and UDP, only what can be a reply.
pub fn filter_xml(name: &str, uuid: Uuid, ports: &[Port]) -> Result<String> {
    let mut rules: Vec<Rule> = ports.iter().map(|p| rule("accept", -900, p.protocol, p.number, p.number)).collect();
    rules.push(rule("accept", -900, Protocol::Udp, DHCP_CLIENT, DHCP_CLIENT));
    rules.extend([Protocol::Tcp, Protocol::Udp].map(|p| rule("drop", -800, p, 0, FIRST_EPHEMERAL - 1)));
    write(
        "filter",
        &Filter {
            name: name.to_owned(),
            chain: "ipv4",
            uuid: Text::of(uuid),
            filterref: Ref { filter: "clean-traffic" },
            rule: rules,
        },
    )
}
