//! `lite doctor`.

use serde::Serialize;

use crate::model::Hint;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, but worth a look.
    Warn,
    /// Does not work.
    Fail,
}

/// One check of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckView {
    /// Name of the check.
    pub name: String,
    /// Its result.
    pub verdict: Verdict,
    /// One sentence.
    pub sentence: String,
    /// What puts it right, if something is wrong: a command, or what to do.
    pub fix: Option<Hint>,
}

/// One change of `--fix`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FixView {
    /// The check it is for.
    pub name: String,
    /// What is changed.
    pub change: String,
    /// How to undo it.
    pub undo: String,
    /// Why it did not work, if it did not; none also in a dry run.
    pub error: Option<String>,
}

/// The document of `doctor`.
#[derive(Debug, Serialize)]
pub struct DoctorDocument<'a> {
    /// The worst verdict of all checks.
    pub verdict: Verdict,
    /// The checks.
    pub checks: &'a [CheckView],
}

impl<'a> DoctorDocument<'a> {
    /// Of some checks.
    pub fn of(checks: &'a [CheckView]) -> Self {
        Self { verdict: checks.iter().map(|c| c.verdict).max().unwrap_or(Verdict::Ok), checks }
    }
}
