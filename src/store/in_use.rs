//! Which databases this process has open.
//!
//! The locks that SQLite holds on a file are the process's (POSIX): whoever closes another descriptor of the file gives them all
//! up, and a process elsewhere may then remove the log that is still written here (<https://sqlite.org/howtocorrupt.html>, 2.2). So
//! the file is opened beside SQLite only while no connection of this process has it.

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A file, whatever it is called: device and inode.
type FileId = (u64, u64);

/// How many connections each has.
static OPEN: Mutex<BTreeMap<FileId, usize>> = Mutex::new(BTreeMap::new());

fn id(path: &Path) -> Option<FileId> {
    std::fs::metadata(path).ok().map(|seen| (seen.dev(), seen.ino()))
}

/// The turn of one who looks at files of databases, or opens them.
pub(super) struct Turn(MutexGuard<'static, BTreeMap<FileId, usize>>);

/// Waits for it.
pub(super) fn turn() -> Turn {
    Turn(OPEN.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Turn {
    /// Whether this process has a connection to the file: then it is not opened beside SQLite.
    pub fn is_open(&self, path: &Path) -> bool {
        id(path).is_some_and(|id| self.0.contains_key(&id))
    }

    /// Counts a connection that was just opened.
    pub fn opened(mut self, path: &Path) -> InUse {
        let id = id(path);
        if let Some(id) = id {
            *self.0.entry(id).or_default() += 1;
        }
        InUse(id)
    }
}

/// A connection that is counted. Dropped after it.
pub(super) struct InUse(Option<FileId>);

impl InUse {
    /// Whether it is a connection to the file that has this name now.
    pub fn is(&self, path: &Path) -> bool {
        self.0.is_some() && self.0 == id(path)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let (Some(id), Turn(mut open)) = (self.0, turn()) else { return };
        let left = open.get(&id).map_or(0, |count| count - 1);
        match left {
            0 => drop(open.remove(&id)),
            left => drop(open.insert(id, left)),
        }
    }
}
