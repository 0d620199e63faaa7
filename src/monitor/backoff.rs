//! What goes on failing is tried again after longer and longer waits, and told when it begins and when its reason changes.

use std::time::{Duration, Instant};

/// First wait and longest wait.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// When something that failed is tried again.
#[derive(Debug, Default)]
pub struct Backoff {
    failed: Option<Failed>,
}

#[derive(Debug)]
struct Failed {
    next: Instant,
    wait: Duration,
    why: String,
}

impl Backoff {
    /// Whether it may be tried at `now`.
    pub fn is_due(&self, now: Instant) -> bool {
        self.failed.as_ref().is_none_or(|f| now >= f.next)
    }

    /// It failed at `now`. Whether that is news: the reason is another than that of the attempt before.
    pub fn failed(&mut self, now: Instant, why: &str) -> bool {
        let before = self.failed.take();
        let wait = before.as_ref().map_or(WAITS.0, |f| (f.wait * 2).min(WAITS.1));
        self.failed = Some(Failed { next: now + wait, wait, why: why.to_owned() });
        before.is_none_or(|f| f.why != why)
    }

    /// It went well. Whether it had failed before.
    pub fn succeeded(&mut self) -> bool {
        self.failed.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Backoff;

    #[test]
    fn waits_double_up_to_a_minute_and_a_reason_is_told_once() {
        let (mut backoff, mut now, mut waits) = (Backoff::default(), Instant::now(), Vec::new());
        assert!(backoff.is_due(now));
        for n in 0..8 {
            assert_eq!(backoff.failed(now, "full"), n == 0);
            let begun = now;
            while !backoff.is_due(now) {
                now += Duration::from_secs(1);
            }
            waits.push((now - begun).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(backoff.failed(now, "read-only"));
        assert!(backoff.succeeded() && backoff.is_due(now) && !backoff.succeeded());
        assert!(backoff.failed(now, "full"));
    }
}
