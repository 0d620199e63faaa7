//! A certificate and its key from files, which somebody else renews.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use crate::model::{Code, Error, Result};

/// Longest file that is read.
const LONGEST: u64 = 1024 * 1024;

/// The two files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate with those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// By what a file is told from the one that was read: when it was written, its size, and which it is.
pub type Mark = [(i64, i64, u64, u64); 2];

impl Files {
    /// What is in them.
    ///
    /// # Errors
    /// A file that cannot be read or is none of that kind, or two that do not belong together.
    pub fn load(&self) -> Result<CertifiedKey> {
        let chain = CertificateDer::pem_slice_iter(&read(&self.certificate)?)
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|e| unusable(&self.certificate, e))?;
        if chain.is_empty() {
            return Err(unusable(&self.certificate, "it holds no certificate"));
        }
        let private = PrivateKeyDer::from_pem_slice(&read(&self.key)?).map_err(|e| unusable(&self.key, e))?;
        CertifiedKey::from_der(chain, private, &super::provider()).map_err(|e| unusable(&self.key, e))
    }

    /// What tells whether they are others now; none: one is not there.
    pub fn mark(&self) -> Option<Mark> {
        let of = |path: &Path| fs::metadata(path).ok().map(|m| (m.mtime(), m.mtime_nsec(), m.len(), m.ino()));
        Some([of(&self.certificate)?, of(&self.key)?])
    }
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
