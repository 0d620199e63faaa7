//! Snapshots of single disks: copies of one that instances are given, at one moment, kept by name.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Consistency, CopiedDisk, Name, ResourceKind, ResourceRef, Size, SnapshotState, StoredSnapshot};

/// A snapshot of a disk, as its sidecar in the pool has it too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSnapshot {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: Name,
    /// The disk, as it was then.
    pub disk: CopiedDisk,
    /// The state of its file system; none: it is being made.
    pub consistency: Option<Consistency>,
    /// When it was asked for.
    pub created_at: jiff::Timestamp,
}

/// A stored snapshot of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDiskSnapshot {
    /// What its sidecar has too.
    pub snapshot: DiskSnapshot,
    /// How far its life has come.
    pub state: SnapshotState,
    /// Bytes that its copy takes in the pool; none: it is being made.
    pub allocation: Option<Size>,
}

/// A stored snapshot, whatever it is of: they share their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnySnapshot {
    /// Of an instance.
    Instance(Box<StoredSnapshot>),
    /// Of a disk.
    Disk(StoredDiskSnapshot),
}

impl AnySnapshot {
    /// Its id and name.
    pub fn resource(&self) -> ResourceRef {
        match self {
            Self::Instance(one) => ResourceRef::from(&one.snapshot),
            Self::Disk(one) => ResourceRef::from(&one.snapshot),
        }
    }

    /// How far its life has come.
    pub fn state(&self) -> SnapshotState {
        match self {
            Self::Instance(one) => one.state,
            Self::Disk(one) => one.state,
        }
    }

    /// When it was asked for.
    pub fn created_at(&self) -> jiff::Timestamp {
        match self {
            Self::Instance(one) => one.snapshot.created_at,
            Self::Disk(one) => one.snapshot.created_at,
        }
    }

    /// What it is of: the name that the instance had then, or the disk.
    pub fn of(&self) -> &Name {
        match self {
            Self::Instance(one) => &one.snapshot.record.name,
            Self::Disk(one) => &one.snapshot.disk.name,
        }
    }

    /// Bytes that its copies take in the pool; none: it is being made.
    pub fn allocation(&self) -> Option<Size> {
        match self {
            Self::Instance(one) => one.allocation,
            Self::Disk(one) => one.allocation,
        }
    }

    /// The disks that it holds beside a root disk.
    pub fn disks(&self) -> &[CopiedDisk] {
        match self {
            Self::Instance(one) => &one.snapshot.disks,
            Self::Disk(one) => std::slice::from_ref(&one.snapshot.disk),
        }
    }
}

impl From<&DiskSnapshot> for ResourceRef {
    fn from(snapshot: &DiskSnapshot) -> Self {
        Self { kind: ResourceKind::Snapshot, id: snapshot.id, name: snapshot.name.to_string() }
    }
}
