//! Where `lite serve` listens, and by what it is known.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use super::{Code, DnsName, Error, Result, escaped};

/// A certificate and its key as files, which somebody else renews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate with those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Where the certificate of the console comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerCertificate {
    /// Files that somebody else renews.
    Files(CertificateFiles),
    /// An authority of this host.
    Own,
}

/// What the settings say of the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// Where it listens (`LITE_LISTEN`).
    pub listen: SocketAddr,
    /// Where its certificate comes from; none: plain HTTP, on this host alone (`LITE_TLS`).
    pub tls: Option<ServerCertificate>,
    /// Further names of this host, as browsers call it (`LITE_NAMES`).
    pub names: Vec<String>,
    /// The proxy whose word on where a request came from counts (`LITE_TRUSTED_PROXY`).
    pub trusted_proxy: Option<IpAddr>,
    /// How long a session lasts without a request (`LITE_SESSION_IDLE`).
    pub session_idle: Duration,
    /// How long a session lasts at all (`LITE_SESSION_LIFE`).
    pub session_life: Duration,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8480),
            tls: None,
            names: Vec::new(),
            trusted_proxy: None,
            session_idle: Duration::from_secs(12 * 3600),
            session_life: Duration::from_secs(7 * 86_400),
        }
    }
}

impl Serving {
    /// Most names.
    const MOST: usize = 32;

    /// Reads an address and a port.
    ///
    /// # Errors
    /// It is none.
    pub fn parse_listen(text: &str) -> Result<SocketAddr> {
        text.parse().map_err(|_| {
            Error::new(Code::InvalidAddress, format!("`{}` is not an address and a port", escaped(text)))
                .hint("such as `127.0.0.1:8480`, or `[::1]:8480`")
        })
    }

    /// Reads `self`, or two files with `,` between them.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse_tls(text: &str) -> Result<ServerCertificate> {
        match text.split_once(',') {
            _ if text == "self" => Ok(ServerCertificate::Own),
            Some((certificate, key)) if !certificate.is_empty() && !key.is_empty() => {
                Ok(ServerCertificate::Files(CertificateFiles { certificate: certificate.into(), key: key.into() }))
            }
            _ => Err(Error::new(Code::InvalidPath, format!("`{}` is not two files", escaped(text)))
                .hint("a certificate and its key, such as `cert.pem,key.pem`, or `self`")),
        }
    }

    /// Reads a full name in DNS, or one label, as hosts at home are called.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse_name(text: &str) -> Result<String> {
        let name = if text.contains('.') { text.to_owned() } else { format!("{text}.local") };
        DnsName::parse(&name).map(|_| text.to_ascii_lowercase()).map_err(|_| {
            Error::new(Code::InvalidFqdn, format!("`{}` is not a name of a host", escaped(text)))
                .hint("labels of letters, digits and `-`, such as `lite.example.org` or `nas`, without a port")
        })
    }

    /// Reads names with `:` between them.
    ///
    /// # Errors
    /// One is none, or there are too many.
    pub fn parse_names(text: &str) -> Result<Vec<String>> {
        let names: Vec<&str> = text.split(':').take(Self::MOST + 1).collect();
        if names.len() > Self::MOST {
            return Err(Error::new(Code::InvalidSettings, format!("there are more than {} names", Self::MOST)));
        }
        names.into_iter().map(Self::parse_name).collect()
    }

    /// Reads the address of a proxy.
    ///
    /// # Errors
    /// It is none, or all of them.
    pub fn parse_proxy(text: &str) -> Result<IpAddr> {
        let address = text.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        address.filter(|address| !address.is_unspecified() && !address.is_multicast()).ok_or_else(|| {
            Error::new(Code::InvalidAddress, format!("`{}` is not the address of a proxy", escaped(text)))
                .hint("such as `192.0.2.7` or `::1`, without a port")
        })
    }

    /// What browsers open; none: it listens at a port that is not known before.
    pub fn url(&self) -> Option<String> {
        (self.listen.port() > 0).then(|| url(self.tls.is_some(), self.listen, self.names.first().map(String::as_str)))
    }
}

/// What browsers open to reach a console that listens here, by a name if it has one.
fn url(is_tls: bool, listen: SocketAddr, name: Option<&str>) -> String {
    let (scheme, port) = (if is_tls { "https" } else { "http" }, listen.port());
    match name {
        Some(name) => format!("{scheme}://{name}:{port}/"),
        // All addresses are none that a browser could open.
        None if listen.ip().is_unspecified() => format!("{scheme}://THIS-HOST:{port}/"),
        None => format!("{scheme}://{listen}/"),
    }
}

#[cfg(test)]
mod tests {
    use super::{CertificateFiles, ServerCertificate, Serving};
    use crate::model::Code;

    #[test]
    fn names_files_and_proxies_have_their_forms() {
        assert_eq!(Serving::parse_name("NAS"), Ok("nas".to_owned()));
        assert_eq!(
            Serving::parse_names("NAS:lite.example.org"),
            Ok(vec!["nas".to_owned(), "lite.example.org".to_owned()])
        );
        for wrong in ["", "a b", "nas:8480:", "-a", "https://nas", "a..b"] {
            assert_eq!(Serving::parse_name(wrong).map_err(|e| e.code), Err(Code::InvalidFqdn), "{wrong}");
            assert_eq!(Serving::parse_names(wrong).map_err(|e| e.code), Err(Code::InvalidFqdn), "{wrong}");
        }
        let many = vec!["a"; 33].join(":");
        assert_eq!(Serving::parse_names(&many).map_err(|e| e.code), Err(Code::InvalidSettings));
        let files = CertificateFiles { certificate: "a.pem".into(), key: "b.pem".into() };
        assert_eq!(Serving::parse_tls("a.pem,b.pem"), Ok(ServerCertificate::Files(files)));
        assert_eq!(Serving::parse_tls("self"), Ok(ServerCertificate::Own));
        for wrong in ["a.pem", ",b.pem", "a.pem,", ""] {
            assert_eq!(Serving::parse_tls(wrong).map_err(|e| e.code), Err(Code::InvalidPath), "{wrong}");
        }
        assert_eq!(Serving::parse_proxy("::ffff:192.0.2.7"), Ok([192, 0, 2, 7].into()));
        for wrong in ["0.0.0.0", "::", "192.0.2.7:80", "proxy", "192.0.2.0/24", ""] {
            assert_eq!(Serving::parse_proxy(wrong).map_err(|e| e.code), Err(Code::InvalidAddress), "{wrong}");
        }
    }

    #[test]
    fn what_browsers_open_is_known_from_the_settings() {
        let plain = Serving::default();
        assert_eq!(plain.url().as_deref(), Some("http://127.0.0.1:8480/"));
        let any = Serving { listen: ([0, 0, 0, 0], 443).into(), tls: Some(ServerCertificate::Own), ..plain };
        assert_eq!(any.url().as_deref(), Some("https://THIS-HOST:443/"));
        let named = Serving { names: vec!["nas".to_owned(), "b.example".to_owned()], ..any };
        assert_eq!(named.url().as_deref(), Some("https://nas:443/"));
        assert_eq!(Serving { listen: ([127, 0, 0, 1], 0).into(), ..named }.url(), None);
    }
}
