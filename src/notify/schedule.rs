//! When a message is tried again (B3). Pure.

use jiff::{SignedDuration, Timestamp};

/// Seconds before each attempt, counted from the one before.
pub const DELAYS: [i64; 12] = [0, 5, 15, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// No wait is longer than this; one that seems to be comes from a clock that was set back.
const LONGEST: i64 = 86_400 * 6 / 5;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A status, with `Retry-After` if there was one.
    Status(u16, Option<String>),
    /// No answer: why.
    Nothing(String),
}

/// What becomes of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It arrived.
    Delivered,
    /// Try again then.
    Retry(Timestamp),
    /// That was the last attempt.
    Dead,
    /// The receiver is gone for good: the contact is disabled, the message dead.
    Gone,
}

/// Judges attempt number `attempt` (1 is the first). `random` is from 0 to 1 and moves the next one by up to 20 %.
pub fn next_attempt(answer: &Answer, attempt: u32, now: Timestamp, random: f64) -> Next {
    match answer {
        Answer::Status(200..=299, _) => return Next::Delivered,
        Answer::Status(410, _) => return Next::Gone,
        _ => {}
    }
    let Some(delay) = DELAYS.get(attempt as usize) else { return Next::Dead };
    let jitter = 0.8 + 0.4 * random.clamp(0.0, 1.0);
    let mut millis = (*delay as f64 * 1000.0 * jitter) as i64;
    if let Answer::Status(429 | 503, Some(text)) = answer {
        millis = millis.max(retry_after(text, now).unwrap_or(0).saturating_mul(1000));
    }
    Next::Retry(now.saturating_add(SignedDuration::from_millis(millis)).unwrap_or(now))
}

/// Seconds of a `Retry-After`: a number or a date, at most a day.
fn retry_after(text: &str, now: Timestamp) -> Option<i64> {
    let text = text.trim();
    let seconds = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().unwrap_or(i64::MAX)
    } else {
        jiff::fmt::rfc2822::parse(text).ok()?.timestamp().duration_since(now).as_secs()
    };
    Some(seconds.clamp(0, 86_400))
}

/// Whether a message that was to be tried at `at` is due.
pub fn is_due(at: Timestamp, now: Timestamp) -> bool {
    at <= now || at.duration_since(now).as_secs() > LONGEST
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Answer, DELAYS, Next, is_due, next_attempt};

    fn now() -> Timestamp {
        "2026-03-01T00:00:00Z".parse().unwrap()
    }

    fn wait(answer: &Answer, attempt: u32, random: f64) -> Option<f64> {
        match next_attempt(answer, attempt, now(), random) {
            Next::Retry(at) => Some(at.duration_since(now()).as_secs_f64()),
            _ => None,
        }
    }

    #[test]
    fn twelve_attempts_then_dead() {
        let answer = Answer::Nothing("refused".to_owned());
        for (attempt, delay) in DELAYS.iter().enumerate().skip(1) {
            let base = *delay as f64;
            assert_eq!(wait(&answer, attempt as u32, 0.5), Some(base));
            assert_eq!(wait(&answer, attempt as u32, 0.0), Some(base * 0.8));
            assert_eq!(wait(&answer, attempt as u32, 1.0), Some((base * 1.2 * 1000.0).trunc() / 1000.0));
        }
        assert_eq!(next_attempt(&answer, 12, now(), 0.5), Next::Dead);
        let days = DELAYS.iter().sum::<i64>() as f64 / 86_400.0;
        assert!((3.0..4.0).contains(&days), "a receiver down for four days loses it, one for three does not: {days}");
    }

    #[test]
    fn statuses() {
        for (status, wanted) in [(200, "Delivered"), (204, "Delivered"), (299, "Delivered"), (410, "Gone")] {
            assert_eq!(format!("{:?}", next_attempt(&Answer::Status(status, None), 1, now(), 0.5)), wanted);
        }
        for status in [100, 199, 300, 301, 302, 400, 401, 404, 429, 500, 503] {
            assert_eq!(wait(&Answer::Status(status, None), 1, 0.5), Some(5.0), "{status}");
        }
    }

    #[test]
    fn retry_after_is_heeded_on_two_statuses() {
        let after = |status, text: &str| wait(&Answer::Status(status, Some(text.to_owned())), 1, 0.5);
        assert_eq!(after(429, "120"), Some(120.0));
        assert_eq!(after(503, "Sun, 01 Mar 2026 00:10:00 GMT"), Some(600.0));
        assert_eq!(after(503, "Sat, 28 Feb 2026 00:10:00 GMT"), Some(5.0), "in the past");
        assert_eq!(after(429, "2"), Some(5.0), "sooner than the schedule");
        assert_eq!(after(429, "99999999999999999999999"), Some(86_400.0));
        for (status, text) in [(500, "120"), (302, "120"), (429, "soon"), (429, "-5"), (429, "")] {
            assert_eq!(after(status, text), Some(5.0), "{status} {text}");
        }
    }

    #[test]
    fn a_clock_set_back_holds_up_nothing() {
        let at = |hours| now() + SignedDuration::from_hours(hours);
        assert!(is_due(now(), now()) && is_due(at(-1), now()));
        assert!(!is_due(at(24), now()));
        assert!(is_due(at(24 * 365), now()));
    }
}
