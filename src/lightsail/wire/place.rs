//! Where things are.

use serde::{Deserialize, Serialize};

/// Where a resource is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// Its zone; `all` for what is in none.
    pub availability_zone: String,
    /// Its region.
    pub region_name: String,
}

/// `GetRegions`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRegions {
    /// With the zones of each.
    #[serde(default)]
    pub include_availability_zones: Option<bool>,
}

/// The regions.
#[derive(Debug, Serialize)]
pub struct Regions {
    /// All of them.
    pub regions: Vec<Region>,
}

/// A region.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Region {
    /// Its name.
    pub name: String,
    /// The same, for people.
    pub display_name: String,
    /// What it is.
    pub description: String,
    /// Its zones, where they were asked for.
    pub availability_zones: Vec<Zone>,
}

/// A zone.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Zone {
    /// Its name.
    pub zone_name: String,
    /// `available`.
    pub state: &'static str,
}
