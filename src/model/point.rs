//! Samples taken together.

use super::Statistic;

/// What the samples of a span say together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// How many usable samples.
    pub count: u32,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Point {
    /// A point of one sample; none for what is no finite number.
    pub fn of(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self { count: 1, sum: value, min: value, max: value })
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// The value that a statistic picks.
    pub fn value(self, statistic: Statistic) -> f64 {
        match statistic {
            Statistic::Average => self.sum / f64::from(self.count.max(1)),
            Statistic::Maximum => self.max,
            Statistic::Minimum => self.min,
            Statistic::Sum => self.sum,
        }
    }
}
