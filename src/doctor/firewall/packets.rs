//! The packets that an instance cannot do without, and what lets each of them pass.

use std::net::Ipv4Addr;

use super::{
    Way,
    ruleset::{Chain, Hook, Insert, Packet},
};
use crate::model::Port;

/// One kind of packets, where they pass, and what is wrong when they do not.
pub struct Needed<'a> {
    /// What does not work without them.
    pub want: &'static str,
    /// The hooks they pass, in order.
    pub hooks: &'static [Hook],
    /// One of them, as it is at the last of the hooks.
    pub packet: Packet<'a>,
    /// What lets them pass, in nft's words.
    nft: &'static str,
    /// What lets them pass, in iptables' words.
    iptables: &'static str,
}

/// A host outside (RFC 5737).
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// All kinds.
pub fn needed(way: &Way) -> [Needed<'_>; 6] {
    let (bridge, uplink) = (Some(way.bridge.as_str()), way.uplink.as_deref());
    let tcp = |from, to, (source, destination), port, state| Packet {
        from,
        to,
        source,
        destination,
        protocol: "tcp",
        port,
        state,
    };
    let udp = |source, destination, port| Packet {
        from: bridge,
        to: None,
        source,
        destination,
        protocol: "udp",
        port,
        state: "new",
    };
    let (guest, host) = (way.guest(), way.host());
    let (through, inwards): (&[Hook], &[Hook]) =
        (&[Hook::Prerouting, Hook::Forward, Hook::Postrouting], &[Hook::Prerouting, Hook::Input]);
    let services =
        ("iifname BRIDGE udp dport { 53, 67 } accept", "-i BRIDGE -p udp -m multiport --dports 53,67 -j ACCEPT");
    let kind = |want, hooks, packet, (nft, iptables)| Needed { want, hooks, packet, nft, iptables };
    [
        kind(
            "guests reach nothing outside",
            through,
            tcp(bridge, uplink, (guest, OUTSIDE), 443, "new"),
            ("iifname BRIDGE accept", "-i BRIDGE -j ACCEPT"),
        ),
        kind(
            "no answer from outside reaches guests",
            through,
            tcp(uplink, bridge, (OUTSIDE, guest), 40000, "established"),
            (
                "oifname BRIDGE ct state established,related accept",
                "-o BRIDGE -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            ),
        ),
        kind("guests get no address", inwards, udp(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, 67), services),
        kind("guests resolve no names", inwards, udp(guest, host, 53), services),
        kind(
            "this host reaches no guest",
            &[Hook::Output, Hook::Postrouting],
            tcp(None, bridge, (host, guest), 22, "new"),
            ("oifname BRIDGE accept", "-o BRIDGE -j ACCEPT"),
        ),
        kind(
            "no answer of a guest reaches this host",
            inwards,
            tcp(bridge, None, (guest, host), 40000, "established"),
            (
                "iifname BRIDGE ct state established,related accept",
                "-i BRIDGE -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            ),
        ),
    ]
}

/// The first packet of a connection from the world to a port of a guest.
pub fn inward(way: &Way, (guest, port): (Ipv4Addr, Port)) -> Needed<'_> {
    Needed {
        want: "nothing outside reaches guests",
        // It is translated between these.
        hooks: &[Hook::Forward, Hook::Postrouting],
        packet: Packet {
            from: way.uplink.as_deref(),
            to: Some(&way.bridge),
            source: OUTSIDE,
            destination: guest,
            protocol: port.protocol.as_str(),
            port: port.number,
            state: "new",
        },
        nft: "oifname BRIDGE accept",
        iptables: "-o BRIDGE -j ACCEPT",
    }
}

impl<'a> Needed<'a> {
    /// The packet as it is at a hook: where it goes is known from routing on alone.
    pub fn at(&self, hook: Hook) -> Packet<'a> {
        match hook {
            Hook::Prerouting | Hook::Input => Packet { to: None, ..self.packet.clone() },
            Hook::Postrouting | Hook::Output => Packet { from: None, ..self.packet.clone() },
            Hook::Forward => self.packet.clone(),
        }
    }

    /// The command that lets them pass a chain.
    pub fn fix(&self, chain: &Chain, bridge: &str) -> String {
        let (table, name) = (&chain.table, &chain.name);
        match &chain.insert {
            Insert::Iptables(program) => {
                format!("{program} -t {table} -I {name} {}", self.iptables.replace("BRIDGE", bridge))
            }
            Insert::Nft(family) => {
                let rule = self.nft.replace("BRIDGE", &format!("\"{bridge}\""));
                format!("nft 'insert rule {family} {table} {name} {rule}'")
            }
        }
    }
}
