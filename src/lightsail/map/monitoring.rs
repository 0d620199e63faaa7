//! Metrics and alarms.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    app::alarm::Described,
    lightsail::{
        place::{Place, id_of},
        wire::{self, Comparison, Datapoint, Statistic},
    },
    model::{self, Comparator, Metric, MetricType, Notify, Unit},
    view::MetricPoint,
};

/// The unit of a metric.
pub fn unit(metric: Metric) -> &'static str {
    match metric.unit() {
        Unit::Percent => "Percent",
        Unit::Bytes => "Bytes",
        Unit::Count | Unit::Flag => "Count",
        Unit::Seconds => "Seconds",
    }
}

/// What of a period alarms on a metric compare: those of Lightsail say it nowhere.
pub fn statistic_of(metric: Metric) -> model::Statistic {
    match (metric.unit(), metric.kind()) {
        (Unit::Flag, _) | (_, MetricType::Counter) => model::Statistic::Sum,
        _ => model::Statistic::Average,
    }
}

/// Some points as one.
struct Folded {
    count: u32,
    sum: f64,
    minimum: f64,
    maximum: f64,
}

/// Points since a second and before another one, folded to periods that begin at whole multiples, in the order of time.
pub fn fold(
    points: &[MetricPoint],
    (from, to): (i64, i64),
    period: u32,
    (metric, statistics): (Metric, &[Statistic]),
) -> Vec<Datapoint> {
    let mut folded: BTreeMap<i64, Folded> = BTreeMap::new();
    for point in points.iter().filter(|point| (from..to).contains(&point.at.as_second())) {
        let at = point.at.as_second();
        let begin = at - at.rem_euclid(i64::from(period.max(1)));
        let none = Folded { count: 0, sum: 0.0, minimum: f64::INFINITY, maximum: f64::NEG_INFINITY };
        let one = folded.entry(begin).or_insert(none);
        one.count = one.count.saturating_add(point.samples.max(1));
        one.sum += point.sum;
        one.minimum = one.minimum.min(point.minimum);
        one.maximum = one.maximum.max(point.maximum);
    }
    let told = |wanted, value: f64| statistics.contains(&wanted).then_some(value);
    let datapoint = |(begin, one): (i64, Folded)| {
        let count = f64::from(one.count.max(1));
        Some(Datapoint {
            average: told(Statistic::Average, one.sum / count),
            maximum: told(Statistic::Maximum, one.maximum),
            minimum: told(Statistic::Minimum, one.minimum),
            sample_count: told(Statistic::SampleCount, count),
            sum: told(Statistic::Sum, one.sum),
            timestamp: Timestamp::from_second(begin).ok()?.into(),
            unit: unit(metric),
        })
    };
    folded.into_iter().filter_map(datapoint).collect()
}

/// How a value is compared, as lite has it.
pub fn comparator(comparison: Comparison) -> Comparator {
    match comparison {
        Comparison::GreaterOrEqual => Comparator::GreaterOrEqual,
        Comparison::Greater => Comparator::Greater,
        Comparison::Less => Comparator::Less,
        Comparison::LessOrEqual => Comparator::LessOrEqual,
    }
}

fn comparison(comparator: Comparator) -> Comparison {
    match comparator {
        Comparator::GreaterOrEqual => Comparison::GreaterOrEqual,
        Comparator::Greater => Comparison::Greater,
        Comparator::Less => Comparison::Less,
        Comparator::LessOrEqual => Comparison::LessOrEqual,
    }
}

fn statistic(statistic: model::Statistic) -> &'static str {
    match statistic {
        model::Statistic::Average => "Average",
        model::Statistic::Maximum => "Maximum",
        model::Statistic::Minimum => "Minimum",
        model::Statistic::Sum => "Sum",
    }
}

fn trigger(notify: Notify) -> &'static str {
    match notify {
        Notify::Alarm => "ALARM",
        Notify::Ok => "OK",
        Notify::NoData => "INSUFFICIENT_DATA",
    }
}

/// An alarm.
pub fn alarm(one: Described, place: &Place) -> wire::Alarm {
    let (row, settings) = (one.row, one.settings);
    let id = id_of("Alarm", &row.name, Timestamp::UNIX_EPOCH);
    let resource_type = if row.load_balancer.is_some() { "LoadBalancer" } else { "Instance" };
    let monitored_resource_info = wire::Monitored {
        arn: place.arn(resource_type, one.subject),
        name: row.subject().unwrap_or_default().to_owned(),
        resource_type,
    };
    wire::Alarm {
        arn: place.arn("Alarm", id),
        support_code: place.support_code(id),
        name: row.name,
        location: place.everywhere(),
        resource_type: "Alarm",
        monitored_resource_info,
        comparison_operator: comparison(settings.condition.comparator),
        evaluation_periods: settings.of,
        period: settings.period_minutes.saturating_mul(60),
        threshold: settings.condition.threshold.value(),
        datapoints_to_alarm: settings.datapoints,
        treat_missing_data: settings.missing.as_str(),
        statistic: statistic(settings.statistic),
        metric_name: settings.metric.as_str(),
        state: row.state.as_str(),
        unit: unit(settings.metric),
        notification_enabled: !settings.notify.is_empty(),
        notification_triggers: settings.notify.into_iter().map(trigger).collect(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Statistic, fold};
    use crate::{model::Metric, view::MetricPoint};

    #[test]
    fn points_are_folded_to_periods_and_only_what_was_asked_for_is_told() {
        let point = |at: i64, sum: f64, samples: u32| MetricPoint {
            at: Timestamp::from_second(at).unwrap(),
            seconds: 60,
            average: sum / f64::from(samples),
            minimum: sum / 10.0,
            maximum: sum,
            sum,
            samples,
        };
        let points =
            [point(240, 9.0, 1), point(300, 2.0, 1), point(360, 10.0, 3), point(600, 5.0, 2), point(660, 7.0, 1)];
        let all = [Statistic::Average, Statistic::Maximum, Statistic::Minimum, Statistic::Sum, Statistic::SampleCount];
        let told = fold(&points, (300, 660), 300, (Metric::NetworkIn, &all));
        let json = serde_json::to_value(&told).unwrap();
        let wanted = serde_json::json!([
            {"average": 3.0, "maximum": 10.0, "minimum": 0.2, "sampleCount": 4.0, "sum": 12.0, "timestamp": 300.0, "unit": "Bytes"},
            {"average": 2.5, "maximum": 5.0, "minimum": 0.5, "sampleCount": 2.0, "sum": 5.0, "timestamp": 600.0, "unit": "Bytes"},
        ]);
        assert_eq!(json, wanted);
        let one = fold(&points[..1], (0, 660), 60, (Metric::CpuUtilization, &[Statistic::Sum]));
        assert_eq!(
            serde_json::to_value(&one).unwrap(),
            serde_json::json!([{"sum": 9.0, "timestamp": 240.0, "unit": "Percent"}])
        );
        assert!(fold(&[], (0, 1), 60, (Metric::NetworkIn, &all)).is_empty());
    }
}
