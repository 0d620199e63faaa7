//! The host's firewalls, whoever wrote them, and which of their rules stop guests: nftables and both kinds of iptables.
//!
//! A packet passes every base chain of its hooks, in the order of their priorities: to be accepted in one is no help against the
//! next. lite's own tables are not judged.

mod insertion;
mod iptables;
mod judge;
mod nft;
mod packets;
mod ruleset;

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

pub use insertion::Insertion;
pub use iptables::parse as parse_iptables;
pub use judge::{Closed, Obstacle, backend, judge, judge_inward, judge_web};
pub use nft::parse as parse_nft;
pub use ruleset::Ruleset;

use crate::{hypervisor::Machine, model::escaped};

/// Which way guests' packets go on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Their bridge.
    pub bridge: String,
    /// Their subnet; the host has its first address.
    pub subnet: Ipv4Net,
    /// It leads to the host alone, as whoever defined the network wanted.
    pub isolated: bool,
    /// The interface of the default route, if there is one.
    pub uplink: Option<String>,
}

impl Way {
    fn host(&self) -> Ipv4Addr {
        self.subnet.hosts().next().unwrap_or(self.subnet.addr())
    }

    fn guest(&self) -> Ipv4Addr {
        self.subnet.hosts().last().unwrap_or(self.subnet.addr())
    }
}

/// The rules in force, without those of the tables named `ours`. An error says what could not be read.
pub fn read(machine: &dyn Machine, ours: &str) -> Result<Ruleset, String> {
    let mut all = Ruleset::default();
    let mut seen = Vec::new();
    for (save, insert) in [("iptables-nft-save", "iptables-nft"), ("iptables-legacy-save", "iptables-legacy")] {
        // Asking loads the tables of legacy iptables, which slow down every packet: only where they are in use.
        let unused =
            insert == "iptables-legacy" && machine.text("/proc/net/ip_tables_names").map_or(true, |t| t.is_empty());
        let Some(text) = (if unused { None } else { run(machine, save, &[])? }) else { continue };
        let chains = parse_iptables(&text, insert);
        if insert == "iptables-nft" {
            seen.extend(chains.iter().map(|c| c.table.clone()));
        }
        all.chains.extend(chains);
    }
    if let Some(text) = run(machine, "nft", &["-j", "list", "ruleset"])? {
        let skipped = |family: &str, table: &str| {
            (family == "ip" && seen.iter().any(|t| t == table)) || (family != "ip" && table == ours)
        };
        all.chains.extend(parse_nft(&text, &skipped)?);
    }
    Ok(all)
}

/// What a program prints; none if it is not there.
fn run(machine: &dyn Machine, name: &str, arguments: &[&str]) -> Result<Option<String>, String> {
    let Some(program) = machine.program(name) else { return Ok(None) };
    let out = machine.run(&program, arguments).map_err(|e| format!("`{name}`: {e}"))?;
    if out.status.success() {
        return Ok(Some(String::from_utf8_lossy(&out.stdout).into_owned()));
    }
    let said = String::from_utf8_lossy(&out.stderr);
    Err(format!("`{name}`: {}", escaped(said.lines().next().unwrap_or("it failed"))))
}
