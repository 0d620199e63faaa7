//! The audit: who did what. Rows are only added; the schema prunes what is older than 400 days, and writes the rows of operations.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{
    Store, Transaction,
    column::{Stored, Time, some_parsed, time, word},
    sql,
};
use crate::model::{AuditEntry, AuditOutcome, OperationState, Requester, ResourceKind, Result, Via, Word};

/// A row of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Its number, in the order of the rows.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who asked, by which way, and from where.
    pub requester: Requester,
    /// What: the kind of an operation, or another action.
    pub action: String,
    /// The kind of what it was about.
    pub kind: Option<ResourceKind>,
    /// The name of that.
    pub resource: Option<String>,
    /// The operation.
    pub operation: Option<String>,
    /// What came of it.
    pub outcome: AuditOutcome,
    /// How the operation stands now.
    pub state: Option<OperationState>,
    /// More of it.
    pub detail: Option<String>,
}

/// Which rows to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Which {
    /// Later than this number.
    pub after: i64,
    /// Since this time.
    pub since: Option<Timestamp>,
    /// Of this account.
    pub actor: Option<String>,
    /// By this way.
    pub via: Option<Via>,
    /// Of this action.
    pub action: Option<String>,
    /// About what has this name.
    pub resource: Option<String>,
    /// With this outcome.
    pub outcome: Option<AuditOutcome>,
    /// At most so many, the latest.
    pub limit: u32,
}

/// Writes a row.
pub fn insert(t: &Transaction<'_>, entry: &AuditEntry) -> Result<()> {
    let (kind, name) = entry.resource.as_ref().map_or((None, None), |(kind, name)| (*kind, Some(name)));
    t.0.execute(
        "INSERT INTO audit (at, actor, via, address, action, resource_kind, resource, outcome, detail)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            Time(entry.at),
            entry.requester.actor,
            Stored(entry.requester.via),
            entry.requester.address.map(|address| address.to_string()),
            Stored(entry.action),
            kind.map(Stored),
            name,
            Stored(entry.outcome),
            entry.detail,
        ],
    )
    .map_err(sql)
    .map(drop)
}

fn audited(row: &Row<'_>) -> rusqlite::Result<Audited> {
    let some = |column: &str| row.get::<_, Option<String>>(column);
    Ok(Audited {
        id: row.get("id")?,
        at: time(row, "at")?,
        requester: Requester {
            actor: row.get("actor")?,
            via: word(row, "via")?,
            address: some_parsed(row, "address")?,
        },
        action: row.get("action")?,
        kind: some("resource_kind")?.as_deref().and_then(ResourceKind::of_word),
        resource: some("resource")?,
        operation: some("operation")?,
        outcome: word(row, "outcome")?,
        state: some("state")?.as_deref().and_then(OperationState::of_word),
        detail: some("detail")?,
    })
}

impl Store {
    /// Rows of the audit, oldest first, each with how its operation stands now.
    pub fn audit(&self, which: &Which) -> Result<Vec<Audited>> {
        let mut statement = self
            .read()
            .prepare_cached(
                "SELECT audit.*, operation.state FROM audit LEFT JOIN operation ON operation.id = audit.operation
                 WHERE audit.id > ?1 AND (?2 IS NULL OR audit.at >= ?2) AND (?3 IS NULL OR audit.actor = ?3)
                 AND (?4 IS NULL OR audit.via = ?4) AND (?5 IS NULL OR audit.action = ?5)
                 AND (?6 IS NULL OR audit.resource = ?6) AND (?7 IS NULL OR audit.outcome = ?7)
                 ORDER BY audit.id DESC LIMIT ?8",
            )
            .map_err(sql)?;
        let rows = statement
            .query_map(
                params![
                    which.after,
                    which.since.map(Time),
                    which.actor,
                    which.via.map(Stored),
                    which.action,
                    which.resource,
                    which.outcome.map(Stored),
                    which.limit,
                ],
                audited,
            )
            .map_err(sql)?;
        let mut all: Vec<Audited> = rows.map(|row| row.map_err(sql)).collect::<Result<_>>()?;
        all.reverse();
        Ok(all)
    }

    /// Writes a row in a transaction of its own: before what it tells of is shown.
    pub fn record_audit(&mut self, entry: &AuditEntry) -> Result<()> {
        self.write(|t| insert(t, entry))
    }

    /// The same store, whose next transaction writes this row too, or changes nothing.
    pub fn audited(&mut self, entry: AuditEntry) -> &mut Self {
        self.announced = Some(entry);
        self
    }
}
