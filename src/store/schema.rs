//! The schema and how an older one becomes it.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::sql;
use crate::model::{Error, Kind, Result};

/// One entry per schema version; entry 0 makes version 1.
const STEPS: [&str; 2] = [
    "
CREATE TABLE instance (
    uuid       TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    mac        TEXT NOT NULL UNIQUE,
    network    TEXT NOT NULL,
    address    TEXT,
    wanted     TEXT NOT NULL,
    phase      TEXT NOT NULL,
    failure    TEXT,
    vcpus      INTEGER NOT NULL CHECK (vcpus > 0),
    memory     INTEGER NOT NULL CHECK (memory > 0),
    disk       INTEGER NOT NULL CHECK (disk > 0),
    record     TEXT NOT NULL,
    blueprint  TEXT NOT NULL,
    parameters TEXT NOT NULL,
    image      TEXT NOT NULL,
    seed       TEXT,
    UNIQUE (network, address)
) STRICT;
CREATE TABLE secret (
    instance    TEXT NOT NULL REFERENCES instance (uuid) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    account     TEXT,
    description TEXT NOT NULL,
    shown       INTEGER NOT NULL,
    value       TEXT NOT NULL,
    PRIMARY KEY (instance, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE host_key (
    instance TEXT PRIMARY KEY REFERENCES instance (uuid) ON DELETE CASCADE,
    public   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE operation (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    resource   TEXT NOT NULL,
    instance   TEXT,
    state      TEXT NOT NULL,
    error      TEXT,
    request_id TEXT UNIQUE,
    arguments  TEXT,
    started_at TEXT NOT NULL,
    ended_at   TEXT
) STRICT;
CREATE INDEX operation_open ON operation (state) WHERE state IN ('started', 'needs-attention');
CREATE TABLE step (
    operation TEXT NOT NULL REFERENCES operation (id) ON DELETE CASCADE,
    sequence  INTEGER NOT NULL,
    step      TEXT NOT NULL,
    state     TEXT NOT NULL,
    PRIMARY KEY (operation, sequence)
) STRICT, WITHOUT ROWID;
",
    include_str!("monitor.sql"),
];

/// Brings a database of schema `version` to today's; an older one is copied beside itself first.
pub(super) fn migrate(connection: &mut Connection, path: &Path, version: i64) -> Result<()> {
    let today = STEPS.len() as i64;
    if version == today {
        return Ok(());
    }
    if version > today || version < 0 {
        return Err(Error::new(
            Kind::NeedsAttention,
            "state_newer",
            format!("`{}` has schema {version}, this lite knows up to {today}", path.display()),
        )
        .hint("use the newer lite that wrote it; nothing was changed"));
    }
    if version > 0 {
        let backup = path.with_extension(format!("db.schema-{version}"));
        connection.backup("main", &backup, None::<fn(rusqlite::backup::Progress)>).map_err(sql)?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    // Another process may have migrated while this one waited for the lock.
    let now: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sql)?;
    for step in STEPS.iter().skip(usize::try_from(now).unwrap_or(STEPS.len())) {
        transaction.execute_batch(step).map_err(sql)?;
    }
    transaction.pragma_update(None, "user_version", today).map_err(sql)?;
    transaction.commit().map_err(sql)
}
