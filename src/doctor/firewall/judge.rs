//! What becomes of a packet in the chains of a host.

use std::net::Ipv4Addr;

use super::{
    Way,
    insertion::Insertion,
    packets::{Needed, inward, needed, to_web},
    ruleset::{Base, Chain, Hook, Insert, Packet, Rule, Ruleset, Test, Verdict},
};
use crate::model::{Domain, Port, escaped};

/// Rules that are looked at for one packet in one base chain; more is a circle.
const MOST: usize = 100_000;

/// What stops packets that an instance cannot do without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What does not work.
    pub want: &'static str,
    /// Where and by what they are stopped.
    pub by: String,
    /// It is certain: no rule before it is one that lite does not understand.
    pub sure: bool,
    /// It is where packets pass through this host.
    pub forwards: bool,
    /// What helps.
    pub fix: Insertion,
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (perhaps, stops) = if self.sure { ("", "stops") } else { ("perhaps ", "may stop") };
        write!(f, "{perhaps}{}: {} {stops} them", self.want, self.by)
    }
}

/// What stops a connection from outside to a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Where and by what it is stopped.
    pub by: String,
    /// The command that lets it pass.
    pub fix: String,
}

/// How a chain ends for a packet.
enum End {
    Accepted,
    Dropped(String),
    FallsThrough,
}

struct Walk<'a> {
    chains: &'a [Chain],
    packet: Packet<'a>,
    looked: usize,
    unsure: bool,
}

/// What stops guests in these rules: for each kind of packets the first chain that does.
pub fn judge(rules: &Ruleset, way: &Way) -> Vec<Obstacle> {
    let wanted = |kind: &&Needed<'_>| !(way.isolated && kind.hooks.contains(&Hook::Forward));
    needed(way).iter().filter(wanted).filter_map(|kind| stopped(rules, kind, way)).collect()
}

/// What stops a connection from the world to a port of a guest, which was translated for it.
pub fn judge_inward(rules: &Ruleset, way: &Way, to: (Ipv4Addr, Port)) -> Option<Closed> {
    stopped(rules, &inward(way, to), way).map(|Obstacle { by, fix, .. }| Closed { by, fix: fix.to_string() })
}

/// What stops a connection from the world to a port of the web front, at this address of the host.
pub fn judge_web(rules: &Ruleset, way: &Way, to: (Ipv4Addr, u16)) -> Option<Closed> {
    let obstacle = stopped(rules, &to_web(way, to), way)?;
    let of_domains = Domain::PORTS.contains(&to.1);
    let chains = &rules.chains;
    let is_ufws = |rule: &Rule| matches!(&rule.verdict, Verdict::Jump(to) if to.starts_with("ufw-"));
    let fix = if chains.iter().any(|c| c.table == "firewalld") {
        let what =
            if of_domains { "service=http --add-service=https".to_owned() } else { format!("port={}/tcp", to.1) };
        format!("firewall-cmd --permanent --add-{what} && firewall-cmd --reload")
    } else if chains.iter().any(|c| c.rules.iter().any(is_ufws)) {
        if of_domains { "ufw allow 80,443/tcp".to_owned() } else { format!("ufw allow {}/tcp", to.1) }
    } else {
        obstacle.fix.to_string()
    };
    Some(Closed { by: obstacle.by, fix })
}

/// The firewall that libvirt's own rules for a bridge are written in, `iptables` or `nftables`; none: it has none.
pub fn backend(rules: &Ruleset, bridge: &str) -> Option<&'static str> {
    let of = |chain: &&Chain| {
        let is_about = |test: &Test| matches!(test, Test::From(all) | Test::To(all) if all.iter().any(|n| n == bridge));
        chain.rules.iter().flat_map(|rule| &rule.conditions).any(|condition| is_about(&condition.test))
    };
    rules.chains.iter().filter(of).find_map(|chain| match &chain.insert {
        Insert::Iptables(_) if chain.name.starts_with("LIBVIRT_FW") => Some("iptables"),
        Insert::Nft(_) if chain.table == "libvirt_network" => Some("nftables"),
        _ => None,
    })
}

fn stopped(rules: &Ruleset, kind: &Needed<'_>, way: &Way) -> Option<Obstacle> {
    for hook in kind.hooks {
        let bases = rules.chains.iter().filter_map(|c| c.base.filter(|b| b.hook == *hook).map(|b| (c, b)));
        let mut bases: Vec<(&Chain, Base)> = bases.collect();
        bases.sort_by_key(|(_, base)| base.priority);
        for (chain, base) in bases {
            let mut walk = Walk { chains: &rules.chains, packet: kind.at(*hook), looked: 0, unsure: false };
            // A bridge's own chains see the guest's port, whose name is not known before it runs.
            if chain.insert == Insert::Nft("bridge".to_owned()) {
                (walk.packet.from, walk.packet.to) = (None, None);
            }
            let how = match walk.through(chain) {
                End::Accepted => continue,
                End::Dropped(rule) => rule,
                End::FallsThrough if base.drops => "the policy".to_owned(),
                End::FallsThrough => continue,
            };
            let by = format!("{how} of {}", name(chain));
            return Some(Obstacle {
                want: kind.want,
                by,
                sure: !walk.unsure,
                forwards: *hook == Hook::Forward,
                fix: kind.fix(chain, &rules.chains, &way.bridge),
            });
        }
    }
    None
}

/// A chain as its tool names it.
fn name(chain: &Chain) -> String {
    let (table, name) = (escaped(&chain.table), escaped(&chain.name));
    match &chain.insert {
        Insert::Iptables(program) => format!("{program}'s chain `{name}` (table `{table}`)"),
        Insert::Nft(family) => format!("nftables' chain `{} {table} {name}`", escaped(family)),
    }
}

impl<'a> Walk<'a> {
    fn through(&mut self, chain: &'a Chain) -> End {
        for rule in &chain.rules {
            self.looked += 1;
            if self.looked > MOST {
                self.unsure = true;
                return End::FallsThrough;
            }
            match (rule.matches(&self.packet), &rule.verdict) {
                (Some(false), _) | (_, Verdict::Goes) | (None, Verdict::Drop) => {}
                // It might have let the packet pass, or have led elsewhere.
                (None, _) => self.unsure = true,
                (_, Verdict::Accept) => return End::Accepted,
                (_, Verdict::Drop) => return End::Dropped(format!("the rule `{}`", escaped(&rule.shown))),
                (_, Verdict::Return) => return End::FallsThrough,
                (_, Verdict::Jump(to)) => match self.other(chain, to) {
                    End::FallsThrough => {}
                    end => return end,
                },
                (_, Verdict::Goto(to)) => return self.other(chain, to),
            }
        }
        End::FallsThrough
    }

    fn other(&mut self, from: &Chain, name: &str) -> End {
        let found = self.chains.iter().find(|c| c.insert == from.insert && c.table == from.table && c.name == name);
        // What is not a chain here is a target that lite does not know, such as one of connection marks.
        found.map_or(End::FallsThrough, |chain| self.through(chain))
    }
}
