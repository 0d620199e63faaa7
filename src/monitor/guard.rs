//! One at a time: a kernel lock on a file, freed by the death of its owner.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::{
    model::{Code, Error, Hint, Result},
    store::create_private_dir,
};

/// A held lock; freed with this value or its process.
#[derive(Debug)]
pub struct Guard(File);

impl Drop for Guard {
    fn drop(&mut self) {
        // Closing the file would not do while a process that another thread is just starting holds a copy of it.
        let _ = self.0.unlock();
    }
}

/// What came of the attempt.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Held(Guard),
    /// Another process holds it; its id, if it left one.
    Busy(Option<u32>),
}

/// Tries to take the lock `NAME.lock` in the folder of the locks.
pub fn attempt(state: &Path, name: &str) -> Result<Attempt> {
    let dir = state.join("locks");
    create_private_dir(&dir)?;
    let path = dir.join(format!("{name}.lock"));
    let fail = |e: std::io::Error| {
        Error::new(Code::StateNotWritable, format!("cannot lock `{}`", path.display()))
            .cause(e)
            .hint(Hint::again_as_root_or("LITE_STATE_DIR"))
    };
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(fail)?;
            Ok(Attempt::Held(Guard(file)))
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let read = file.take(32).read_to_string(&mut text);
            Ok(Attempt::Busy(read.ok().and_then(|_| text.trim().parse().ok())))
        }
        Err(TryLockError::Error(e)) => Err(fail(e)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempt, attempt};

    #[test]
    fn a_second_one_hears_who() {
        let dir = tempfile::tempdir().unwrap();
        let first = attempt(dir.path(), "watch").unwrap();
        assert!(matches!(first, Attempt::Held(_)));
        assert!(matches!(attempt(dir.path(), "watch").unwrap(), Attempt::Busy(Some(pid)) if pid == std::process::id()));
        assert!(matches!(attempt(dir.path(), "other").unwrap(), Attempt::Held(_)));
        drop(first);
        assert!(matches!(attempt(dir.path(), "watch").unwrap(), Attempt::Held(_)));
    }
}
