//! What the process of an operation and others tell each other through the database: how far it is, and that it is to end.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use super::{
    Operation, Store,
    column::{Time, size},
    in_use::{self, InUse},
    sql,
};
use crate::model::{Code, Error, Hint, OperationState, Progress, Result, Verb};

/// A connection of its own for the progress of one operation. It never waits for another writer, and it waits for no disk:
/// progress that a power cut takes is missed by nobody.
pub struct ProgressLog {
    connection: Connection,
    operation: String,
    written: Progress,
    _in_use: InUse,
}

impl ProgressLog {
    /// Writes the progress, if it changed, and tells whether somebody asked that the operation end.
    ///
    /// What cannot be written now, because another process writes, is written the next time.
    pub fn exchange(&mut self, progress: &Progress) -> Result<bool> {
        if self.written != *progress {
            match self.write(progress) {
                Ok(()) => self.written = progress.clone(),
                Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
                Err(e) => return Err(sql(e)),
            }
        }
        self.connection
            .prepare_cached("SELECT cancel_at IS NOT NULL FROM operation WHERE id = ?1")
            .and_then(|mut s| s.query_row([&self.operation], |row| row.get(0)).optional())
            .map(|asked| asked.unwrap_or(false))
            .map_err(sql)
    }

    fn write(&self, progress: &Progress) -> rusqlite::Result<()> {
        let mut update = self.connection.prepare_cached(
            "UPDATE operation SET stage = ?2, note = ?3, done = ?4, total = ?5 WHERE id = ?1 AND state = 'started'",
        )?;
        let Progress { stage, note, done, total } = progress;
        update.execute(params![self.operation, stage, note, done.map(size), total.map(size)]).map(drop)
    }
}

impl Store {
    /// A connection for the progress of an operation.
    pub fn progress_log(&self, operation: &str) -> Result<ProgressLog> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(&self.connection.path, flags)?;
            connection.busy_timeout(Duration::ZERO)?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            // Whoever writes what must last makes the checkpoints.
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
            Ok(connection)
        };
        let turn = in_use::turn();
        let connection = open().map_err(sql)?;
        let _in_use = turn.opened(&self.connection.path);
        Ok(ProgressLog { connection, operation: operation.to_owned(), written: Progress::default(), _in_use })
    }

    /// An operation that is under way.
    ///
    /// # Errors
    /// [`Code::NoSuchOperation`]; [`Code::OperationEnded`].
    pub fn require_cancellable(&self, id: &str) -> Result<Operation> {
        let operation = self.require_operation(id)?;
        if operation.state == OperationState::Started { Ok(operation) } else { Err(ended(&operation)) }
    }

    /// Asks that an operation end. Its process sees that between two steps, and while it waits.
    ///
    /// # Errors
    /// [`Code::NoSuchOperation`]; [`Code::OperationEnded`] if it is not under way.
    pub fn request_cancel(&mut self, id: &str, now: jiff::Timestamp) -> Result<Operation> {
        let operation = self.require_cancellable(id)?;
        let asked = self.write(|t| {
            t.0.execute(
                "UPDATE operation SET cancel_at = coalesce(cancel_at, ?2) WHERE id = ?1 AND state = 'started'",
                params![id, Time(now)],
            )
            .map_err(sql)
        })?;
        if asked == 1 { Ok(operation) } else { Err(ended(&self.require_operation(id)?)) }
    }
}

/// The error of an operation that is to be cancelled and has ended.
fn ended(operation: &Operation) -> Error {
    let error = |text: &str| Error::new(Code::OperationEnded, format!("operation `{}` {text}", operation.id));
    match operation.state {
        OperationState::NeedsAttention => error("has ended, and something of it is left")
            .hint(Hint::new().run(Verb::Repair).text(" tries again to undo it")),
        state => error(&format!("has ended: {state}")).hint("nothing is left to cancel"),
    }
}
