//! What HAProxy tells of a load balancer becomes the points of a minute. Pure.

use super::sample::Gathered;
use crate::model::{Metric, Point, ProxyCounters, ProxyStatistics};

/// What workers before this one had counted, and this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Totals {
    earlier: ProxyCounters,
    own: ProxyCounters,
}

/// What is gathered of one load balancer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Balanced {
    before: Option<Totals>,
    gathered: Gathered,
    /// Answers with 4xx and 5xx of its own that are not told yet. Of an answer under way HAProxy counts the instance's part
    /// first, so for a moment it may be less than none.
    own: [i64; 2],
}

impl Balanced {
    /// Takes in what HAProxy tells in a minute, and what workers before this one had counted; nothing is told while it does not
    /// run, which is evidence too.
    pub fn sample(&mut self, minute: i64, lines: &[ProxyStatistics], earlier: ProxyCounters) {
        self.gathered.look(minute, true);
        let all = lines.iter().find(|line| line.server.is_none());
        // Just after a reload it may not answer yet: what it counts meanwhile is told by the next look.
        let (Some(all), Some(own)) = (all, ProxyCounters::of(lines)) else { return };
        let servers = || lines.iter().filter(|line| line.server.is_some());
        let in_state = |state: &str| servers().filter(|line| line.status.starts_with(state)).count() as f64;
        self.gathered.value(minute, Metric::HealthyHostCount, in_state("UP"));
        self.gathered.value(minute, Metric::UnhealthyHostCount, in_state("DOWN"));
        let now = Totals { earlier, own };
        if let Some(before) = self.before.replace(now) {
            self.counted(minute, now.since(before), all.response_time);
        }
    }

    fn counted(&mut self, minute: i64, grown: ProxyCounters, response_time: u64) {
        let mut value = |metric, value: u64| self.gathered.value(minute, metric, value as f64);
        value(Metric::RequestCount, grown.requests);
        value(Metric::RejectedConnectionCount, grown.rejected);
        let of_instances =
            [Metric::HttpInstance2xx, Metric::HttpInstance3xx, Metric::HttpInstance4xx, Metric::HttpInstance5xx];
        of_instances.into_iter().zip(grown.of_servers).for_each(|(metric, count)| value(metric, count));
        for (at, metric) in [Metric::HttpBalancer4xx, Metric::HttpBalancer5xx].into_iter().enumerate() {
            let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            self.own[at] += signed(grown.responses[at + 2]) - signed(grown.of_servers[at + 2]);
            let told = self.own[at].max(0);
            self.own[at] -= told;
            value(metric, told.unsigned_abs());
        }
        if grown.requests > 0 {
            self.gathered.value(minute, Metric::InstanceResponseTime, response_time as f64 / 1000.0);
        }
    }

    /// Takes a minute out: whether somebody looked, and its points.
    pub fn close(&mut self, minute: i64) -> (bool, Vec<(Metric, Point)>) {
        self.gathered.close(minute)
    }
}

impl Totals {
    /// By how much they grew. If one fell, a worker ended by itself, and what it counted last is not known.
    fn since(self, before: Self) -> ProxyCounters {
        let all = |totals: Self| totals.earlier.plus(totals.own);
        let anew = || self.own.plus(self.earlier.since(before.earlier).unwrap_or_default());
        all(self).since(all(before)).unwrap_or_else(anew)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No worker was replaced.
    const NONE: ProxyCounters = ProxyCounters { requests: 0, responses: [0; 4], of_servers: [0; 4], rejected: 0 };

    fn line(server: Option<&str>, status: &str, requests: u64, responses: [u64; 5]) -> ProxyStatistics {
        ProxyStatistics {
            backend: "lb:shop".to_owned(),
            server: server.map(str::to_owned),
            status: status.to_owned(),
            requests,
            responses,
            response_time: 40,
            rejected: responses[4],
            ..ProxyStatistics::default()
        }
    }

    /// A load balancer with two instances, one of them down.
    fn lines(requests: u64, all: [u64; 5], of_instances: [u64; 5]) -> [ProxyStatistics; 3] {
        [
            line(Some("web-1"), "UP", requests, of_instances),
            line(Some("web-2"), "DOWN", 0, [0; 5]),
            line(None, "UP", requests, all),
        ]
    }

    fn value(points: &[(Metric, Point)], metric: Metric) -> Option<f64> {
        points.iter().find(|(m, _)| *m == metric).map(|(_, point)| point.sum / f64::from(point.count))
    }

    #[test]
    fn counters_are_told_apart_and_a_worker_that_died_begins_anew() {
        let mut balanced = Balanced::default();
        balanced.sample(1, &lines(10, [0, 5, 0, 3, 2], [0, 5, 0, 3, 1]), NONE);
        balanced.sample(1, &lines(15, [0, 7, 0, 4, 4], [0, 7, 0, 3, 2]), NONE);
        // HAProxy was killed.
        balanced.sample(1, &lines(3, [0, 2, 0, 0, 1], [0, 2, 0, 0, 0]), NONE);
        let points = balanced.close(1).1;
        let all = [
            (Metric::HealthyHostCount, 1.0),
            (Metric::UnhealthyHostCount, 1.0),
            (Metric::RequestCount, 8.0),
            (Metric::InstanceResponseTime, 0.04),
            (Metric::HttpInstance2xx, 4.0),
            (Metric::HttpInstance3xx, 0.0),
            (Metric::HttpInstance4xx, 0.0),
            (Metric::HttpInstance5xx, 1.0),
            (Metric::HttpBalancer4xx, 1.0),
            (Metric::HttpBalancer5xx, 2.0),
            (Metric::RejectedConnectionCount, 3.0),
        ];
        assert_eq!(points.len(), all.len());
        for (metric, wanted) in all {
            assert_eq!(value(&points, metric), Some(wanted), "{metric}");
        }
    }

    #[test]
    fn what_a_worker_counted_before_a_reload_is_counted_once() {
        let counters = |requests| ProxyCounters {
            requests,
            responses: [requests, 0, 0, 0],
            of_servers: [requests, 0, 0, 0],
            rejected: 0,
        };
        let mut balanced = Balanced::default();
        let mut sample = |minute, own, earlier| {
            let answers = [0, own, 0, 0, 0];
            balanced.sample(minute, &lines(own, answers, answers), counters(earlier));
            let points = balanced.close(minute).1;
            [Metric::RequestCount, Metric::HttpInstance2xx].map(|metric| value(&points, metric))
        };
        assert_eq!(sample(1, 10, 0), [None, None]);
        // Five more, a reload, and two since.
        assert_eq!(sample(2, 2, 15), [Some(7.0), Some(7.0)]);
        assert_eq!(sample(3, 3, 15), [Some(1.0), Some(1.0)]);
        // The worker died, and another has one.
        assert_eq!(sample(4, 1, 15), [Some(1.0), Some(1.0)]);
    }

    #[test]
    fn an_answer_under_way_is_no_answer_of_the_load_balancer() {
        let mut balanced = Balanced::default();
        balanced.sample(1, &lines(0, [0; 5], [0; 5]), NONE);
        balanced.sample(1, &lines(1, [0; 5], [0, 0, 0, 0, 1]), NONE);
        balanced.sample(2, &lines(1, [0, 0, 0, 0, 1], [0, 0, 0, 0, 1]), NONE);
        let own = |points: Vec<(Metric, Point)>| value(&points, Metric::HttpBalancer5xx);
        assert_eq!([own(balanced.close(1).1), own(balanced.close(2).1)], [Some(0.0), Some(0.0)]);
    }

    #[test]
    fn a_look_without_an_answer_loses_no_request() {
        let mut balanced = Balanced::default();
        balanced.sample(1, &lines(10, [0; 5], [0; 5]), NONE);
        balanced.sample(1, &[], NONE);
        balanced.sample(1, &lines(25, [0; 5], [0; 5]), NONE);
        assert_eq!(value(&balanced.close(1).1, Metric::RequestCount), Some(15.0));
    }
}
