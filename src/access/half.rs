//! Who typed a right password and has still to show the second factor: remembered for a few minutes and a few tries. Pure: the time is
//! an argument.

use std::{collections::HashMap, time::Duration};

use crate::model::Name;

/// How long somebody has for it.
const TIME: Duration = Duration::from_secs(300);
/// Wrong codes after which the password is asked for again.
const TRIES: u32 = 5;
/// Most that are remembered.
const MOST: usize = 4096;

/// Somebody who is half in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Half {
    /// Whose password it was.
    pub account: Name,
    /// What was kept of the password then: another since makes this void.
    pub password: Option<String>,
}

/// All of them, by the digests of what their browsers hold. Times are of a monotonic clock, from whenever that began.
#[derive(Debug, Default)]
pub struct Halves(HashMap<String, (Half, Duration, u32)>);

impl Halves {
    /// Remembers somebody.
    pub fn insert(&mut self, digest: String, half: Half, now: Duration) {
        self.0.retain(|_, (_, since, _)| now.saturating_sub(*since) < TIME);
        if self.0.len() >= MOST
            && let Some(oldest) = self.0.iter().min_by_key(|(_, (_, since, _))| *since).map(|(key, _)| key.clone())
        {
            self.0.remove(&oldest);
        }
        self.0.insert(digest, (half, now, 0));
    }

    /// Who tries to come in whole, counted as a try; none: nobody, or not any more.
    pub fn try_of(&mut self, digest: &str, now: Duration) -> Option<Half> {
        let (half, since, tries) = self.0.get_mut(digest)?;
        *tries += 1;
        let counts = now.saturating_sub(*since) < TIME && *tries <= TRIES;
        counts.then(|| half.clone())
    }

    /// Somebody is in.
    pub fn remove(&mut self, digest: &str) {
        self.0.remove(digest);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Half, Halves, MOST};
    use crate::model::Name;

    fn half() -> Half {
        Half { account: Name::parse("anna").unwrap(), password: None }
    }

    #[test]
    fn who_is_half_in_has_five_minutes_and_five_tries() {
        let (mut halves, at) = (Halves::default(), Duration::from_secs);
        halves.insert("a".to_owned(), half(), at(0));
        for _ in 0..5 {
            assert_eq!(halves.try_of("a", at(299)), Some(half()));
        }
        assert_eq!(halves.try_of("a", at(299)), None);
        halves.insert("b".to_owned(), half(), at(0));
        assert_eq!((halves.try_of("b", at(300)), halves.try_of("c", at(0))), (None, None));
        halves.insert("d".to_owned(), half(), at(0));
        halves.remove("d");
        assert_eq!(halves.try_of("d", at(0)), None);
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let mut halves = Halves::default();
        for n in 0..=MOST {
            halves.insert(n.to_string(), half(), Duration::from_millis(u64::try_from(n).unwrap()));
        }
        assert_eq!(halves.0.len(), MOST);
        assert_eq!((halves.try_of("0", Duration::ZERO), halves.try_of("1", Duration::ZERO)), (None, Some(half())));
    }
}
