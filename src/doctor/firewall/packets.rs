//! The packets that an instance cannot do without, and what lets each of them pass.

use std::{borrow::Cow, net::Ipv4Addr};

use super::{
    Way,
    insertion::Insertion,
    ruleset::{Chain, Hook, Insert, Packet},
};
use crate::model::{Domain, Port};

/// One kind of packets, where they pass, and what is wrong when they do not.
pub struct Needed<'a> {
    /// What does not work without them.
    pub want: &'static str,
    /// The hooks they pass, in order.
    pub hooks: &'static [Hook],
    /// One of them, as it is at the last of the hooks; what its receiver is to this host is told by [`Needed::at`].
    pub packet: Packet<'a>,
    /// What lets them pass, in nft's words.
    nft: Cow<'static, str>,
    /// What lets them pass, in iptables' words.
    iptables: Cow<'static, str>,
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
        destination_type: "unicast",
        protocol: "tcp",
        port,
        state,
    };
    let udp = |source, destination, port| Packet {
        from: bridge,
        to: None,
        source,
        destination,
        destination_type: "unicast",
        protocol: "udp",
        port,
        state: "new",
    };
    let (guest, host) = (way.guest(), way.host());
    let (through, inwards): (&[Hook], &[Hook]) =
        (&[Hook::Prerouting, Hook::Forward, Hook::Postrouting], &[Hook::Prerouting, Hook::Input]);
    let services =
        ("iifname BRIDGE udp dport { 53, 67 } accept", "-i BRIDGE -p udp -m multiport --dports 53,67 -j ACCEPT");
    let kind = |want, hooks, packet, (nft, iptables): (&'static str, &'static str)| Needed {
        want,
        hooks,
        packet,
        nft: nft.into(),
        iptables: iptables.into(),
    };
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
            // What else comes in is lite's own firewall's to stop.
            ("oifname BRIDGE accept", "-o BRIDGE -j ACCEPT"),
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
            destination_type: "unicast",
            protocol: port.protocol.as_str(),
            port: port.number,
            state: "new",
        },
        nft: "oifname BRIDGE accept".into(),
        iptables: "-o BRIDGE -j ACCEPT".into(),
    }
}

/// The first packet of a connection from the world to a port of the web front of this host, at its address on the way there.
/// Those of domains are opened together.
pub fn to_web(way: &Way, (host, port): (Ipv4Addr, u16)) -> Needed<'_> {
    let (nft, iptables) = match Domain::PORTS.contains(&port) {
        true => ("tcp dport { 80, 443 } accept".into(), "-p tcp -m multiport --dports 80,443 -j ACCEPT".into()),
        false => (format!("tcp dport {port} accept").into(), format!("-p tcp --dport {port} -j ACCEPT").into()),
    };
    Needed {
        want: "nothing outside reaches the web front",
        hooks: &[Hook::Prerouting, Hook::Input],
        packet: Packet {
            from: way.uplink.as_deref(),
            to: None,
            source: OUTSIDE,
            destination: host,
            destination_type: "unicast",
            protocol: "tcp",
            port,
            state: "new",
        },
        nft,
        iptables,
    }
}

impl<'a> Needed<'a> {
    /// The packet as it is at a hook: where it goes is known from routing on alone.
    pub fn at(&self, hook: Hook) -> Packet<'a> {
        let destination_type = match self.packet.destination {
            Ipv4Addr::BROADCAST => "broadcast",
            _ if self.hooks.contains(&Hook::Input) => "local",
            _ => "unicast",
        };
        let packet = Packet { destination_type, ..self.packet.clone() };
        match hook {
            Hook::Prerouting | Hook::Input => Packet { to: None, ..packet },
            Hook::Postrouting | Hook::Output => Packet { from: None, ..packet },
            Hook::Forward => packet,
        }
    }

    /// The command that lets them pass a chain. Docker keeps a chain for others' rules, which stay when it writes its own anew.
    pub fn fix(&self, chain: &Chain, all: &[Chain], bridge: &str) -> Insertion {
        let (table, name) = (chain.table.as_str(), chain.name.as_str());
        match &chain.insert {
            Insert::Iptables(program) => {
                let is_dockers =
                    |c: &Chain| (&c.insert, c.table.as_str(), c.name.as_str()) == (&chain.insert, table, "DOCKER-USER");
                let name = if name == "FORWARD" && all.iter().any(is_dockers) { "DOCKER-USER" } else { name };
                Insertion::by_iptables(program, (table, name), &self.iptables.replace("BRIDGE", bridge))
            }
            Insert::Nft(family) => {
                let rule = self.nft.replace("BRIDGE", &format!("\"{bridge}\""));
                Insertion::by_nft(&format!("{family} {table} {name}"), &rule)
            }
        }
    }
}
