//! What was measured of an instance.

use std::time::Duration;

use super::span;
use crate::{
    app::metric,
    lightsail::{
        call::{Call, name},
        fault::{Answer, Fault},
        map::monitoring as map,
        wire::{GetMetricData, MetricData},
    },
    model::{Metric, Unobserved},
};

/// The longest period.
const LONGEST: u32 = 86_400;
/// Metrics that lite does not measure: they have no points.
const UNKNOWN: [&str; 6] = [
    "BurstCapacityTime",
    "BurstCapacityPercentage",
    "MetadataNoToken",
    "DiskTotalReadTime",
    "DiskTotalWriteTime",
    "DiskQueueLength",
];

/// One metric of an instance over time.
pub fn data(call: &Call<'_>, input: GetMetricData) -> Answer<MetricData> {
    let (from, to) = span(input.start_time, input.end_time)?;
    if !(60..=LONGEST).contains(&input.period) || !input.period.is_multiple_of(60) {
        return Err(Fault::invalid(format!("`period` has to be whole minutes, 60 to {LONGEST} seconds")));
    }
    if input.statistics.is_empty() {
        return Err(Fault::invalid("`statistics` has to name what is told"));
    }
    let is_unknown = UNKNOWN.contains(&input.metric_name.as_str());
    let metric = if is_unknown { Metric::CpuUtilization } else { Metric::parse(&input.metric_name)? };
    let unit = map::unit(metric);
    if !is_unknown && input.unit != unit {
        return Err(Fault::invalid(format!("`unit` of `{metric}` is `{unit}`")));
    }
    let now = call.app().clock.now();
    let since = Duration::try_from(now.duration_since(from)).unwrap_or_default();
    let view = metric::points(call.app(), call.caller, &name(&input.instance_name)?, metric, since, &mut Unobserved)?;
    let metric_data = match is_unknown {
        true => Vec::new(),
        false => {
            let between = (from.as_second(), to.as_second());
            map::fold(&view.points, between, input.period, (metric, &input.statistics))
        }
    };
    Ok(MetricData { metric_name: input.metric_name, metric_data })
}
