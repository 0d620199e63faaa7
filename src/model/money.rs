//! Prices. Money is decimal, never a float.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Code, Error, Result, Size, escaped};

/// An ISO 4217 currency code, such as `USD`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(String);

impl Currency {
    /// Parses three capital letters.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::new(Code::InvalidCurrency, format!("`{}` is not a currency", escaped(text)))
                .hint("a currency is three capital letters, such as `USD` or `EUR`"))
        }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Currency {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.0
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An amount in hundredths of a currency unit. Written with at most two decimals: `12`, `12.5`, `12.00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Money(i64);

impl Money {
    /// Largest amount accepted: 1,000,000.00.
    pub const MAX: Self = Self(100_000_000);

    /// An amount from its hundredths.
    pub const fn hundredths(hundredths: i64) -> Self {
        Self(hundredths)
    }

    /// The amount in hundredths.
    pub const fn as_hundredths(self) -> i64 {
        self.0
    }

    /// Parses a decimal amount. Refused when negative, not a number, with more than two decimals, or above the largest.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            Error::new(Code::InvalidPrice, format!("`{}` is not a price", escaped(text)))
                .hint("a price is a decimal number such as `12` or `12.50`, from 0 to 1000000")
        };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "00"));
        let digits = |t: &str| !t.is_empty() && t.len() <= 7 && t.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 2 {
            return Err(bad());
        }
        let hundredths: i64 = format!("{whole}{decimals:0<2}").parse().map_err(|_| bad())?;
        if hundredths > Self::MAX.0 { Err(bad()) } else { Ok(Self(hundredths)) }
    }
}

/// What storage costs a GiB and month, as of today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoragePrices {
    /// A disk, by its size.
    pub disk: Money,
    /// A snapshot, by what it takes.
    pub snapshot: Money,
    /// Their currency.
    pub currency: Currency,
}

impl Money {
    /// What so much costs, if this is the price of a GiB; rounded to the nearest hundredth.
    #[must_use]
    pub fn of(self, size: Size) -> Self {
        let (per_gib, gib) = (i128::from(self.0), 1_i128 << 30);
        let price = (per_gib * i128::from(size.as_bytes()) + gib / 2) / gib;
        Self(i64::try_from(price).unwrap_or(i64::MAX))
    }
}

impl Money {
    /// Its share of so much of a whole, rounded to the nearest hundredth.
    #[must_use]
    pub fn share(self, part: u64, whole: u64) -> Self {
        let (part, whole) = (i128::from(part.min(whole)), i128::from(whole.max(1)));
        let share = (i128::from(self.0) * part + whole / 2) / whole;
        Self(i64::try_from(share).unwrap_or(i64::MAX))
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self(iter.map(|m| m.0).sum())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:02}", self.0 / 100, self.0 % 100))
    }
}

impl TryFrom<String> for Money {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Money> for String {
    fn from(money: Money) -> Self {
        money.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{Money, Size};

    #[test]
    fn a_gib_has_a_price_and_so_has_a_part_of_one() {
        let costs = |per_gib: i64, mib: u64| Money::hundredths(per_gib).of(Size::mib(mib)).as_hundredths();
        assert_eq!(
            [costs(10, 50 << 10), costs(5, 1024), costs(5, 102), costs(5, 103), costs(0, 1 << 20)],
            [500, 5, 0, 1, 0]
        );
    }

    #[test]
    fn parses_decimals_exactly() {
        for (text, shown) in [("12", "12.00"), ("12.5", "12.50"), ("0.07", "0.07"), ("1000000", "1000000.00")] {
            assert_eq!(Money::parse(text).map(|m| m.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn refuses_what_is_no_price() {
        for text in ["", "-1", "NaN", "inf", "1e3", "1.234", ".5", "5.", "1000000.01", "12 USD", "+1"] {
            assert_eq!(Money::parse(text).map_err(|e| e.code.as_str()), Err("invalid_price"), "{text:?}");
        }
    }
}
