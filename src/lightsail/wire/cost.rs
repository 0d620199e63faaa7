//! What resources cost.

use serde::{Deserialize, Serialize};

use super::{Seconds, Time};

/// `GetCostEstimate`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetCost {
    /// Of what.
    pub resource_name: String,
    /// Since when.
    pub start_time: Seconds,
    /// Until when.
    pub end_time: Seconds,
}

/// Estimates.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimates {
    /// One for each resource.
    pub resources_budget_estimate: Vec<Budget>,
}

/// What a resource costs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// Its name.
    pub resource_name: String,
    /// What it is.
    pub resource_type: &'static str,
    /// By what it is used.
    pub cost_estimates: Vec<Estimate>,
    /// Since when.
    pub start_time: Time,
    /// Until when.
    pub end_time: Time,
}

/// What one way of using it costs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// The way: its bundle.
    pub usage_type: String,
    /// In which time how much.
    pub results_by_time: [EstimateByTime; 1],
}

/// What it costs in a time.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EstimateByTime {
    /// How much.
    pub usage_cost: f64,
    /// What is counted: hours.
    pub pricing_unit: &'static str,
    /// How many of them.
    pub unit: f64,
    /// In which currency.
    pub currency: String,
    /// The time.
    pub time_period: TimePeriod,
}

/// A time.
#[derive(Debug, Serialize)]
pub struct TimePeriod {
    /// Its begin.
    pub start: Time,
    /// Its end.
    pub end: Time,
}
