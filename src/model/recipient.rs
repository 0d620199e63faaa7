//! Who alone can read a file that is encrypted with age.

use std::fmt;

use super::{Code, Error, Result, escaped};

/// A public key of age: `age1…`. No secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient(String);

impl Recipient {
    /// Parses `age1` and 58 characters, as `age-keygen` prints them.
    pub fn parse(text: &str) -> Result<Self> {
        let in_alphabet = |b: u8| b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(&b);
        match text.strip_prefix("age1").filter(|rest| rest.len() == 58 && rest.bytes().all(in_alphabet)) {
            Some(_) => Ok(Self(text.to_owned())),
            None if text.starts_with("AGE-SECRET-KEY-") => Err(Error::new(
                Code::InvalidRecipient,
                "this is a secret key of age: who has it reads what is encrypted",
            )
            .hint("give its public key, which `age-keygen -y KEYFILE` prints: `age1…`")),
            None => Err(Error::new(Code::InvalidRecipient, format!("`{}` is no public key of age", escaped(text)))
                .hint("give `age1` and 58 characters, as `age-keygen` prints them")),
        }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_is_one_and_a_secret_one_is_not_shown() {
        let key = format!("age1{}", "q".repeat(58));
        assert_eq!(Recipient::parse(&key).map(|key| key.to_string()), Ok(key));
        for text in ["", "age1", "age1qqq", "ssh-ed25519 AAAA", &format!("age1{}", "b".repeat(58)), "-o/etc/passwd"] {
            assert_eq!(Recipient::parse(text).map_err(|e| (e.code, e.exit_code())), Err((Code::InvalidRecipient, 2)));
        }
        let secret = Recipient::parse("AGE-SECRET-KEY-1QQQ").expect_err("secret");
        assert!(!format!("{secret:?}").contains("1QQQ"));
    }
}
