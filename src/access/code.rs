//! Codes that log in once: `K7QF-9M2P-XV4T-C8RN`, 80 random bits.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{ALPHABET, digest, letters};

/// How long a code counts that root made for itself.
pub const SHORT: Duration = Duration::from_secs(600);
/// How long a code counts that is a new account's first way in.
pub const LONG: Duration = Duration::from_secs(86_400);

/// A code. Its letters are shown once.
#[derive(Clone)]
pub struct LoginCode(SecretString);

impl LoginCode {
    /// The code of random bytes.
    pub fn of(random: [u8; 10]) -> Self {
        Self(letters(&random).into())
    }

    /// A code as somebody types it: in capitals or not, with its hyphens or without, `O` for `0` and `I` or `L` for `1`. None: it
    /// is no code.
    pub fn parse(text: &str) -> Option<Self> {
        let typed = text.bytes().filter(|b| !matches!(b, b'-' | b' ')).map(|b| match b.to_ascii_uppercase() {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            other => other,
        });
        let bytes: Vec<u8> = typed.take(17).collect();
        let is_code = bytes.len() == 16 && bytes.iter().all(|b| ALPHABET.contains(b));
        is_code.then(|| Self(bytes.iter().copied().map(char::from).collect::<String>().into()))
    }

    /// The code in groups of four.
    pub fn text(&self) -> String {
        let plain: Vec<char> = self.0.expose_secret().chars().collect();
        plain.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join("-")
    }

    /// What is kept of it.
    pub fn digest(&self) -> String {
        digest(self.0.expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use super::LoginCode;

    #[test]
    fn a_code_is_four_groups_and_is_read_as_people_type_it() {
        let code = LoginCode::of([0, 68, 50, 20, 199, 66, 84, 182, 53, 207]);
        assert_eq!(code.text(), "0123-4567-89AB-CDEF");
        assert_eq!(LoginCode::of([255; 10]).text(), "ZZZZ-ZZZZ-ZZZZ-ZZZZ");
        let read = |text: &str| LoginCode::parse(text).map(|read| read.digest() == code.digest());
        for typed in ["0123-4567-89AB-CDEF", "0123456789abcdef", " oi23-4567 89ab-cdef ", "OL23-4567-89AB-CDEF"] {
            assert_eq!(read(typed), Some(true), "{typed}");
        }
        assert_eq!(read("0123-4567-89AB-CDEG"), Some(false));
        for wrong in ["", "0123-4567-89AB-CDE", "0123-4567-89AB-CDEF0", "0123-4567-89AB-CDEU", "0123-4567-89AB-CDÉF"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
