//! `lite list`.

use serde::Serialize;

use super::{DiskView, ListRow, StorageRow, Total, totals_of};

/// The document of `list`.
#[derive(Debug, Serialize)]
pub struct ListDocument<'a> {
    /// The instances.
    pub instances: &'a [ListRow],
    /// The disks and snapshots, and what they cost.
    pub storage: &'a [StorageRow],
    /// The sums of the prices, one per currency.
    pub totals: Vec<Total>,
    /// The disk they lie on; none if it could not be looked at.
    pub disk: Option<DiskView>,
}

impl<'a> ListDocument<'a> {
    /// Of some instances, disks and snapshots.
    pub fn of(rows: &'a [ListRow], storage: &'a [StorageRow], disk: Option<DiskView>) -> Self {
        Self { instances: rows, storage, totals: totals_of(rows, storage), disk }
    }
}
