//! `lite list`.

use serde::Serialize;

use super::{DiskView, ListRow, Total, totals_of};

/// The document of `list`.
#[derive(Debug, Serialize)]
pub struct ListDocument<'a> {
    /// The instances.
    pub instances: &'a [ListRow],
    /// The sums of their prices, one per currency.
    pub totals: Vec<Total>,
    /// The disk they lie on; none if it could not be looked at.
    pub disk: Option<DiskView>,
}

impl<'a> ListDocument<'a> {
    /// Of some instances.
    pub fn of(rows: &'a [ListRow], disk: Option<DiskView>) -> Self {
        Self { instances: rows, totals: totals_of(rows), disk }
    }
}
