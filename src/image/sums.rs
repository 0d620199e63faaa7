//! Digests, checksum files and the signatures over them.

use std::{
    fmt, fs,
    io::{self, Read},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use serde::Deserialize;
use sha2::Digest as _;

use crate::model::{Code, Error, Result, escaped, hex};

/// A digest algorithm that lite accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        })
    }
}

/// Parses `sha256:…` or `sha512:…`; refused (exit 2) otherwise.
pub fn parse_digest(text: &str) -> Result<(Algorithm, String)> {
    let parsed = match text.split_once(':') {
        Some(("sha256", hex)) => Some((Algorithm::Sha256, hex)),
        Some(("sha512", hex)) => Some((Algorithm::Sha512, hex)),
        _ => None,
    };
    match parsed {
        Some((algorithm, hex)) if is_hex(hex, algorithm) => Ok((algorithm, hex.to_ascii_lowercase())),
        _ => Err(Error::new(Code::InvalidDigest, format!("`{}` is not a digest", escaped(text)))
            .hint("a digest is `sha256:` and 64 hexadecimal digits, or `sha512:` and 128")),
    }
}

fn is_hex(text: &str, algorithm: Algorithm) -> bool {
    text.len() == algorithm.digits() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The digest of `file_name` in a checksum file (`HEX  NAME` or `HEX *NAME` per line), in lower case.
///
/// Strict: one malformed line, or two different digests for the file, refuses the whole text.
pub fn find(text: &str, file_name: &str, algorithm: Algorithm) -> Result<String> {
    let mut found: Option<String> = None;
    for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.is_empty()) {
        let parts = line.split_at_checked(algorithm.digits()).filter(|(hex, _)| is_hex(hex, algorithm));
        let name = parts.and_then(|(_, rest)| rest.strip_prefix("  ").or_else(|| rest.strip_prefix(" *")));
        let (Some((hex, _)), Some(name)) = (parts, name.filter(|n| !n.is_empty())) else {
            let message = format!("line {} of the checksum file is not `{algorithm} digest, file name`", number + 1);
            return Err(Error::new(Code::InvalidChecksumFile, message).cause(escaped(line)));
        };
        if name == file_name {
            let hex = hex.to_ascii_lowercase();
            if found.as_ref().is_some_and(|f| *f != hex) {
                let message = format!("the checksum file has two digests for `{}`", escaped(file_name));
                return Err(Error::new(Code::InvalidChecksumFile, message));
            }
            found = Some(hex);
        }
    }
    found.ok_or_else(|| {
        let message = format!("the checksum file has no line for `{}`", escaped(file_name));
        Error::new(Code::InvalidChecksumFile, message)
    })
}

/// The digest of what `reader` gives, in lower-case hexadecimal digits. Looks at `cancel` between blocks.
pub fn digest(mut reader: impl Read, algorithm: Algorithm, cancel: &AtomicBool) -> Result<String> {
    let (mut sha256, mut sha512) = (sha2::Sha256::new(), sha2::Sha512::new());
    let mut block = vec![0; 1 << 20];
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(Error::new(Code::Interrupted, "interrupted while checking the digest"));
        }
        let n = match reader.read(&mut block) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Error::new(Code::Read, "the downloaded file cannot be read").cause(e)),
        };
        match algorithm {
            Algorithm::Sha256 => sha256.update(&block[..n]),
            Algorithm::Sha512 => sha512.update(&block[..n]),
        }
    }
    Ok(match algorithm {
        Algorithm::Sha256 => hex(sha256.finalize().as_slice()),
        Algorithm::Sha512 => hex(sha512.finalize().as_slice()),
    })
}

/// Refused (exit 2) if there is no such key ring, with the `apt-get` line for `package` where one installs it.
pub fn require_keyring(keyring: &Path, package: Option<&str>) -> Result<()> {
    if keyring.is_absolute() && keyring.is_file() {
        return Ok(());
    }
    let message = format!("the key ring `{}` is not there", escaped(&keyring.to_string_lossy()));
    Err(Error::new(Code::MissingKeyring, message).hint(match package {
        Some(package) => format!("sudo apt-get install {package}"),
        None => "give the absolute path of a key ring that gpgv can read".to_owned(),
    }))
}

/// Checks a detached signature over `sums` by `gpgv` with the keys of `keyring`, and no others.
///
/// Refused (exit 2) if gpgv or the key ring is missing.
pub fn verify_signature(sums: &[u8], signature: &[u8], keyring: &Path) -> Result<()> {
    require_keyring(keyring, None)?;
    let broken = |e: io::Error| Error::new(Code::Gpgv, "the signature cannot be checked").cause(e);
    let folder = tempfile::tempdir().map_err(broken)?;
    let (signature_file, sums_file) = (folder.path().join("signature"), folder.path().join("sums"));
    fs::write(&signature_file, signature).map_err(broken)?;
    fs::write(&sums_file, sums).map_err(broken)?;
    let output = Command::new("gpgv")
        .args(["--status-fd", "1", "--homedir"])
        .arg(folder.path())
        .arg("--keyring")
        .arg(keyring)
        .arg("--")
        .args([&signature_file, &sums_file])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => {
                Error::new(Code::MissingGpgv, "gpgv is not installed, so no signature can be checked")
                    .hint("sudo apt-get install gpgv")
            }
            _ => broken(e),
        })?;
    let status = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> =
        status.lines().filter_map(|l| l.strip_prefix("[GNUPG:] ")?.split_ascii_whitespace().next()).collect();
    let has = |word: &str| words.contains(&word);
    let bad = ["BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"].into_iter().find(|w| has(w));
    if output.status.success() && has("GOODSIG") && has("VALIDSIG") && bad.is_none() {
        return Ok(());
    }
    let why = match bad {
        Some("BADSIG") => "the checksum file was altered after it was signed",
        Some("ERRSIG") if has("NO_PUBKEY") => "it was made by a key that is not in the key ring",
        Some("EXPSIG" | "EXPKEYSIG") => "the signature or its key has expired",
        Some("REVKEYSIG") => "its key was revoked",
        _ => "gpgv found no valid signature",
    };
    Err(Error::new(Code::BadSignature, "the signature of the checksum file is not valid, so nothing was downloaded")
        .cause(why))
}
