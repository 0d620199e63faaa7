//! A domain that leads to an instance.

use ipnet::IpNet;
use jiff::Timestamp;
use serde::Serialize;

use super::row;
use crate::model::{Certificate, CertificateState, Domain, Site};

/// A domain and how its certificate stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteView {
    /// The domain, as DNS has it.
    pub domain: Domain,
    /// What it looks like, where that is something else.
    pub looks_like: Option<String>,
    /// Where it is reached.
    pub url: String,
    /// The instance's port.
    pub guest_port: u16,
    /// From where; empty: from anywhere.
    pub sources: Vec<IpNet>,
    /// How the certificate stands.
    pub certificate: CertificateState,
    /// Until when it is valid.
    #[serde(serialize_with = "row::some_time")]
    pub valid_until: Option<Timestamp>,
    /// When it is asked for next.
    #[serde(serialize_with = "row::some_time")]
    pub next_try: Option<Timestamp>,
    /// What the certificate authority said last, if it refused.
    pub error: Option<String>,
}

impl SiteView {
    /// A site with its certificate.
    pub fn new(site: Site, certificate: Option<Certificate>) -> Self {
        let Site { domain, guest_port, sources } = site;
        Self {
            looks_like: domain.looks_like(),
            url: domain.url(certificate.as_ref()),
            guest_port,
            sources,
            certificate: certificate.as_ref().map_or(CertificateState::Pending, |c| c.state),
            valid_until: certificate.as_ref().and_then(|c| c.not_after),
            next_try: certificate.as_ref().map(|c| c.due),
            error: certificate.and_then(|c| c.error),
            domain,
        }
    }
}

impl std::fmt::Display for SiteView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url)?;
        if let Some(looks) = &self.looks_like {
            write!(f, " (looks like {looks})")?;
        }
        match (self.certificate, self.valid_until) {
            (CertificateState::Issued, _) => Ok(()),
            (state, _) => write!(f, " (certificate: {})", state.as_str()),
        }
    }
}
