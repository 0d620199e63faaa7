//! What is remembered of the automatic snapshots of instances.

use std::collections::HashMap;

use jiff::{Timestamp, civil::Date};
use rusqlite::{Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Id, Time, id, some_time},
    sql,
};
use crate::model::Result;

/// What is remembered of those of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AutoSnapshots {
    /// The day of the last one.
    pub made_on: Option<Date>,
    /// When the last try failed; none: it did not.
    pub failed_at: Option<Timestamp>,
    /// The day on which a failure was last told of.
    pub told_on: Option<Date>,
}

/// A day, as it is stored; one that cannot be read is none.
fn day(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Date>> {
    Ok(row.get::<_, Option<String>>(column)?.and_then(|text| text.parse().ok()))
}

impl Store {
    /// What is remembered, by instance.
    pub fn auto_snapshots(&self) -> Result<HashMap<Uuid, AutoSnapshots>> {
        let mut all = self.read().prepare_cached("SELECT * FROM auto_snapshot").map_err(sql)?;
        let remembered = |row: &Row<'_>| {
            let (made_on, told_on) = (day(row, "made_on")?, day(row, "told_on")?);
            Ok((id(row, "instance")?, AutoSnapshots { made_on, failed_at: some_time(row, "failed_at")?, told_on }))
        };
        let rows = all.query_map([], remembered).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// When the newest whole snapshot of each instance was asked for.
    pub fn newest_snapshots(&self) -> Result<HashMap<Uuid, Timestamp>> {
        let query = "SELECT source, max(created_at) AS newest FROM snapshot WHERE state = 'available' GROUP BY source";
        let mut newest = self.read().prepare_cached(query).map_err(sql)?;
        let rows = newest.query_map([], |row| Ok((id(row, "source")?, super::column::time(row, "newest")?)));
        rows.map_err(sql)?.map(|row| row.map_err(sql)).collect()
    }
}

/// Remembers this of an instance; nothing if that is gone.
pub fn remember(t: &Transaction<'_>, instance: Uuid, all: &AutoSnapshots) -> Result<()> {
    t.0.execute(
        "INSERT INTO auto_snapshot (instance, made_on, failed_at, told_on)
         SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM instance WHERE uuid = ?1)
         ON CONFLICT (instance) DO UPDATE
         SET made_on = excluded.made_on, failed_at = excluded.failed_at, told_on = excluded.told_on",
        params![
            Id(instance),
            all.made_on.map(|day| day.to_string()),
            all.failed_at.map(Time),
            all.told_on.map(|day| day.to_string()),
        ],
    )
    .map_err(sql)
    .map(drop)
}
