//! SQLite: what is wanted and what is allocated. One file per noun.
//!
//! Uniqueness of names, uuids, hardware addresses and addresses is a constraint of the schema, never check-then-act.

pub mod instances;
pub mod journal;
pub mod operations;
mod schema;
pub mod secrets;

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

pub use instances::{Allocated, CleanSeed, NewInstance};
pub use journal::Memory;
pub use operations::{OpenStep, Operation, OperationState, StepState};
pub use secrets::{HostKeyRow, Secret};

use crate::model::{Error, Kind, Result};

/// How long a writer waits for another writer.
const BUSY: Duration = Duration::from_secs(10);

/// The state database, `state.db`.
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens or creates `state.db` in `dir`. The folder gets mode 0700, the file 0600: it holds secrets.
    ///
    /// Refused when the file is damaged (`state_damaged`) or was written by a newer lite (`state_newer`).
    pub fn open(dir: &Path) -> Result<Self> {
        create_private_dir(dir)?;
        let path = dir.join("state.db");
        let connection = Connection::open_with_flags(
            &path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(|e| damaged(&path, &e))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(|e| not_writable(&path, &e))?;
        let mut store = Self { connection, path };
        store.prepare()?;
        Ok(store)
    }

    /// Whether a state database exists in `dir`, so that reading verbs need not make one.
    pub fn exists(dir: &Path) -> bool {
        dir.join("state.db").exists()
    }

    /// Renames a damaged database, so that a new one can be made. Returns its new path.
    pub fn set_aside(dir: &Path, now: jiff::Timestamp) -> Result<PathBuf> {
        let path = dir.join("state.db");
        let aside = dir.join(format!("state.db.damaged-{}", now.strftime("%Y%m%dT%H%M%SZ")));
        std::fs::rename(&path, &aside).map_err(|e| not_writable(&path, &e))?;
        for suffix in ["-wal", "-shm"] {
            let part = dir.join(format!("state.db{suffix}"));
            if part.exists() {
                std::fs::rename(&part, aside.with_extension(format!("damaged{suffix}")))
                    .map_err(|e| not_writable(&part, &e))?;
            }
        }
        Ok(aside)
    }

    fn prepare(&mut self) -> Result<()> {
        let path = self.path.clone();
        let setup = |c: &Connection| -> rusqlite::Result<i64> {
            c.busy_timeout(BUSY)?;
            c.pragma_update(None, "journal_mode", "WAL")?;
            c.pragma_update(None, "synchronous", "FULL")?;
            c.pragma_update(None, "foreign_keys", true)?;
            c.pragma_query_value(None, "user_version", |row| row.get(0))
        };
        let version = setup(&self.connection).map_err(|e| damaged(&path, &e))?;
        schema::migrate(&mut self.connection, &path, version)
    }

    /// Runs `work` in one transaction that holds the write lock from its start.
    pub fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let result = work(&transaction)?;
        transaction.commit().map_err(sql)?;
        Ok(result)
    }

    /// The connection, for reads.
    pub fn read(&self) -> &Connection {
        &self.connection
    }
}

/// Makes a folder, and the way to it, with mode 0700 for the last part.
pub fn create_private_dir(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)))
        .map_err(|e| not_writable(dir, &e))
}

fn not_writable(path: &Path, error: &std::io::Error) -> Error {
    Error::refused("state_not_writable", format!("cannot write `{}`", path.display()))
        .cause(error)
        .hint("run lite as root (`sudo lite …`), or choose another folder with `LITE_STATE_DIR`")
}

fn damaged(path: &Path, error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseBusy, PermissionDenied, ReadOnly};
    if let Some(CannotOpen | PermissionDenied | ReadOnly) = error.sqlite_error_code() {
        return Error::refused("state_not_writable", format!("cannot open `{}`", path.display()))
            .cause(error)
            .hint("run lite as root (`sudo lite …`), or choose another folder with `LITE_STATE_DIR`");
    }
    if error.sqlite_error_code() == Some(DatabaseBusy) {
        return sql_ref(error);
    }
    Error::new(Kind::NeedsAttention, "state_damaged", format!("`{}` is damaged and was not touched", path.display()))
        .cause(error)
        .hint("restore it from a backup, or rebuild it from what libvirt knows: `lite repair --rebuild`")
}

/// Any other database error, as a user reads it.
pub(crate) fn sql(error: rusqlite::Error) -> Error {
    sql_ref(&error)
}

fn sql_ref(error: &rusqlite::Error) -> Error {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) {
        return Error::new(Kind::Busy, "state_busy", "another lite process is writing the state database")
            .hint("try again in a moment; `lite operations` shows what is under way");
    }
    if matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt)
    ) {
        return Error::new(Kind::NeedsAttention, "state_damaged", "the state database is damaged")
            .cause(error)
            .hint("restore it from a backup, or rebuild it from what libvirt knows: `lite repair --rebuild`");
    }
    Error::failed("state_error", "the state database gave an error").cause(error)
}
