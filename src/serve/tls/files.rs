//! A certificate and its key from files, which somebody else renews.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::MetadataExt,
    path::Path,
};

use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use crate::model::{CertificateFiles as Files, Code, Error, Result};

/// Longest file that is read.
const LONGEST: u64 = 1024 * 1024;

/// By what a file is told from the one that was read: when it was written, its size, and which it is.
pub type Mark = [(i64, i64, u64, u64); 2];

/// What is in the two files.
///
/// # Errors
/// A file that cannot be read or is none of that kind, or two that do not belong together.
pub fn load(files: &Files) -> Result<CertifiedKey> {
    let chain = CertificateDer::pem_slice_iter(&read(&files.certificate)?)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|e| unusable(&files.certificate, e))?;
    if chain.is_empty() {
        return Err(unusable(&files.certificate, "it holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(|e| unusable(&files.key, e))?;
    CertifiedKey::from_der(chain, private, &super::provider()).map_err(|e| unusable(&files.key, e))
}

/// What tells whether they are others now; none: one is not there.
pub fn mark(files: &Files) -> Option<Mark> {
    let of = |path: &Path| fs::metadata(path).ok().map(|m| (m.mtime(), m.mtime_nsec(), m.len(), m.ino()));
    Some([of(&files.certificate)?, of(&files.key)?])
}

fn unusable(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidCertificate, format!("`{}` cannot be used for TLS", path.display()))
        .cause(why)
        .hint("it is a file in PEM: the certificate with those between it and its authority, or its private key")
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)).map_err(|e| unusable(path, e))?;
    Ok(bytes)
}
