//! What stands around every page: its title, where it is, who looks, and what they are to know.

use serde::Serialize;

use crate::{
    app::{Caller, Right, session::Who},
    model::{Hint, Observer, Stage},
};

/// A part of the console: each has a line in the rail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Outside all of them.
    Outside,
    /// Instances.
    Instances,
    /// Snapshots.
    Snapshots,
    /// Disks.
    Disks,
    /// Addresses and load balancers of the host.
    Network,
    /// Alarms.
    Alarms,
    /// Operations.
    Operations,
    /// Prices.
    Cost,
    /// Public keys that instances are made with.
    KeyPairs,
    /// Images.
    Images,
    /// Places outside this host.
    Remotes,
    /// The host.
    Host,
    /// Who is told of alarms.
    Contacts,
    /// Who comes in.
    Access,
    /// The audit.
    Audit,
}

/// A line of the rail: the part, its name and address, the right it needs, and whether it is about the whole host.
type Entry = (At, &'static str, &'static str, Right, bool);

const RAIL: [Entry; 14] = [
    (At::Instances, "Instances", "/instances", Right::Read, false),
    (At::Snapshots, "Snapshots", "/snapshots", Right::Read, false),
    (At::Disks, "Disks", "/disks", Right::Read, false),
    (At::Network, "Network", "/network", Right::Read, false),
    (At::Alarms, "Alarms", "/alarms", Right::Read, false),
    (At::Operations, "Operations", "/operations", Right::Read, false),
    (At::Cost, "Cost", "/cost", Right::Read, false),
    (At::KeyPairs, "Key pairs", "/key-pairs", Right::Read, false),
    (At::Images, "Images", "/images", Right::Read, true),
    (At::Remotes, "Remotes", "/remotes", Right::Read, true),
    (At::Host, "Host", "/host", Right::Administer, true),
    (At::Contacts, "Contacts", "/contacts", Right::Administer, true),
    (At::Access, "Access", "/access", Right::Read, false),
    (At::Audit, "Audit", "/audit", Right::Administer, true),
];

/// A line of the rail, as a page has it.
#[derive(Debug, Clone, Serialize)]
struct Line {
    label: &'static str,
    address: &'static str,
    is_here: bool,
}

/// What whoever looks may do, so that a page offers nothing that would be refused.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct May {
    change: bool,
    /// It sees all of the host, and not what has a tag alone.
    whole: bool,
    access: bool,
    administer: bool,
    protect: bool,
}

impl May {
    /// What a caller may.
    pub fn of(caller: &Caller) -> Self {
        let may = |right| caller.may(right);
        Self {
            change: may(Right::Change),
            whole: caller.scope().is_all(),
            access: may(Right::Access),
            administer: may(Right::Administer),
            protect: may(Right::Protect),
        }
    }
}

/// What every page has.
#[derive(Clone, Serialize)]
pub struct Frame<'a> {
    /// What the page is about.
    pub title: &'a str,
    /// Who looks; none: nobody is logged in.
    user: Option<&'a str>,
    may: May,
    rail: Vec<Line>,
    /// What is said above the page.
    notices: &'a [String],
}

impl<'a> Frame<'a> {
    /// Of a page that needs no log-in.
    pub fn outside(title: &'a str) -> Self {
        Self { title, user: None, may: May::default(), rail: Vec::new(), notices: &[] }
    }

    /// The same around another page.
    pub fn titled(&self, title: &'a str) -> Self {
        Self { title, ..self.clone() }
    }

    /// Whether nobody is logged in.
    pub fn is_outside(&self) -> bool {
        self.user.is_none()
    }

    /// Of a page in a part of the console.
    pub fn of(at: At, title: &'a str, who: &'a Who, notices: &'a [String]) -> Self {
        let is_all = who.caller.scope().is_all();
        let lines = RAIL.iter().filter(|(.., right, whole)| who.caller.may(*right) && (is_all || !whole));
        let line = |&(part, label, address, ..): &Entry| Line { label, address, is_here: part == at };
        Self {
            title,
            user: Some(who.user.as_str()),
            may: May::of(&who.caller),
            rail: lines.map(line).collect(),
            notices,
        }
    }
}

/// Keeps what is said beside what a page shows.
#[derive(Default)]
pub struct Warnings(pub Vec<String>);

impl Observer for Warnings {
    fn begin(&mut self, _: Stage) {}
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, warning: &Hint) {
        self.0.push(warning.to_string());
    }
}
