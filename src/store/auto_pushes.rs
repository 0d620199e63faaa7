//! What is remembered of the copies that the watcher makes of automatic snapshots.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Id, Time, id, some_id, some_time},
    sql,
};
use crate::model::Result;

/// What is remembered of those of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AutoPush {
    /// The remote that this is of.
    pub remote: Option<Uuid>,
    /// The last snapshot that is in the remote, and of which no more are there than are kept.
    pub snapshot: Option<Uuid>,
    /// When the last try failed.
    pub failed_at: Option<Timestamp>,
    /// How many did since one went well.
    pub failures: u32,
}

impl Store {
    /// What is remembered, by instance.
    pub fn auto_pushes(&self) -> Result<HashMap<Uuid, AutoPush>> {
        let mut all = self.read().prepare_cached("SELECT * FROM auto_push").map_err(sql)?;
        let remembered = |row: &Row<'_>| {
            let all = AutoPush {
                remote: some_id(row, "remote")?,
                snapshot: some_id(row, "snapshot")?,
                failed_at: some_time(row, "failed_at")?,
                failures: row.get("failures")?,
            };
            Ok((id(row, "instance")?, all))
        };
        let rows = all.query_map([], remembered).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }
}

/// Remembers this of an instance; nothing if that is gone.
pub fn remember(t: &Transaction<'_>, instance: Uuid, all: &AutoPush) -> Result<()> {
    t.0.execute(
        "INSERT INTO auto_push (instance, remote, snapshot, failed_at, failures)
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM instance WHERE uuid = ?1)
         ON CONFLICT (instance) DO UPDATE
         SET remote = excluded.remote, snapshot = excluded.snapshot, failed_at = excluded.failed_at, failures = excluded.failures",
        params![Id(instance), all.remote.map(Id), all.snapshot.map(Id), all.failed_at.map(Time), all.failures],
    )
    .map_err(sql)
    .map(drop)
}
