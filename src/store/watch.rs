//! What the watcher remembers between two runs of it.

use rusqlite::{OptionalExtension, Transaction, params};
use uuid::Uuid;

use super::{Store, sql};
use crate::model::Result;

/// Sets a value.
pub fn set(t: &Transaction<'_>, key: &str, value: &str) -> Result<()> {
    t.prepare_cached(
        "INSERT INTO watch (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )
    .and_then(|mut s| s.execute(params![key, value]))
    .map_err(sql)
    .map(drop)
}

/// Stores what the restart policy remembers of an instance; nothing if that is gone.
pub fn set_history(t: &Transaction<'_>, instance: Uuid, history: &str) -> Result<()> {
    t.prepare_cached(
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
    t.prepare_cached(
        "INSERT INTO transfer (instance, month, bytes) SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM instance WHERE uuid = ?1)
         ON CONFLICT (instance, month) DO UPDATE SET bytes = bytes + excluded.bytes RETURNING bytes",
    )
    .and_then(|mut s| s.query_row(params![instance.to_string(), month, bytes], |row| row.get::<_, i64>(0)).optional())
    .map_err(sql)
    .map(|sum| sum.unwrap_or(0).unsigned_abs())
}

impl Store {
    /// A value the watcher left.
    pub fn watch_value(&self, key: &str) -> Result<Option<String>> {
        self.read().query_row("SELECT value FROM watch WHERE key = ?1", [key], |row| row.get(0)).optional().map_err(sql)
    }

    /// A number the watcher left.
    pub fn watch_number(&self, key: &str) -> Result<Option<i64>> {
        Ok(self.watch_value(key)?.and_then(|v| v.parse().ok()))
    }

    /// What the restart policy remembers, of all instances.
    pub fn histories(&self) -> Result<Vec<(Uuid, String)>> {
        let mut s = self.read().prepare("SELECT instance, history FROM restart_history").map_err(sql)?;
        let rows = s.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).map_err(sql)?;
        let all: rusqlite::Result<Vec<(String, String)>> = rows.collect();
        Ok(all.map_err(sql)?.into_iter().filter_map(|(u, h)| Some((Uuid::try_parse(&u).ok()?, h))).collect())
    }

    /// How often the user decided about each instance.
    pub fn intents(&self) -> Result<Vec<(Uuid, i64)>> {
        let mut s = self.read().prepare_cached("SELECT uuid, intent FROM instance").map_err(sql)?;
        let rows = s.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).map_err(sql)?;
        let all: rusqlite::Result<Vec<(String, i64)>> = rows.collect();
        Ok(all.map_err(sql)?.into_iter().filter_map(|(u, n)| Some((Uuid::try_parse(&u).ok()?, n))).collect())
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
