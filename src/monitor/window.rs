//! The last N periods of an alarm (A1), fed minute by minute. Pure.

use std::collections::VecDeque;

use super::{Class, Decision, decide::classify, decide::decide};
use crate::model::{AlarmSettings, Point, Statistic};

/// What became known in a minute of one metric of one instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Minute {
    /// Nobody looked, or there was nothing to look at.
    Unobserved,
    /// Looked at; none: without a usable sample.
    Observed(Option<Point>),
}

/// The periods of an alarm. Minutes are counted, not timed: a clock that jumps changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// The minute that comes next.
    next: i64,
    /// The period under way.
    point: Option<Point>,
    looked: u32,
    missed: u32,
    /// The last closed periods, oldest first.
    closed: VecDeque<(Class, Option<f64>)>,
}

impl Window {
    /// One that knows nothing before minute `next`.
    pub fn new(next: i64) -> Self {
        Self { next, point: None, looked: 0, missed: 0, closed: VecDeque::new() }
    }

    /// The minute that comes next.
    pub fn next(&self) -> i64 {
        self.next
    }

    /// Takes a minute in; true when a period closed with it. Minutes that were left out count as unobserved; one that was
    /// taken in already is ignored.
    pub fn push(&mut self, settings: &AlarmSettings, minute: i64, seen: Minute) -> bool {
        if minute < self.next {
            return false;
        }
        let reach = i64::from(settings.of) * i64::from(settings.period_minutes);
        if minute - self.next > reach {
            // Everything in reach was unobserved.
            *self = Self::new(minute - reach);
        }
        let mut closed = false;
        while self.next < minute {
            closed |= self.one(settings, Minute::Unobserved);
        }
        self.one(settings, seen) || closed
    }

    fn one(&mut self, settings: &AlarmSettings, seen: Minute) -> bool {
        match seen {
            Minute::Unobserved => self.missed += 1,
            Minute::Observed(point) => {
                self.looked += 1;
                self.point = match (self.point, point) {
                    (Some(a), Some(b)) => Some(a.and(b)),
                    (a, b) => a.or(b),
                };
            }
        }
        self.next += 1;
        if self.next.rem_euclid(i64::from(settings.period_minutes)) != 0 {
            return false;
        }
        let value = self.point.take().map(|p| p.value(settings.statistic));
        // A sum over less than the period, or no sample where part of it was not looked at, is our downtime's doing.
        let whole = self.missed == 0;
        let observed = self.looked > 0 && (whole || (value.is_some() && settings.statistic != Statistic::Sum));
        let class = classify(settings.condition, value, observed);
        (self.looked, self.missed) = (0, 0);
        self.closed.push_back((class, if observed { value.filter(|v| v.is_finite()) } else { None }));
        while self.closed.len() > settings.of as usize {
            self.closed.pop_front();
        }
        true
    }

    /// What the last N periods say; those before the first are unobserved.
    pub fn decision(&self, settings: &AlarmSettings) -> Decision {
        let absent = (settings.of as usize).saturating_sub(self.closed.len());
        let classes = std::iter::repeat_n(Class::Unobserved, absent).chain(self.closed.iter().map(|(c, _)| *c));
        decide(classes, settings.datapoints, settings.missing)
    }

    /// The values of the last N periods, oldest first; none where there is no value.
    pub fn values(&self, settings: &AlarmSettings) -> Vec<Option<f64>> {
        let absent = (settings.of as usize).saturating_sub(self.closed.len());
        std::iter::repeat_n(None, absent).chain(self.closed.iter().map(|(_, v)| *v)).collect()
    }

    /// How many of the last N periods breach.
    pub fn breaching(&self) -> usize {
        self.closed.iter().filter(|(c, _)| *c == Class::Breach).count()
    }
}

/// Most values named in a sentence.
const SHOWN: usize = 10;

/// The sentence of B1: "3 of the last 5 points [91.0, null] were > 80 (3 needed)".
pub fn reason(settings: &AlarmSettings, window: &Window) -> String {
    let values = window.values(settings);
    let shown: Vec<String> = values
        .iter()
        .skip(values.len().saturating_sub(SHOWN))
        .map(|v| v.map_or_else(|| "null".to_owned(), |v| format!("{v:.1}")))
        .collect();
    let before = if values.len() > SHOWN { "…, " } else { "" };
    format!(
        "{} of the last {} points [{before}{}] were {} ({} needed)",
        window.breaching(),
        settings.of,
        shown.join(", "),
        settings.condition,
        settings.datapoints
    )
}

#[cfg(test)]
mod tests {
    use super::{Minute, Window, reason};
    use crate::{
        model::{AlarmSettings, Condition, Metric, Missing, Notify, Point, Statistic},
        monitor::Decision,
    };

    fn settings(when: &str, datapoints: u32, of: u32, period_minutes: u32, statistic: Statistic) -> AlarmSettings {
        AlarmSettings {
            metric: Metric::CpuUtilization,
            condition: Condition::parse(when).unwrap(),
            datapoints,
            of,
            period_minutes,
            statistic,
            missing: Missing::Missing,
            notify: vec![Notify::Alarm],
            repeat_minutes: 240,
        }
    }

    fn value(v: f64) -> Minute {
        Minute::Observed(Point::of(v))
    }

    #[test]
    fn the_sentence_of_the_specification() {
        let s = settings("> 80", 3, 5, 1, Statistic::Average);
        let mut w = Window::new(0);
        for (at, minute) in
            [value(91.0), value(95.2), Minute::Observed(None), value(40.1), value(97.7)].into_iter().enumerate()
        {
            assert!(w.push(&s, at as i64, minute));
        }
        assert_eq!(reason(&s, &w), "3 of the last 5 points [91.0, 95.2, null, 40.1, 97.7] were > 80 (3 needed)");
        assert_eq!(w.decision(&s), Decision::Alarm);
    }

    #[test]
    fn a_period_closes_with_its_last_minute() {
        let s = settings("> 10", 1, 2, 5, Statistic::Average);
        let mut w = Window::new(100);
        let closed: Vec<bool> = (100..110).map(|m| w.push(&s, m, value(if m < 105 { 20.0 } else { 0.0 }))).collect();
        assert_eq!(closed, [false, false, false, false, true, false, false, false, false, true]);
        assert_eq!(w.values(&s), [Some(20.0), Some(0.0)]);
        assert_eq!(w.decision(&s), Decision::Alarm);
        assert!(!w.push(&s, 104, value(99.0)), "a minute is judged once");
        assert_eq!(w.values(&s), [Some(20.0), Some(0.0)]);
    }

    #[test]
    fn statistics_of_a_period() {
        for (statistic, wanted) in
            [(Statistic::Average, 2.0), (Statistic::Maximum, 4.0), (Statistic::Minimum, 0.0), (Statistic::Sum, 6.0)]
        {
            let s = settings("> 10", 1, 1, 3, statistic);
            let mut w = Window::new(0);
            for (at, v) in [2.0, 4.0, 0.0].into_iter().enumerate() {
                w.push(&s, at as i64, value(v));
            }
            assert_eq!(w.values(&s), [Some(wanted)], "{statistic}");
        }
    }

    #[test]
    fn downtime_is_no_evidence() {
        let s = settings("> 10", 2, 3, 1, Statistic::Average);
        let mut w = Window::new(0);
        for m in 0..3 {
            w.push(&s, m, value(20.0));
        }
        assert_eq!(w.decision(&s), Decision::Alarm);
        // The watcher is away for an hour, and then for years.
        w.push(&s, 63, value(0.0));
        assert_eq!((w.decision(&s), w.values(&s)), (Decision::Keep, vec![None, None, Some(0.0)]));
        w.push(&s, 50_000_000, Minute::Observed(None));
        assert_eq!(w.decision(&s), Decision::NoData, "one look without data, the rest unobserved");
        w.push(&s, 50_000_001, Minute::Unobserved);
        w.push(&s, 50_000_002, Minute::Unobserved);
        w.push(&s, 50_000_003, Minute::Unobserved);
        assert_eq!(w.decision(&s), Decision::Keep);
    }

    #[test]
    fn a_sum_needs_its_whole_period() {
        let s = settings("< 10", 1, 1, 5, Statistic::Sum);
        let mut w = Window::new(0);
        w.push(&s, 3, value(4.0));
        w.push(&s, 4, value(4.0));
        assert_eq!(w.decision(&s), Decision::Keep, "three minutes were not looked at");
        for m in 5..10 {
            w.push(&s, m, value(1.0));
        }
        assert_eq!(w.decision(&s), Decision::Alarm);
    }

    #[test]
    fn what_is_no_number_is_no_sample() {
        assert_eq!(Point::of(f64::NAN), None);
        assert_eq!(Point::of(f64::INFINITY), None);
    }
}
