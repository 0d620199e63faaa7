//! Bundles and blueprints.

use serde::{Deserialize, Serialize};

/// `GetBundles` and `GetBlueprints`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetCatalog {
    /// Where the list goes on.
    pub page_token: Option<String>,
    /// Only those for research; there are none.
    pub app_category: Option<String>,
}

/// Bundles.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundles {
    /// Those of this page.
    pub bundles: Vec<Bundle>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// A bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    /// Price a month.
    pub price: f64,
    /// Virtual CPUs.
    pub cpu_count: u32,
    /// Root disk.
    pub disk_size_in_gb: u64,
    /// Its id.
    pub bundle_id: String,
    /// It can be chosen.
    pub is_active: bool,
    /// Its name.
    pub name: String,
    /// How strong it is: its memory in MiB.
    pub power: u64,
    /// Memory.
    pub ram_size_in_gb: f64,
    /// Transfer a month.
    pub transfer_per_month_in_gb: u64,
    /// What runs in it.
    pub supported_platforms: [&'static str; 1],
    /// Addresses.
    pub public_ipv4_address_count: u32,
}

/// Blueprints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Blueprints {
    /// Those of this page.
    pub blueprints: Vec<Blueprint>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// A blueprint.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Blueprint {
    /// Its id.
    pub blueprint_id: String,
    /// Its title.
    pub name: String,
    /// What it belongs to: itself.
    pub group: String,
    /// `os` or `app`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A paragraph.
    pub description: String,
    /// It can be chosen.
    pub is_active: bool,
    /// The weakest bundle for it: its memory in MiB.
    pub min_power: u64,
    /// Its version.
    pub version: String,
    /// The same.
    pub version_code: String,
    /// What it runs on.
    pub platform: &'static str,
}
