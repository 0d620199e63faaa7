//! Operations: the journal of every change.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use uuid::Uuid;

use super::{Store, damaged_content, sql};
use crate::model::Result;

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationState {
    /// Under way, or its owner died.
    Started,
    /// Done.
    Succeeded,
    /// Failed and undone.
    Failed,
    /// An undo failed: a person or `lite repair` has to finish it.
    NeedsAttention,
}

impl OperationState {
    /// The word stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::NeedsAttention => "needs-attention",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        [Self::Started, Self::Succeeded, Self::Failed, Self::NeedsAttention]
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| damaged_content("cannot read an operation's state"))
    }
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// About to be done, or done and not yet recorded.
    Intent,
    /// Done.
    Done,
    /// Undone.
    Undone,
}

impl StepState {
    /// The word stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Done => "done",
            Self::Undone => "undone",
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// `op-` and eight hexadecimal digits.
    pub id: String,
    /// `create`, `delete`, `start` …
    pub kind: String,
    /// Name of what is changed.
    pub resource: String,
    /// Instance changed, if one is.
    pub instance: Option<Uuid>,
    /// How it stands.
    pub state: OperationState,
    /// Why it failed.
    pub error: Option<String>,
    /// The caller's own id, for safe retries.
    pub request_id: Option<String>,
    /// Digest of the request, to tell a retry from another request.
    pub arguments: Option<String>,
    /// When it started.
    pub started_at: jiff::Timestamp,
    /// When it ended.
    pub ended_at: Option<jiff::Timestamp>,
}

/// A step of an operation as it lies in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStep {
    /// Place in the order.
    pub sequence: i64,
    /// The step, JSON of `plan::Step`.
    pub step: String,
    /// `intent`, `done`, `undone`.
    pub state: String,
}

const COLUMNS: &str = "id, kind, resource, instance, state, error, request_id, arguments, started_at, ended_at";

type Cells = (
    String,
    String,
    String,
    Option<String>,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    Option<String>,
);

fn cells(row: &Row<'_>) -> rusqlite::Result<Cells> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
        row.get(8)?,
        row.get(9)?,
    ))
}

fn operation(c: Cells) -> Result<Operation> {
    let time = |t: String| {
        t.parse::<jiff::Timestamp>().map_err(|e| damaged_content(format!("cannot read an operation's time: {e}")))
    };
    let uuid = |u: String| {
        Uuid::try_parse(&u).map_err(|e| damaged_content(format!("cannot read an operation's instance: {e}")))
    };
    Ok(Operation {
        id: c.0,
        kind: c.1,
        resource: c.2,
        instance: c.3.map(uuid).transpose()?,
        state: OperationState::parse(&c.4)?,
        error: c.5,
        request_id: c.6,
        arguments: c.7,
        started_at: time(c.8)?,
        ended_at: c.9.map(time).transpose()?,
    })
}

/// Writes a new operation.
pub fn insert(transaction: &Transaction<'_>, op: &Operation) -> Result<()> {
    transaction
        .execute(
            &format!("INSERT INTO operation ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
            params![
                op.id,
                op.kind,
                op.resource,
                op.instance.map(|u| u.to_string()),
                op.state.as_str(),
                op.error,
                op.request_id,
                op.arguments,
                op.started_at.to_string(),
                op.ended_at.map(|t| t.to_string()),
            ],
        )
        .map_err(sql)
        .map(drop)
}

/// The operation that a request id began.
pub fn id_of_request(transaction: &Transaction<'_>, request_id: &str) -> Result<Option<String>> {
    transaction
        .query_row("SELECT id FROM operation WHERE request_id = ?1", [request_id], |row| row.get(0))
        .optional()
        .map_err(sql)
}

impl Store {
    /// Writes a new operation in a transaction of its own.
    pub fn insert_operation(&mut self, op: &Operation) -> Result<()> {
        self.write(|t| insert(t, op))
    }

    /// Operations, newest first.
    pub fn operations(&self, limit: u32) -> Result<Vec<Operation>> {
        self.select(&format!("SELECT {COLUMNS} FROM operation ORDER BY started_at DESC, id LIMIT {limit}"))
    }

    /// Operations under way or left by a dead owner.
    pub fn open_operations(&self) -> Result<Vec<Operation>> {
        self.select(&format!(
            "SELECT {COLUMNS} FROM operation WHERE state IN ('started', 'needs-attention') ORDER BY started_at"
        ))
    }

    fn select(&self, query: &str) -> Result<Vec<Operation>> {
        let mut statement = self.read().prepare(query).map_err(sql)?;
        let rows = statement.query_map([], cells).map_err(sql)?;
        rows.map(|row| operation(row.map_err(sql)?)).collect()
    }

    /// One operation.
    pub fn operation(&self, id: &str) -> Result<Option<Operation>> {
        self.read()
            .query_row(&format!("SELECT {COLUMNS} FROM operation WHERE id = ?1"), [id], cells)
            .optional()
            .map_err(sql)?
            .map(operation)
            .transpose()
    }

    /// When an instance was last started or rebooted by an operation.
    pub fn last_start(&self, instance: Uuid) -> Result<Option<jiff::Timestamp>> {
        let last: Option<String> = self
            .read()
            .query_row(
                "SELECT started_at FROM operation WHERE instance = ?1 AND kind IN ('create', 'start', 'reboot', 'restart')
                 AND state <> 'failed' ORDER BY started_at DESC LIMIT 1",
                [instance.to_string()],
                |row| row.get(0),
            )
            .optional()
            .map_err(sql)?;
        last.map(|t| t.parse::<jiff::Timestamp>().map_err(damaged_content)).transpose()
    }

    /// Whether the last operation on a name left nothing: a delete that succeeded, or a create that was undone.
    pub fn was_deleted(&self, name: &crate::model::Name) -> Result<bool> {
        let last: Option<(String, String)> = self
            .read()
            .query_row(
                "SELECT kind, state FROM operation WHERE resource = ?1 ORDER BY started_at DESC LIMIT 1",
                [name.as_str()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(sql)?;
        let (succeeded, failed) = (OperationState::Succeeded.as_str(), OperationState::Failed.as_str());
        Ok(last.is_some_and(|(kind, state)| {
            (kind == "delete" && state == succeeded) || (kind == "create" && state == failed)
        }))
    }

    /// Id of the operation that is at work on an instance, or was when its owner died.
    pub fn open_operation_of(&self, instance: Uuid) -> Result<Option<String>> {
        self.read()
            .query_row(
                "SELECT id FROM operation WHERE instance = ?1 AND state IN ('started', 'needs-attention')
                 ORDER BY started_at DESC LIMIT 1",
                [instance.to_string()],
                |row| row.get(0),
            )
            .optional()
            .map_err(sql)
    }

    /// The operation a caller's own id started.
    pub fn operation_by_request(&self, request_id: &str) -> Result<Option<Operation>> {
        self.read()
            .query_row(&format!("SELECT {COLUMNS} FROM operation WHERE request_id = ?1"), [request_id], cells)
            .optional()
            .map_err(sql)?
            .map(operation)
            .transpose()
    }

    /// Frees the caller's own id of an operation that came to nothing.
    pub fn release_request(&mut self, id: &str) -> Result<()> {
        self.write(|t| t.execute("UPDATE operation SET request_id = NULL WHERE id = ?1", [id]).map_err(sql).map(drop))
    }

    /// Ends an operation.
    pub fn end_operation(
        &mut self,
        id: &str,
        state: OperationState,
        error: Option<&str>,
        now: jiff::Timestamp,
    ) -> Result<()> {
        self.write(|t| {
            t.execute(
                "UPDATE operation SET state = ?2, error = ?3, ended_at = ?4 WHERE id = ?1",
                params![id, state.as_str(), error, now.to_string()],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// Writes how far a step is.
    pub fn record_step(&mut self, operation: &str, sequence: i64, step: &str, state: StepState) -> Result<()> {
        self.write(|t| {
            t.execute(
                "INSERT INTO step (operation, sequence, step, state) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (operation, sequence) DO UPDATE SET state = excluded.state",
                params![operation, sequence, step, state.as_str()],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// The steps of an operation in order.
    pub fn steps(&self, operation: &str) -> Result<Vec<OpenStep>> {
        let mut statement = self
            .read()
            .prepare("SELECT sequence, step, state FROM step WHERE operation = ?1 ORDER BY sequence")
            .map_err(sql)?;
        let rows = statement
            .query_map([operation], |row| Ok(OpenStep { sequence: row.get(0)?, step: row.get(1)?, state: row.get(2)? }))
            .map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }
}
