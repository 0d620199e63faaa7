//! The images of a host, as the rest of the room takes them.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{folder::Folder, store::ImageStore};
use crate::model::Result;

/// The images of a host: where they are made, and where they lie.
#[derive(Clone)]
pub struct Images {
    work: PathBuf,
    store: Arc<dyn ImageStore>,
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images").field("work", &self.work).finish_non_exhaustive()
    }
}

impl Images {
    /// Those of a pool that is a folder of this machine. The work is done there as well, on the file system where its
    /// result is to lie: a move is one step then, and nothing is copied.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        let work = folder.into();
        Self { store: Arc::new(Folder::new(&work)), work }
    }

    /// Those of another store, made in the folder `work` of this machine.
    pub fn of_store(work: PathBuf, store: Arc<dyn ImageStore>) -> Self {
        Self { work, store }
    }

    /// The folder of this machine that locks, downloads and unfinished images lie in.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Gives the file of an image back to root if QEMU's account has it, which may then write to it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn take_back(&self, volume: &str) -> Result<()> {
        self.store.take_back(volume)
    }

    /// Where the finished images lie.
    pub(super) fn store(&self) -> &dyn ImageStore {
        &*self.store
    }
}
