//! What an alarm is: when it fires, and what it says. Values that cannot be bad.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Code, Error, Metric, Result, escaped, words};

/// Most minutes an alarm may look back.
pub const MAX_WINDOW_MINUTES: u32 = 24 * 60;

/// How a value stands to the threshold when it breaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparator {
    /// Greater.
    #[serde(rename = ">")]
    Greater,
    /// Greater or equal.
    #[serde(rename = ">=")]
    GreaterOrEqual,
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// Less or equal.
    #[serde(rename = "<=")]
    LessOrEqual,
}

impl Comparator {
    /// The sign.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }

    /// Whether a value breaches.
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Greater => value > threshold,
            Self::GreaterOrEqual => value >= threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
        }
    }
}

/// A number that is neither NaN nor infinite.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Threshold(f64);

impl Eq for Threshold {}

impl Threshold {
    /// The number.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Threshold {
    type Error = Error;
    fn try_from(value: f64) -> Result<Self> {
        if value.is_finite() {
            Ok(Self(value))
        } else {
            Err(Error::new(Code::InvalidThreshold, "a threshold is a finite number"))
        }
    }
}

impl From<Threshold> for f64 {
    fn from(threshold: Threshold) -> Self {
        threshold.0
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A comparator and a threshold: `>= 90`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// How to compare.
    pub comparator: Comparator,
    /// With what.
    pub threshold: Threshold,
}

impl Condition {
    /// Parses `>= 90`; the space may be left out.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            Error::new(Code::InvalidCondition, format!("`{}` is not a condition", escaped(text)))
                .hint("a condition is one of `>`, `>=`, `<`, `<=` and a number, such as `--when '>= 90'` (with quotes, or the shell takes it)")
        };
        let signs = [Comparator::GreaterOrEqual, Comparator::LessOrEqual, Comparator::Greater, Comparator::Less];
        let (comparator, rest) = signs
            .iter()
            .find_map(|c| Some((*c, text.strip_prefix(c.as_str())?.trim_start_matches(' '))))
            .ok_or_else(bad)?;
        let plain = (1..=32).contains(&rest.len())
            && rest.bytes().enumerate().all(|(i, b)| b.is_ascii_digit() || b == b'.' || (i == 0 && b == b'-'))
            && rest.bytes().any(|b| b.is_ascii_digit());
        let number: f64 = if plain { rest.parse().map_err(|_| bad())? } else { return Err(bad()) };
        Ok(Self { comparator, threshold: Threshold::try_from(number).map_err(|_| bad())? })
    }

    /// Whether a value breaches.
    pub fn holds(self, value: f64) -> bool {
        self.comparator.holds(value, self.threshold.0)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.comparator.as_str(), self.threshold)
    }
}

words! {
    /// What of a period is compared.
    Statistic, InvalidStatistic, "a statistic";
    /// The mean of its samples.
    Average = "average",
    /// The largest.
    Maximum = "maximum",
    /// The smallest.
    Minimum = "minimum",
    /// Their sum.
    Sum = "sum",
}

words! {
    /// What a period without a usable sample counts as.
    Missing, InvalidMissing, "a way to treat missing periods";
    /// Nothing; all periods missing is its own state.
    Missing = "missing",
    /// Nothing; the state stays.
    Ignore = "ignore",
    /// Breaching.
    Breaching = "breaching",
    /// Not breaching.
    NotBreaching = "notBreaching",
}

words! {
    /// The state of an alarm.
    AlarmState, InvalidAlarmState, "a state of an alarm";
    /// Not breaching.
    Ok = "OK",
    /// Breaching.
    Alarm = "ALARM",
    /// Not known.
    InsufficientData = "INSUFFICIENT_DATA",
}

words! {
    /// What of an alarm is sent.
    Notify, InvalidNotify, "a kind of notification";
    /// When it fires, and the reminders.
    Alarm = "alarm",
    /// When it is resolved.
    Ok = "ok",
    /// When its data stops.
    NoData = "no-data",
}

/// Everything the user decides about an alarm but its name and instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmSettings {
    /// What is watched.
    pub metric: Metric,
    /// When a period breaches.
    pub condition: Condition,
    /// Periods that must breach, 1 to `of`.
    pub datapoints: u32,
    /// Periods looked at.
    pub of: u32,
    /// Length of a period.
    pub period_minutes: u32,
    /// What of a period is compared.
    pub statistic: Statistic,
    /// What a missing period counts as.
    pub missing: Missing,
    /// What is sent.
    pub notify: Vec<Notify>,
    /// Minutes between reminders while it fires; 0: none.
    pub repeat_minutes: u32,
}

impl AlarmSettings {
    /// Minutes between reminders if the user says nothing.
    pub const REPEAT: u32 = 240;

    /// Refused unless 1 <= M <= N and N periods are at most 24 hours.
    pub fn check(&self) -> Result<()> {
        if self.datapoints == 0 || self.datapoints > self.of {
            return Err(Error::new(
                Code::InvalidWindow,
                format!("{} breaching periods of {} cannot be", self.datapoints, self.of),
            )
            .hint("`--datapoints M --of N` needs 1 <= M <= N, such as `--datapoints 3 --of 5`"));
        }
        let minutes = u64::from(self.of) * u64::from(self.period_minutes);
        if self.period_minutes == 0 || minutes > u64::from(MAX_WINDOW_MINUTES) {
            return Err(Error::new(
                Code::InvalidWindow,
                format!("{} periods of {} minutes are more than 24 hours", self.of, self.period_minutes),
            )
            .hint("`--of` times `--period` may be at most 24 hours, a period at least a minute"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{AlarmSettings, Condition, Missing, Notify, Statistic};
    use crate::model::Metric;

    #[test]
    fn conditions_come_back_as_they_were() {
        for (text, shown) in
            [(">= 90", ">= 90"), (">90", "> 90"), ("< 0.5", "< 0.5"), ("<=-1", "<= -1"), ("> 1.", "> 1")]
        {
            assert_eq!(Condition::parse(text).map(|c| c.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn no_condition_is_refused() {
        for text in [
            "", "90", "= 90", "=> 90", ">= NaN", "> inf", "< -inf", "> 1e400", "> 1e3", ">", "> -", "> .", "> 1.2.3",
            "> 9\n",
        ] {
            assert_eq!(
                Condition::parse(text).map_err(|e| (e.code.as_str(), e.exit_code())),
                Err(("invalid_condition", 2)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn windows_have_bounds() {
        let settings = |datapoints, of, period_minutes| AlarmSettings {
            metric: Metric::AppHealthy,
            condition: Condition::parse("< 1").unwrap(),
            datapoints,
            of,
            period_minutes,
            statistic: Statistic::Average,
            missing: Missing::Missing,
            notify: vec![Notify::Alarm],
            repeat_minutes: 0,
        };
        for (m, n, p) in [(1, 1, 1), (5, 5, 1), (1, 1440, 1), (1, 1, 1440), (2, 24, 60)] {
            assert_eq!(settings(m, n, p).check(), Ok(()));
        }
        for (m, n, p) in
            [(0, 1, 1), (2, 1, 1), (1, 1441, 1), (1, 1, 1441), (1, 25, 60), (1, 1, 0), (1, u32::MAX, u32::MAX)]
        {
            assert_eq!(settings(m, n, p).check().map_err(|e| e.code.as_str()), Err("invalid_window"), "{m} {n} {p}");
        }
    }
}
