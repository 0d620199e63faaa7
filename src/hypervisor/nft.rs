//! Runs `nft` where the guests run: on this machine, or over SSH as libvirt does.

use std::{
    collections::BTreeMap,
    io,
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::Deserialize;

use super::{
    PacketFilter, program,
    runner::{Runner, Unrunnable},
};
use crate::model::{Code, Error, Hint, LoadedTable, Result, Ruleset, Verb, escaped};

/// How long one run may take. The kernel does all of a transaction in milliseconds.
const LIMIT: Duration = Duration::from_secs(20);

/// Where the packet filter is.
pub enum Nft {
    /// On a machine.
    On(Runner),
    /// Guests of libvirt's test driver run nowhere: what was loaded is remembered, and that is all.
    Nowhere(Mutex<BTreeMap<String, Vec<LoadedTable>>>),
}

impl Nft {
    /// The packet filter of the machine whose libvirt is reached by `uri`.
    pub fn of(uri: &str) -> Self {
        match uri.starts_with("test:") {
            true => Self::Nowhere(Mutex::default()),
            false => Self::On(Runner::of(uri)),
        }
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let command = match self {
            Self::On(runner) => runner.command("nft", arguments),
            Self::Nowhere(_) => Err(Unrunnable::OutOfReach),
        };
        command.map_err(|why| match why {
            Unrunnable::NotInstalled => not_installed(),
            Unrunnable::OutOfReach => {
                Error::new(Code::FirewallUnreachable, "the packet filter of the host cannot be reached")
                    .hint("lite loads its firewall by SSH: use a connection such as `qemu+ssh://root@host/system`")
            }
        })
    }

    /// Runs it with a text as its input, to its end or until it takes too long.
    fn run(&self, arguments: &[&str], input: &str) -> Result<Vec<u8>> {
        let failed = |e: io::Error| Error::new(Code::FirewallFailed, "cannot run `nft`").cause(e);
        let out = program::run(self.command(arguments)?, input, LIMIT).map_err(failed)?;
        if out.status.success() {
            return Ok(out.stdout);
        }
        let said = String::from_utf8_lossy(&out.stderr);
        let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        let error = Error::new(Code::FirewallFailed, "`nft` failed").cause(escaped(first.trim()));
        Err(match rustix::process::geteuid().is_root() {
            true => error,
            false => error.hint(Hint::from("the firewall needs root: ").run_as_root(Verb::Again, &[])),
        })
    }
}

impl PacketFilter for Nft {
    fn load_rules(&self, ruleset: &Ruleset) -> Result<()> {
        if let Self::Nowhere(loaded) = self {
            let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
            loaded.insert(ruleset.table.clone(), ruleset.tables.clone());
            return Ok(());
        }
        self.run(&["-f", "-"], &ruleset.text).map(drop)
    }

    fn loaded_rules(&self, table: &str) -> Result<Vec<LoadedTable>> {
        if let Self::Nowhere(loaded) = self {
            let loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(loaded.get(table).cloned().unwrap_or_default());
        }
        let listed = self.run(&["-j", "list", "chains"], "")?;
        let listing: Listing = serde_json::from_slice(&listed)
            .map_err(|e| Error::new(Code::FirewallFailed, "the list of `nft` cannot be read").cause(e))?;
        Ok(listing.tables(table))
    }
}

fn not_installed() -> Error {
    Error::new(Code::NotInstalled, "`nft` is not installed: lite has no firewall without it")
        .hint(Hint::new().run_with(Verb::Doctor, &[&"--fix"]).text(" installs the package `nftables`"))
}

/// What `nft -j list chains` prints, as far as lite reads it.
#[derive(Deserialize)]
struct Listing {
    nftables: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    chain: Option<Chain>,
}

#[derive(Deserialize)]
struct Chain {
    family: String,
    table: String,
    name: String,
}

impl Listing {
    fn tables(self, table: &str) -> Vec<LoadedTable> {
        let chains = self.nftables.into_iter().filter_map(|item| item.chain).filter(|chain| chain.table == table);
        let digest = |c: Chain| {
            Some(LoadedTable { digest: c.name.strip_prefix(LoadedTable::MARK)?.to_owned(), family: c.family })
        };
        let mut tables: Vec<_> = chains.filter_map(digest).collect();
        tables.sort();
        tables
    }
}
