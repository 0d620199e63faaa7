//! What disks and snapshots cost, as `lite list`, `show` and `cost` give it.

use jiff::Timestamp;
use serde::Serialize;

use super::row::bytes;
use crate::model::{Currency, Money, ResourceKind, Size, StoragePrices};

/// A disk or a snapshot, and what it costs a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StorageRow {
    /// `disk` or `snapshot`.
    pub kind: ResourceKind,
    /// Its name.
    pub name: String,
    /// The instance that has the disk, or of which the snapshot is; none: nobody has it.
    pub instance: Option<String>,
    /// Where the disk is mounted there; none: nowhere, or it is a snapshot.
    pub mount: Option<String>,
    /// The size of a disk, or what a snapshot takes.
    #[serde(rename = "size_bytes", serialize_with = "bytes")]
    pub size: Size,
    /// Its price.
    pub price: Money,
    /// The currency of the price.
    pub currency: Currency,
    /// Since when it is there; none: that was not looked up.
    #[serde(skip)]
    pub created_at: Option<Timestamp>,
}

impl StorageRow {
    /// A disk or a snapshot at these prices.
    pub fn new(kind: ResourceKind, (name, instance): (String, Option<String>), size: Size, at: &StoragePrices) -> Self {
        let per_gib = if kind == ResourceKind::Disk { at.disk } else { at.snapshot };
        let (price, currency) = (per_gib.of(size), at.currency.clone());
        Self { kind, name, instance, mount: None, size, price, currency, created_at: None }
    }
}
