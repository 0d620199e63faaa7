//! Minutes counted on the monotonic clock and labelled with wall time (A1). Pure but for reading the clocks.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{clock::Clock, hypervisor::Machine};

/// Length of a minute, in seconds.
const MINUTE: i64 = 60;
/// Parts of a minute: so long is the time between two looks, and so long after its end a minute closes.
const PARTS: i64 = 6;

/// Length of a minute, in seconds. A build for tests has shorter ones if `LITE_TEST_MINUTE` says so, for tests that wait for
/// several on a real host.
fn length() -> i64 {
    #[cfg(feature = "fault")]
    {
        static SHORT: std::sync::OnceLock<Option<i64>> = std::sync::OnceLock::new();
        let short = || std::env::var("LITE_TEST_MINUTE").ok()?.parse().ok().filter(|n| (PARTS..=MINUTE).contains(n));
        if let Some(short) = SHORT.get_or_init(short) {
            return *short;
        }
    }
    MINUTE
}

/// Time between two looks: ten seconds.
pub fn tick() -> Duration {
    Duration::from_secs_f64(length() as f64 / PARTS as f64)
}

/// Both clocks at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Seconds since the host was booted, time asleep included. Never jumps.
    pub mono: f64,
    /// What people call the time. May jump.
    pub wall: Timestamp,
}

impl Moment {
    /// Now, on a machine.
    pub fn now(machine: &dyn Machine, clock: &dyn Clock) -> Self {
        Self { mono: machine.uptime(), wall: clock.now() }
    }
}

/// Which minute it is. Stored, so that the count goes on when the watcher is started again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MinuteClock {
    boot: String,
    first: i64,
    origin: f64,
}

impl MinuteClock {
    /// Goes on with the count in the same boot; else begins at the minute of the wall clock, but never at one that was
    /// counted already. So five minutes counted begin at five minutes of the clock, as long as nobody sets it.
    pub fn start(stored: Option<Self>, last: Option<i64>, boot: &str, now: Moment) -> Self {
        if let Some(stored) = stored.filter(|s| s.boot == boot && s.origin <= now.mono) {
            return stored;
        }
        let seconds = now.wall.as_second();
        let first = seconds.div_euclid(length()).max(last.map_or(i64::MIN, |l| l + 1));
        Self { boot: boot.to_owned(), first, origin: now.mono - seconds.rem_euclid(length()) as f64 }
    }

    /// The minute of a monotonic time.
    pub fn minute(&self, mono: f64) -> i64 {
        self.first + ((mono - self.origin) / length() as f64).floor() as i64
    }

    /// The last minute that is closed at a monotonic time.
    pub fn closed(&self, mono: f64) -> i64 {
        self.minute(mono - tick().as_secs_f64()) - 1
    }

    /// The label of a minute: seconds of the wall clock at its begin, whole minutes.
    pub fn label(&self, minute: i64, now: Moment) -> i64 {
        let begin = self.origin + ((minute - self.first) * length()) as f64;
        let seconds = now.wall.as_second() as f64 - (now.mono - begin);
        (seconds / length() as f64).round() as i64 * length()
    }
}

#[cfg(test)]
mod tests {
    use super::{MinuteClock, Moment};

    fn at(mono: f64, wall: i64) -> Moment {
        Moment { mono, wall: jiff::Timestamp::from_second(wall).unwrap() }
    }

    #[test]
    fn minutes_are_those_of_the_wall_at_first() {
        let clock = MinuteClock::start(None, None, "b", at(1000.0, 6015));
        assert_eq!([1000.0, 1044.9, 1045.0].map(|m| clock.minute(m)), [100, 100, 101]);
        assert_eq!([1045.0, 1054.9, 1055.0].map(|m| clock.closed(m)), [99, 99, 100]);
        assert_eq!(clock.label(100, at(1055.0, 6070)), 6000);
    }

    #[test]
    fn a_clock_that_jumps_changes_labels_alone() {
        let clock = MinuteClock::start(None, None, "b", at(0.0, 600_000));
        for jump in [-3600, 3600, 50 * 365 * 86_400] {
            assert_eq!(clock.minute(125.0), 10_002);
            assert_eq!(clock.label(10_001, at(130.0, 600_130 + jump)), 600_060 + jump);
        }
        // Slow drift does not move a label.
        assert_eq!(clock.label(10_001, at(130.0, 600_133)), 600_060);
    }

    #[test]
    fn the_count_goes_on_in_the_same_boot_and_never_back() {
        let first = MinuteClock::start(None, None, "b", at(1000.0, 6015));
        let again = MinuteClock::start(Some(first.clone()), Some(100), "b", at(5000.0, 999));
        assert_eq!(again, first);
        let booted = MinuteClock::start(Some(first.clone()), Some(166), "c", at(10.0, 60 * 500));
        assert_eq!(booted.minute(10.0), 500);
        let set_back = MinuteClock::start(Some(first), Some(166), "c", at(10.0, 600));
        assert_eq!(set_back.minute(10.0), 167);
    }
}
