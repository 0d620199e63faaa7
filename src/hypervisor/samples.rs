//! What one look at a domain tells: the figures that the watcher turns into metrics.

use uuid::Uuid;

use super::{DomainState, StateReason};

/// What one look at a domain tells. What the host did not tell is none; counters begin at any value and may fall back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainSample {
    /// Its uuid.
    pub uuid: Uuid,
    /// Its name, not checked: it may be foreign.
    pub name: String,
    /// Its state.
    pub state: DomainState,
    /// Why it is in this state.
    pub reason: StateReason,
    /// CPU time used so far, nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Memory of the guest, by its own word.
    pub memory: Option<MemorySample>,
    /// Bytes received and sent, all interfaces together.
    pub network: Option<(u64, u64)>,
    /// All disks together.
    pub disks: Option<DiskSample>,
}

/// Memory as the guest's balloon driver tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemorySample {
    /// All the guest has, KiB.
    pub available_kib: u64,
    /// What it could give to a new process, KiB.
    pub usable_kib: u64,
    /// When the driver last updated these figures, seconds of the host's wall clock.
    pub last_update: i64,
}

/// Counters of disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskSample {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
}
