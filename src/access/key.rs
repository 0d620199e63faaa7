//! Keys of the API: an id `LITE…` and a secret of 40 characters, in the form that AWS clients know.

use secrecy::SecretString;

use super::letters;

/// A new key. Its secret is kept, for a signature is checked with it.
#[derive(Clone)]
pub struct NewKey {
    /// `LITE` and 16 letters.
    pub id: String,
    /// 40 letters.
    pub secret: SecretString,
}

impl NewKey {
    /// The key of random bytes.
    pub fn of(id: [u8; 10], secret: [u8; 25]) -> Self {
        Self { id: format!("LITE{}", letters(&id)), secret: letters(&secret).into() }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::NewKey;

    #[test]
    fn a_key_has_the_form_that_clients_know() {
        let key = NewKey::of([255; 10], [0; 25]);
        assert_eq!(key.id, "LITEZZZZZZZZZZZZZZZZ");
        assert_eq!(key.secret.expose_secret(), "0".repeat(40));
    }
}
