//! How often somebody may do something: so many at once, and then as many as the time lets again. Pure: the time is an argument.

use std::{collections::HashMap, hash::Hash, time::Duration};

/// Who is remembered.
const MOST: usize = 4096;

/// A rate, and how each came by it. Times are of a monotonic clock, from whenever that began.
#[derive(Debug)]
pub struct Rate<K> {
    /// What one takes.
    each: Duration,
    /// The time in which all of them are let again.
    whole: Duration,
    /// When all that somebody took will have been let again.
    until: HashMap<K, Duration>,
}

impl<K: Clone + Eq + Hash> Rate<K> {
    /// So many in this time, by each.
    pub fn of(count: u32, time: Duration) -> Self {
        let each = time / count.max(1);
        Self { each, whole: each * count.max(1), until: HashMap::new() }
    }

    /// How long somebody has still to wait; zero: it may.
    pub fn wait(&self, who: &K, now: Duration) -> Duration {
        let until = self.until.get(who).copied().unwrap_or_default().max(now);
        (until + self.each).saturating_sub(now + self.whole)
    }

    /// Counts one by somebody, whether it may or not.
    pub fn count(&mut self, who: &K, now: Duration) {
        if !self.until.contains_key(who) && self.until.len() >= MOST {
            self.make_room(now);
        }
        let until = self.until.entry(who.clone()).or_default();
        // Nobody owes more than the whole: it is over in that time.
        *until = ((*until).max(now) + self.each).min(now + self.whole);
    }

    /// Counts one by somebody, if it may.
    pub fn take(&mut self, who: &K, now: Duration) -> bool {
        let may = self.wait(who, now) == Duration::ZERO;
        if may {
            self.count(who, now);
        }
        may
    }

    /// Whoever may all again is forgotten, or else the one who may the soonest.
    fn make_room(&mut self, now: Duration) {
        self.until.retain(|_, until| *until > now);
        if self.until.len() >= MOST
            && let Some(first) = self.until.iter().min_by_key(|(_, until)| **until).map(|(who, _)| who.clone())
        {
            self.until.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MOST, Rate};

    const fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn so_many_at_once_and_then_as_the_time_lets() {
        let mut rate = Rate::of(20, at(60_000));
        let now = at(1000);
        assert_eq!((0..30).filter(|_| rate.take(&"anna", now)).count(), 20);
        assert!(rate.take(&"berta", now), "each by itself");
        assert_eq!(rate.wait(&"anna", now), at(3000));
        assert!(!rate.take(&"anna", now + at(2999)) && rate.take(&"anna", now + at(3000)));
        assert_eq!((0..30).filter(|_| rate.take(&"anna", now + at(120_000))).count(), 20, "no more are saved up");
    }

    #[test]
    fn who_goes_on_all_the_same_may_again_as_soon_as_others() {
        let mut rate = Rate::of(100, at(1000));
        (0..10_000).for_each(|_| rate.count(&1, at(0)));
        assert_eq!(rate.wait(&1, at(0)), at(10));
        assert_eq!((0..200).filter(|_| rate.take(&1, at(1000))).count(), 100);
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let mut rate = Rate::of(2, at(1_000_000));
        for n in 0..MOST as u64 + 10 {
            rate.count(&n, at(n));
        }
        assert_eq!(rate.until.len(), MOST);
        assert!(!rate.until.contains_key(&0) && rate.until.contains_key(&10));
        rate.count(&u64::MAX, at(5_000_000));
        assert_eq!(rate.until.len(), 1, "those whose time is over go first");
    }
}
