//! `lite alarm list` and `show`.

use jiff::Timestamp;
use serde::Serialize;

use super::row;
use crate::model::{AlarmState, Metric, Missing, Notify, Statistic};

/// An alarm as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlarmRow {
    /// Name.
    pub name: String,
    /// The instance it watches, if it watches one.
    pub instance: Option<String>,
    /// The load balancer it watches, if it watches one.
    pub load_balancer: Option<String>,
    /// State.
    pub state: AlarmState,
    /// Since when.
    #[serde(serialize_with = "row::time")]
    pub since: Timestamp,
    /// Metric.
    pub metric: Metric,
    /// Statistic, if it is not the average, comparator and threshold: `maximum >= 90`.
    pub condition: String,
    /// Periods that must breach.
    pub datapoints: u32,
    /// Periods looked at.
    pub of: u32,
    /// Length of a period.
    pub period_minutes: u32,
    /// Until when it is muted, if it is.
    pub muted_until: Option<Timestamp>,
}

impl AlarmRow {
    /// The name of what it watches.
    pub fn subject(&self) -> Option<&str> {
        self.instance.as_deref().or(self.load_balancer.as_deref())
    }
}

/// An alarm in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlarmView {
    /// What a listing shows.
    #[serde(flatten)]
    pub row: AlarmRow,
    /// What of a period is compared.
    pub statistic: Statistic,
    /// What a missing period counts as.
    pub missing: Missing,
    /// What is sent.
    pub notify: Vec<Notify>,
    /// Minutes between reminders.
    pub repeat_minutes: u32,
    /// Why it has its state.
    pub reason: String,
    /// The incident that is open.
    pub incident: Option<String>,
}

/// The document of `alarm list` and `show`.
#[derive(Debug, Serialize)]
pub struct AlarmsDocument<'a, T> {
    /// [`AlarmRow`] or [`AlarmView`].
    pub alarms: &'a [T],
}
