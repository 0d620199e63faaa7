//! Disks.

use serde::{Deserialize, Serialize};

use super::{Location, Tag, Time};

/// What is about one disk.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfDisk {
    /// Its name.
    pub disk_name: String,
}

/// Disks.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disks {
    /// Those of this page.
    pub disks: Vec<Disk>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// One disk.
#[derive(Debug, Serialize)]
pub struct OneDisk {
    /// It.
    pub disk: Disk,
}

/// A disk.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// Its name; none: it is the first of an instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its name among all there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// For whoever is asked about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support_code: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// Where it is.
    pub location: Location,
    /// `Disk`.
    pub resource_type: &'static str,
    /// Disks have no tags.
    pub tags: [Tag; 0],
    /// Its size.
    pub size_in_gb: u64,
    /// An instance began with it.
    pub is_system_disk: bool,
    /// By which path its guest finds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How it stands.
    pub state: &'static str,
    /// Which instance has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_to: Option<String>,
    /// One has it.
    pub is_attached: bool,
}

/// `CreateDisk`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateDisk {
    /// Its name.
    pub disk_name: String,
    /// Where.
    pub availability_zone: String,
    /// Its size.
    pub size_in_gb: u64,
    /// Its tags: disks have none.
    pub tags: Option<Vec<Tag>>,
    /// Add-ons: there are none.
    pub add_ons: Option<Vec<serde_json::Value>>,
}

/// `AttachDisk`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachDisk {
    /// Its name.
    pub disk_name: String,
    /// Which instance gets it.
    pub instance_name: String,
}
