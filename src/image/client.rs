//! The one place HTTP clients come from.

use std::sync::Once;

use reqwest::{Certificate, ClientBuilder};

use crate::model::{Error, Result};

static PROVIDER: Once = Once::new();

/// A client builder with the TLS provider in place: reqwest panics without one.
pub fn builder() -> ClientBuilder {
    PROVIDER.call_once(|| {
        // An error means that one is installed already, which is all that is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder().user_agent(concat!("lite/", env!("CARGO_PKG_VERSION"))).referer(false)
}

/// Trusts the certificates in `pem` besides the system's.
pub(super) fn trust(builder: ClientBuilder, pem: &[u8]) -> Result<ClientBuilder> {
    let refused = || Error::refused("invalid_ca", "the extra CA file is not a PEM certificate");
    let certificates = Certificate::from_pem_bundle(pem).map_err(|e| refused().cause(innermost(&e)))?;
    if certificates.is_empty() {
        return Err(refused());
    }
    Ok(builder.tls_certs_merge(certificates))
}

/// The words of the innermost cause: reqwest's own are "error sending request".
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// The TLS error below `error`, if there is one.
pub(super) fn tls<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    // `io::Error::source` skips the error it wraps.
    if let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        if let Some(found) = tls(inner) {
            return Some(found);
        }
    }
    error.source().and_then(tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_comes_twice_and_rubbish_is_no_certificate() {
        assert!(builder().no_proxy().tls_certs_only([]).build().is_ok());
        assert!(builder().no_proxy().tls_certs_only([]).build().is_ok());
        let error = trust(builder(), b"hello").expect_err("refused");
        assert_eq!(error.message, "the extra CA file is not a PEM certificate");
        assert_eq!(error.exit_code(), 2);
    }
}
