//! Whether the files of an image may go. A create shares the hold until its row names the image; who removes has it alone.
//!
//! It is no [`super::Lock`]: an image that is built anew meanwhile keeps its older versions, so nobody waits for that.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::atomic::AtomicBool,
    time::Duration,
};

use super::{
    Images,
    files::{NOFOLLOW, check_id, io},
    tools,
};
use crate::{
    clock::{Clock, SystemClock},
    model::Result,
};

/// How often a waiting process tries again: a removal takes no longer.
const RETRY: Duration = Duration::from_millis(20);

/// A hold on the files of an image; free with the value or the process.
#[derive(Debug)]
pub struct Hold(File);

impl Hold {
    /// Holds a file that this process has locked.
    pub(super) fn of(locked: File) -> Self {
        Self(locked)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Closing the file would not do while a process that another thread is just starting holds a copy of it.
        let _ = self.0.unlock();
    }
}

/// Shares the hold with other creates, after a removal that is under way.
///
/// # Errors
/// Interrupted, or the folder cannot be written.
pub fn shared(images: &Images, id: &str, cancel: &AtomicBool) -> Result<Hold> {
    loop {
        if let Some(hold) = attempt(images.work(), id, File::try_lock_shared)? {
            return Ok(hold);
        }
        tools::check(cancel)?;
        SystemClock.sleep(RETRY);
    }
}

/// Has the hold alone; none: somebody shares it.
pub(super) fn alone(work: &Path, id: &str) -> Result<Option<Hold>> {
    attempt(work, id, File::try_lock)
}

fn attempt(
    work: &Path,
    id: &str,
    lock: impl Fn(&File) -> std::result::Result<(), TryLockError>,
) -> Result<Option<Hold>> {
    check_id(id)?;
    // `_` is in no id, so it is the lock of no image.
    let at = work.join(format!(".lock-{id}_use"));
    let failed = |e| io("lock", &at, e);
    std::fs::create_dir_all(work).map_err(failed)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(NOFOLLOW);
    let file = options.open(&at).map_err(failed)?;
    match lock(&file) {
        Ok(()) => Ok(Some(Hold::of(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(failed(e)),
    }
}
