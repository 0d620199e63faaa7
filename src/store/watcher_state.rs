//! What the watcher of a host remembers between two runs of it.

use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::{Store, Transaction, column::id, sql};
use crate::model::{HostId, Result};

/// Sets a value.
pub fn set(t: &Transaction<'_>, host: &HostId, key: &str, value: &str) -> Result<()> {
    t.0.prepare_cached(
        "INSERT INTO watcher_state (host, key, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (host, key) DO UPDATE SET value = excluded.value",
    )
    .and_then(|mut s| s.execute(params![host.as_str(), key, value]))
    .map_err(sql)
    .map(drop)
}

/// Stores what the restart policy remembers of an instance; nothing if that is gone.
pub fn set_history(t: &Transaction<'_>, instance: Uuid, history: &str) -> Result<()> {
    t.0.prepare_cached(
        "INSERT INTO restart_history (instance, history) SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM instance WHERE uuid = ?1)
         ON CONFLICT (instance) DO UPDATE SET history = excluded.history",
    )
    .and_then(|mut s| s.execute(params![instance.to_string(), history]))
    .map_err(sql)
    .map(drop)
}

/// Adds to what an instance transferred in a month (`2026-03`); the sum.
pub fn add_transfer(t: &Transaction<'_>, instance: Uuid, month: &str, bytes: u64) -> Result<u64> {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX / 2);
    t.0.prepare_cached(
        "INSERT INTO transfer (instance, month, bytes) SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM instance WHERE uuid = ?1)
         ON CONFLICT (instance, month) DO UPDATE SET bytes = bytes + excluded.bytes RETURNING bytes",
    )
    .and_then(|mut s| s.query_row(params![instance.to_string(), month, bytes], |row| row.get::<_, i64>(0)).optional())
    .map_err(sql)
    .map(|sum| sum.unwrap_or(0).unsigned_abs())
}

impl Store {
    /// A value the watcher left.
    pub fn watcher_value(&self, host: &HostId, key: &str) -> Result<Option<String>> {
        self.read()
            .query_row("SELECT value FROM watcher_state WHERE host = ?1 AND key = ?2", [host.as_str(), key], |row| {
                row.get(0)
            })
            .optional()
            .map_err(sql)
    }

    /// A number the watcher left.
    pub fn watcher_number(&self, host: &HostId, key: &str) -> Result<Option<i64>> {
        Ok(self.watcher_value(host, key)?.and_then(|v| v.parse().ok()))
    }

    /// What the restart policy remembers, of all instances.
    pub fn histories(&self) -> Result<Vec<(Uuid, String)>> {
        let mut s = self.read().prepare("SELECT instance, history FROM restart_history").map_err(sql)?;
        let rows = s.query_map([], |row| Ok((id(row, "instance")?, row.get("history")?))).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// How often the user decided about each instance.
    pub fn desired_generations(&self) -> Result<Vec<(Uuid, i64)>> {
        let mut s = self.read().prepare_cached("SELECT uuid, desired_generation FROM instance").map_err(sql)?;
        let rows = s.query_map([], |row| Ok((id(row, "uuid")?, row.get("desired_generation")?))).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// What an instance transferred in a month (`2026-03`).
    pub fn transferred(&self, instance: Uuid, month: &str) -> Result<u64> {
        self.read()
            .query_row(
                "SELECT bytes FROM transfer WHERE instance = ?1 AND month = ?2",
                params![instance.to_string(), month],
                |row| row.get::<_, i64>(0),
            )
            .optional()
            .map_err(sql)
            .map(|b| b.unwrap_or(0).unsigned_abs())
    }
}
