//! How many statements were prepared for each database, for tests that count them. Compiled in with the feature `fault` alone.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rusqlite::{
    Connection,
    hooks::{AuthAction, AuthContext, Authorization},
};

type Counts = HashMap<PathBuf, Arc<AtomicU64>>;

static COUNTS: Mutex<Option<Counts>> = Mutex::new(None);

fn of(path: &Path) -> Arc<AtomicU64> {
    let mut counts = COUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    counts.get_or_insert_default().entry(path.to_owned()).or_default().clone()
}

/// How many were, since the process began, for the database of a state folder.
pub fn prepared(state: &Path) -> u64 {
    of(&state.join(super::file::NAME)).load(Ordering::Relaxed)
}

/// Counts what is prepared on a connection.
pub(super) fn count(connection: &mut Connection, path: &Path) -> rusqlite::Result<()> {
    let own = of(path);
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        let is_statement = match context.action {
            AuthAction::Select | AuthAction::Pragma { .. } | AuthAction::Transaction { .. } => true,
            AuthAction::Insert { table_name } | AuthAction::Delete { table_name } => table_name != "sqlite_master",
            _ => false,
        };
        if is_statement {
            own.fetch_add(1, Ordering::Relaxed);
        }
        Authorization::Allow
    }))
}
