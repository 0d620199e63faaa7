//! Sizes in bytes, written with a binary unit.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Code, Error, Result, escaped};

/// A number of bytes. Written `512 MiB`, `20 GiB`, `1 TiB`: a unit is required, a fraction is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(u64);

const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl Size {
    /// Largest size accepted: 1 PiB.
    pub const MAX: Self = Self(1 << 50);

    /// A size from a count of bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// A size from a count of MiB.
    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// The count of bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// The count of whole MiB, rounded down.
    pub const fn as_mib(self) -> u64 {
        self.0 >> 20
    }

    /// The size for a sentence: one decimal of the largest unit it reaches, `21.1 GiB`.
    pub fn about(self) -> String {
        match UNITS.iter().find(|(_, factor)| self.0 >= *factor) {
            Some((unit, factor)) => format!("{}.{} {unit}", self.0 / factor, self.0 % factor * 10 / factor),
            None => format!("{} B", self.0),
        }
    }

    /// Sizes of one sentence in one unit, `60 GiB` beside `52.2 GiB`: MiB where all are below 1 GiB, else GiB, with one decimal
    /// where it is not a whole number.
    pub fn together<const N: usize>(sizes: [Self; N]) -> [String; N] {
        let largest = sizes.iter().max().map_or(0, |s| s.0);
        let (unit, factor) = if largest < UNITS[1].1 { UNITS[2] } else { UNITS[1] };
        sizes.map(|Self(bytes)| match bytes.is_multiple_of(factor) || factor == UNITS[2].1 {
            true => format!("{} {unit}", bytes / factor),
            false => format!("{}.{} {unit}", bytes / factor, bytes % factor * 10 / factor),
        })
    }

    /// Parses `512 MiB` (the space may be left out). Refused when negative, without unit, zero or above 1 PiB.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            Error::new(Code::InvalidSize, format!("`{}` is not a size", escaped(text)))
                .hint("a size is a whole number and one of KiB, MiB, GiB, TiB, such as `512 MiB`; at most 1024 TiB")
        };
        let trimmed = text.trim();
        let (unit, factor) = UNITS.iter().find(|(u, _)| trimmed.ends_with(u)).ok_or_else(bad)?;
        let digits = trimmed[..trimmed.len() - unit.len()].trim_end();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let count: u64 = digits.parse().map_err(|_| bad())?;
        let bytes = count.checked_mul(*factor).ok_or_else(bad)?;
        if bytes == 0 || bytes > Self::MAX.0 { Err(bad()) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for Size {
    /// The largest unit that divides it exactly; one decimal of the nearest unit where none does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((unit, factor)) =
            UNITS.iter().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
        {
            return write!(f, "{} {unit}", self.0 / factor);
        }
        f.write_str(&self.about())
    }
}

impl TryFrom<String> for Size {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn parses_and_prints_the_same() {
        for text in ["512 MiB", "20 GiB", "1 TiB", "3 KiB"] {
            assert_eq!(Size::parse(text).map(|s| s.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Size::parse("1024MiB").map(|s| s.to_string()), Ok("1 GiB".to_owned()));
        assert_eq!(Size::bytes((1 << 30) + (1 << 29) + 1).to_string(), "1.5 GiB");
    }

    #[test]
    fn sizes_of_one_sentence_have_one_unit() {
        let kib = |n: u64| Size::bytes(n << 10);
        assert_eq!(Size::together([Size::mib(60 << 10), Size::mib(53_474)]), ["60 GiB", "52.2 GiB"]);
        assert_eq!(Size::together([Size::mib(41), kib(167_296)]), ["41 MiB", "163 MiB"]);
        assert_eq!(Size::together([Size::mib(512), Size::mib(1024)]), ["0.5 GiB", "1 GiB"]);
        assert_eq!(Size::together([Size::mib(2 << 20), Size::bytes(0)]), ["2048 GiB", "0 GiB"]);
    }

    #[test]
    fn refuses_what_is_no_size() {
        for text in [
            "",
            "5",
            "-5 MiB",
            "NaN",
            "NaN GiB",
            "1.5 GiB",
            "1e3 MiB",
            "0 MiB",
            "GiB",
            "5 GB",
            "99999999999 TiB",
            "1025 TiB",
        ] {
            assert_eq!(Size::parse(text).map_err(|e| e.code.as_str()), Err("invalid_size"), "{text:?}");
        }
    }
}
