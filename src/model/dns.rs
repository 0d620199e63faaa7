//! What an instance is called beyond lite: its name in DNS, and its time zone.

use super::{Code, Error, Result, escaped};

/// The domain of the instances on the NAT network. `.internal` is reserved for private use, and no server of the world knows it.
pub const DOMAIN: &str = "lite.internal";

/// A full name in DNS: two or more labels of RFC 1123, such as `mail.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsName(String);

impl DnsName {
    /// Parses a name; refused with the allowed form.
    pub fn parse(text: &str) -> Result<Self> {
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        if text.len() <= 253 && text.contains('.') && text.split('.').all(label) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(Code::InvalidFqdn, format!("`{}` is not a full name in DNS", escaped(text)))
            .hint("a full name has two or more labels of letters, digits and `-`, such as `mail.example.org`"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a time zone, such as `Europe/Berlin`. Only its form is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZone(String);

impl TimeZone {
    /// Parses a name; refused with the allowed form.
    pub fn parse(text: &str) -> Result<Self> {
        let part = |p: &str| {
            p.starts_with(|c: char| c.is_ascii_alphabetic())
                && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
        };
        if text.len() <= 64 && text.split('/').all(part) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(Code::InvalidTimezone, format!("`{}` is not a time zone", escaped(text)))
            .hint("a time zone is such as `Europe/Berlin` or `UTC`; `timedatectl list-timezones` lists them"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{DnsName, TimeZone};

    #[test]
    fn names_of_dns() {
        for good in ["mail.example.org", "a.b", "Web-1.Example.ORG", "1.2.x"] {
            assert_eq!(DnsName::parse(good).map(|n| n.as_str().to_owned()), Ok(good.to_owned()));
        }
        for bad in ["", "mail", "mail.", ".org", "a..b", "-a.b", "a-.b", "a_b.c", "ä.de", "a.b\n", &"a.".repeat(127)] {
            assert_eq!(DnsName::parse(bad).map_err(|e| e.code.as_str()), Err("invalid_fqdn"), "{bad:?}");
        }
    }

    #[test]
    fn names_of_time_zones() {
        for good in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3"] {
            assert_eq!(TimeZone::parse(good).map(|n| n.as_str().to_owned()), Ok(good.to_owned()));
        }
        for bad in ["", "/", "../etc/passwd", "Europe/", "Europe/../x", "a b", "1x", "UTC\n"] {
            assert_eq!(TimeZone::parse(bad).map_err(|e| e.code.as_str()), Err("invalid_timezone"), "{bad:?}");
        }
    }
}
