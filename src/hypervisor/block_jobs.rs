//! Block jobs: what QEMU does with a disk of a running domain beside the guest's own work.

use uuid::Uuid;

use crate::model::{LiveDefinition, Result};

/// How far a block job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockJob {
    /// What it does.
    pub kind: BlockJobKind,
    /// How much of `total` is done, in units of QEMU's own.
    pub done: u64,
    /// All of it; it grows while the guest writes.
    pub total: u64,
}

/// What a block job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockJobKind {
    /// Copies the disk elsewhere, and mirrors each write there.
    Copy,
    /// Fills the disk from the files that it lies on.
    Pull,
    /// Something that lite does not do.
    Other,
}

/// Block jobs of disks, which are named by their device, such as `vda`. Every call answers `no_domain` if the domain is not
/// there, and fails if it does not run. A disk has one job at a time.
pub trait BlockJobs: Send + Sync {
    /// The definition of the run, with the copies that its disks are mirrored to; none if the domain does not run.
    fn live_definition(&self, uuid: Uuid) -> Result<Option<LiveDefinition>>;
    /// Begins to copy what the disk holds above its backing file into the overlay that `xml` describes as a disk, and that has to
    /// be there. The copy is
    /// whole once the live definition says `ready`; from then on each write goes to both, until the job is aborted. The disk
    /// itself stays as it is, whatever happens. The job goes on without its client.
    fn copy_disk(&self, uuid: Uuid, device: &str, xml: &str) -> Result<()>;
    /// Begins to fill the disk with what is in its backing files above `base`, until it lies on `base` alone. A file between
    /// them is only read.
    fn pull_disk(&self, uuid: Uuid, device: &str, base: &str) -> Result<()>;
    /// The job at work on a disk. One that ended or failed is none: which of both it was, the job does not tell.
    fn block_job(&self, uuid: Uuid, device: &str) -> Result<Option<BlockJob>>;
    /// Ends the job of a disk; the disk stays what it is. Content if there is none. A copy that was not `ready` is half then,
    /// and nothing tells so.
    fn abort_block_job(&self, uuid: Uuid, device: &str) -> Result<()>;
}
