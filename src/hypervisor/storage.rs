//! Storage pools and the volumes in them.

use std::{fmt, io::Read};

use crate::model::Result;

/// A storage pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolInfo {
    /// Started.
    pub active: bool,
    /// Target directory, from its XML.
    pub path: String,
    /// Bytes in all.
    pub capacity: u64,
    /// Bytes free.
    pub available: u64,
}

/// A storage volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeInfo {
    /// Name in the pool.
    pub name: String,
    /// Path on the host.
    pub path: String,
    /// Bytes as the guest sees it.
    pub capacity: u64,
    /// Bytes in use on the host.
    pub allocation: u64,
}

/// Bytes on their way into a volume.
pub struct Upload<'a> {
    /// Where they come from.
    pub source: &'a mut dyn Read,
    /// How many they are.
    pub length: u64,
}

impl fmt::Debug for Upload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Storage pools.
pub trait Pools: Send + Sync {
    /// A pool by name, refreshed if active.
    fn pool(&self, name: &str) -> Result<Option<PoolInfo>>;
    /// Defines, builds and starts a pool, with autostart.
    fn ensure_pool(&self, name: &str, xml: &str) -> Result<()>;
}

/// Volumes. Every call answers `no_pool` if the pool is not there, except `volume` and `remove_volume`.
pub trait Volumes: Send + Sync {
    /// The volumes of a pool.
    fn volumes(&self, pool: &str) -> Result<Vec<VolumeInfo>>;
    /// One volume.
    fn volume(&self, pool: &str, name: &str) -> Result<Option<VolumeInfo>>;
    /// Creates a volume; content if one of the name exists (the journal says whether it is whole).
    fn ensure_volume(&self, pool: &str, name: &str, xml: &str) -> Result<()>;
    /// Writes bytes to the start of a volume; `no_volume`, or `volume_too_small` with nothing written.
    fn upload(&self, pool: &str, volume: &str, bytes: &[u8]) -> Result<()>;
    /// Writes bytes to the start of a volume as they come, each piece within a deadline; `no_volume`, or `volume_too_small`
    /// with nothing written. `file_unreadable` if there are fewer than were said.
    fn upload_from(&self, pool: &str, volume: &str, upload: Upload<'_>) -> Result<()>;
    /// Reads a volume from its start to its end, as the bytes come; each read is answered within a deadline. `no_volume`.
    fn download(&self, pool: &str, volume: &str) -> Result<Box<dyn Read + Send>>;
    /// Creates a volume with the content of another one of the pool, which libvirt copies by itself; content if one of the
    /// name exists (the journal says whether it is whole). `no_volume` if there is nothing to copy.
    fn clone_volume(&self, pool: &str, source: &str, name: &str, xml: &str) -> Result<()>;
    /// Makes a volume that nothing has open larger: `bytes` is its new size. `no_volume`; fails where it would get smaller.
    fn resize_volume(&self, pool: &str, name: &str, bytes: u64) -> Result<()>;
    /// Deletes a volume.
    fn remove_volume(&self, pool: &str, name: &str) -> Result<()>;
}
