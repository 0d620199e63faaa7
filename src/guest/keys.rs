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

/// What tells a public key from others: `SHA256:…`, as `ssh-keygen -l` shows it.
///
/// # Errors
/// It is none.
pub fn fingerprint(public: &str) -> Result<String> {
    let key = PublicKey::from_openssh(public).map_err(|e| bad("it cannot be read").cause(e))?;
    Ok(key.fingerprint(ssh_key::HashAlg::Sha256).to_string())
}

/// Draws a secret: each character with the same chance, from the process's cryptographic generator.
pub fn new_secret(spec: &SecretSpec) -> SecretString {
    let alphabet: Vec<char> = spec.alphabet.chars().collect();
    let mut rng = rand::rng();
    let text: String = (0..spec.length).map(|_| alphabet[rng.random_range(0..alphabet.len())]).collect();
    SecretString::from(text)
}

/// Shortest RSA key that is taken, in bits: shorter ones can be broken.
const MIN_RSA: usize = 2048;
/// Largest file of public keys, in bytes.
const MAX_FILE: usize = 64 * 1024;

/// Formats of other programs, by how they begin, and the command that converts them.
const OTHERS: [(&str, &str, &str); 5] = [
    ("---- BEGIN SSH2 PUBLIC KEY ----", "it is in the format of RFC 4716", "ssh-keygen -i -f FILE > FILE.pub"),
    ("-----BEGIN PUBLIC KEY-----", "it is in the format PKCS #8", "ssh-keygen -i -m PKCS8 -f FILE > FILE.pub"),
    ("-----BEGIN RSA PUBLIC KEY-----", "it is in the format PEM", "ssh-keygen -i -m PEM -f FILE > FILE.pub"),
    ("-----BEGIN CERTIFICATE-----", "it is a certificate of TLS", "ssh-keygen -y -f PRIVATE_KEY > FILE.pub"),
    ("PuTTY-User-Key-File", "it is a private key of PuTTY", "puttygen FILE -O public-openssh -o FILE.pub"),
];

/// Reads a file of public keys, as `ssh-keygen -l` does: one a line, among blank lines and comments. Gives each on one line,
/// without its comment, which may be in any encoding.
///
/// # Errors
/// Refused: a private key, options before a key, another format, which is named, anything that is not an OpenSSH key.
/// Never echoes what may be a private key.
pub fn parse_public_keys(bytes: &[u8]) -> Result<Vec<String>> {
    if bytes.len() > MAX_FILE {
        return Err(bad("the file is larger than 64 KiB"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(bad("it is in UTF-16").hint("convert it: `iconv -f UTF-16 -t UTF-8 FILE > FILE.pub`"));
    }
    // Only a comment may be anything but ASCII.
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    if let Some((_, what, command)) = OTHERS.iter().find(|(start, ..)| text.trim_start().starts_with(start)) {
        return Err(bad(what).hint(format!("convert it: `{command}`")));
    }
    if text.contains("PRIVATE KEY") {
        return Err(bad("it is a private key, which must never leave its owner"));
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys = lines.map(public_key).collect::<Result<Vec<_>>>()?;
    if keys.is_empty() { Err(bad("it holds no key")) } else { Ok(keys) }
}

fn bad(why: &str) -> Error {
    Error::new(Code::InvalidSshKey, format!("the SSH key cannot be used: {why}"))
        .hint("give a public key file with lines such as `ssh-ed25519 AAAA… you@host`, often `~/.ssh/id_ed25519.pub`")
}

/// Length of a number in bits.
fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// The key of a line, without its comment.
fn public_key(line: &str) -> Result<String> {
    let mut words = line.split_ascii_whitespace();
    let (kind, data) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| kind.starts_with(start)) {
        // Whatever else the file is, it may hold a secret: nothing of it is shown.
        return Err(bad("a line of it does not start with a type of key; options are not accepted"));
    }
    if kind.ends_with("-cert-v01@openssh.com") {
        return Err(bad("it is a certificate, which a list of keys cannot hold; give the key it is for"));
    }
    let key = PublicKey::from_openssh(&format!("{kind} {data}")).map_err(|e| bad(&escaped(&e.to_string())))?;
    if key.algorithm() == Algorithm::Dsa {
        return Err(bad("DSA keys are not accepted by today's servers"));
    }
    if let Some(bits) =
        key.key_data().rsa().and_then(|rsa| rsa.n.as_positive_bytes()).map(bits).filter(|b| *b < MIN_RSA)
    {
        return Err(bad(&format!("it is an RSA key of {bits} bits: at least {MIN_RSA} are needed"))
            .hint("make a new one: `ssh-keygen -t ed25519`"));
    }
    let clean = key.to_openssh().map_err(|e| bad(&escaped(&e.to_string())))?;
    Ok(clean.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::{new_host_key, new_secret, parse_public_keys};
    use crate::catalog::SecretSpec;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn keys_are_drawn_and_read_back() {
        let key = new_host_key().expect("a key");
        let again = new_host_key().expect("a key");
        assert_ne!(key.public, again.public);
        assert_eq!(parse_public_keys(key.public.as_bytes()), Ok(vec![key.public.clone()]));
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
    fn what_ssh_keygen_reads_is_read() {
        let one = || Ok(vec![KEY.to_owned()]);
        let spaced = KEY.replace(' ', " \t ");
        let cases: [(&[u8], usize); 6] = [
            (KEY.as_bytes(), 1),
            (&format!("{KEY} me@home\n").into_bytes(), 1),
            (&format!("# mine\r\n\r\n  {KEY} a\r\n").into_bytes(), 1),
            (&format!("\u{feff}{spaced} a\u{7f} b\n").into_bytes(), 1),
            (&[KEY.as_bytes(), b" J\xf6rg\n"].concat(), 1),
            (&format!("{KEY} a\n\n{KEY} b\n").into_bytes(), 2),
        ];
        for (bytes, count) in cases {
            let wanted = if count == 1 { one() } else { Ok(vec![KEY.to_owned(); count]) };
            assert_eq!(parse_public_keys(bytes), wanted, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn other_formats_are_named_with_what_converts_them() {
        let cases: [(&[u8], &str, Option<&str>); 9] = [
            (b"", "it holds no key", None),
            (b"-----BEGIN OPENSSH PRIVATE KEY-----\nx", "it is a private key, which must never leave its owner", None),
            (
                b"---- BEGIN SSH2 PUBLIC KEY ----\nx",
                "it is in the format of RFC 4716",
                Some("ssh-keygen -i -f FILE > FILE.pub"),
            ),
            (
                b"-----BEGIN PUBLIC KEY-----\nx",
                "it is in the format PKCS #8",
                Some("ssh-keygen -i -m PKCS8 -f FILE > FILE.pub"),
            ),
            (
                b"-----BEGIN RSA PUBLIC KEY-----\nx",
                "it is in the format PEM",
                Some("ssh-keygen -i -m PEM -f FILE > FILE.pub"),
            ),
            (
                b"PuTTY-User-Key-File-3: x",
                "it is a private key of PuTTY",
                Some("puttygen FILE -O public-openssh -o FILE.pub"),
            ),
            (b"\xff\xfes\0", "it is in UTF-16", Some("iconv -f UTF-16 -t UTF-8 FILE > FILE.pub")),
            (
                b"ssh-ed25519-cert-v01@openssh.com AAAA",
                "it is a certificate, which a list of keys cannot hold; give the key it is for",
                None,
            ),
            (
                b"command=\"id\" ssh-ed25519 AAAA",
                "a line of it does not start with a type of key; options are not accepted",
                None,
            ),
        ];
        for (bytes, why, command) in cases {
            let error = parse_public_keys(bytes).expect_err(why);
            assert_eq!(error.message, format!("the SSH key cannot be used: {why}"));
            assert_eq!(error.hint_texts().get(1).cloned(), command.map(|c| format!("convert it: `{c}`")), "{why}");
        }
        assert_eq!(parse_public_keys(b"ssh-ed25519 AAAA").map_err(|e| e.code.as_str()), Err("invalid_ssh_key"));
    }

    #[test]
    fn a_short_rsa_key_is_refused() {
        let short = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCcf8EwYKK8DIxPeboP34iRLkNpqy5fsK5y9epMNbzUkGheyQVindbb2zzwfMjyEesKZUC6kti1gP93O+jDDcg9dOMV25NhIf1N54szujfNrjp58XaSFf6j5SNP3VcPhSWcMcltmMKUTCD2qkw23Dg5WEQQt6JXGGQxGVv7oTjEPQ==";
        let good = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDpjINaqtAGn4EeDLOu1yMFizzv+B6swQGcdjSIZvIVI+YvFskbtQAg+FQvwp+MNp0CqBM3HkjFht3RWxrCNxqOJl28Rid9XTqMyA6yeFcUoVuXhqCsmzAeipkJoVQWruR4+QOKcIEBd535kJPNBgHQlWD3xMuljowWgLpdAos044+gTLsdSjI58kBJsAGwCh7xM3l6sJdFVQ0dYg/OomzRdxYv0GbQ7X93v7vvAl/6mCMr6wSoL25VyYiNUbVYo7dcTXa1QSYsnFSGEB2Kw5J4P1O/MiIuG1aIUrAmGH8aHxJ6v+ea6urWR5ah4dbRHbk0POiK8NJ1Jkx4gQGz+Rhf";
        let error = parse_public_keys(short.as_bytes()).expect_err("short");
        assert_eq!(
            error.message,
            "the SSH key cannot be used: it is an RSA key of 1024 bits: at least 2048 are needed"
        );
        assert_eq!(parse_public_keys(good.as_bytes()), Ok(vec![good.to_owned()]));
    }
}
