//! Chains of rules, of whichever tool, and what a rule says of a packet.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// Where a packet is on its way through the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// Before it is known where it goes.
    Prerouting,
    /// To this host.
    Input,
    /// Through this host.
    Forward,
    /// From this host.
    Output,
    /// When it is known where it goes.
    Postrouting,
}

impl Hook {
    /// The hook of this name, in either tool's spelling.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "prerouting" => Some(Self::Prerouting),
            "input" => Some(Self::Input),
            "forward" => Some(Self::Forward),
            "output" => Some(Self::Output),
            "postrouting" => Some(Self::Postrouting),
            _ => None,
        }
    }
}

/// All chains of a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ruleset {
    /// In the order of their tables.
    pub chains: Vec<Chain>,
}

/// How to put a rule first in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Insert {
    /// By this iptables, into this table.
    Iptables(&'static str),
    /// By nft, into a table of this family.
    Nft(String),
}

/// A chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The tool that wrote it, and with nft the family.
    pub insert: Insert,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Where it hangs, if it is a base chain.
    pub base: Option<Base>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

/// What makes a chain a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// The hook.
    pub hook: Hook,
    /// Lower comes first.
    pub priority: i64,
    /// What falls through is dropped.
    pub drops: bool,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// What then happens.
    pub verdict: Verdict,
    /// How it is shown.
    pub shown: String,
}

/// What a rule does with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing that stops or lets pass: it counts, logs, marks.
    Goes,
    /// Passes this base chain.
    Accept,
    /// Is dropped or refused.
    Drop,
    /// Looks in another chain of the table first.
    Jump(String),
    /// Looks in another chain of the table instead.
    Goto(String),
    /// Back to where it came from.
    Return,
}

/// A condition, or its opposite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What is asked.
    pub test: Test,
    /// The opposite is asked.
    pub not: bool,
}

/// What a condition asks; one of the values is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// The interface it came in by; `virbr*` for all that begin so.
    From(Vec<String>),
    /// The interface it goes out by.
    To(Vec<String>),
    /// Its sender.
    Source(Vec<Ipv4Net>),
    /// Its receiver.
    Destination(Vec<Ipv4Net>),
    /// What its receiver is to this host: `local`, `broadcast`, `unicast` …
    DestinationType(Vec<String>),
    /// `tcp` or `udp`.
    Protocol(Vec<String>),
    /// The port it goes to.
    Port(Vec<(u16, u16)>),
    /// What connection tracking says: `new`, `established` …
    State(Vec<String>),
    /// Always, or never.
    Is(bool),
    /// What is not understood.
    Unknown,
}

/// A packet at a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The interface it came in by, if one is known.
    pub from: Option<&'a str>,
    /// The interface it goes out by, if one is known.
    pub to: Option<&'a str>,
    /// Sender.
    pub source: Ipv4Addr,
    /// Receiver.
    pub destination: Ipv4Addr,
    /// What the receiver is to this host: `local`, `broadcast` or `unicast`.
    pub destination_type: &'static str,
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// The port it goes to.
    pub port: u16,
    /// `new` or `established`.
    pub state: &'static str,
}

impl Rule {
    /// Whether the rule is about a packet; none if that cannot be told.
    pub fn matches(&self, packet: &Packet<'_>) -> Option<bool> {
        let all: Vec<Option<bool>> = self.conditions.iter().map(|c| c.holds(packet)).collect();
        if all.contains(&Some(false)) {
            return Some(false);
        }
        if all.contains(&None) { None } else { Some(true) }
    }
}

impl Condition {
    fn holds(&self, packet: &Packet<'_>) -> Option<bool> {
        let interface = |names: &[String], at: Option<&str>| at.map(|at| names.iter().any(|n| is_like(n, at)));
        let found = match &self.test {
            Test::From(names) => interface(names, packet.from)?,
            Test::To(names) => interface(names, packet.to)?,
            Test::Source(nets) => nets.iter().any(|n| n.contains(&packet.source)),
            Test::Destination(nets) => nets.iter().any(|n| n.contains(&packet.destination)),
            Test::DestinationType(all) => all.iter().any(|t| t == packet.destination_type),
            Test::Protocol(all) => all.iter().any(|p| p == packet.protocol),
            Test::Port(all) => all.iter().any(|(first, last)| (*first..=*last).contains(&packet.port)),
            Test::State(all) => all.iter().any(|s| s == packet.state),
            Test::Is(so) => *so,
            Test::Unknown => return None,
        };
        Some(found != self.not)
    }
}

/// Whether an interface has this name; a `*` at its end stands for the rest.
fn is_like(name: &str, interface: &str) -> bool {
    name.strip_suffix('*').map_or(name == interface, |start| interface.starts_with(start))
}
