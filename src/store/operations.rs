//! Operations: the journal of every change.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Params, Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Id, Stored, Time, id, parsed, size, some_id, some_parsed, some_size, some_time, time, word},
    sql,
};
use crate::model::{
    Code, Error, Hint, HostId, Name, OperationKind, OperationState, Progress, Requester, ResourceKind, ResourceRef,
    Result, StepState, Tag, Verb, escaped,
};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// `op-` and eight hexadecimal digits.
    pub id: String,
    /// What it does.
    pub kind: OperationKind,
    /// What it changes.
    pub resource: ResourceRef,
    /// The host that lies on.
    pub host: HostId,
    /// Who asked for it.
    pub requester: Requester,
    /// How it stands.
    pub state: OperationState,
    /// How far it has come, as it was written last.
    pub progress: Progress,
    /// Why it failed, in words.
    pub error: Option<String>,
    /// Why it failed, for machines; none where only an older lite knew.
    pub error_code: Option<Code>,
    /// The caller's own id, for safe retries.
    pub request_id: Option<String>,
    /// Digest of the request, to tell a retry from another request.
    pub arguments: Option<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When somebody asked that it end.
    pub cancel_at: Option<Timestamp>,
    /// The virtual machine that it makes for itself alone, from when that is reserved; of a snapshot, the instance.
    pub machine: Option<Uuid>,
}

impl Operation {
    /// An operation that starts at `now`, under a new id.
    pub fn started(
        kind: OperationKind,
        resource: ResourceRef,
        host: HostId,
        requester: Requester,
        now: Timestamp,
    ) -> Self {
        Self {
            id: format!("op-{:08x}", rand::random::<u32>()),
            kind,
            resource,
            host,
            requester,
            state: OperationState::Started,
            progress: Progress::default(),
            error: None,
            error_code: None,
            request_id: None,
            arguments: None,
            started_at: now,
            ended_at: None,
            cancel_at: None,
            machine: None,
        }
    }

    /// The instance it changes, if it changes one.
    pub fn instance(&self) -> Option<Uuid> {
        self.resource.instance_id()
    }
}

/// A step of an operation as it lies in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStep {
    /// Place in the order.
    pub sequence: i64,
    /// The step, JSON of `plan::Step`.
    pub step: String,
    /// How far it is.
    pub state: StepState,
}

fn operation(row: &Row<'_>) -> rusqlite::Result<Operation> {
    Ok(Operation {
        id: row.get("id")?,
        kind: word(row, "kind")?,
        resource: ResourceRef {
            kind: word(row, "resource_kind")?,
            id: id(row, "resource_id")?,
            name: row.get("resource_name")?,
        },
        host: parsed(row, "host", HostId::parse)?,
        requester: Requester {
            actor: row.get("actor")?,
            via: word(row, "via")?,
            address: some_parsed(row, "address")?,
        },
        state: word(row, "state")?,
        progress: Progress {
            stage: row.get("stage")?,
            note: row.get("note")?,
            done: some_size(row, "done")?,
            total: some_size(row, "total")?,
        },
        error: row.get("error")?,
        error_code: row.get::<_, Option<String>>("error_code")?.as_deref().and_then(Code::of_word),
        request_id: row.get("request_id")?,
        arguments: row.get("arguments")?,
        started_at: time(row, "started_at")?,
        ended_at: some_time(row, "ended_at")?,
        cancel_at: some_time(row, "cancel_at")?,
        machine: some_id(row, "machine")?,
    })
}

/// Writes a new operation.
pub fn insert(t: &Transaction<'_>, op: &Operation) -> Result<()> {
    t.0.execute(
        "INSERT INTO operation (id, kind, resource_kind, resource_id, resource_name, host, actor, via, state, stage, note,
                                done, total, error, error_code, request_id, arguments, started_at, ended_at, cancel_at,
                                machine, address)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
        params![
            op.id,
            Stored(op.kind),
            Stored(op.resource.kind),
            op.resource.id.to_string(),
            op.resource.name,
            op.host.as_str(),
            op.requester.actor,
            Stored(op.requester.via),
            Stored(op.state),
            op.progress.stage,
            op.progress.note,
            op.progress.done.map(size),
            op.progress.total.map(size),
            op.error,
            op.error_code.map(Code::as_str),
            op.request_id,
            op.arguments,
            Time(op.started_at),
            op.ended_at.map(Time),
            op.cancel_at.map(Time),
            op.machine.map(|id| id.to_string()),
            op.requester.address.map(|address| address.to_string()),
        ],
    )
    .map_err(sql)
    .map(drop)
}

/// Writes which virtual machine an operation makes for itself alone.
pub fn set_machine(t: &Transaction<'_>, operation: &str, machine: Uuid) -> Result<()> {
    t.0.execute("UPDATE operation SET machine = ?2 WHERE id = ?1", [operation, &machine.to_string()])
        .map_err(sql)
        .map(drop)
}

/// Ends an operation; with why, for machines and in words, where it failed.
pub fn end(
    t: &Transaction<'_>,
    id: &str,
    state: OperationState,
    error: Option<(Code, &str)>,
    now: Timestamp,
) -> Result<()> {
    t.0.execute(
        "UPDATE operation SET state = ?2, error_code = ?3, error = ?4, ended_at = ?5 WHERE id = ?1",
        params![id, Stored(state), error.map(|e| e.0.as_str()), error.map(|e| e.1), Time(now)],
    )
    .map_err(sql)
    .map(drop)
}

/// The operation that a request id began.
pub fn id_of_request(t: &Transaction<'_>, request_id: &str) -> Result<Option<String>> {
    t.0.query_row("SELECT id FROM operation WHERE request_id = ?1", [request_id], |row| row.get(0))
        .optional()
        .map_err(sql)
}

/// Operations that started their instance. Of one that failed a step is left that was not undone: the instance was stopped for it.
const STARTED: &str = "kind IN ('create', 'start', 'reboot', 'restart', 'resize', 'restore', 'upgrade')
    AND (state <> 'failed' OR kind IN ('start', 'resize', 'restore', 'upgrade') AND
         EXISTS (SELECT 1 FROM step WHERE step.operation = operation.id AND step.state = 'done'))";

impl Store {
    /// Writes a new operation in a transaction of its own.
    pub fn insert_operation(&mut self, op: &Operation) -> Result<()> {
        self.write(|t| insert(t, op))
    }

    fn operations_where(&self, what: &str, values: impl Params) -> Result<Vec<Operation>> {
        let mut statement = self.read().prepare_cached(&format!("SELECT * FROM operation {what}")).map_err(sql)?;
        let rows = statement.query_map(values, operation).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// Operations, newest first.
    pub fn operations(&self, limit: u32) -> Result<Vec<Operation>> {
        self.operations_where("ORDER BY started_at DESC, rowid DESC LIMIT ?1", [limit])
    }

    /// Operations on one thing, newest first; those alone that began before the one of the id `before`.
    pub fn operations_of(&self, resource: Uuid, before: Option<&str>, limit: u32) -> Result<Vec<Operation>> {
        let query = "WHERE resource_id = ?1 AND (?2 IS NULL OR rowid < (SELECT rowid FROM operation WHERE id = ?2))
                     ORDER BY rowid DESC LIMIT ?3";
        self.operations_where(query, params![Id(resource), before, limit])
    }

    /// Ids of the operations that were about what had a tag when they were accepted.
    pub fn operations_tagged(&self, tag: &Tag) -> Result<HashSet<String>> {
        let query = "SELECT operation.id AS id FROM operation, json_each(operation.tags) AS tag
                     WHERE tag.value ->> '$.key' = ?1 AND tag.value ->> '$.value' = ?2";
        let mut statement = self.read().prepare_cached(query).map_err(sql)?;
        let rows = statement.query_map([&tag.key, &tag.value], |row| row.get("id")).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// Operations under way or left by a dead owner, oldest first.
    pub fn open_operations(&self) -> Result<Vec<Operation>> {
        self.operations_where("WHERE state IN ('started', 'needs-attention') ORDER BY started_at, rowid", [])
    }

    /// One operation.
    pub fn operation(&self, id: &str) -> Result<Option<Operation>> {
        Ok(self.operations_where("WHERE id = ?1", [id])?.pop())
    }

    /// One operation; an error if there is none.
    ///
    /// # Errors
    /// [`Code::NoSuchOperation`].
    pub fn require_operation(&self, id: &str) -> Result<Operation> {
        self.operation(id)?.ok_or_else(|| {
            Error::new(Code::NoSuchOperation, format!("there is no operation `{}`", escaped(id)))
                .hint(Hint::new().run(Verb::Operations).text(" lists them"))
        })
    }

    /// The operation a caller's own id started.
    pub fn operation_by_request(&self, request_id: &str) -> Result<Option<Operation>> {
        Ok(self.operations_where("WHERE request_id = ?1", [request_id])?.pop())
    }

    /// Id of the operation that is at work on a resource, or was when its owner died.
    pub fn open_operation_of(&self, resource: Uuid) -> Result<Option<String>> {
        let open = "WHERE resource_id = ?1 AND state IN ('started', 'needs-attention')
                    ORDER BY started_at DESC, rowid DESC LIMIT 1";
        Ok(self.operations_where(open, [resource.to_string()])?.pop().map(|o| o.id))
    }

    /// When an instance was last started or rebooted by an operation; a start whose application did not answer started it, and what went back
    /// after it had stopped the instance did.
    pub fn last_start(&self, instance: Uuid) -> Result<Option<Timestamp>> {
        Ok(self.last_started_by(instance)?.map(|o| o.started_at))
    }

    /// The operation of [`Store::last_start`].
    pub fn last_started_by(&self, instance: Uuid) -> Result<Option<Operation>> {
        let all = self.operations_where(
            &format!("WHERE resource_id = ?1 AND {STARTED} ORDER BY rowid DESC LIMIT 1"),
            [instance.to_string()],
        )?;
        Ok(all.into_iter().next())
    }

    /// When an operation of a kind on a resource was begun last.
    pub fn last_of(&self, kind: OperationKind, resource: Uuid) -> Result<Option<Timestamp>> {
        let what = "WHERE resource_id = ?1 AND kind = ?2 ORDER BY rowid DESC LIMIT 1";
        let all = self.operations_where(what, params![resource.to_string(), Stored(kind)])?;
        Ok(all.first().map(|last| last.started_at))
    }

    /// When each of these instances was last started, of those that were since a time: what [`Store::last_start`] tells of them.
    pub fn starts_since(&self, since: Timestamp) -> Result<HashMap<Uuid, Timestamp>> {
        let recent = format!("WHERE started_at >= ?1 AND {STARTED} ORDER BY rowid");
        let all = self.operations_where(&recent, [since.as_microsecond()])?;
        Ok(all.into_iter().filter_map(|o| Some((o.instance()?, o.started_at))).collect())
    }

    /// The first stop, reboot, resize or delete of the same resource after `earlier`.
    pub fn interruption_after(&self, earlier: &Operation) -> Result<Option<Operation>> {
        let all = self.operations_where(
            "WHERE resource_id = ?1 AND rowid > (SELECT rowid FROM operation WHERE id = ?2)
             AND kind IN ('stop', 'reboot', 'delete', 'restore', 'resize', 'upgrade') ORDER BY rowid LIMIT 1",
            params![earlier.resource.id.to_string(), earlier.id],
        )?;
        Ok(all.into_iter().next())
    }

    /// Whether the last operation on an instance's name left nothing: a delete that succeeded, or a create that was undone.
    pub fn was_deleted(&self, name: &Name) -> Result<bool> {
        let last = self
            .operations_where(
                "WHERE resource_name = ?1 AND resource_kind = ?2 ORDER BY started_at DESC, rowid DESC LIMIT 1",
                params![name.as_str(), Stored(ResourceKind::Instance)],
            )?
            .pop();
        Ok(last.is_some_and(|o| {
            matches!(
                (o.kind, o.state),
                (OperationKind::Delete, OperationState::Succeeded) | (OperationKind::Create, OperationState::Failed)
            )
        }))
    }

    /// Frees the caller's own id of an operation that came to nothing.
    pub fn release_request(&mut self, id: &str) -> Result<()> {
        self.write(|t| t.0.execute("UPDATE operation SET request_id = NULL WHERE id = ?1", [id]).map_err(sql).map(drop))
    }

    /// A row is gone, and its resource with it, and an operation in the state and for the reason given: all at once.
    pub(super) fn forget_row(
        &mut self,
        (table, id): (&'static str, Uuid),
        (operation, state): (&str, OperationState),
        error: Option<(Code, &str)>,
        now: Timestamp,
    ) -> Result<()> {
        self.write(|t| {
            t.0.execute(&format!("DELETE FROM {table} WHERE id = ?1"), [Id(id)]).map_err(sql)?;
            end(t, operation, state, error, now)
        })
    }

    /// Ends an operation; with why, for machines and in words, where it failed.
    pub fn end_operation(
        &mut self,
        id: &str,
        state: OperationState,
        error: Option<(Code, &str)>,
        now: Timestamp,
    ) -> Result<()> {
        self.write(|t| end(t, id, state, error, now))
    }

    /// Writes how far a step is.
    pub fn record_step(&mut self, operation: &str, sequence: i64, step: &str, state: StepState) -> Result<()> {
        self.write(|t| {
            t.0.execute(
                "INSERT INTO step (operation, sequence, step, state) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (operation, sequence) DO UPDATE SET state = excluded.state, step = excluded.step",
                params![operation, sequence, step, Stored(state)],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// The steps of an operation in order.
    pub fn steps(&self, operation: &str) -> Result<Vec<OpenStep>> {
        let mut statement = self
            .read()
            .prepare_cached("SELECT sequence, step, state FROM step WHERE operation = ?1 ORDER BY sequence")
            .map_err(sql)?;
        let rows = statement
            .query_map([operation], |row| {
                Ok(OpenStep { sequence: row.get("sequence")?, step: row.get("step")?, state: word(row, "state")? })
            })
            .map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }
}
