//! Snapshots of disks.

use serde::{Deserialize, Serialize};

use super::{Location, Tag, Time};

/// What is about one snapshot of a disk.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfDiskSnapshot {
    /// Its name.
    pub disk_snapshot_name: String,
}

/// `CreateDiskSnapshot`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDiskSnapshot {
    /// Its name.
    pub disk_snapshot_name: String,
    /// Of which disk.
    pub disk_name: Option<String>,
    /// Of which instance's first disk: that is a snapshot of the instance here.
    pub instance_name: Option<String>,
    /// Its tags: it has none.
    pub tags: Option<Vec<Tag>>,
}

/// `CreateDiskFromSnapshot`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDiskFromSnapshot {
    /// Its name.
    pub disk_name: String,
    /// The snapshot.
    pub disk_snapshot_name: Option<String>,
    /// Where.
    pub availability_zone: String,
    /// Its size.
    pub size_in_gb: u64,
    /// Its tags: disks have none.
    pub tags: Option<Vec<Tag>>,
    /// Add-ons: disks have none.
    pub add_ons: Option<Vec<serde_json::Value>>,
}

/// Snapshots of disks.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskSnapshots {
    /// Those of this page.
    pub disk_snapshots: Vec<DiskSnapshot>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// One snapshot of a disk.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OneDiskSnapshot {
    /// It.
    pub disk_snapshot: DiskSnapshot,
}

/// A snapshot of a disk.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskSnapshot {
    /// Its name.
    pub name: String,
    /// Its name among all there are.
    pub arn: String,
    /// For whoever is asked about it.
    pub support_code: String,
    /// When it was asked for.
    pub created_at: Time,
    /// Where it is.
    pub location: Location,
    /// `DiskSnapshot`.
    pub resource_type: &'static str,
    /// Snapshots of disks have no tags.
    pub tags: [Tag; 0],
    /// How it stands.
    pub state: &'static str,
    /// The disk.
    pub from_disk_name: String,
    /// The watcher makes none of disks.
    pub is_from_auto_snapshot: bool,
    /// The disk's size.
    pub size_in_gb: u64,
}
