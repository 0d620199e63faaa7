//! `lite show`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{ListRow, OpenService, StorageRow, row};
use crate::model::{DesiredState, Drift, InstanceState, Mac};

/// Everything about an instance but its secrets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShowView {
    /// What a listing shows.
    #[serde(flatten)]
    pub row: ListRow,
    /// What the user wants.
    pub desired_state: DesiredState,
    /// Until when it is kept; none: it is not deleted.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "row::some_time")]
    pub kept_until: Option<Timestamp>,
    /// Version of its blueprint at create.
    pub blueprint_version: String,
    /// Transfer a month, as text: `3 TiB`.
    pub transfer: String,
    /// Hardware address.
    pub mac: Mac,
    /// What its firewall lets in, ICMP included.
    pub firewall: Vec<OpenService>,
    /// Digest of the image below its disk.
    pub image_digest: String,
    /// What the blueprint prints: label and value, such as `URL`.
    #[serde(serialize_with = "outputs")]
    pub outputs: Vec<(String, String)>,
    /// The state without regard to what was changed by hand.
    pub power: InstanceState,
    /// In what its domain differs from its record.
    pub drift: Vec<Drift>,
    /// The latest values of its metrics; none if nothing was measured of late.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<&'static str, f64>,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// The operation at work on it, if one is: its kind and id.
    pub operation: Option<String>,
    /// Fingerprint of its SSH host key.
    pub host_key: Option<String>,
    /// Its operating system, by its own word of the last minutes; none if it says nothing.
    pub os: Option<String>,
    /// The disks that it was given, and its snapshots.
    pub storage: Vec<StorageRow>,
    /// Whether its operating system waits for a reboot, by its own word; none if it says nothing.
    pub reboot_required: Option<bool>,
}

pub(super) fn outputs<S: serde::Serializer>(pairs: &[(String, String)], to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_map(pairs.iter().map(|(k, v)| (k, v)))
}

/// The document of `show`.
#[derive(Debug, Serialize)]
pub struct ShowDocument<'a> {
    /// The instances.
    pub instances: &'a [ShowView],
}
