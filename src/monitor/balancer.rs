//! What HAProxy tells of a load balancer becomes the points of a minute. Pure.

use super::sample::Gathered;
use crate::model::{Metric, Point, ProxyStatistics};

/// Counters that only grow, until HAProxy is started or reloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counters {
    requests: u64,
    /// Answers with 2xx, 3xx, 4xx and 5xx, the load balancer's own too.
    answers: [u64; 4],
    /// Those of the instances alone.
    of_instances: [u64; 4],
    rejected: u64,
}

/// What is gathered of one load balancer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Balanced {
    before: Option<Counters>,
    gathered: Gathered,
    /// Answers with 4xx and 5xx of its own that are not told yet. Of an answer under way HAProxy counts the instance's part
    /// first, so for a moment it may be less than none.
    own: [i64; 2],
}

impl Balanced {
    /// Takes in what HAProxy tells in a minute; nothing is told while it does not run.
    pub fn sample(&mut self, minute: i64, lines: &[ProxyStatistics]) {
        let Some(all) = lines.iter().find(|line| line.server.is_none()) else {
            self.before = None;
            return;
        };
        let servers = || lines.iter().filter(|line| line.server.is_some());
        let in_state = |state: &str| servers().filter(|line| line.status.starts_with(state)).count() as f64;
        self.gathered.value(minute, Metric::HealthyHostCount, in_state("UP"));
        self.gathered.value(minute, Metric::UnhealthyHostCount, in_state("DOWN"));
        let answers = [1, 2, 3, 4].map(|at| all.responses[at]);
        let of_instances = [1, 2, 3, 4].map(|at| servers().map(|line| line.responses[at]).sum());
        let now = Counters { requests: all.requests, answers, of_instances, rejected: all.rejected };
        if let Some(before) = self.before.replace(now) {
            self.counted(minute, now.since(before), all.response_time);
        }
    }

    fn counted(&mut self, minute: i64, grown: Counters, response_time: u64) {
        let mut value = |metric, value: u64| self.gathered.value(minute, metric, value as f64);
        value(Metric::RequestCount, grown.requests);
        value(Metric::RejectedConnectionCount, grown.rejected);
        let of_instances =
            [Metric::HttpInstance2xx, Metric::HttpInstance3xx, Metric::HttpInstance4xx, Metric::HttpInstance5xx];
        of_instances.into_iter().zip(grown.of_instances).for_each(|(metric, count)| value(metric, count));
        for (at, metric) in [Metric::HttpBalancer4xx, Metric::HttpBalancer5xx].into_iter().enumerate() {
            let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            self.own[at] += signed(grown.answers[at + 2]) - signed(grown.of_instances[at + 2]);
            let told = self.own[at].max(0);
            self.own[at] -= told;
            value(metric, told.unsigned_abs());
        }
        if grown.requests > 0 {
            self.gathered.value(minute, Metric::InstanceResponseTime, response_time as f64 / 1000.0);
        }
    }

    /// Takes the points of a minute out.
    pub fn close(&mut self, minute: i64) -> Vec<(Metric, Point)> {
        self.gathered.close(minute).1
    }
}

impl Counters {
    /// By how much they grew. If one fell all began anew, and show what came since.
    fn since(self, before: Self) -> Self {
        let fell = |now: &[u64], before: &[u64]| now.iter().zip(before).any(|(now, before)| now < before);
        let anew = fell(&[self.requests, self.rejected], &[before.requests, before.rejected])
            || fell(&self.answers, &before.answers)
            || fell(&self.of_instances, &before.of_instances);
        if anew {
            return self;
        }
        let each = |now: [u64; 4], before: [u64; 4]| std::array::from_fn(|at| now[at] - before[at]);
        Self {
            requests: self.requests - before.requests,
            answers: each(self.answers, before.answers),
            of_instances: each(self.of_instances, before.of_instances),
            rejected: self.rejected - before.rejected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn counters_are_told_apart_and_a_reload_begins_anew() {
        let mut balanced = Balanced::default();
        balanced.sample(1, &lines(10, [0, 5, 0, 3, 2], [0, 5, 0, 3, 1]));
        balanced.sample(1, &lines(15, [0, 7, 0, 4, 4], [0, 7, 0, 3, 2]));
        // HAProxy was reloaded.
        balanced.sample(1, &lines(3, [0, 2, 0, 0, 1], [0, 2, 0, 0, 0]));
        let points = balanced.close(1);
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
    fn an_answer_under_way_is_no_answer_of_the_load_balancer() {
        let mut balanced = Balanced::default();
        balanced.sample(1, &lines(0, [0; 5], [0; 5]));
        balanced.sample(1, &lines(1, [0; 5], [0, 0, 0, 0, 1]));
        balanced.sample(2, &lines(1, [0, 0, 0, 0, 1], [0, 0, 0, 0, 1]));
        let own = |points: Vec<(Metric, Point)>| value(&points, Metric::HttpBalancer5xx);
        assert_eq!([own(balanced.close(1)), own(balanced.close(2))], [Some(0.0), Some(0.0)]);
    }

    #[test]
    fn what_is_not_told_is_not_counted() {
        let mut balanced = Balanced::default();
        balanced.sample(1, &lines(10, [0; 5], [0; 5]));
        balanced.sample(1, &[]);
        balanced.sample(1, &lines(20, [0; 5], [0; 5]));
        assert_eq!(value(&balanced.close(1), Metric::RequestCount), None);
    }
}
