//! Alarms.

use serde::{Deserialize, Serialize};

use super::{Location, Tag};

/// What is about one alarm.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfAlarm {
    /// Its name.
    pub alarm_name: String,
}

/// `GetAlarms`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetAlarms {
    /// Only the one of this name.
    pub alarm_name: Option<String>,
    /// Only those that watch what has this name.
    pub monitored_resource_name: Option<String>,
    /// Where the list goes on.
    pub page_token: Option<String>,
}

/// `TestAlarm`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TestAlarm {
    /// Its name.
    pub alarm_name: String,
    /// The state that it is to get.
    pub state: String,
}

/// `PutAlarm`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutAlarm {
    /// Its name.
    pub alarm_name: String,
    /// What is watched.
    pub metric_name: String,
    /// Of what.
    pub monitored_resource_name: String,
    /// How it is compared.
    pub comparison_operator: Comparison,
    /// With what.
    pub threshold: f64,
    /// Periods that are looked at.
    pub evaluation_periods: u32,
    /// How many of them must breach; none: all.
    pub datapoints_to_alarm: Option<u32>,
    /// What a period without data counts as.
    pub treat_missing_data: Option<String>,
    /// By which ways it is told.
    pub contact_protocols: Option<Vec<String>>,
    /// Of what it is told; none: that it fires.
    pub notification_triggers: Option<Vec<String>>,
    /// Whether it is told at all.
    pub notification_enabled: Option<bool>,
    /// Alarms have none here.
    pub tags: Option<Vec<Tag>>,
}

/// How a value is compared with a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// At least.
    #[serde(rename = "GreaterThanOrEqualToThreshold")]
    GreaterOrEqual,
    /// More.
    #[serde(rename = "GreaterThanThreshold")]
    Greater,
    /// Less.
    #[serde(rename = "LessThanThreshold")]
    Less,
    /// At most.
    #[serde(rename = "LessThanOrEqualToThreshold")]
    LessOrEqual,
}

/// Alarms.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alarms {
    /// Those of this page.
    pub alarms: Vec<Alarm>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// An alarm.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// Its name among all there are.
    pub arn: String,
    /// For whoever is asked about it.
    pub support_code: String,
    /// Where it is.
    pub location: Location,
    /// `Alarm`.
    pub resource_type: &'static str,
    /// What it watches.
    pub monitored_resource_info: Monitored,
    /// How it compares.
    pub comparison_operator: Comparison,
    /// Periods that are looked at.
    pub evaluation_periods: u32,
    /// Their length in seconds.
    pub period: u32,
    /// With what it compares.
    pub threshold: f64,
    /// How many of them must breach.
    pub datapoints_to_alarm: u32,
    /// What a period without data counts as.
    pub treat_missing_data: &'static str,
    /// What of a period is compared.
    pub statistic: &'static str,
    /// What is watched.
    pub metric_name: &'static str,
    /// How it stands.
    pub state: &'static str,
    /// The unit of the threshold.
    pub unit: &'static str,
    /// Of what it is told.
    pub notification_triggers: Vec<&'static str>,
    /// Whether it is told at all.
    pub notification_enabled: bool,
}

/// What an alarm watches.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Monitored {
    /// Its name among all there are.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub resource_type: &'static str,
}
