//! `lite doctor --audit`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::{Error, Hint};

/// One disagreement between database and host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingView {
    /// `orphan`, `unrecorded`, `missing`, `duplicate`, `overcommitted`, `unfinished`, `unknown-volume`, `unknown-process`
    /// or `unknown-file`.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: Hint,
}

/// A part of the host that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownView {
    /// Which part.
    pub area: String,
    /// Stable code of the error.
    pub code: String,
    /// Why, in words.
    pub message: String,
}

impl UnknownView {
    /// From the error of looking.
    pub fn of(area: &str, error: &Error) -> Self {
        Self { area: area.to_owned(), code: error.code.to_string(), message: error.to_string() }
    }
}

/// What a look at database and host brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditView {
    /// What disagrees.
    pub findings: Vec<FindingView>,
    /// What could not be looked at.
    pub unknown: Vec<UnknownView>,
    /// How many things were looked at, each with its word, in the order shown.
    pub scanned: Vec<(&'static str, usize)>,
    /// How it ends a command: 0 clean, 1 findings or something unknown, 5 if the host could not be reached.
    pub exit_code: u8,
}

/// The document of `doctor --audit`.
#[derive(Debug, Serialize)]
pub struct AuditDocument<'a> {
    /// `clean`, `findings` or `unknown`.
    pub verdict: &'static str,
    /// How many things of each kind were looked at.
    pub scanned: BTreeMap<&'static str, usize>,
    /// What disagrees.
    pub findings: &'a [FindingView],
    /// What could not be looked at.
    pub unknown: &'a [UnknownView],
}

impl AuditView {
    /// `unknown` if a part could not be looked at, else `findings` or `clean`.
    pub fn verdict(&self) -> &'static str {
        match (self.unknown.is_empty(), self.findings.is_empty()) {
            (false, _) => "unknown",
            (true, false) => "findings",
            (true, true) => "clean",
        }
    }

    /// The document.
    pub fn document(&self) -> AuditDocument<'_> {
        AuditDocument {
            verdict: self.verdict(),
            scanned: self.scanned.iter().copied().collect(),
            findings: &self.findings,
            unknown: &self.unknown,
        }
    }
}
