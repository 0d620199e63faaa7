//! Snapshots that the watcher makes of an instance by itself: when, and how many of them are kept.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};

use super::{Code, Error, Result, escaped};

/// One snapshot a day. It is the tag `auto-snapshot` of its instance, so it lies in the domain's metadata and outlives a lost
/// database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoSnapshot {
    /// From when on in the day, by the host's local time.
    pub time: Time,
    /// How many are kept.
    pub keep: u16,
}

impl Default for AutoSnapshot {
    fn default() -> Self {
        Self { time: Time::constant(3, 0, 0, 0), keep: 7 }
    }
}

impl AutoSnapshot {
    /// The key of its tag.
    pub const TAG: &str = "auto-snapshot";
    /// The key of the tag that says to which remote they are copied.
    pub const PUSH_TAG: &str = "auto-push";
    /// Most that are kept.
    pub const MOST: u16 = 366;

    /// Parses a time of the day: `03:00`.
    pub fn parse_time(text: &str) -> Result<Time> {
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        let two = |part: &str| part.parse::<i8>().ok().filter(|_| digits(part));
        let time = text.split_once(':').and_then(|(hour, minute)| Time::new(two(hour)?, two(minute)?, 0, 0).ok());
        time.ok_or_else(|| {
            Error::new(Code::InvalidSchedule, format!("`{}` is not a time of the day", escaped(text)))
                .hint("use hours and minutes by the host's clock, such as `03:00`")
        })
    }

    /// Parses how many are kept: 1 to 366.
    pub fn parse_keep(text: &str) -> Result<u16> {
        let keep = text.parse().ok().filter(|keep| (1..=Self::MOST).contains(keep));
        keep.ok_or_else(|| {
            let text = format!("`{}` is not a number of snapshots to keep", escaped(text));
            Error::new(Code::InvalidSchedule, text).hint(format!("use a number from 1 to {}", Self::MOST))
        })
    }

    /// Parses the value of its tag: `03:00/7`; an empty one is the default.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once('/') {
            _ if text.is_empty() => Ok(Self::default()),
            Some((time, keep)) => Ok(Self { time: Self::parse_time(time)?, keep: Self::parse_keep(keep)? }),
            None => Err(Error::new(
                Code::InvalidSchedule,
                format!("`{}` does not say when automatic snapshots are made and how many are kept", escaped(text)),
            )
            .hint("use a time of the day and a number, such as `03:00/7`")),
        }
    }

    /// In words: `a snapshot a day from 03:00 on, 7 kept`.
    pub fn sentence(self) -> String {
        format!("a snapshot a day from {:02}:{:02} on, {} kept", self.time.hour(), self.time.minute(), self.keep)
    }

    /// Whether one is to be made, `last` being the day of the last one: one a day, and none for days that are over.
    pub fn is_due(self, now: DateTime, last: Option<Date>) -> bool {
        now.time() >= self.time && last.is_none_or(|last| last < now.date())
    }
}

impl fmt::Display for AutoSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}/{}", self.time.hour(), self.time.minute(), self.keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in ["03:00/7", "23:59/366", "00:00/1"] {
            assert_eq!(AutoSnapshot::parse(text).map(|auto| auto.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(AutoSnapshot::parse("").map(|auto| auto.to_string()), Ok("03:00/7".to_owned()));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "3:00/7",
            "03:60/7",
            "24:00/7",
            "03:00",
            "03:00/",
            "03:00/0",
            "03:00/367",
            "03:00/-1",
            "/7",
            "0300/7",
            "+3:00/7",
            "03:00:00/7",
            "03:00/7/1",
            "daily",
        ] {
            let error = AutoSnapshot::parse(text).expect_err(text);
            assert_eq!((error.code, error.exit_code(), error.hints.len()), (Code::InvalidSchedule, 2, 1), "{text}");
        }
    }

    #[test]
    fn one_a_day_from_its_time_on() {
        let auto = AutoSnapshot { keep: 1, ..AutoSnapshot::default() };
        let due =
            |now: &str, last: Option<&str>| auto.is_due(now.parse().unwrap(), last.map(|date| date.parse().unwrap()));
        assert_eq!([due("2026-03-02T02:59:59", None), due("2026-03-02T03:00", None)], [false, true]);
        assert!(due("2026-03-02T03:00", Some("2026-03-01")) && !due("2026-03-02T23:59", Some("2026-03-02")));
        // Three days off: one. A clock that was set back: none until it is past the last one.
        assert!(due("2026-03-05T12:00", Some("2026-03-01")) && !due("2026-03-01T12:00", Some("2026-03-02")));
    }
}
