//! What lite does for an instance by itself: snapshots once a day.

use serde::{Deserialize, Serialize};

use super::Time;

/// Asks for an add-on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddOnRequest {
    /// `AutoSnapshot`; others are not known here.
    pub add_on_type: String,
    /// When.
    pub auto_snapshot_add_on_request: Option<AutoSnapshotRequest>,
}

/// When snapshots are made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoSnapshotRequest {
    /// From when on in the day of UTC, such as `06:00`.
    pub snapshot_time_of_day: Option<String>,
}

/// `EnableAddOn`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnableAddOn {
    /// Which instance.
    pub resource_name: String,
    /// What.
    pub add_on_request: AddOnRequest,
}

/// `DisableAddOn`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DisableAddOn {
    /// `AutoSnapshot`.
    pub add_on_type: String,
    /// Of which instance.
    pub resource_name: String,
}

/// An add-on of an instance.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddOn {
    /// `AutoSnapshot`.
    pub name: &'static str,
    /// `Enabled`.
    pub status: &'static str,
    /// From when on in the day of UTC.
    pub snapshot_time_of_day: String,
    /// The same: it is so already.
    pub next_snapshot_time_of_day: String,
}

/// What is about the automatic snapshots of an instance.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfResource {
    /// Its name.
    pub resource_name: String,
}

/// `DeleteAutoSnapshot`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteAutoSnapshot {
    /// Of which instance.
    pub resource_name: String,
    /// Of which day of UTC.
    pub date: String,
}

/// The automatic snapshots of an instance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoSnapshots {
    /// Its name.
    pub resource_name: String,
    /// `Instance`.
    pub resource_type: &'static str,
    /// Them, the latest first.
    pub auto_snapshots: Vec<AutoSnapshot>,
}

/// An automatic snapshot.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoSnapshot {
    /// The day of UTC.
    pub date: String,
    /// When it was asked for.
    pub created_at: Time,
    /// How it stands.
    pub status: &'static str,
    /// The disks that the instance had been given.
    pub from_attached_disks: Vec<AttachedDisk>,
}

/// A disk in an automatic snapshot.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachedDisk {
    /// Its size.
    pub size_in_gb: u64,
}

/// `SetIpAddressType`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetIpAddressType {
    /// `Instance`.
    pub resource_type: String,
    /// Its name.
    pub resource_name: String,
    /// Which kinds of addresses.
    pub ip_address_type: String,
}
