//! TLS: which certificate is shown, and how it is kept fresh while the server runs.

mod authority;
mod files;

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

pub use authority::{Authority, Subjects};
use files::{Mark, load, mark};
use jiff::Timestamp;
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use super::Say;
use crate::{
    app::App,
    model::{CertificateFiles as Files, Code, Error, Result, ServerCertificate},
};

fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// The certificate that is shown now.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// A certificate that cannot be used: which files it is, and why.
type Unusable = (Option<Mark>, Error);

/// What is looked at to keep it fresh.
enum Source {
    Files(Files, Option<Mark>),
    Own(Box<Authority>, Timestamp),
}

/// What speaks TLS.
pub struct Tls {
    /// For each connection.
    pub acceptor: TlsAcceptor,
    /// By what the authority of this host is known, if it is used.
    pub fingerprint: Option<String>,
    current: Arc<Current>,
    source: Source,
}

impl Tls {
    /// With the certificate as it is now.
    ///
    /// # Errors
    /// It cannot be read, or made.
    pub fn new(app: &App, certificate: ServerCertificate, subjects: Subjects) -> Result<Self> {
        let now = app.clock.now();
        let (source, fingerprint, key) = match certificate {
            ServerCertificate::Files(files) => {
                // Looked at before it is read: what changes meanwhile is read again.
                let mark = mark(&files);
                let key = load(&files)?;
                (Source::Files(files, mark), None, key)
            }
            ServerCertificate::Own => {
                let own = Authority::open(&app.settings.paths.state, subjects, now)?;
                let (fingerprint, key) = (own.fingerprint()?, own.issue(now)?);
                (Source::Own(Box::new(own), now), Some(fingerprint), key)
            }
        };
        let current = Arc::new(Current(RwLock::new(Arc::new(key))));
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::new(Code::Internal, "cannot speak TLS").cause(e))?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), fingerprint, current, source })
    }

    /// Shows another certificate whenever there is one, and says why one that is there cannot be shown. Never returns.
    pub async fn keep_fresh(mut self, app: App, every: Duration, say: &Say) {
        let mut told = None;
        loop {
            sleep(every).await;
            let unusable = match self.source.newer(app.clock.now()) {
                Ok(None) => continue,
                Ok(Some(key)) => {
                    *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                    None
                }
                Err(unusable) => Some(unusable),
            };
            // Once for each change.
            if let Some(new) = unusable.as_ref().filter(|_| unusable != told) {
                say.say(&format!("the certificate from before is shown on: {}", new.1));
            }
            told = unusable;
        }
    }
}

impl Source {
    /// Another certificate than before; none: it is the same. One that cannot be used is looked at again.
    ///
    /// # Errors
    /// It cannot be used: which it is, and why.
    fn newer(&mut self, now: Timestamp) -> std::result::Result<Option<CertifiedKey>, Box<Unusable>> {
        match self {
            Self::Files(files, last) => {
                let Some(mark) = mark(files).filter(|mark| Some(mark) != last.as_ref()) else { return Ok(None) };
                let key = load(files).map_err(|e| Box::new((Some(mark), e)))?;
                *last = Some(mark);
                Ok(Some(key))
            }
            Self::Own(own, issued_at) => {
                if authority::is_current(*issued_at, now) {
                    return Ok(None);
                }
                let key = own.issue(now).map_err(|e| Box::new((None, e)))?;
                *issued_at = now;
                Ok(Some(key))
            }
        }
    }
}

/// The certificate of the authority of this host, PEM.
///
/// # Errors
/// There is none, or its file cannot be read.
pub fn authority(state: &Path) -> Result<String> {
    Authority::kept(state)?.map(|own| own.certificate().to_owned()).ok_or_else(|| {
        Error::new(Code::NoAuthority, "this host has no authority of its own")
            .hint("`lite serve --tls self` makes it, at its first start")
    })
}
