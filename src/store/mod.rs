//! SQLite: what is wanted and what is allocated. One file per noun.
//!
//! Uniqueness of names, uuids, hardware addresses and addresses is a constraint of the schema, never check-then-act. SQLite's
//! own types stay in this room: others get a [`Store`] for reads and a [`Transaction`] for changes.

pub mod access;
pub mod alarms;
pub mod api_answers;
pub mod audit;
pub mod auto_pushes;
pub mod auto_snapshots;
mod clashes;
mod coarse;
mod column;
pub mod contacts;
#[cfg(feature = "fault")]
pub mod counted;
pub mod disk_snapshots;
pub mod disks;
mod domains;
pub mod events;
mod file;
pub mod held;
mod idle;
mod in_use;
pub mod instances;
pub mod jobs;
pub mod journal;
pub mod kept;
pub mod key_pairs;
pub mod load_balancers;
pub mod metrics;
pub mod names;
mod network_file;
mod noun;
pub mod operations;
pub mod outbox;
mod pack;
mod progress;
mod proxy_counters;
pub mod publications;
pub mod remotes;
pub mod resources;
mod salvage;
mod schema;
pub mod second_factors;
pub mod secrets;
pub mod sites;
pub mod snapshots;
pub mod static_ips;
mod subjects;
pub mod watcher_state;

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use file::FileState;
pub use held::Allocated;
use idle::Lent;
pub use idle::Stores;
pub use instances::{CleanSeed, NewInstance};
pub use journal::Memory;
pub use network_file::NetworkFile;
pub use operations::{OpenStep, Operation};
pub use progress::ProgressLog;
pub use salvage::{OldDatabases, Recovered};
pub use secrets::{HostKeyRow, Secret};

use crate::model::{AuditEntry, Code, Error, Hint, Result, Verb};
pub use crate::model::{OperationState, StepState};

/// How long a writer waits for another writer.
const BUSY: Duration = Duration::from_secs(60);
/// How soon what SQLite does not wait for itself is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// Switches the log on. Of two processes that make a database SQLite tells one at once that it is busy, without a wait.
fn write_ahead(c: &Connection) -> rusqlite::Result<()> {
    let end = Instant::now() + BUSY;
    loop {
        match c.pragma_update(None, "journal_mode", "WAL") {
            Err(e) if is_busy(&e) && Instant::now() < end => std::thread::sleep(AGAIN),
            done => return done,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy)
}

/// What to do about a damaged database.
fn rebuild() -> Hint {
    Hint::from("restore it from a backup, or rebuild it from what libvirt knows: ")
        .run_with(Verb::Repair, &[&"--rebuild"])
}

/// The state database, `state.db`.
pub struct Store {
    connection: Lent,
    notices: Vec<String>,
    /// What the next transaction writes into the audit.
    announced: Option<AuditEntry>,
}

/// Changes that are made together or not at all. What can be done in one are the functions of this room's modules.
pub struct Transaction<'a>(rusqlite::Transaction<'a>);

impl Store {
    /// Opens or creates `state.db` in `dir`. A folder that it makes gets mode 0700, the file 0600 from its first byte: it holds
    /// secrets.
    ///
    /// Refused when the file is damaged (`state_damaged`) or was written by a newer lite (`state_newer`).
    pub fn open(dir: &Path) -> Result<Self> {
        create_private_dir(dir)?;
        let path = dir.join(file::NAME);
        let turn = in_use::turn();
        let look = match turn.is_open(&path) {
            true => FileState::Good,
            false => {
                let look = file::look(&path)?;
                file::make_private(&path).map_err(|e| not_writable(&path, &e))?;
                look
            }
        };
        let connection = Connection::open_with_flags(
            &path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(|e| cannot_open(&path, &e))?;
        let in_use = turn.opened(&path);
        #[cfg(feature = "fault")]
        let connection = counting(connection, &path)?;
        let connection = Lent::new(connection, in_use, path);
        let mut store = Self { connection, notices: Vec::new(), announced: None };
        store.prepare(&look)?;
        Ok(store)
    }

    fn prepare(&mut self, look: &FileState) -> Result<()> {
        let path = self.connection.path.clone();
        let version = |c: &Connection| -> rusqlite::Result<i64> {
            c.busy_timeout(BUSY)?;
            c.pragma_query_value(None, "user_version", |row| row.get(0))
        };
        let version = version(&self.connection).map_err(|e| cannot_open(&path, &e))?;
        schema::refuse_newer(&path, version)?;
        let setup = |c: &Connection| -> rusqlite::Result<()> {
            write_ahead(c)?;
            c.pragma_update(None, "synchronous", "FULL")?;
            c.pragma_update(None, "foreign_keys", true)
        };
        setup(&self.connection).map_err(|e| cannot_open(&path, &e))?;
        if matches!(look, FileState::Short)
            && let Some(found) = self.integrity_errors()?.into_iter().next()
        {
            return Err(damaged_because(&path, found));
        }
        self.notices = schema::migrate(&mut self.connection, &path, version)?;
        Ok(())
    }

    /// Another number than before, if somebody else changed the database meanwhile. Costs microseconds.
    ///
    /// # Errors
    /// Those of the database.
    pub fn data_version(&self) -> Result<i64> {
        self.connection.pragma_query_value(None, "data_version", |row| row.get(0)).map_err(sql)
    }

    /// What the user should know of the migration that opening the database was, a sentence each.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// What SQLite finds wrong when it reads the whole file, a sentence each; empty if it is sound.
    pub fn integrity_errors(&self) -> Result<Vec<String>> {
        let check = || -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare("PRAGMA integrity_check(10)")?;
            statement.query_map([], |row| row.get(0))?.collect()
        };
        match check() {
            Ok(lines) => Ok(lines.into_iter().filter(|line| line != "ok").collect()),
            Err(e) if is_damage(&e) => Ok(vec![e.to_string()]),
            Err(e) => Err(sql(e)),
        }
    }

    /// Runs `work` in one transaction that holds the write lock from its start.
    pub fn write<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let announced = self.announced.take();
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = Transaction(begun.map_err(sql)?);
        announced.iter().try_for_each(|entry| audit::insert(&transaction, entry))?;
        let result = work(&transaction)?;
        transaction.0.commit().map_err(sql)?;
        Ok(result)
    }

    /// The connection, for reads.
    pub fn read(&self) -> &Connection {
        &self.connection
    }
}

/// The same connection, whose statements a test can count.
#[cfg(feature = "fault")]
fn counting(mut connection: Connection, path: &Path) -> Result<Connection> {
    counted::count(&mut connection, path).map_err(sql)?;
    Ok(connection)
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
    Error::new(Code::StateNotWritable, format!("cannot write `{}`", path.display()))
        .cause(error)
        .hint(Hint::again_as_root_or("LITE_STATE_DIR"))
}

fn unreadable_file(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Code::StateNotReadable, format!("cannot look at `{}`", path.display()))
        .cause(error)
        .hint(Hint::again_as_root_or("LITE_STATE_DIR"))
}

/// The error of a database that cannot be trusted any more.
pub(crate) fn damaged_because(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(Code::StateDamaged, format!("`{}` is damaged and was not touched", path.display()))
        .cause(why)
        .hint(rebuild())
}

/// The file is no database any more, or holds what lite never writes.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::{
        Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error},
        ErrorCode::{DatabaseCorrupt, NotADatabase},
    };
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
        || matches!(
            error,
            FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..)
        )
}

fn cannot_open(path: &Path, error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
    match error.sqlite_error_code() {
        Some(CannotOpen | PermissionDenied | ReadOnly) => {
            Error::new(Code::StateNotWritable, format!("cannot open `{}`", path.display()))
                .cause(error)
                .hint(Hint::again_as_root_or("LITE_STATE_DIR"))
        }
        _ if is_damage(error) => damaged_because(path, error),
        _ => sql_ref(error),
    }
}

/// Any other database error, as a user reads it.
pub(crate) fn sql(error: rusqlite::Error) -> Error {
    sql_ref(&error)
}

/// The error of something in the database that cannot be read.
pub(crate) fn damaged_content(error: impl std::fmt::Display) -> Error {
    Error::new(Code::StateDamaged, "the state database is damaged").cause(error).hint(rebuild())
}

fn sql_ref(error: &rusqlite::Error) -> Error {
    if is_busy(error) {
        return Error::new(Code::StateBusy, "another lite process is writing the state database")
            .hint(Hint::from("try again in a moment; ").run(Verb::Operations).text(" shows what is under way"));
    }
    if is_damage(error) {
        return damaged_content(error);
    }
    use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
    if matches!(error.sqlite_error_code(), Some(DiskFull | SystemIoFailure)) {
        let text = "the state database cannot be written: its disk is full or fails";
        return Error::new(Code::StateError, text)
            .cause(error)
            .hint("see how full it is: `df -h` and `df -i` on the folder of the state (`LITE_STATE_DIR`)");
    }
    Error::new(Code::StateError, "the state database gave an error").cause(error)
}
