//! Metrics.

use serde::{Deserialize, Serialize};

use super::{Seconds, Time};

/// `GetInstanceMetricData`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetMetricData {
    /// Of which instance.
    pub instance_name: String,
    /// What was measured.
    pub metric_name: String,
    /// How long a point is, in seconds.
    pub period: u32,
    /// Since when.
    pub start_time: Seconds,
    /// Until when.
    pub end_time: Seconds,
    /// The unit of the metric.
    pub unit: String,
    /// What of a point is told.
    pub statistics: Vec<Statistic>,
}

/// What of a point is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Statistic {
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// All in all.
    Sum,
    /// The mean.
    Average,
    /// How many there were.
    SampleCount,
}

/// A metric over time.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricData {
    /// What was measured.
    pub metric_name: String,
    /// Its points.
    pub metric_data: Vec<Datapoint>,
}

/// A point.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Datapoint {
    /// The mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
    /// The largest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// The smallest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// How many there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_count: Option<f64>,
    /// All in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<f64>,
    /// When it begins.
    pub timestamp: Time,
    /// The unit.
    pub unit: &'static str,
}
