//! Snapshots: copies of an instance's disks at one moment, kept by name.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{MountPoint, Name, Record, ResourceKind, ResourceRef, Size, words};

words! {
    /// In what state the file systems of a guest were at the moment of its snapshot.
    Consistency;
    /// The guest's agent had frozen them: all that was written is there, and whole.
    Frozen = "frozen",
    /// The guest ran and was not asked: they are as after a loss of power, and their journals put them right.
    Crash = "crash-consistent",
    /// The instance was off.
    Stopped = "stopped",
}

words! {
    /// How far the life of a snapshot has come.
    SnapshotState;
    /// Being made.
    Creating = "creating",
    /// Whole.
    Available = "available",
    /// Being removed.
    Deleting = "deleting",
}

/// A snapshot, as its sidecar in the pool has it too. No secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: Name,
    /// The instance, as it was recorded then.
    pub record: Record,
    /// The image's volume, on which the copy lies as the instance's disk does.
    pub image: String,
    /// The root disk as the guest sees it.
    pub size: Size,
    /// The disks that the instance had been given, copied at the same moment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<CopiedDisk>,
    /// The state of the file systems; none: it is being made.
    pub consistency: Option<Consistency>,
    /// When it was asked for.
    pub created_at: jiff::Timestamp,
    /// The watcher made it by itself: it goes by itself too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
    /// When it goes by itself, as the way back of an upgrade does; none: it stays until it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<jiff::Timestamp>,
}

/// A disk that an instance had been given, in a snapshot of the instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedDisk {
    /// The disk's id.
    pub disk: Uuid,
    /// What it was called then.
    pub name: Name,
    /// What the guest saw of it.
    pub size: Size,
    /// Where lite had mounted it in the guest; none: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount: Option<MountPoint>,
}

/// A stored snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// What its sidecar has too.
    pub snapshot: Snapshot,
    /// How far its life has come.
    pub state: SnapshotState,
    /// Bytes that its copies take in the pool beside the image; none: it is being made.
    pub allocation: Option<Size>,
    /// What came of its last verification; none: it had none.
    pub verification: Option<Verification>,
}

/// What came of booting a snapshot, to see whether it is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// When it ended.
    pub at: jiff::Timestamp,
    /// Why it is not; none: it is.
    pub failure: Option<String>,
}

impl From<&Snapshot> for ResourceRef {
    fn from(snapshot: &Snapshot) -> Self {
        Self { kind: ResourceKind::Snapshot, id: snapshot.id, name: snapshot.name.to_string() }
    }
}
