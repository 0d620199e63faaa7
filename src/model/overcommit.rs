//! How much more of a host may be promised than there is, and what of its disk stays free.

use std::fmt;

use super::{Code, Error, Result, Size, escaped};

/// How many times something may be promised: 1 to 100, with at most two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(u32);

impl Ratio {
    /// What is promised is there.
    pub const ONE: Self = Self(100);

    /// So many times.
    pub const fn times(whole: u32) -> Self {
        Self(whole * 100)
    }

    /// Parses `1`, `4` or `1.25`.
    ///
    /// # Errors
    /// Refused if it is no such number, or not from 1 to 100.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            let message = format!("`{}` is not a number from 1 to 100, such as `4` or `1.5`", escaped(text));
            Error::new(Code::InvalidSettings, message)
        };
        let (whole, decimals) = text.split_once('.').map_or((text, "0"), |(whole, decimals)| (whole, decimals));
        let digits = |t: &str, most| (1..=most).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, 3) || !digits(decimals, 2) {
            return Err(bad());
        }
        let number = |text: String| text.parse::<u32>().map_err(|_| bad());
        let hundredths = number(whole.to_owned())? * 100 + number(format!("{decimals:0<2}"))?;
        if (100..=10_000).contains(&hundredths) { Ok(Self(hundredths)) } else { Err(bad()) }
    }

    /// So many times of a number of bytes.
    pub fn of(self, bytes: u64) -> u64 {
        u64::try_from(u128::from(bytes) * u128::from(self.0) / 100).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, rest) if rest.is_multiple_of(10) => write!(f, "{whole}.{}", rest / 10),
            (whole, rest) => write!(f, "{whole}.{rest:02}"),
        }
    }
}

/// What may be promised of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overcommit {
    /// How many times its disk: disks are thin, and hold little of what they may (`LITE_DISK_OVERCOMMIT`, 4).
    pub disk: Ratio,
    /// How many times its memory (`LITE_MEMORY_OVERCOMMIT`, 1).
    pub memory: Ratio,
    /// What stays free of the pool; none: 5 GiB or a tenth of the pool, the smaller (`LITE_DISK_RESERVE`).
    pub disk_reserve: Option<Size>,
}

impl Default for Overcommit {
    fn default() -> Self {
        Self { disk: Ratio::times(4), memory: Ratio::ONE, disk_reserve: None }
    }
}

impl Overcommit {
    /// Bytes below which nothing is made or started any more, of a pool of `total` bytes.
    pub fn reserve(&self, total: u64) -> u64 {
        self.disk_reserve.map_or((5 << 30).min(total / 10), Size::as_bytes)
    }
}

/// What is known of the disk that instances lie on, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUsage {
    /// The disks of instances, if all were full.
    pub promised: Size,
    /// The most that may be promised.
    pub limit: Size,
    /// What they take now.
    pub used: Size,
    /// What is free.
    pub free: Size,
    /// What stays free.
    pub reserve: Size,
}

/// What a host has and has promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostUsage {
    /// Logical CPUs.
    pub cpus: u32,
    /// vCPUs of instances that are wanted running.
    pub vcpus_promised: u32,
    /// The most that may be promised.
    pub vcpus_limit: u32,
    /// All memory.
    pub memory: Size,
    /// What nobody uses of it.
    pub memory_free: Size,
    /// That of instances that are wanted running.
    pub memory_promised: Size,
    /// The most that may be promised.
    pub memory_limit: Size,
    /// The disk that instances lie on; none: it is not there.
    pub disk: Option<DiskUsage>,
}

impl DiskUsage {
    /// All in one unit: what is promised and used, and what is free.
    fn shown(&self) -> (String, String) {
        let [promised, limit, used, free] = Size::together([self.promised, self.limit, self.used, self.free]);
        (format!("{promised} promised of at most {limit}, {used} used"), free)
    }

    /// What is promised and used, for a sentence that says already what is free.
    pub fn promises(&self) -> String {
        self.shown().0
    }
}

impl fmt::Display for DiskUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (promises, free) = self.shown();
        write!(f, "{promises}, {free} free")
    }
}

#[cfg(test)]
mod tests {
    use super::{DiskUsage, Overcommit, Ratio};
    use crate::model::Size;

    #[test]
    fn a_ratio_is_read_and_shown() {
        for (text, shown, of) in
            [("1", "1", 10), ("4", "4", 40), ("1.5", "1.5", 15), ("1.25", "1.25", 12), ("100", "100", 1000)]
        {
            let ratio = Ratio::parse(text);
            assert_eq!(ratio.clone().map(|r| (r.to_string(), r.of(10))), Ok((shown.to_owned(), of)));
        }
        for text in ["", "0", "0.99", "-1", "100.01", "1e2", "1.", ".5", "1.234", "inf", "1000", "+2", "99999999999"] {
            assert_eq!(Ratio::parse(text).map_err(|e| e.code.as_str()), Err("invalid_settings"), "{text:?}");
        }
        assert_eq!(Ratio::times(100).of(u64::MAX), u64::MAX);
    }

    #[test]
    fn the_reserve_is_the_smaller_unless_it_is_set() {
        let gib = |n: u64| n << 30;
        let plain = Overcommit::default();
        assert_eq!([plain.reserve(gib(80)), plain.reserve(gib(20))], [gib(5), gib(2)]);
        let set = Overcommit { disk_reserve: Some(Size::mib(1)), ..plain };
        assert_eq!(set.reserve(gib(80)), 1 << 20);
    }

    #[test]
    fn usage_in_a_sentence_has_one_unit() {
        let gib = |n: u64| Size::mib(n << 10);
        let (used, free) = (Size::mib(1300), Size::mib(53_474));
        let usage = DiskUsage { promised: gib(60), limit: gib(208), used, free, reserve: gib(5) };
        assert_eq!(usage.to_string(), "60 GiB promised of at most 208 GiB, 1.2 GiB used, 52.2 GiB free");
    }
}
