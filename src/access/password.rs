//! Passwords: what one must be, and what is kept of it.

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::model::{Code, Error, Result};

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// KiB of memory.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Cost {
    /// What OWASP asks for at least of Argon2id.
    pub const USUAL: Self = Self { memory: 19_456, passes: 2 };
    /// For tests: nothing that keeps anybody out.
    pub const LEAST: Self = Self { memory: 8, passes: 1 };
}

/// What is kept of a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hash {
    #[serde(flatten)]
    cost: Cost,
    salt: [u8; 16],
    hash: [u8; 32],
}

/// Refuses what is no password of an account: 12 to 256 bytes, and not its name.
///
/// # Errors
/// [`Code::InvalidPassword`].
pub fn check(name: &str, password: &str) -> Result<()> {
    let why = match password.len() {
        n if n < 12 => "it is shorter than 12 characters",
        n if n > 256 => "it is longer than 256 bytes",
        _ if password.to_lowercase().contains(&name.to_lowercase()) && password.len() < name.len() + 12 => {
            "it is little more than the name of the account"
        }
        _ => return Ok(()),
    };
    Err(Error::new(Code::InvalidPassword, format!("this cannot be the password: {why}"))
        .hint("four words in a row are long, and easy to remember"))
}

/// The hash of a password with a random salt.
///
/// # Errors
/// The memory is not there.
pub fn hash(password: &str, salt: [u8; 16], cost: Cost) -> Result<Hash> {
    let failed = |e: argon2::Error| Error::new(Code::Internal, "the password cannot be hashed").cause(e);
    let params = Params::new(cost.memory, cost.passes, 1, Some(32)).map_err(failed)?;
    let mut hash = [0; 32];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(password.as_bytes(), &salt, &mut hash).map_err(failed)?;
    Ok(Hash { cost, salt, hash })
}

/// Whether a password is the one. Without a hash it is not, and that is found out in the time that a hash of `cost` takes: nobody learns
/// whether an account is there.
///
/// # Errors
/// Those of [`hash`].
pub fn verify(password: &str, kept: Option<&Hash>, cost: Cost) -> Result<bool> {
    // Longer ones are hashed no more than they are set.
    let password = if password.len() > 256 { "" } else { password };
    let Some(kept) = kept else { return hash(password, [0; 16], cost).map(|_| false) };
    let of_this = hash(password, kept.salt, kept.cost)?;
    Ok(of_this.hash.ct_eq(&kept.hash).into())
}

#[cfg(test)]
mod tests {
    use super::{Cost, check, hash, verify};

    #[test]
    fn a_password_is_long_and_not_the_name() {
        for good in ["correct horse battery", "twelve bytes", &"x".repeat(256)] {
            assert_eq!(check("anna", good), Ok(()), "{good}");
        }
        for bad in ["", "eleven byte", &"x".repeat(257), "Anna-Anna-Anna"] {
            assert_eq!(check("anna", bad).map_err(|e| e.code.as_str()), Err("invalid_password"), "{bad}");
        }
    }

    #[test]
    fn only_the_same_password_is_the_one() {
        let kept = hash("correct horse battery", [7; 16], Cost::LEAST).unwrap();
        let text = serde_json::to_string(&kept).unwrap();
        assert!(!text.contains("horse"));
        let kept = serde_json::from_str(&text).unwrap();
        let is = |password: &str, kept| verify(password, kept, Cost::LEAST);
        assert_eq!(is("correct horse battery", Some(&kept)), Ok(true));
        assert_eq!(is("correct horse batterz", Some(&kept)), Ok(false));
        assert_eq!(is("correct horse battery", None), Ok(false));
        assert_eq!(is("", None), Ok(false));
    }
}
