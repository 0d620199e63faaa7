//! `lite audit`.

use std::net::IpAddr;

use serde::Serialize;

/// A row of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: jiff::Timestamp,
    /// The account.
    pub actor: String,
    /// The way it asked by.
    pub via: String,
    /// From where, where that was over a network.
    pub address: Option<IpAddr>,
    /// What was done: the kind of an operation, or another action.
    pub action: String,
    /// The kind of what it was about.
    pub kind: Option<String>,
    /// The name of that.
    pub resource: Option<String>,
    /// The operation.
    pub operation: Option<String>,
    /// What came of it: of an operation its state now, else `done` or `refused`.
    pub outcome: String,
    /// More of it.
    pub detail: Option<String>,
}

/// The document of `audit`.
#[derive(Debug, Serialize)]
pub struct AuditLogDocument<'a> {
    /// The rows.
    pub audit: &'a [AuditRow],
}
