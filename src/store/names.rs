//! Names in the database, read without any lock or change.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};

use super::{file, sql};
use crate::model::Result;

/// How long a reader waits for a writer.
const BUSY: Duration = Duration::from_millis(100);

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// Instances.
    Instance,
    /// Deleted instances that are kept.
    Kept,
    /// Alarms.
    Alarm,
    /// Contacts.
    Contact,
    /// Static addresses.
    StaticIp,
    /// Load balancers.
    LoadBalancer,
    /// Snapshots.
    Snapshot,
    /// Disks.
    Disk,
    /// Remotes.
    Remote,
    /// Published domains.
    Domain,
    /// The latest operations.
    Operation,
    /// Operations under way.
    OpenOperation,
    /// Jobs that have not ended.
    Job,
    /// Users.
    User,
    /// Keys of the API.
    Key,
}

/// The names of a kind in `state.db` in `dir`, in alphabetical order; of operations the ids, the latest first, of jobs in the order of arrival. The database is neither made nor migrated.
pub fn names(dir: &Path, kind: Named) -> Result<Vec<String>> {
    let query = match kind {
        Named::Instance => "SELECT name FROM instance WHERE phase <> 'kept' ORDER BY name",
        Named::Kept => "SELECT DISTINCT record ->> '$.name' FROM instance WHERE phase = 'kept' ORDER BY 1",
        Named::Alarm => "SELECT name FROM alarm WHERE kept_name IS NULL ORDER BY name",
        Named::Contact => "SELECT name FROM contact ORDER BY name",
        Named::StaticIp => "SELECT name FROM static_ip ORDER BY name",
        Named::LoadBalancer => "SELECT name FROM load_balancer ORDER BY name",
        Named::Snapshot => "SELECT name FROM snapshot UNION SELECT name FROM disk_snapshot ORDER BY name",
        Named::Disk => "SELECT name FROM disk ORDER BY name",
        Named::Remote => "SELECT name FROM remote ORDER BY name",
        Named::Domain => "SELECT domain FROM site ORDER BY domain",
        Named::Job => "SELECT id FROM job WHERE ended_at IS NULL ORDER BY number",
        Named::User => "SELECT name FROM account ORDER BY name",
        Named::Key => "SELECT id FROM api_key ORDER BY id",
        Named::Operation => "SELECT id FROM operation ORDER BY started_at DESC LIMIT 50",
        Named::OpenOperation => "SELECT id FROM operation WHERE state = 'started' ORDER BY started_at DESC LIMIT 50",
    };
    let read = || -> rusqlite::Result<Vec<String>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(dir.join(file::NAME), flags)?;
        db.busy_timeout(BUSY)?;
        let mut query = db.prepare(query)?;
        query.query_map([], |row| row.get(0))?.collect()
    };
    read().map_err(sql)
}

#[cfg(test)]
mod tests {
    use super::{Named, names};

    #[test]
    fn names_come_from_the_state_database() {
        let folder = tempfile::tempdir().unwrap();
        assert!(names(folder.path(), Named::Instance).is_err());
        let db = rusqlite::Connection::open(folder.path().join("state.db")).unwrap();
        db.execute_batch(
            "PRAGMA journal_mode=WAL; CREATE TABLE instance (name TEXT, phase TEXT, record TEXT);
             INSERT INTO instance VALUES ('web-1', 'ready', '{}'), ('db-1', 'failed', '{}'),
                 ('kept-1', 'kept', '{\"name\":\"old\"}'), ('kept-2', 'kept', '{\"name\":\"old\"}')",
        )
        .unwrap();
        assert_eq!(names(folder.path(), Named::Instance), Ok(vec!["db-1".to_owned(), "web-1".to_owned()]));
        assert_eq!(names(folder.path(), Named::Kept), Ok(vec!["old".to_owned()]));
    }
}
