//! Kernel locks on images: one process at a time works on an id.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{
    files::{NOFOLLOW, check_id, io},
    tools,
};
use crate::{
    clock::{Clock, SystemClock},
    model::{Code, Error, Observer, Result, Stage},
};

/// How often a waiting process tries for a lock again.
const RETRY: Duration = Duration::from_millis(100);

/// A held lock on an id; freed with the value or the process.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// Another process held it first, and may have done the work.
    pub waited: bool,
    /// A program was given it, and may still run.
    shared: AtomicBool,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would not do while a process that another thread is just starting holds a copy of it.
        if !self.shared.load(Ordering::Relaxed) {
            let _ = self.file.unlock();
        }
    }
}

impl Lock {
    /// Tries once; none: another process holds it.
    pub(super) fn attempt(dir: &Path, id: &str) -> Result<Option<Self>> {
        let at = lock_path(dir, id);
        let failed = |e| {
            io("lock", &at, e).hint("run lite as root (`sudo lite …`), or choose another folder with `LITE_POOL_DIR`")
        };
        std::fs::create_dir_all(dir).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(NOFOLLOW);
        let file = options.open(&at).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file, waited: false, shared: AtomicBool::new(false) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(failed(e)),
        }
    }

    /// The lock as the standard input of a program, empty: the lock is free when both this value and the program are gone.
    pub(super) fn share(&self) -> Result<std::process::Stdio> {
        self.shared.store(true, Ordering::Relaxed);
        self.file
            .try_clone()
            .map(Into::into)
            .map_err(|e| Error::new(Code::ImageIo, "cannot share the lock of the image").cause(e))
    }
}

/// Takes the lock on an id, waiting while another process works on it.
pub fn lock(dir: &Path, id: &str, cancel: &AtomicBool, observer: &mut dyn Observer) -> Result<Lock> {
    check_id(id)?;
    let mut waited = false;
    loop {
        if let Some(mut lock) = Lock::attempt(dir, id)? {
            lock.waited = waited;
            return Ok(lock);
        }
        if !waited {
            observer.begin(Stage::Waiting);
            waited = true;
        }
        tools::check(cancel)?;
        SystemClock.sleep(RETRY);
    }
}

/// The file of the lock on an id. It stays: there is one for each id that was ever worked on.
pub(super) fn lock_path(dir: &Path, id: &str) -> PathBuf {
    dir.join(format!(".lock-{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_file_keeps_the_lock_only_where_a_program_was_given_it() {
        let dir = tempfile::tempdir().unwrap();
        let attempt = || Lock::attempt(dir.path(), "a").unwrap();
        let lock = attempt().unwrap();
        // What a process has between fork and exec.
        let copy = lock.file.try_clone().unwrap();
        assert!(attempt().is_none());
        drop(lock);
        let lock = attempt().expect("free though a copy is open");
        drop(copy);
        let program = lock.share().unwrap();
        drop(lock);
        assert!(attempt().is_none(), "the program writes on");
        drop(program);
        assert!(attempt().is_some());
    }
}
