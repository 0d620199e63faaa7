//! A check, and the change that may put it right.

use std::path::{Path, PathBuf};

use super::firewall::Insertion;
use crate::model::Hint;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// As it should be.
    Ok,
    /// Works, but worth a look; or cannot be told.
    Warn,
    /// Does not work.
    Fail,
}

/// A change `--fix` can make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Start libvirtd and virtlogd.
    Daemon {
        /// Through systemd; else by hand.
        systemd: bool,
    },
    /// Make or start the storage pool.
    Pool {
        /// It is defined already, and only to be started.
        defined: bool,
        /// libvirt's URI.
        connect: String,
        /// Its name.
        name: String,
        /// Its folder.
        folder: PathBuf,
    },
    /// Make or start the network.
    Network {
        /// It is defined already, and only to be started.
        defined: bool,
        /// libvirt's URI.
        connect: String,
        /// Its name.
        name: String,
    },
    /// Switch IP forwarding on.
    Forwarding,
    /// Let these interfaces learn IPv6 routes by router advertisements also while the host forwards.
    AcceptRa(Vec<String>),
    /// Put rules into others' chains that let guests' packets pass.
    LetPass(Vec<Insertion>),
    /// Have the hosts file hold the names of instances.
    Names {
        /// The network that they are on.
        network: String,
    },
    /// Install a package of Debian's.
    Package(&'static str),
}

/// One check of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name, stable.
    pub id: &'static str,
    /// Its result.
    pub status: Status,
    /// One sentence.
    pub sentence: String,
    /// What puts it right: one command, or one sentence.
    pub fix: Option<Hint>,
    /// The change `--fix` makes for it, if it can.
    pub repair: Option<Repair>,
}

impl Check {
    /// A check without a fix.
    pub(super) fn new(id: &'static str, status: Status, sentence: impl Into<String>) -> Self {
        Self { id, status, sentence: sentence.into(), fix: None, repair: None }
    }
    pub(super) fn ok(id: &'static str, sentence: impl Into<String>) -> Self {
        Self::new(id, Status::Ok, sentence)
    }
    pub(super) fn warn(id: &'static str, sentence: impl Into<String>) -> Self {
        Self::new(id, Status::Warn, sentence)
    }
    pub(super) fn fail(id: &'static str, sentence: impl Into<String>) -> Self {
        Self::new(id, Status::Fail, sentence)
    }
    pub(super) fn fix(mut self, fix: impl Into<Hint>) -> Self {
        self.fix = Some(fix.into());
        self
    }
    pub(super) fn repair(mut self, repair: Repair) -> Self {
        self.repair = Some(repair);
        self
    }
}

/// A path as one word of a command to copy.
pub(super) fn word(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// Text as one word of a command to copy.
pub(super) fn quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| "''".to_owned(), std::borrow::Cow::into_owned)
}
