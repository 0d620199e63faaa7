//! Compares database and host: nothing of ours without an owner, no owner without its things, nothing twice, nothing
//! promised that is not there, nothing begun and forgotten.
//!
//! Gathering (`facts`, `local`) is apart from what follows from the facts (`orphans`, `findings`), which is pure. The look takes
//! a while and others work meanwhile, so the database is read before and after it: only what disagrees with both is a finding,
//! and what a live process holds the lock of is its business.

mod facts;
mod findings;
mod gather;
mod local;
mod orphans;
mod storage;

pub use findings::{LOST_REMOTE, UNKNOWN_REMOTE_STAYS, take_in_remote};
pub use gather::facts;
pub use orphans::{Orphan, Removal};
pub use orphans::{Orphans, UNKNOWN_VOLUME, is_replaced, orphans, volume_subject};

use super::Ctx;
use crate::model::{Class, Error, Hint, Result, words};

/// How long ago something must have been there first, to be taken for nobody's.
pub const AGE: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

words! {
    /// What kind of disagreement a finding is.
    Trouble;
    /// Something of ours that no record owns.
    Orphan = "orphan",
    /// A domain on a disk of ours that the database does not know: the database was lost, or replaced by an older one.
    Unrecorded = "unrecorded",
    /// A thing of a record that is not on the host.
    Missing = "missing",
    /// Two have what only one may have.
    Duplicate = "duplicate",
    /// More is promised than there is.
    Overcommitted = "overcommitted",
    /// An operation that nobody works on any more.
    Unfinished = "unfinished",
    /// A volume of our pool that is named as ours, and of no kind that this lite knows.
    UnknownVolume = "unknown-volume",
    /// A process on a disk or an image of ours that nobody knows of.
    UnknownProcess = "unknown-process",
    /// A file that libvirt keeps for a domain of ours that is gone, or a folder that does not say of which remote it is.
    UnknownFile = "unknown-file",
}

/// One disagreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind.
    pub trouble: Trouble,
    /// What it is about.
    pub subject: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub fix: Hint,
}

/// A part of the host that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Which part.
    pub area: &'static str,
    /// Why.
    pub error: Error,
}

/// How many things were looked at, each with its word, in the order shown.
pub type Scanned = Vec<(&'static str, usize)>;

/// What a look at database and host brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// What disagrees, the gravest kind last.
    pub findings: Vec<Finding>,
    /// What could not be looked at. With any of it nobody can say that the host is clean.
    pub unknown: Vec<Unknown>,
    /// How many things were looked at.
    pub scanned: Scanned,
}

impl Audit {
    /// Everything was looked at, and nothing disagrees.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.unknown.is_empty()
    }

    /// The exit code of the process: 0 clean, 1 findings or something unknown, 5 if the host could not be reached.
    pub fn exit_code(&self) -> u8 {
        match self.unknown.iter().any(|u| u.error.class == Class::Unreachable) {
            true => Class::Unreachable.exit_code(),
            false => u8::from(!self.is_clean()),
        }
    }
}

/// Compares database and host. Changes nothing. An error is one of the database; what of the host cannot be looked at
/// is `unknown`.
pub fn audit(ctx: &Ctx) -> Result<Audit> {
    let facts = facts(ctx, true)?;
    let findings = findings::findings(&facts, &orphans(&facts));
    Ok(Audit { findings, scanned: facts.scanned(), unknown: facts.unknown })
}
