//! Receipts: what `lite delete` and `gc` removed and kept, and what `start`, `stop`, `reboot` and `tag` changed.

use jiff::Timestamp;
use serde::Serialize;

use super::row::some_time;

use crate::model::Hint;

/// What was removed, and what was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The instance; for `gc` the host.
    pub name: String,
    /// What was removed, each in words: `disk web-1.qcow2 (1.2 GiB)`.
    pub removed: Vec<String>,
    /// What was kept, each with the reason: `image debian-13 (used by test)`.
    pub kept: Vec<Hint>,
    /// Until when a deleted instance can be brought back; none: it cannot.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "some_time")]
    pub kept_until: Option<Timestamp>,
}

/// A change that needs no more than a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The resource.
    pub name: String,
    /// What became of it: `running`, `stopped`, `running already`.
    pub result: Hint,
}

impl Changed {
    /// What became of a resource.
    pub fn new(name: &(impl ToString + ?Sized), result: impl Into<Hint>) -> Self {
        Self { name: name.to_string(), result: result.into() }
    }
}

/// The document of `delete`, `gc` and `image prune`.
#[derive(Debug, Serialize)]
pub struct ReceiptsDocument<'a> {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// One receipt for each thing.
    pub receipts: &'a [Receipt],
}

/// The document of changes that need no more than a word.
#[derive(Debug, Serialize)]
pub struct ChangedDocument<'a> {
    /// What was changed.
    pub changed: &'a [Changed],
}

/// The document of `--dry-run` where a word says all that would be done.
#[derive(Debug, Serialize)]
pub struct PlannedDocument<'a> {
    /// Always true.
    pub dry_run: bool,
    /// What would be changed.
    pub changed: &'a [Changed],
}
