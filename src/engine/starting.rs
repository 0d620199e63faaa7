//! Whether an application is on its way up, and the word for how it stands: the same wherever it is told.

use jiff::Timestamp;

/// Longest that a guest usually takes until its application answers, in seconds. Until then silence is no evidence.
pub const USUAL_START: i64 = 300;

/// Whether an application may still be on its way up: its instance was started a usual start time ago or less, and the
/// application has not answered since. A start that lies in the future is one before the clock was set back.
pub fn is_starting(started: Option<Timestamp>, answered: Option<Timestamp>, now: Timestamp) -> bool {
    started.is_some_and(|at| {
        (0..USUAL_START).contains(&now.duration_since(at).as_secs()) && answered.is_none_or(|answer| answer < at)
    })
}

/// What is said of an application by the last answer of its health check: `ok`, `starting` where another answer is no
/// fault yet, or that answer. None where nothing is known.
pub fn health_word(answer: Option<Result<(), String>>, starting: bool) -> Option<String> {
    match answer {
        Some(Ok(())) => Some("ok".to_owned()),
        _ if starting => Some("starting".to_owned()),
        Some(Err(why)) => Some(why),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{health_word, is_starting};

    #[test]
    fn an_application_is_starting_until_it_answers_or_its_time_is_over() {
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        let started = Some(at(1000));
        let told = [1000, 1299, 1300, 999].map(|now| is_starting(started, None, at(now)));
        assert_eq!(told, [true, true, false, false]);
        assert_eq!([990, 1000].map(|answer| is_starting(started, Some(at(answer)), at(1100))), [true, false]);
        assert!(!is_starting(None, None, at(1100)));
        let refused = || Some(Err("connection refused".to_owned()));
        let words = [(Some(Ok(())), true), (refused(), true), (None, true), (refused(), false), (None, false)];
        let words = words.map(|(answer, starting)| health_word(answer, starting));
        let words = words.each_ref().map(Option::as_deref);
        assert_eq!(words, [Some("ok"), Some("starting"), Some("starting"), Some("connection refused"), None]);
    }
}
