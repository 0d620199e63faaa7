//! `lite cost`.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::Serialize;

use super::{ListRow, StorageRow, Total, totals, totals_of};
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

/// What some things cost since a month began.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct MonthSoFar {
    /// When it began, as people write a day.
    pub since: String,
    /// The sums, one per currency.
    pub totals: Vec<Total>,
}

impl MonthSoFar {
    /// Of what is there now: each its price's share of the time that it was there this month, by the clock of UTC. None: the clock shows
    /// no time of which that can be said.
    pub fn of(rows: &[ListRow], storage: &[StorageRow], now: Timestamp) -> Option<Self> {
        let begin = now.to_zoned_datetime(TimeZone::UTC).first_of_month().ok()?.start_of_day().ok()?;
        let end = begin.checked_add(1.month()).ok()?.timestamp();
        let (since, first) = (begin.strftime("%-d %B").to_string(), begin.timestamp());
        let seconds = |from: Timestamp, to: Timestamp| u64::try_from(to.as_second() - from.as_second()).unwrap_or(0);
        let share = |price: Money, made: Option<Timestamp>| {
            let from = made.map_or(first, |made| made.max(first));
            price.share(seconds(from, now), seconds(first, end))
        };
        let instances = rows.iter().map(|row| (share(row.price, Some(row.created_at)), &row.currency));
        // What costs nothing has no currency of its own.
        let paid = storage.iter().filter(|one| one.price > Money::default());
        let storage = paid.map(|one| (share(one.price, one.created_at), &one.currency));
        Some(Self { since, totals: totals(instances.chain(storage)) })
    }
}

#[cfg(test)]
mod tests {
    use super::MonthSoFar;
    use crate::{
        model::{InstanceState, Money, ResourceKind, Size, StoragePrices},
        view::{ListRow, StorageRow, row::tests::row},
    };

    #[test]
    fn a_month_so_far_is_the_share_of_the_time_that_each_was_there() {
        let at = |text: &str| text.parse().unwrap();
        let made = |name: &str, at: jiff::Timestamp, price| ListRow {
            created_at: at,
            ..row(name, InstanceState::Stopped, "nano", 9, price)
        };
        // November has 30 days: ten of them are a third.
        let now = at("2026-11-11T00:00:00Z");
        let rows = [
            made("old", at("2025-01-01T00:00:00Z"), 1200),
            made("new", at("2026-11-08T00:00:00Z"), 500),
            made("ahead", at("2026-11-12T00:00:00Z"), 700),
        ];
        let prices = StoragePrices {
            disk: Money::hundredths(9),
            snapshot: Money::hundredths(0),
            currency: rows[0].currency.clone(),
        };
        let of = |kind| StorageRow::new(kind, ("data".to_owned(), None), Size::mib(10 << 10), &prices);
        let storage = [of(ResourceKind::Disk), of(ResourceKind::Snapshot)];
        let so_far = MonthSoFar::of(&rows, &storage, now).unwrap();
        assert_eq!(so_far.since, "1 November");
        // 4.00 + 0.50 + 0.00 + 0.30
        assert_eq!(so_far.totals.iter().map(|one| one.price.to_string()).collect::<Vec<_>>(), ["4.80"]);
        let first = MonthSoFar::of(&rows, &[], at("2026-11-01T00:00:00Z")).unwrap();
        assert_eq!(first.totals[0].price, Money::default());
        assert_eq!(MonthSoFar::of(&[], &[], now).unwrap().totals, []);
    }
}
