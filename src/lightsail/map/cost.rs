//! Prices of a month as what a time costs.

use jiff::Timestamp;

use crate::{
    lightsail::wire::{Budget, Estimate, EstimateByTime, TimePeriod},
    view::ListRow,
};

/// Hours of a month, as prices have it.
const MONTH: f64 = 730.0;

/// What an instance costs in a time, as long as it is there: by its price a month, running or not.
pub fn budget(row: &ListRow, (from, to): (Timestamp, Timestamp)) -> Budget {
    let begin = from.max(row.created_at).min(to);
    let hours = to.duration_since(begin).as_secs_f64() / 3600.0;
    #[allow(clippy::cast_precision_loss, reason = "prices end at a million")]
    let price = row.price.as_hundredths() as f64 / 100.0;
    let period = TimePeriod { start: begin.into(), end: to.into() };
    let by_time = EstimateByTime {
        usage_cost: price * hours / MONTH,
        pricing_unit: "Hrs",
        unit: hours,
        currency: row.currency.to_string(),
        time_period: period,
    };
    Budget {
        resource_name: row.name.clone(),
        resource_type: "Instance",
        cost_estimates: vec![Estimate { usage_type: row.bundle.clone(), results_by_time: [by_time] }],
        start_time: from.into(),
        end_time: to.into(),
    }
}
