//! Where the finished images of a host lie: volumes of its pool, each with a sidecar beside it.
//!
//! Images are made in a work folder of this machine. The pool of this machine is a folder too, so a finished file is moved
//! into it (`folder.rs`): no byte is written twice, and libvirt need not run. Into any other pool it is uploaded.

use std::path::{Path, PathBuf};

use crate::model::Result;

/// A file of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Name of the volume.
    pub name: String,
    /// Path on the host.
    pub path: String,
    /// Its length, bytes; none where the host tells only what it takes. 0 of what is no file.
    pub length: Option<u64>,
    /// Bytes it takes.
    pub takes: u64,
}

/// The finished images of a host. Errors are those of its file system, or of libvirt.
pub trait ImageStore: Send + Sync {
    /// The files of images, their sidecars, and copies of disks that a bake left. Nothing where there is no store yet.
    fn entries(&self) -> Result<Vec<Stored>>;
    /// One file.
    fn find(&self, name: &str) -> Result<Option<Stored>>;
    /// Moves a finished file of this machine into the store, and gives its path there. It becomes an image with its sidecar;
    /// what is cut off before has none.
    fn put(&self, name: &str, file: &Path) -> Result<String>;
    /// What is known of an image; none if its sidecar is not there, or writing it was cut off.
    fn sidecar(&self, id: &str) -> Result<Option<Vec<u8>>>;
    /// Writes what is known of an image, over what was known.
    fn set_sidecar(&self, id: &str, text: &[u8]) -> Result<()>;
    /// Removes a file; `false` if it was not there.
    fn remove(&self, name: &str) -> Result<bool>;
    /// Gives a file back to root if another account has it: of an image that a guest's definition of an earlier lite named,
    /// libvirt made QEMU's account the owner, which may then write to it. Nothing where files have no owner that lite can change.
    fn take_back(&self, name: &str) -> Result<()>;
    /// A path of this machine where the disk of a guest that is off can be read, with all it lies on: its own `path`, or
    /// `scratch`, into which it was copied. `id` names the image that is to be made of it.
    fn disk(&self, path: &Path, id: &str, scratch: &Path) -> Result<PathBuf>;
}

/// Name of the sidecar of an image.
pub fn sidecar_name(id: &str) -> String {
    format!("base-{id}.json")
}
