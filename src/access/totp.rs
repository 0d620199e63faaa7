//! The second factor of a log-in: codes of six digits that change every half minute (RFC 6238), as programs on telephones make them.

use jiff::Timestamp;
use totp_rs::{Builder, Totp};

use crate::model::{Code, Error, Result};

/// Bytes of a secret.
pub const LENGTH: usize = 20;

/// What makes the codes of an account.
pub struct SecondFactor(Totp);

impl SecondFactor {
    /// Of an account, by its secret.
    ///
    /// # Errors
    /// The secret is none.
    pub fn of(account: &str, secret: [u8; LENGTH]) -> Result<Self> {
        let made = Builder::new().with_secret(secret).with_issuer(Some("lite")).with_account_name(account).build();
        made.map(Self).map_err(|e| Error::new(Code::Internal, "this makes no codes").cause(e))
    }

    /// The secret as people type it, in base 32.
    pub fn secret(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The link that programs for codes take.
    ///
    /// # Errors
    /// The account's name cannot be in one.
    pub fn link(&self) -> Result<String> {
        self.0.to_url().map_err(|e| Error::new(Code::Internal, "there is no link for this").cause(e))
    }

    /// The half minute whose code this is; none: it is that of none near now. A clock may be half a minute off.
    pub fn step_of(&self, typed: &str, now: Timestamp) -> Option<i64> {
        let digits: String = typed.chars().filter(|c| !c.is_whitespace()).take(16).collect();
        let now = u64::try_from(now.as_second()).ok()?;
        self.0.check(&digits, now).and_then(|step| i64::try_from(step).ok())
    }

    /// The code of a time: what a telephone shows.
    #[cfg(feature = "testing")]
    pub fn code(&self, at: Timestamp) -> String {
        self.0.generate(u64::try_from(at.as_second()).unwrap_or_default()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::SecondFactor;

    #[test]
    fn codes_are_those_of_the_standard_and_count_for_the_half_minutes_around() {
        let factor = SecondFactor::of("anna", *b"12345678901234567890").unwrap();
        assert_eq!(factor.secret(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let link = "otpauth://totp/lite:anna?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=lite";
        assert_eq!(factor.link().as_deref(), Ok(link));
        let at = |second| Timestamp::from_second(second).unwrap();
        // RFC 6238, appendix B: the last six digits.
        for (second, code) in [(59, "287082"), (1_111_111_109, "081804"), (2_000_000_000, "279037")] {
            assert_eq!(factor.code(at(second)), code);
            let step = Some(second / 30);
            for off in [-30, 0, 30] {
                assert_eq!(factor.step_of(code, at(second + off)), step, "{off}");
            }
            for off in [-60, 60] {
                assert_eq!(factor.step_of(code, at(second + off)), None, "{off}");
            }
        }
        assert_eq!(factor.step_of(" 287 082 ", at(59)), Some(1));
        for wrong in ["", "287083", "28708", "2870820", "28708x", "٢٨٧٠٨٢", "-87082", "+87082", &"0".repeat(1000)]
        {
            assert_eq!(factor.step_of(wrong, at(59)), None, "{wrong}");
        }
        assert_eq!(factor.step_of("287082", at(-59)), None);
    }
}
