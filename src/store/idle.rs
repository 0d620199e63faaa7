//! Databases that a process which lives long keeps open between uses: opening one reads its whole schema, and closing the last
//! connection writes the log back.

use std::{
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;

use super::{Store, file, in_use::InUse, schema};
use crate::model::Result;

/// Most connections that are kept.
const MOST: usize = 8;

/// Where databases are opened: anew each time, or one that was kept since its last use.
#[derive(Clone, Default)]
pub struct Stores(Option<Shelf>);

type Shelf = Arc<Mutex<Vec<Idle>>>;

/// A connection that nobody uses.
struct Idle {
    path: PathBuf,
    connection: Connection,
    in_use: InUse,
}

impl Stores {
    /// Those that are kept open.
    pub fn kept() -> Self {
        Self(Some(Arc::default()))
    }

    /// As [`Store::open`].
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub fn open(&self, dir: &Path) -> Result<Store> {
        let Some(shelf) = &self.0 else { return Store::open(dir) };
        let path = dir.join(file::NAME);
        let idle = loop {
            let one = take(shelf, &path);
            match one {
                Some(idle) if is_as_it_was(&idle) => break idle,
                Some(_) => {}
                None => {
                    let mut store = Store::open(dir)?;
                    store.connection.home = Some(shelf.clone());
                    return Ok(store);
                }
            }
        };
        let connection = Lent { lent: Some((idle.connection, idle.in_use)), path, home: Some(shelf.clone()) };
        Ok(Store { connection, notices: Vec::new(), announced: None })
    }

    /// The same, if there is a database: as [`Store::exists`].
    ///
    /// # Errors
    /// Those of [`Store::exists`] and [`Store::open`].
    pub fn open_existing(&self, dir: &Path) -> Result<Option<Store>> {
        Store::exists(dir)?.then(|| self.open(dir)).transpose()
    }
}

fn take(shelf: &Shelf, path: &Path) -> Option<Idle> {
    let mut idle = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    let at = idle.iter().rposition(|one| one.path == path)?;
    Some(idle.swap_remove(at))
}

/// Whether it still is the file of that name, and nobody made it one of another version.
fn is_as_it_was(idle: &Idle) -> bool {
    let version = || idle.connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    idle.in_use.is(&idle.path) && version().is_ok_and(schema::is_current)
}

/// A connection in use, given back afterwards to where it is kept.
pub(super) struct Lent {
    /// None only while it is dropped.
    lent: Option<(Connection, InUse)>,
    pub(super) path: PathBuf,
    home: Option<Shelf>,
}

impl Lent {
    /// One that nobody keeps.
    pub(super) fn new(connection: Connection, in_use: InUse, path: PathBuf) -> Self {
        Self { lent: Some((connection, in_use)), path, home: None }
    }
}

impl Deref for Lent {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match &self.lent {
            Some((connection, _)) => connection,
            None => unreachable!("it is taken out only when it is dropped"),
        }
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut Connection {
        match &mut self.lent {
            Some((connection, _)) => connection,
            None => unreachable!("it is taken out only when it is dropped"),
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let (Some((connection, in_use)), Some(shelf)) = (self.lent.take(), &self.home) else { return };
        let mut idle = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        // One that a panic left within a transaction is closed, which rolls it back.
        if idle.len() < MOST && connection.is_autocommit() {
            idle.push(Idle { path: std::mem::take(&mut self.path), connection, in_use });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Store, Stores, file};

    fn kept(stores: &Stores) -> usize {
        stores.0.as_ref().unwrap().lock().unwrap().len()
    }

    fn temporary_tables(store: &Store) -> i64 {
        store.read().query_row("SELECT count(*) FROM temp.sqlite_master", [], |row| row.get(0)).unwrap()
    }

    /// A temporary table is its connection's alone.
    fn mark(store: &Store) {
        store.read().execute_batch("CREATE TEMP TABLE mark (x)").unwrap();
    }

    #[test]
    fn a_connection_is_used_again() {
        let (dir, stores) = (tempfile::tempdir().unwrap(), Stores::kept());
        let first = stores.open(dir.path()).unwrap();
        mark(&first);
        let second = stores.open(dir.path()).unwrap();
        assert_eq!((temporary_tables(&second), kept(&stores)), (0, 0));
        drop(second);
        drop(first);
        assert_eq!((temporary_tables(&stores.open(dir.path()).unwrap()), kept(&stores)), (1, 1));
        assert_eq!(temporary_tables(&Stores::default().open(dir.path()).unwrap()), 0);
    }

    #[test]
    fn another_file_of_that_name_is_opened_anew() {
        let (dir, stores) = (tempfile::tempdir().unwrap(), Stores::kept());
        mark(&stores.open(dir.path()).unwrap());
        Store::set_aside(dir.path(), jiff::Timestamp::UNIX_EPOCH).unwrap();
        assert!(stores.open_existing(dir.path()).unwrap().is_none());
        assert_eq!((temporary_tables(&stores.open(dir.path()).unwrap()), kept(&stores)), (0, 0));
    }

    #[test]
    fn one_that_a_newer_lite_wrote_is_refused_as_when_it_is_opened() {
        let (dir, stores) = (tempfile::tempdir().unwrap(), Stores::kept());
        drop(stores.open(dir.path()).unwrap());
        let newer = rusqlite::Connection::open(dir.path().join(file::NAME)).unwrap();
        newer.pragma_update(None, "user_version", 9999).unwrap();
        assert_eq!(stores.open(dir.path()).err().unwrap().code, crate::model::Code::StateNewer);
    }

    #[test]
    fn a_transaction_that_was_left_open_is_rolled_back() {
        let (dir, stores) = (tempfile::tempdir().unwrap(), Stores::kept());
        let store = stores.open(dir.path()).unwrap();
        store.read().execute_batch("BEGIN IMMEDIATE; CREATE TABLE torn (x)").unwrap();
        drop(store);
        assert_eq!(kept(&stores), 0);
        let torn = "SELECT count(*) FROM sqlite_master WHERE name = 'torn'";
        let count: i64 = stores.open(dir.path()).unwrap().read().query_row(torn, [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0);
    }
}
