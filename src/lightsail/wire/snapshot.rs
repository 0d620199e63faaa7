//! Snapshots.

use serde::{Deserialize, Serialize};

use super::{AddOnRequest, Location, Tag, Time};

/// What is about one snapshot.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfSnapshot {
    /// Its name.
    pub instance_snapshot_name: String,
}

/// Snapshots.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshots {
    /// Those of this page.
    pub instance_snapshots: Vec<Snapshot>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// One snapshot.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OneSnapshot {
    /// It.
    pub instance_snapshot: Snapshot,
}

/// A snapshot of an instance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
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
    /// `InstanceSnapshot`.
    pub resource_type: &'static str,
    /// Snapshots have no tags of their own.
    pub tags: [Tag; 0],
    /// How it stands.
    pub state: &'static str,
    /// The instance.
    pub from_instance_name: String,
    /// Its blueprint.
    pub from_blueprint_id: String,
    /// Its bundle.
    pub from_bundle_id: String,
    /// The watcher made it.
    pub is_from_auto_snapshot: bool,
    /// The root disk.
    pub size_in_gb: u64,
}

/// `CreateInstanceSnapshot`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateSnapshot {
    /// Its name.
    pub instance_snapshot_name: String,
    /// Of which instance.
    pub instance_name: String,
    /// Its tags: it has those of the instance.
    pub tags: Option<Vec<Tag>>,
}

/// `CreateInstancesFromSnapshot`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateFromSnapshot {
    /// Their names.
    pub instance_names: Vec<String>,
    /// Where.
    pub availability_zone: String,
    /// The snapshot.
    pub instance_snapshot_name: Option<String>,
    /// The bundle.
    pub bundle_id: String,
    /// A script: they are set up already.
    pub user_data: Option<String>,
    /// The key pair that may log in.
    pub key_pair_name: Option<String>,
    /// Their tags.
    pub tags: Option<Vec<Tag>>,
    /// What lite is to do for them by itself.
    pub add_ons: Option<Vec<AddOnRequest>>,
    /// Which kinds of addresses.
    pub ip_address_type: Option<String>,
    /// New names for disks: they are left out.
    pub attached_disk_mapping: Option<serde_json::Value>,
    /// The instance, in place of a snapshot: one of its automatic ones.
    pub source_instance_name: Option<String>,
    /// That of this day of UTC.
    pub restore_date: Option<String>,
    /// The latest.
    pub use_latest_restorable_auto_snapshot: Option<bool>,
}
