//! The schema and how an older one becomes it.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use super::{clashes, damaged_because, not_writable, sql};
use crate::model::{Code, Error, Result};

/// One schema version: the first makes it of nothing, each later one of the version before.
#[derive(Clone, Copy)]
struct Migration {
    /// What SQL cannot say, done before `sql`. Sentences for the user.
    before: fn(&Transaction<'_>) -> Result<Vec<String>>,
    /// The statements.
    sql: &'static str,
}

impl Migration {
    const fn of(sql: &'static str) -> Self {
        Self { before: |_| Ok(Vec::new()), sql }
    }
}

/// Every version. A released entry is never changed; a new version is a new file at the end.
const MIGRATIONS: &[Migration] = &[
    Migration::of(include_str!("schema/1.sql")),
    Migration::of(include_str!("schema/2.sql")),
    Migration::of(include_str!("schema/3.sql")),
    Migration { before: clashes::rename, sql: include_str!("schema/4.sql") },
    Migration::of(include_str!("schema/5.sql")),
    Migration::of(include_str!("schema/6.sql")),
    Migration::of(include_str!("schema/7.sql")),
    Migration::of(include_str!("schema/8.sql")),
    Migration::of(include_str!("schema/9.sql")),
    Migration::of(include_str!("schema/10.sql")),
    Migration::of(include_str!("schema/11.sql")),
    Migration::of(include_str!("schema/12.sql")),
    Migration::of(include_str!("schema/13.sql")),
    Migration::of(include_str!("schema/14.sql")),
    Migration::of(include_str!("schema/15.sql")),
    Migration::of(include_str!("schema/16.sql")),
    Migration::of(include_str!("schema/17.sql")),
    Migration::of(include_str!("schema/18.sql")),
    Migration::of(include_str!("schema/19.sql")),
    Migration::of(include_str!("schema/20.sql")),
    Migration::of(include_str!("schema/21.sql")),
    Migration::of(include_str!("schema/22.sql")),
    Migration::of(include_str!("schema/23.sql")),
    Migration::of(include_str!("schema/24.sql")),
    Migration::of(include_str!("schema/25.sql")),
    Migration::of(include_str!("schema/26.sql")),
    Migration::of(include_str!("schema/27.sql")),
    Migration::of(include_str!("schema/28.sql")),
    Migration::of(include_str!("schema/29.sql")),
];

/// Refuses a database that a newer lite wrote, before anything of it is touched.
pub(super) fn refuse_newer(path: &Path, version: i64) -> Result<()> {
    let today = today(MIGRATIONS);
    if (0..=today).contains(&version) { Ok(()) } else { Err(newer(path, version, today)) }
}

/// Whether a database of this version needs nothing.
pub(super) fn is_current(version: i64) -> bool {
    version == today(MIGRATIONS)
}

/// Brings a database of schema `version` to today's; an older one is copied beside itself first. Sentences for the user.
pub(super) fn migrate(connection: &mut Connection, path: &Path, version: i64) -> Result<Vec<String>> {
    migrate_by(MIGRATIONS, connection, path, version)
}

fn migrate_by(migrations: &[Migration], connection: &mut Connection, path: &Path, version: i64) -> Result<Vec<String>> {
    if version == today(migrations) {
        return Ok(Vec::new());
    }
    // A table that is made anew must not take what refers to it along.
    connection.pragma_update(None, "foreign_keys", false).map_err(sql)?;
    let migrated = migrate_in_one(migrations, connection, path);
    connection.pragma_update(None, "foreign_keys", true).map_err(sql)?;
    migrated
}

fn today(migrations: &[Migration]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

fn migrate_in_one(migrations: &[Migration], connection: &mut Connection, path: &Path) -> Result<Vec<String>> {
    let today = today(migrations);
    // Nobody else writes from here on: the copy is of exactly what is migrated.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    // Another process may have migrated while this one waited for the lock.
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sql)?;
    if version == today {
        return Ok(Vec::new());
    }
    let Some(steps) = usize::try_from(version).ok().and_then(|v| migrations.get(v..)) else {
        return Err(newer(path, version, today));
    };
    if version > 0 {
        back_up(path, version)?;
    } else if tables(&transaction)? > 0 {
        return Err(damaged_because(path, "it is a database, but not one of lite's"));
    }
    let mut notices = Vec::new();
    for step in steps {
        notices.extend((step.before)(&transaction)?);
        transaction.execute_batch(step.sql).map_err(sql)?;
    }
    refuse_broken_references(&transaction, path)?;
    transaction.pragma_update(None, "user_version", today).map_err(sql)?;
    transaction.commit().map_err(sql)?;
    Ok(notices)
}

/// Foreign keys were off: what refers to nothing now did so before.
fn refuse_broken_references(transaction: &Transaction<'_>, path: &Path) -> Result<()> {
    let broken: Option<String> = transaction
        .query_row("SELECT \"table\" FROM pragma_foreign_key_check LIMIT 1", [], |row| row.get(0))
        .optional()
        .map_err(sql)?;
    broken.map_or(Ok(()), |table| {
        Err(damaged_because(path, format!("a row of its table `{table}` refers to one that is not there")))
    })
}

fn newer(path: &Path, version: i64, today: i64) -> Error {
    let text = format!("`{}` has schema {version}, this lite knows up to {today}", path.display());
    Error::new(Code::StateNewer, text).hint("use the newer lite that wrote it; nothing was changed")
}

fn tables(transaction: &Transaction<'_>) -> Result<i64> {
    transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(sql)
}

/// Where the copy of a database of an older schema is kept.
pub(super) fn backup_path(path: &Path, version: i64) -> PathBuf {
    path.with_extension(format!("db.v{version}.backup"))
}

/// Copies the database as it is; whole under its name or not at all. Mode 0600 from its first byte: it holds secrets.
fn back_up(path: &Path, version: i64) -> Result<()> {
    let (backup, making) = (backup_path(path, version), path.with_extension(format!("db.v{version}.backup.new")));
    let unwritable = |e: std::io::Error| not_writable(&making, &e);
    match std::fs::remove_file(&making) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(unwritable(e)),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&making).map_err(unwritable)?;
    // A connection of its own: SQLite copies nothing out of one that is writing.
    let source = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(sql)?;
    source.backup("main", &making, None::<fn(rusqlite::backup::Progress)>).map_err(|e| {
        Error::new(Code::BackupFailed, format!("cannot copy the state database to `{}`", making.display()))
            .cause(e)
            .hint("make space there; nothing was changed, and the next command tries again")
    })?;
    std::fs::rename(&making, &backup).map_err(|e| not_writable(&backup, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> i64 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_migration_that_fails_leaves_the_database_as_it_was_and_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let mut connection = Connection::open(&path).unwrap();
        let one = Migration::of("CREATE TABLE t (a); INSERT INTO t VALUES (7)");
        migrate_by(&[one], &mut connection, &path, 0).unwrap();
        assert!(!backup_path(&path, 0).exists(), "there was nothing to copy");
        let broken = Migration::of("ALTER TABLE t ADD COLUMN b; UPDATE t SET a = 8; UPDATE no_such_table SET c = 1");
        assert_eq!(
            migrate_by(&[one, broken], &mut connection, &path, 1).map_err(|e| e.code.as_str()),
            Err("state_error")
        );
        let row = "SELECT a FROM t";
        assert_eq!((version(&connection), connection.query_row(row, [], |r| r.get(0))), (1, Ok(7)));
        assert!(connection.prepare("SELECT b FROM t").is_err());
        let copy = Connection::open(backup_path(&path, 1)).unwrap();
        assert_eq!((version(&copy), copy.query_row(row, [], |r| r.get(0))), (1, Ok(7)));
        drop(copy);
        // The next try goes through, and the copy is made anew.
        let (two, three) = (Migration::of("UPDATE t SET a = 9"), Migration::of("UPDATE t SET a = a + 1"));
        migrate_by(&[one, two, three], &mut connection, &path, 1).unwrap();
        assert_eq!((version(&connection), connection.query_row(row, [], |r| r.get(0))), (3, Ok(10)));
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["state.db", "state.db.v1.backup"]);
    }

    #[test]
    fn every_version_is_one_file_in_order() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/schema");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), MIGRATIONS.len());
        for (n, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(std::fs::read_to_string(folder.join(format!("{}.sql", n + 1))).unwrap(), migration.sql);
        }
    }
}
