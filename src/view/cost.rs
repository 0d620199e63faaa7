//! `lite cost`.

use serde::Serialize;

use super::{ListRow, StorageRow, Total, totals_of};
use crate::model::{Currency, Money};

/// The document of `cost`.
#[derive(Debug, Serialize)]
pub struct CostDocument<'a> {
    /// What each instance costs.
    pub instances: Vec<CostRow<'a>>,
    /// What each disk and snapshot costs.
    pub storage: &'a [StorageRow],
    /// The sums, one per currency.
    pub totals: Vec<Total>,
}

/// What an instance costs a month.
#[derive(Debug, Serialize)]
pub struct CostRow<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its bundle.
    pub bundle: &'a str,
    /// The price agreed at create.
    pub price: Money,
    /// The currency of the price.
    pub currency: &'a Currency,
}

impl<'a> CostDocument<'a> {
    /// Of some instances, disks and snapshots.
    pub fn of(rows: &'a [ListRow], storage: &'a [StorageRow]) -> Self {
        let row = |r: &'a ListRow| CostRow { name: &r.name, bundle: &r.bundle, price: r.price, currency: &r.currency };
        Self { instances: rows.iter().map(row).collect(), storage, totals: totals_of(rows, storage) }
    }
}
