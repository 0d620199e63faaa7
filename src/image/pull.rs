//! A base image from its distribution: downloaded, and verified before anything else sees it.

use std::{
    fs::{self, File, TryLockError},
    path::PathBuf,
    sync::atomic::AtomicBool,
    time::Duration,
};

use super::{
    download::{self, Download, discard},
    hold::Hold,
    known::{self, Known},
    sums::{self, Algorithm},
};
use crate::model::{Code, Error, Result, escaped};

/// Larger checksum files and signatures are no such thing.
const MAX_SUMS: u64 = 1 << 20;

/// The usual limit of an image.
pub const MAX_IMAGE: u64 = 8 << 30;

/// What to pull, and how to tell that it is the right one.
#[derive(Debug, Clone)]
pub struct PullRequest {
    /// Folder for the download; on the file system of the image store.
    pub dir: PathBuf,
    /// A known image, or with `url` any name.
    pub id: String,
    /// Another place for the image.
    pub url: Option<String>,
    /// `sha256:…` or `sha512:…` as the user gave it; wins over everything else.
    pub digest: Option<String>,
    /// Another checksum file; needs `signature_url` and `keyring` too.
    pub sums_url: Option<String>,
    /// The detached signature over the checksum file.
    pub signature_url: Option<String>,
    /// The key ring with the signer's key.
    pub keyring: Option<PathBuf>,
    /// Certificates in PEM to trust besides the system's.
    pub extra_ca: Option<Vec<u8>>,
    /// Larger images are refused; [`MAX_IMAGE`] as a rule.
    pub max_bytes: u64,
    /// How long the server may be silent; [`download::IDLE`] as a rule.
    pub idle_timeout: Duration,
    /// Starts over instead of resuming.
    pub force: bool,
}

impl PullRequest {
    /// A known image into `dir`, with the usual limits.
    pub fn new(dir: impl Into<PathBuf>, id: impl Into<String>) -> Self {
        Self {
            dir: dir.into(),
            id: id.into(),
            url: None,
            digest: None,
            sums_url: None,
            signature_url: None,
            keyring: None,
            extra_ca: None,
            max_bytes: MAX_IMAGE,
            idle_timeout: download::IDLE,
            force: false,
        }
    }
}

/// A verified image, not yet looked into: the caller checks its header and adopts or removes the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The file, `.pull-ID.verified` in the folder.
    pub file: PathBuf,
    /// Where it came from.
    pub url: String,
    /// Its digest, `sha256:…` or `sha512:…`.
    pub digest: String,
}

/// Downloads and verifies an image. Nothing unverified ever leaves the name `.pull-ID.part`.
pub fn pull(req: &PullRequest, cancel: &AtomicBool, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<Pulled> {
    if !is_id(&req.id) {
        return Err(Error::new(Code::InvalidName, format!("`{}` is not a name for an image", escaped(&req.id)))
            .hint("1 to 63 characters of a-z, 0-9, `.` and `-`, the first a letter"));
    }
    let known = known::find(&req.id);
    let url = match (&req.url, &known) {
        (Some(url), _) => url.clone(),
        (None, Ok(known)) => known.url.clone(),
        (None, Err(e)) => return Err(e.clone()),
    };
    fs::create_dir_all(&req.dir).map_err(|e| cannot("made", &req.dir, e))?;
    let path = |end: &str| req.dir.join(format!(".pull-{}.{end}", req.id));
    let lock = File::create(path("lock")).map_err(|e| cannot("written", &path("lock"), e))?;
    lock.try_lock().map_err(|e| match e {
        TryLockError::WouldBlock => {
            Error::new(Code::Busy, format!("image `{}` is being downloaded by another process", req.id))
        }
        TryLockError::Error(e) => cannot("locked", &path("lock"), e),
    })?;
    let _hold = Hold::of(lock);
    let (algorithm, wanted) = expected(req, known.ok().as_ref(), &url, cancel)?;

    let (part, verified) = (path("part"), path("verified"));
    if req.force {
        discard(&part);
    }
    let request = Download {
        url: url.clone(),
        dest_part: part.clone(),
        extra_ca: req.extra_ca.clone(),
        max_bytes: req.max_bytes,
        idle_timeout: req.idle_timeout,
    };
    download::download(&request, cancel, progress)?;
    let file = File::open(&part).map_err(|e| cannot("read", &part, e))?;
    let found = sums::digest(file, algorithm, cancel)?;
    if found != wanted {
        discard(&part);
        return Err(Error::new(Code::Altered, format!("`{url}` is not the expected file, and was removed"))
            .cause(format!("expected {algorithm}:{wanted}"))
            .cause(format!("got {algorithm}:{found}"))
            .hint(
                "it was altered on the way, or the distribution has published a newer one since the digest was taken",
            ));
    }
    fs::rename(&part, &verified).map_err(|e| cannot("renamed", &part, e))?;
    discard(&part);
    Ok(Pulled { file: verified, url, digest: format!("{algorithm}:{found}") })
}

/// The digest to hold the image to: given, pinned, or from a signed checksum file; refused if there is none.
fn expected(req: &PullRequest, known: Option<&Known>, url: &str, cancel: &AtomicBool) -> Result<(Algorithm, String)> {
    if let Some(digest) = &req.digest {
        return sums::parse_digest(digest);
    }
    // Holds for any mirror, as the checksum file does for any file of the same name.
    if let Some(digest) = known.and_then(|k| k.digest.as_ref()) {
        return sums::parse_digest(digest);
    }
    let sums_url = req.sums_url.as_ref().or(known.map(|k| &k.sums_url));
    let signature_url = req.signature_url.as_ref().or(known.and_then(|k| k.signature_url.as_ref()));
    let keyring = req.keyring.as_ref().or(known.and_then(|k| k.keyring.as_ref()));
    let (Some(sums_url), Some(signature_url), Some(keyring)) = (sums_url, signature_url, keyring) else {
        return Err(unverifiable(&req.id, known, sums_url));
    };
    let package = known.and_then(|k| k.keyring_package.as_deref()).filter(|_| req.keyring.is_none());
    sums::require_keyring(keyring, package)?;
    let get = |url: &str| download::fetch(url, req.extra_ca.as_deref(), MAX_SUMS, req.idle_timeout, cancel);
    let (text, signature) = (get(sums_url)?, get(signature_url)?);
    sums::verify_signature(&text, &signature, keyring)?;
    let text = std::str::from_utf8(&text)
        .map_err(|_| Error::new(Code::InvalidChecksumFile, format!("`{sums_url}` is not text")))?;
    let algorithm = known.filter(|_| req.sums_url.is_none()).map(|k| k.algorithm);
    let algorithm = algorithm.unwrap_or(if sums_url.contains("512") { Algorithm::Sha512 } else { Algorithm::Sha256 });
    let name = url.split(['?', '#']).next().and_then(|u| u.rsplit('/').next()).unwrap_or_default();
    Ok((algorithm, sums::find(text, name, algorithm)?))
}

fn unverifiable(id: &str, known: Option<&Known>, sums_url: Option<&String>) -> Error {
    let mut error =
        Error::new(Code::Unverifiable, format!("nothing says what the image `{id}` must be, so it is not downloaded"));
    if let Some(sums) = sums_url {
        error = error.cause(format!("`{sums}` has no signature that lite knows of"));
    }
    if known.is_some_and(|k| k.buildable) {
        error = error.hint(format!("better, from the distribution's signed packages: lite image build {id}"));
    }
    let algorithm = known.map_or(Algorithm::Sha512, |k| k.algorithm);
    let hint = format!("with a digest that you trust: lite image pull {id} --digest {algorithm}:…");
    error.hint(hint).hint("or with a digest pinned for the image in lite's own list, src/image/images.yaml")
}

fn is_id(id: &str) -> bool {
    (1..=63).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
}

fn cannot(what: &str, path: &std::path::Path, error: std::io::Error) -> Error {
    Error::new(Code::Files, format!("`{}` cannot be {what}", escaped(&path.to_string_lossy()))).cause(error)
}
