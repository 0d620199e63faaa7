//! Sessions: how long one lasts, and when somebody logged in lately enough.

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::digest;
use crate::model::hex;

/// How long a session lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Without a request.
    pub idle: SignedDuration,
    /// At all.
    pub longest: SignedDuration,
    /// How long after the log-in accounts, keys and contacts' secrets are there.
    pub fresh: SignedDuration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle: SignedDuration::from_hours(12),
            longest: SignedDuration::from_hours(7 * 24),
            fresh: SignedDuration::from_mins(15),
        }
    }
}

/// When a session began, and was used last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The log-in.
    pub began: Timestamp,
    /// The last request.
    pub used: Timestamp,
}

impl Limits {
    /// Whether a session still counts.
    pub fn is_live(&self, times: Times, now: Timestamp) -> bool {
        now.duration_since(times.used) < self.idle && now.duration_since(times.began) < self.longest
    }

    /// Whether its log-in was lately.
    pub fn is_fresh(&self, times: Times, now: Timestamp) -> bool {
        self.is_live(times, now) && now.duration_since(times.began) < self.fresh
    }
}

/// What a browser has of a session: 256 random bits.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// The token of random bytes.
    pub fn of(random: [u8; 32]) -> Self {
        Self(hex(&random).into())
    }

    /// A token as a browser sends it; none: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let is_token = text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        is_token.then(|| Self(text.to_owned().into()))
    }

    /// What the browser is given.
    pub fn text(&self) -> &str {
        self.0.expose_secret()
    }

    /// What is kept of it.
    pub fn digest(&self) -> String {
        digest(self.0.expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{Limits, Times, Token};

    #[test]
    fn a_session_ends_idle_or_old_and_is_fresh_at_first() {
        let at = |minutes: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
        let limits = Limits::default();
        let live = |used, now| limits.is_live(Times { began: at(0), used: at(used) }, at(now));
        assert!(live(0, 719) && !live(0, 720), "12 hours idle");
        assert!(live(10_070, 10_079) && !live(10_070, 10_080), "7 days");
        let fresh = |used, now| limits.is_fresh(Times { began: at(0), used: at(used) }, at(now));
        assert!(fresh(0, 14) && !fresh(14, 15), "a quarter of an hour after the log-in");
    }

    #[test]
    fn a_token_is_64_digits() {
        let token = Token::of([0xab; 32]);
        assert_eq!(token.text(), "ab".repeat(32));
        assert_eq!(Token::parse(token.text()).map(|t| t.digest()), Some(token.digest()));
        for wrong in ["", "ab", &"AB".repeat(32), &"ab".repeat(33), &"gg".repeat(32)] {
            assert!(Token::parse(wrong).is_none(), "{wrong}");
        }
    }
}
