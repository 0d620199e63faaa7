//! `lite metrics`: the latest values, the points of one metric, and its chart.

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{Metric, Unit};

/// The latest value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRow {
    /// Metric.
    pub metric: Metric,
    /// Its unit.
    pub unit: Unit,
    /// When and what; none if there is none of late.
    pub point: Option<(Timestamp, f64)>,
}

/// A point of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MetricPoint {
    /// Begin of its span.
    pub at: Timestamp,
    /// Length of its span.
    pub seconds: i64,
    /// Mean of the samples.
    pub average: f64,
    /// The smallest.
    pub minimum: f64,
    /// The largest.
    pub maximum: f64,
    /// Their sum.
    pub sum: f64,
    /// How many samples there are.
    #[serde(skip)]
    pub samples: u32,
}

/// A metric over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricView {
    /// The instance.
    pub instance: String,
    /// Metric.
    pub metric: Metric,
    /// Its unit.
    pub unit: Unit,
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
    /// Its points in the order of time.
    pub points: Vec<MetricPoint>,
}

/// The document of `metrics` without a metric.
#[derive(Debug, Serialize)]
pub struct MetricsDocument<'a> {
    /// The instance.
    pub instance: &'a str,
    /// The latest value of each metric.
    pub metrics: Vec<LatestMetric>,
}

/// The latest value of a metric as JSON.
#[derive(Debug, Serialize)]
pub struct LatestMetric {
    metric: Metric,
    unit: Unit,
    at: Option<Timestamp>,
    value: Option<f64>,
}

impl<'a> MetricsDocument<'a> {
    /// Of an instance.
    pub fn of(instance: &'a str, rows: &[MetricRow]) -> Self {
        let latest = |r: &MetricRow| LatestMetric {
            metric: r.metric,
            unit: r.unit,
            at: r.point.map(|p| p.0),
            value: r.point.map(|p| p.1),
        };
        Self { instance, metrics: rows.iter().map(latest).collect() }
    }
}
