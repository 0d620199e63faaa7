//! The file of the database: whether it is there and whole, seen without SQLite where that is enough.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, Permissions},
    io::{ErrorKind, Read},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{Store, damaged_because, in_use, not_writable, unreadable_file};
use crate::model::Result;

/// Name of the database in its folder.
pub(super) const NAME: &str = "state.db";

/// A file beside the database that belongs to it: `-wal`, `-shm`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// What stands in the first 100 bytes of an SQLite file.
struct Header {
    user_version: u32,
    /// Bytes the file must have; none where the header does not say.
    length: Option<u64>,
}

/// Reads the header; none if the file has no 100 bytes that start as SQLite's do.
fn header(path: &Path) -> std::io::Result<Option<Header>> {
    let mut bytes = [0_u8; 100];
    match File::open(path)?.read_exact(&mut bytes) {
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        answer => answer?,
    }
    if !bytes.starts_with(b"SQLite format 3\0") {
        return Ok(None);
    }
    let four = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let page = match u16::from_be_bytes([bytes[16], bytes[17]]) {
        1 => 65536,
        n => u64::from(n),
    };
    // The size in pages holds only if the version that wrote it is the current one.
    let length = (four(24) == four(92)).then(|| page * u64::from(four(28)));
    Ok(Some(Header { user_version: four(60), length }))
}

/// Makes the file if it is not there, for its owner alone before a byte is in it; SQLite gives its log the same mode. One that
/// was there with wider rights loses them.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Bytes of a file; none if it is not there.
fn length(path: &Path) -> Result<Option<u64>> {
    match std::fs::metadata(path) {
        Ok(seen) => Ok(Some(seen.len())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(unreadable_file(path, &e)),
    }
}

/// A database that looks as if a part of it were gone.
pub(super) enum FileState {
    /// Nothing wrong that can be seen from outside.
    Good,
    /// Shorter than its header says: SQLite has to look.
    Short,
}

/// Looks at the file from outside before SQLite opens it. Refused if it is damaged, or if SQLite would start anew over
/// what is left of an older one.
pub(super) fn look(path: &Path) -> Result<FileState> {
    let log = length(&beside(path, "-wal"))?.unwrap_or(0);
    match length(path)? {
        // SQLite removes the log of an empty database, and with it what was committed last.
        None if log > 0 => Err(damaged_because(path, "it is missing, but its log `state.db-wal` is there")),
        Some(0) if log > 0 => Err(damaged_because(path, "it is empty, but its log `state.db-wal` is not")),
        None | Some(0) => Ok(FileState::Good),
        Some(size) => match header(path).map_err(|e| unreadable_file(path, &e))? {
            None => Err(damaged_because(path, "it does not start as an SQLite database does")),
            // With a log the rest may still be in there.
            Some(Header { length: Some(length), .. }) if size < length && log == 0 => Ok(FileState::Short),
            Some(_) => Ok(FileState::Good),
        },
    }
}

impl Store {
    /// Whether a state database was ever written in `dir`; if not, `open` makes one. An error if that cannot be told.
    pub fn exists(dir: &Path) -> Result<bool> {
        let path = dir.join(NAME);
        if length(&beside(&path, "-wal"))?.is_some_and(|log| log > 0) {
            return Ok(true);
        }
        match length(&path)? {
            None | Some(0) => Ok(false),
            // A process that died before it made the tables leaves a database of version 0.
            Some(_) => {
                let turn = in_use::turn();
                if turn.is_open(&path) {
                    return Ok(true);
                }
                let header = header(&path).map_err(|e| unreadable_file(&path, &e))?;
                Ok(header.is_none_or(|h| h.user_version != 0))
            }
        }
    }

    /// Renames a damaged database with its log, so that a new one can be made. Returns its new path; none if there is
    /// nothing to rename.
    pub fn set_aside(dir: &Path, now: jiff::Timestamp) -> Result<Option<PathBuf>> {
        let path = dir.join(NAME);
        let stem = format!("{NAME}.damaged-{}", now.strftime("%Y%m%dT%H%M%SZ"));
        let free = |name: &String| ["", "-wal"].iter().all(|s| !dir.join(format!("{name}{s}")).exists());
        let name = std::iter::once(stem.clone()).chain((2..).map(|n| format!("{stem}-{n}"))).find(free);
        let aside = dir.join(name.unwrap_or(stem));
        let mut moved = false;
        // The database first: a log alone is refused, but without its log it would be opened, as it was a while ago.
        for suffix in ["", "-wal", "-shm"] {
            let (from, to) = (beside(&path, suffix), beside(&aside, suffix));
            match std::fs::rename(&from, &to) {
                Ok(()) => moved = true,
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(not_writable(&from, &e)),
            }
        }
        Ok(moved.then_some(aside))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::make_private;

    #[test]
    fn it_is_private_before_a_byte_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
        let path = dir.path().join("state.db");
        let seen = || std::fs::metadata(&path).map(|m| (m.len(), m.permissions().mode() & 0o777)).unwrap();
        make_private(&path).unwrap();
        assert_eq!(seen(), (0, 0o600));
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        std::fs::write(&path, "x").unwrap();
        make_private(&path).unwrap();
        assert_eq!(seen(), (1, 0o600));
    }
}
