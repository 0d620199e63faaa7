//! Samples of a guest become the points of a minute. Pure.

use std::collections::BTreeMap;

use crate::{
    hypervisor::DomainSample,
    model::{Metric, MetricType, Point},
};

/// A figure of the guest's that is older than this many seconds is none.
const STALE: i64 = 60;

/// Counters as they were when last looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Before {
    /// On the monotonic clock, seconds.
    at: f64,
    cpu_ns: Option<u64>,
    network: Option<(u64, u64)>,
    disks: Option<[u64; 4]>,
}

/// Points under way, by minute and metric.
type Minutes = BTreeMap<i64, BTreeMap<Metric, Point>>;

/// What is gathered of one instance.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gathered {
    before: Option<Before>,
    minutes: Minutes,
    /// Minutes in which somebody looked.
    looked: BTreeMap<i64, bool>,
    /// Bytes transferred that were not stored yet.
    transferred: u64,
}

impl Gathered {
    /// Takes a sample in that was taken in a minute at a monotonic time; `wall` is the wall clock in seconds.
    pub fn sample(&mut self, minute: i64, mono: f64, wall: i64, sample: &DomainSample, vcpus: u32) {
        let disks = sample.disks.map(|d| [d.read_bytes, d.write_bytes, d.reads, d.writes]);
        let now = Before { at: mono, cpu_ns: sample.cpu_ns, network: sample.network, disks };
        if let Some(before) = self.before {
            self.counted(minute, before, now, vcpus);
        }
        self.before = Some(now);
        if let Some(memory) = sample.memory.filter(|m| m.available_kib > 0 && (wall - m.last_update).abs() <= STALE) {
            let used = memory.available_kib.saturating_sub(memory.usable_kib);
            self.value(minute, Metric::MemoryUtilization, used as f64 / memory.available_kib as f64 * 100.0);
        }
    }

    fn counted(&mut self, minute: i64, before: Before, now: Before, vcpus: u32) {
        let seconds = now.at - before.at;
        if let (Some(old), Some(new)) = (before.cpu_ns, now.cpu_ns)
            && new >= old
            && seconds > 0.0
        {
            let share = (new - old) as f64 / 1e9 / seconds / f64::from(vcpus.max(1)) * 100.0;
            // The host's clock and the kernel's accounting differ by a little.
            self.value(minute, Metric::CpuUtilization, share.min(100.0));
        }
        if let (Some(old), Some(new)) = (before.network, now.network) {
            let (rx, tx) = (grown(old.0, new.0), grown(old.1, new.1));
            self.value(minute, Metric::NetworkIn, rx as f64);
            self.value(minute, Metric::NetworkOut, tx as f64);
            self.transferred = self.transferred.saturating_add(rx).saturating_add(tx);
        }
        if let (Some(old), Some(new)) = (before.disks, now.disks) {
            let metrics = [Metric::DiskReadBytes, Metric::DiskWriteBytes, Metric::DiskReadOps, Metric::DiskWriteOps];
            for ((metric, old), new) in metrics.into_iter().zip(old).zip(new) {
                self.value(minute, metric, grown(old, new) as f64);
            }
        }
    }

    /// Takes a value in. The counts of a counter add up to one value of the minute.
    pub fn value(&mut self, minute: i64, metric: Metric, value: f64) {
        let Some(point) = Point::of(value) else { return };
        let points = self.minutes.entry(minute).or_default();
        let joined = points.get(&metric).map_or(point, |p| match metric.kind() {
            MetricType::Gauge => p.and(point),
            MetricType::Counter => {
                let sum = p.sum + point.sum;
                Point { count: 1, sum, min: sum, max: sum }
            }
        });
        points.insert(metric, joined);
    }

    /// Somebody looked at the instance in a minute; `counts`: what is seen is evidence for alarms.
    pub fn look(&mut self, minute: i64, counts: bool) {
        *self.looked.entry(minute).or_insert(false) |= counts;
    }

    /// The guest is down: its counters begin anew.
    pub fn down(&mut self) {
        self.before = None;
    }

    /// Takes a minute out: whether it counts for alarms, and its points.
    pub fn close(&mut self, minute: i64) -> (bool, Vec<(Metric, Point)>) {
        let later = self.minutes.split_off(&(minute + 1));
        let points = std::mem::replace(&mut self.minutes, later).remove(&minute).unwrap_or_default();
        let later = self.looked.split_off(&(minute + 1));
        let looked = std::mem::replace(&mut self.looked, later).remove(&minute).unwrap_or(false);
        (looked, points.into_iter().collect())
    }

    /// Bytes transferred since this was last asked.
    pub fn take_transferred(&mut self) -> u64 {
        std::mem::take(&mut self.transferred)
    }
}

/// By how much a counter grew; one that fell was reset, and shows what came since.
fn grown(old: u64, new: u64) -> u64 {
    new.checked_sub(old).unwrap_or(new)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Gathered;
    use crate::{
        hypervisor::{DiskSample, DomainSample, DomainState, MemorySample, StateReason},
        model::Metric,
    };

    fn sample(cpu_ns: u64, network: (u64, u64)) -> DomainSample {
        DomainSample {
            uuid: Uuid::nil(),
            name: "a".to_owned(),
            state: DomainState::Running,
            reason: StateReason::Other,
            cpu_ns: Some(cpu_ns),
            memory: Some(MemorySample { available_kib: 1000, usable_kib: 250, last_update: 100 }),
            network: Some(network),
            disks: Some(DiskSample { read_bytes: cpu_ns, ..DiskSample::default() }),
        }
    }

    fn values(points: &[(Metric, crate::model::Point)], metric: Metric) -> Option<(u32, f64)> {
        points.iter().find(|(m, _)| *m == metric).map(|(_, p)| (p.count, p.sum))
    }

    #[test]
    fn counters_become_what_they_grew_by() {
        let mut g = Gathered::default();
        g.sample(7, 0.0, 100, &sample(0, (1000, 0)), 2);
        g.sample(7, 10.0, 100, &sample(5_000_000_000, (1500, 10)), 2);
        // The guest was started again: its counters begin at zero.
        g.sample(7, 20.0, 100, &sample(1_000_000_000, (200, 30)), 2);
        g.sample(8, 30.0, 500, &sample(21_000_000_000, (300, 30)), 2);
        let (_, points) = g.close(7);
        assert_eq!(values(&points, Metric::CpuUtilization), Some((1, 25.0)), "half a CPU of two; a reset is no sample");
        assert_eq!(values(&points, Metric::NetworkIn), Some((1, 700.0)));
        assert_eq!(values(&points, Metric::NetworkOut), Some((1, 30.0)));
        assert_eq!(values(&points, Metric::MemoryUtilization), Some((3, 225.0)));
        assert_eq!(values(&points, Metric::DiskReadBytes), Some((1, 6e9)));
        let (_, points) = g.close(8);
        assert_eq!(values(&points, Metric::CpuUtilization), Some((1, 100.0)));
        assert_eq!(values(&points, Metric::MemoryUtilization), None, "the guest has told nothing for minutes");
        assert_eq!((g.take_transferred(), g.take_transferred()), (500 + 10 + 200 + 20 + 100, 0));
    }

    #[test]
    fn a_gap_is_not_counted() {
        let mut g = Gathered::default();
        g.sample(1, 0.0, 100, &sample(0, (0, 0)), 1);
        g.down();
        g.sample(2, 60.0, 100, &sample(50_000_000_000, (9999, 0)), 1);
        assert_eq!(values(&g.close(2).1, Metric::NetworkIn), None);
    }

    #[test]
    fn what_is_looked_at_is_told() {
        let mut g = Gathered::default();
        g.look(1, false);
        g.look(2, false);
        g.look(2, true);
        g.value(2, Metric::AppHealthy, f64::NAN);
        assert_eq!([g.close(1), g.close(2), g.close(3)], [(false, vec![]), (true, vec![]), (false, vec![])]);
    }
}
