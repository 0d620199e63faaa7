//! `lite bundles`.

use serde::Serialize;

use super::{DiskView, row::bytes};
use crate::model::{Currency, Money, Size};

/// A bundle, and how many more of it this host has room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BundleRow {
    /// Id.
    pub id: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory.
    #[serde(rename = "memory_bytes", serialize_with = "bytes")]
    pub memory: Size,
    /// Root disk.
    #[serde(rename = "disk_bytes", serialize_with = "bytes")]
    pub disk: Size,
    /// Transfer a month.
    #[serde(rename = "transfer_bytes", serialize_with = "bytes")]
    pub transfer: Size,
    /// Price a month.
    pub price: Money,
    /// Its currency.
    pub currency: Currency,
    /// How many more fit on this host; none if the host could not be asked.
    pub fits: Option<u64>,
    /// What one more lacks: `vCPUs`, `memory`, `disk`.
    pub short: Vec<&'static str>,
}

/// The document of `bundles`.
#[derive(Debug, Serialize)]
pub struct BundlesDocument<'a> {
    /// The bundles.
    pub bundles: &'a [BundleRow],
    /// The disk of this host; none if the host could not be asked.
    pub disk: Option<DiskView>,
}
