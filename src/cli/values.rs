//! Values of flags. Each is refused (exit 2) with its allowed form.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use ipnet::Ipv4Net;
use jiff::SignedDuration;

use crate::model::{Code, Error, Result, escaped};

/// Longest time a flag accepts.
pub const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Parses a time such as `90s`, `15m` or `1h 30m`, from a second to a day.
pub fn duration(text: &str) -> Result<Duration> {
    let bad = || {
        Error::new(Code::InvalidDuration, format!("`{}` is not a time", escaped(text)))
            .hint("a time is such as `90s`, `15m` or `1h 30m`, from one second to 24 hours")
    };
    // jiff reads ISO 8601 (`PT15M`), `15m ago` and `0` too: one way to write it is enough.
    let shaped = text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b == b' ')
        && !text.contains("ago");
    let parsed: SignedDuration = if shaped { text.parse().map_err(|_| bad())? } else { return Err(bad()) };
    let time = Duration::try_from(parsed).map_err(|_| bad())?;
    if (Duration::from_secs(1)..=LONGEST).contains(&time) { Ok(time) } else { Err(bad()) }
}

/// Parses a time such as `24h`, `7d` or `12w`, from a second to 456 days (15 months).
pub fn long_duration(text: &str) -> Result<Duration> {
    let bad = || {
        Error::new(Code::InvalidDuration, format!("`{}` is not a time", escaped(text)))
            .hint("a time is such as `90s`, `15m`, `24h`, `7d` or `12w`, from one second to 456 days")
    };
    let unit = [('d', 86_400), ('w', 7 * 86_400)].into_iter().find_map(|(u, s)| Some((text.strip_suffix(u)?, s)));
    let Some((number, seconds)) = unit else { return duration(text).map_err(|_| bad()) };
    let plain = (1..=4).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let count: u64 = if plain { number.parse().map_err(|_| bad())? } else { return Err(bad()) };
    let time = Duration::from_secs(count * seconds);
    if (Duration::from_secs(1)..=Duration::from_secs(456 * 86_400)).contains(&time) { Ok(time) } else { Err(bad()) }
}

/// A parameter of a blueprint and the value for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Name of the parameter.
    pub key: String,
    /// The value, untouched; the blueprint says what it accepts.
    pub value: String,
}

/// The names and values of some assignments.
pub fn pairs(assignments: &[Assignment]) -> Vec<(String, String)> {
    assignments.iter().map(|a| (a.key.clone(), a.value.clone())).collect()
}

/// Parses `key=value`; everything after the first `=` is the value.
pub fn assignment(text: &str) -> Result<Assignment> {
    let named = |k: &str| {
        (1..=63).contains(&k.len())
            && k.starts_with(|c: char| c.is_ascii_lowercase())
            && k.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    match text.split_once('=') {
        Some((key, value)) if named(key) => Ok(Assignment { key: key.to_owned(), value: value.to_owned() }),
        _ => Err(Error::new(Code::InvalidAssignment, format!("`{}` is not `key=value`", escaped(text)))
            .hint("the key is a parameter of the blueprint: `lite blueprints show NAME` lists them")),
    }
}

/// Parses an address of a LAN with the prefix of its network: `192.168.1.50/24`.
pub fn lan_address(text: &str) -> Result<Ipv4Net> {
    text.parse().map_err(|_| {
        Error::new(Code::InvalidAddress, format!("`{}` is not an address with a prefix", escaped(text)))
            .hint("an address is stated with the prefix of its network: `192.168.1.50/24`")
    })
}

/// Parses an IPv4 address: `192.168.1.1`.
pub fn ipv4(text: &str) -> Result<Ipv4Addr> {
    text.parse().map_err(|_| {
        Error::new(Code::InvalidAddress, format!("`{}` is not an IPv4 address", escaped(text)))
            .hint("an IPv4 address is such as `192.168.1.1`")
    })
}

/// Parses the address that a static address is: IPv4 alone.
pub fn static_address(text: &str) -> Result<Ipv4Addr> {
    if text.parse::<Ipv6Addr>().is_err() {
        return ipv4(text);
    }
    Err(Error::new(
        Code::InvalidAddress,
        format!("`{}` is an IPv6 address, and static addresses are IPv4", escaped(text)),
    )
    .hint("an instance keeps an IPv6 address of its own; `lite publish --address` gives it ports of one of this host"))
}

/// Parses the id a caller gives a request, so that asking twice creates once: 1 to 64 of `a-z A-Z 0-9 . _ -`.
pub fn request_id(text: &str) -> Result<String> {
    let shaped = (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if shaped {
        return Ok(text.to_owned());
    }
    Err(Error::new(Code::InvalidRequestId, format!("`{}` is not a request id", escaped(text))).hint(
        "a request id has 1 to 64 characters of a-z, A-Z, 0-9, `.`, `_` and `-`, and starts with a letter or digit",
    ))
}

/// Parses the id of an operation: `op-` and eight of `a-z 0-9`.
pub fn operation_id(text: &str) -> Result<String> {
    let rest = text
        .strip_prefix("op-")
        .filter(|r| r.len() == 8 && r.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    if rest.is_some() {
        return Ok(text.to_owned());
    }
    Err(Error::new(Code::InvalidOperationId, format!("`{}` is not the id of an operation", escaped(text)))
        .hint("an id is such as `op-0123abcd`; `lite operations` lists them"))
}

/// Parses the id of a job: `job-` and eight hexadecimal digits.
pub fn job_id(text: &str) -> Result<String> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if text.strip_prefix("job-").is_some_and(|rest| rest.len() == 8 && rest.bytes().all(is_digit)) {
        return Ok(text.to_owned());
    }
    Err(Error::new(Code::InvalidJobId, format!("`{}` is not the id of a job", escaped(text)))
        .hint("an id is such as `job-0123abcd`; `lite run --list` lists them"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Assignment, assignment, duration, job_id, operation_id, request_id, static_address};

    #[test]
    fn a_static_address_is_ipv4() {
        assert_eq!(static_address("203.0.113.7"), Ok([203, 0, 113, 7].into()));
        for (text, said) in [
            ("2001:db8::1", "`2001:db8::1` is an IPv6 address, and static addresses are IPv4"),
            ("203.0.113", "`203.0.113` is not an IPv4 address"),
        ] {
            let error = static_address(text).expect_err(text);
            assert_eq!((error.to_string().as_str(), error.exit_code()), (said, 2));
        }
    }

    #[test]
    fn times_from_a_second_to_a_day() {
        let cases = [
            ("1s", 1),
            ("90s", 90),
            ("15m", 900),
            ("1h 30m", 5400),
            ("1h30m", 5400),
            ("24h", 86_400),
            ("2 minutes", 120),
            ("1 hour", 3600),
        ];
        for (text, seconds) in cases {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text:?}");
        }
    }

    #[test]
    fn everything_else_is_no_time() {
        let bad = [
            "",
            "0",
            "0s",
            "0m",
            "999ms",
            "-15m",
            "15m ago",
            "15",
            "15x",
            "25h",
            "1d",
            "24h 1s",
            "PT15M",
            "m",
            " 15m",
            "15m\n",
            "1.5h",
            "NaN",
            "99999999999999999999s",
            "9223372036854775807h",
            "1e3s",
            "15М",
            "inf",
        ];
        for text in bad {
            assert_eq!(
                duration(text).map_err(|e| (e.code.as_str(), e.exit_code())),
                Err(("invalid_duration", 2)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn an_assignment_keeps_its_value_as_it_is() {
        let wanted = |value: &str| Ok(Assignment { key: "title".to_owned(), value: value.to_owned() });
        for value in ["", "a=b", "  spaced ", "$(id)", "ü\n\"'"] {
            assert_eq!(assignment(&format!("title={value}")), wanted(value));
        }
        for text in ["", "title", "=x", "Title=x", "a b=x", "1a=x", "a-b=x", "\u{1b}=x"] {
            assert_eq!(assignment(text).map_err(|e| e.code.as_str()), Err("invalid_assignment"), "{text:?}");
        }
    }

    #[test]
    fn ids() {
        assert_eq!(request_id("deploy-7.1_a"), Ok("deploy-7.1_a".to_owned()));
        for text in ["", "-a", "a b", "a/b", "é", &"a".repeat(65)] {
            assert_eq!(request_id(text).map_err(|e| e.code.as_str()), Err("invalid_request_id"), "{text:?}");
        }
        assert_eq!(operation_id("op-0123abcd"), Ok("op-0123abcd".to_owned()));
        assert_eq!(job_id("job-0123abcd"), Ok("job-0123abcd".to_owned()));
        for text in ["", "job-", "job-0123abc", "job-0123abcde", "job-0123ABCD", "job-0123abcg", "op-0123abcd"] {
            assert_eq!(job_id(text).map_err(|e| e.code.as_str()), Err("invalid_job_id"), "{text:?}");
        }
        for text in ["", "op-", "op-0123abc", "op-0123abcde", "op-0123ABCD", "op-../../x", "web-1"] {
            assert_eq!(operation_id(text).map_err(|e| e.code.as_str()), Err("invalid_operation_id"), "{text:?}");
        }
    }
}
