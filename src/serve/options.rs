//! What is served, and how.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;

use super::Limits;
use crate::{
    access::{password::Cost, session},
    model::{Code, Error, Result, ServerCertificate, Serving},
};

/// What is done with what an operator should know.
#[derive(Clone)]
pub struct Say(Arc<dyn Fn(&str) + Send + Sync>);

impl Say {
    /// Hands each line to `say`.
    pub fn by(say: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(say))
    }

    /// Says a line.
    pub fn say(&self, line: &str) {
        (self.0)(line);
    }
}

impl std::fmt::Debug for Say {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Say")
    }
}

/// What is served, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where the certificate comes from; none: plain, on loopback alone.
    pub tls: Option<ServerCertificate>,
    /// Further names of this host, and addresses.
    pub names: Vec<String>,
    /// The proxy whose word on where a request came from counts.
    pub proxy: Option<IpAddr>,
    /// What is taken of whoever comes.
    pub limits: Limits,
    /// How long sessions last.
    pub sessions: session::Limits,
    /// What a hash of a password costs.
    pub cost: Cost,
    /// Who hears what an operator should know.
    pub say: Say,
}

impl Options {
    /// With the usual limits, plain, by no further name.
    pub fn usual(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: None,
            names: Vec::new(),
            proxy: None,
            limits: Limits::default(),
            sessions: session::Limits::default(),
            cost: Cost::USUAL,
            say: Say::by(|_| {}),
        }
    }

    /// As the settings say.
    pub fn of(serving: Serving) -> Self {
        let Serving { listen, tls, names, trusted_proxy, session_idle, session_life } = serving;
        let span = |time: Duration| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        let sessions =
            session::Limits { idle: span(session_idle), longest: span(session_life), ..session::Limits::default() };
        Self { tls, names, proxy: trusted_proxy, sessions, ..Self::usual(listen) }
    }

    /// Refused: plain HTTP where others can hear it.
    ///
    /// # Errors
    /// [`Code::TlsNeeded`].
    pub fn check(&self) -> Result<()> {
        if self.tls.is_some() || self.listen.ip().is_loopback() {
            return Ok(());
        }
        let text = format!("`{}` is not this host alone: without TLS nothing is served there", self.listen);
        Err(Error::new(Code::TlsNeeded, text)
            .hint("`--tls self` makes a certificate, `--tls CERT,KEY` takes one; or listen on `127.0.0.1:8480`"))
    }
}
