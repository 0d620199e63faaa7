//! `lite list`.

use serde::Serialize;

use super::{ListRow, Total, totals_of};

/// The document of `list`.
#[derive(Debug, Serialize)]
pub struct ListDocument<'a> {
    /// The instances.
    pub instances: &'a [ListRow],
    /// The sums of their prices, one per currency.
    pub totals: Vec<Total>,
}

impl<'a> ListDocument<'a> {
    /// Of some instances.
    pub fn of(rows: &'a [ListRow]) -> Self {
        Self { instances: rows, totals: totals_of(rows) }
    }
}
