//! One end for all threads of the watcher.

use std::sync::atomic::{AtomicBool, Ordering};

/// Tells all threads of the watcher to stop when it is dropped, also while a panic unwinds.
pub struct Stop<'a>(pub &'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
