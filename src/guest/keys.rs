//! Keys and passwords: made here, or read from the user and checked.

use rand::seq::IndexedRandom;
use secrecy::SecretString;
use ssh_key::{Algorithm, LineEnding, PrivateKey, PublicKey, rand_core::OsRng};

use crate::{
    catalog::SecretSpec,
    model::{Error, Result, escaped},
    render::HostKey,
};

/// Characters of generated secrets unless the blueprint names others: none that are mistaken for one another, none that a
/// shell, a URL or a configuration file could take for its own.
const ALPHABET: &str = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Shortest generated secret.
const MIN_LENGTH: u32 = 20;
/// Largest key file read.
pub const MAX_KEY_FILE: u64 = 64 << 10;

/// A new ed25519 key pair.
pub fn host_key() -> Result<HostKey> {
    let fail = |e: ssh_key::Error| Error::failed("key_not_made", "cannot make an SSH key").cause(e);
    let key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(fail)?;
    Ok(HostKey {
        private: SecretString::from(key.to_openssh(LineEnding::LF).map_err(fail)?.to_string()),
        public: key.public_key().to_openssh().map_err(fail)?,
    })
}

/// The public key of a private key file.
pub fn public_of(private: &str) -> Result<String> {
    PrivateKey::from_openssh(private)
        .and_then(|key| key.public_key().to_openssh())
        .map_err(|e| Error::failed("key_unusable", "cannot read lite's own SSH key").cause(e))
}

/// A new secret of at least 20 characters.
pub fn password(spec: &SecretSpec) -> SecretString {
    let alphabet: Vec<char> = ALPHABET.chars().collect();
    let mut rng = rand::rng();
    let length = spec.length.max(MIN_LENGTH);
    let text: String = (0..length).filter_map(|_| alphabet.choose(&mut rng)).collect();
    SecretString::from(text)
}

/// Checks a public key file's text: one bare key on one line. Returned without its comment.
pub fn parse_public_key(text: &str) -> Result<String> {
    let refuse = |what: &str| {
        Err(Error::refused("invalid_ssh_key", format!("this is not a usable SSH public key: {what}"))
            .hint("give the `.pub` file of one key, such as `--ssh-key ~/.ssh/id_ed25519.pub`"))
    };
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line).trim_matches(' ');
    if line.contains("PRIVATE KEY") {
        return refuse("it is a private key, which must never leave its owner");
    }
    if line.is_empty() {
        return refuse("it is empty");
    }
    if line.contains(['\n', '\r']) {
        return refuse("it has several lines");
    }
    if line.chars().any(char::is_control) {
        return refuse("it holds control characters");
    }
    let first = line.split(' ').next().unwrap_or_default();
    if !["ssh-", "ecdsa-", "sk-"].iter().any(|prefix| first.starts_with(prefix)) {
        return refuse(&format!("it begins with `{}` (options before the key are not allowed)", escaped(first)));
    }
    let mut key = match PublicKey::from_openssh(line) {
        Ok(key) => key,
        Err(e) => return refuse(&e.to_string()),
    };
    key.set_comment("");
    key.to_openssh().map_err(|e| Error::failed("key_unusable", "cannot write the key").cause(e))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_made_key_reads_back() {
        let key = host_key().unwrap();
        assert_eq!(public_of(key.private.expose_secret()), Ok(key.public.clone()));
        assert_eq!(parse_public_key(&format!("{} me@home\n", key.public)), Ok(key.public));
    }

    #[test]
    fn refuses_what_is_no_single_bare_key() {
        let key = host_key().unwrap();
        let (public, private) = (key.public.as_str(), key.private.expose_secret());
        let bad = [
            String::new(),
            private.to_owned(),
            format!("{public} a\n{public} b"),
            format!("{public} a\u{1b}[1m"),
            format!("command=\"id\" {public}"),
            "ssh-ed25519 AAAA".to_owned(),
            "ssh-rsa".to_owned(),
        ];
        for text in bad {
            assert_eq!(parse_public_key(&text).map_err(|e| e.code), Err("invalid_ssh_key"), "{text}");
        }
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let spec = SecretSpec { name: "p".into(), description: String::new(), user: None, length: 8, show: true };
        let (a, b) = (password(&spec), password(&spec));
        assert_eq!(a.expose_secret().len(), 20);
        assert_ne!(a.expose_secret(), b.expose_secret());
    }
}
