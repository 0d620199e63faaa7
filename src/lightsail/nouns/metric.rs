//! What was measured of an instance or a load balancer.

use std::time::Duration;

use super::span;
use crate::{
    app::metric,
    lightsail::{
        call::{Call, name},
        fault::{Answer, Fault},
        map::monitoring as map,
        wire::{GetBalancerMetricData, GetMetricData, MetricData},
    },
    model::{Metric, Unobserved},
};

/// The longest period.
const LONGEST: u32 = 86_400;
/// Metrics that lite does not measure: they have no points.
const UNKNOWN: [&str; 7] = [
    "ClientTLSNegotiationErrorCount",
    "BurstCapacityTime",
    "BurstCapacityPercentage",
    "MetadataNoToken",
    "DiskTotalReadTime",
    "DiskTotalWriteTime",
    "DiskQueueLength",
];

/// One metric of an instance over time.
pub fn data(call: &Call<'_>, input: GetMetricData) -> Answer<MetricData> {
    over_time(call, input, Metric::CpuUtilization)
}

/// One metric of a load balancer over time.
pub fn of_balancer(call: &Call<'_>, input: GetBalancerMetricData) -> Answer<MetricData> {
    let GetBalancerMetricData { load_balancer_name, metric_name, period, start_time, end_time, unit, statistics } =
        input;
    let instance_name = load_balancer_name;
    let input = GetMetricData { instance_name, metric_name, period, start_time, end_time, unit, statistics };
    over_time(call, input, Metric::RequestCount)
}

/// `known` is one that there is, in place of one that lite does not measure.
fn over_time(call: &Call<'_>, input: GetMetricData, known: Metric) -> Answer<MetricData> {
    let (from, to) = span(input.start_time, input.end_time)?;
    if !(60..=LONGEST).contains(&input.period) || !input.period.is_multiple_of(60) {
        return Err(Fault::invalid(format!("`period` has to be whole minutes, 60 to {LONGEST} seconds")));
    }
    if input.statistics.is_empty() {
        return Err(Fault::invalid("`statistics` has to name what is told"));
    }
    let is_unknown = UNKNOWN.contains(&input.metric_name.as_str());
    let metric = if is_unknown { known } else { Metric::parse(&input.metric_name)? };
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
