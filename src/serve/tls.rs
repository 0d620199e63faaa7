//! TLS from a certificate and its key.

use std::{fs::File, io::Read, path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

use crate::model::{Code, Error, Result};

/// Longest file that is read.
const LONGEST: u64 = 1024 * 1024;

/// What speaks TLS with these files.
///
/// # Errors
/// A file that cannot be read or is none of that kind.
pub fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor> {
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|e| unusable(certificate, e))?;
    if chain.is_empty() {
        return Err(unusable(certificate, "it holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|e| unusable(key, e))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| unusable(certificate, e))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|e| unusable(key, e))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
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
