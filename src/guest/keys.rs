//! Keys and passwords.

use rand::RngExt as _;
use secrecy::SecretString;
use ssh_key::{Algorithm, LineEnding, PrivateKey, PublicKey, rand_core::OsRng};

use crate::{
    catalog::SecretSpec,
    model::{Code, Error, Result, escaped},
    render::HostKey,
};

/// Draws an ed25519 host key.
///
/// # Errors
/// Failed if the system gives no randomness.
pub fn new_host_key() -> Result<HostKey> {
    let failed = |e: ssh_key::Error| Error::new(Code::KeyFailed, "no SSH host key could be made").cause(e);
    let key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519).map_err(failed)?;
    let private = key.to_openssh(LineEnding::LF).map_err(failed)?;
    let public = key.public_key().to_openssh().map_err(failed)?;
    Ok(HostKey { private: SecretString::from(private.as_str()), public: public.trim().to_owned() })
}

/// The public key of a private key file of lite's own.
pub fn public_of(private: &str) -> Result<String> {
    PrivateKey::from_openssh(private)
        .and_then(|key| key.public_key().to_openssh())
        .map_err(|e| Error::new(Code::KeyFailed, "lite's own SSH key cannot be read").cause(e))
}

/// Draws a secret: each character with the same chance, from the process's cryptographic generator.
pub fn new_secret(spec: &SecretSpec) -> SecretString {
    let alphabet: Vec<char> = spec.alphabet.chars().collect();
    let mut rng = rand::rng();
    let text: String = (0..spec.length).map(|_| alphabet[rng.random_range(0..alphabet.len())]).collect();
    SecretString::from(text)
}

/// Reads a public key file and gives its key on one line, without the comment.
///
/// # Errors
/// Refused: a private key, several lines, options before the key, control characters, anything that is not an OpenSSH key.
/// Never echoes what may be a private key.
pub fn parse_public_key(text: &str) -> Result<String> {
    let bad = |why: &str| {
        Error::new(Code::InvalidSshKey, format!("the SSH key cannot be used: {why}")).hint(
            "give a public key file with one line such as `ssh-ed25519 AAAA… you@host`, often `~/.ssh/id_ed25519.pub`",
        )
    };
    if text.contains("PRIVATE KEY") {
        return Err(bad("it is a private key, which must never leave its owner"));
    }
    let line = text.trim_end_matches(['\n', '\r']);
    if line.len() > 16 * 1024 {
        return Err(bad("it is longer than 16 KiB"));
    }
    if line.contains(['\n', '\r']) {
        return Err(bad("it has several lines; give each key by itself"));
    }
    if line.chars().any(char::is_control) {
        return Err(bad("it holds control characters"));
    }
    let kind = line.split(' ').next().unwrap_or_default();
    if !["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| kind.starts_with(start)) {
        return Err(bad(&format!(
            "it starts with `{}`, which is no type of key; options are not accepted",
            escaped(kind)
        )));
    }
    let mut key = PublicKey::from_openssh(line).map_err(|e| bad(&escaped(&e.to_string())))?;
    if key.algorithm() == Algorithm::Dsa {
        return Err(bad("DSA keys are not accepted by today's servers"));
    }
    key.set_comment("");
    let clean = key.to_openssh().map_err(|e| bad(&escaped(&e.to_string())))?;
    Ok(clean.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::{new_host_key, new_secret, parse_public_key};
    use crate::catalog::SecretSpec;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn keys_are_drawn_and_read_back() {
        let key = new_host_key().expect("a key");
        let again = new_host_key().expect("a key");
        assert_ne!(key.public, again.public);
        assert_eq!(parse_public_key(&key.public), Ok(key.public.clone()));
        assert!(key.private.expose_secret().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert!(!format!("{key:?}").contains("BEGIN"));
    }

    #[test]
    fn secrets_follow_their_specification() {
        let spec = SecretSpec {
            name: "admin".to_owned(),
            description: String::new(),
            user: None,
            length: 24,
            alphabet: "0123456789abcdef".to_owned(),
            show: false,
        };
        let (one, two) = (new_secret(&spec), new_secret(&spec));
        assert_ne!(one.expose_secret(), two.expose_secret());
        assert_eq!(one.expose_secret().len(), 24);
        assert!(one.expose_secret().chars().all(|c| spec.alphabet.contains(c)));
    }

    #[test]
    fn a_public_key_loses_its_comment() {
        assert_eq!(parse_public_key(KEY), Ok(KEY.to_owned()));
        assert_eq!(parse_public_key(&format!("{KEY} me@home\n")), Ok(KEY.to_owned()));
    }

    #[test]
    fn refuses_what_is_no_single_bare_key() {
        let cases = [
            ("", "the SSH key cannot be used: it starts with ``, which is no type of key; options are not accepted".to_owned()),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nx", "the SSH key cannot be used: it is a private key, which must never leave its owner".to_owned()),
            (&format!("{KEY} a\n{KEY}"), "the SSH key cannot be used: it has several lines; give each key by itself".to_owned()),
            (&format!("{KEY} a\u{7f}"), "the SSH key cannot be used: it holds control characters".to_owned()),
            (
                &format!("command=\"id\" {KEY}"),
                "the SSH key cannot be used: it starts with `command=\"id\"`, which is no type of key; options are not accepted".to_owned(),
            ),
        ];
        for (text, message) in cases {
            assert_eq!(parse_public_key(text).map_err(|e| e.message), Err(message), "{text:?}");
        }
        assert_eq!(parse_public_key("ssh-ed25519 AAAA").map_err(|e| e.code.as_str()), Err("invalid_ssh_key"));
    }
}
