//! How often somebody may try to log in: after five failures for a name or from an address there is a wait, which doubles with each
//! and is never longer than a minute. Nobody is locked out.

use std::{collections::HashMap, time::Duration};

/// Failures that cost nothing.
const FREE: u32 = 5;
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// Names and addresses that are remembered.
const MOST: usize = 4096;
/// How long after the last failure all is forgotten.
const FORGET: Duration = Duration::from_secs(3600);

/// Failures of one name or address.
#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    /// When the last one was, on the monotonic clock.
    last: Duration,
}

/// Failures of all. Times are of a monotonic clock, from whenever that began.
#[derive(Debug, Default)]
pub struct Tries(HashMap<String, Failures>);

/// How long after a failure the next try may come.
fn pause(count: u32) -> Duration {
    match count.checked_sub(FREE) {
        None => Duration::ZERO,
        Some(over) => Duration::from_secs(1 << over.min(6)).min(LONGEST),
    }
}

impl Tries {
    /// How long these have still to wait; zero: they may try.
    pub fn wait(&self, keys: &[&str], now: Duration) -> Duration {
        let left = |failures: &Failures| (failures.last + pause(failures.count)).saturating_sub(now);
        keys.iter().filter_map(|key| self.0.get(*key)).map(left).max().unwrap_or_default()
    }

    /// A try of these failed.
    pub fn failed(&mut self, keys: &[&str], now: Duration) {
        for key in keys {
            if !self.0.contains_key(*key) && self.0.len() >= MOST {
                self.make_room(now);
            }
            let failures = self.0.entry((*key).to_owned()).or_insert(Failures { count: 0, last: now });
            let forgotten = now.saturating_sub(failures.last) >= FORGET;
            *failures = Failures { count: if forgotten { 1 } else { failures.count.saturating_add(1) }, last: now };
        }
    }

    /// A try of these succeeded: they begin anew.
    pub fn succeeded(&mut self, keys: &[&str]) {
        for key in keys {
            self.0.remove(*key);
        }
    }

    /// What was forgotten goes, or else the one whose failure is the oldest.
    fn make_room(&mut self, now: Duration) {
        self.0.retain(|_, failures| now.saturating_sub(failures.last) < FORGET);
        if self.0.len() >= MOST
            && let Some(oldest) = self.0.iter().min_by_key(|(_, failures)| failures.last).map(|(key, _)| key.clone())
        {
            self.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MOST, Tries};

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn six_wrong_codes_slow_down_and_never_lock() {
        let mut tries = Tries::default();
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..14 {
            tries.failed(&["anna"], now);
            let wait = tries.wait(&["anna"], now);
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(tries.wait(&["anna"], now), Duration::ZERO);
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
        assert_eq!(tries.wait(&["berta"], now), Duration::ZERO);
        assert_eq!(tries.wait(&["berta", "anna"], now - at(1)), at(1), "the longest of both");
        tries.succeeded(&["anna"]);
        assert_eq!(tries.wait(&["anna"], at(0)), Duration::ZERO);
    }

    #[test]
    fn an_hour_later_all_is_forgotten() {
        let mut tries = Tries::default();
        (0..9).for_each(|_| tries.failed(&["anna"], at(0)));
        tries.failed(&["anna"], at(3600));
        assert_eq!(tries.wait(&["anna"], at(3600)), Duration::ZERO);
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let mut tries = Tries::default();
        for n in 0..MOST as u64 + 10 {
            tries.failed(&[&n.to_string()], at(n) / 10);
        }
        assert_eq!(tries.0.len(), MOST);
        assert!(!tries.0.contains_key("0") && tries.0.contains_key("10"));
    }
}
