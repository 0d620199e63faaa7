//! Names of the world that lead to instances, over HTTP and HTTPS.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::{Code, DnsName, Error, Result, escaped, words};

/// A domain that a site may have: a full name in DNS, in its ASCII form and in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Domain(String);

impl TryFrom<String> for Domain {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl Domain {
    /// The ports of a host that all domains share, over HTTP and HTTPS.
    pub const PORTS: [u16; 2] = [80, 443];

    /// Parses `shop.example.org`; letters beyond ASCII become their form in DNS (`xn--…`, RFC 5891).
    ///
    /// # Errors
    /// [`Code::InvalidDomain`]: a wildcard, an address, one label alone, too long, or of other characters.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |why: &str| {
            Error::new(Code::InvalidDomain, format!("`{}` is not a domain: {why}", escaped(text)))
                .hint("a domain is a full name in DNS, such as `shop.example.org`")
        };
        if text.contains('*') {
            return Err(bad("a wildcard needs proof by DNS, which lite does not give"));
        }
        if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
            return Err(bad("it is an address"));
        }
        let ascii = idna::domain_to_ascii_strict(text).map_err(|_| bad("it is not a name in DNS"))?;
        let name = DnsName::parse(&ascii).map_err(|_| bad("it is not a full name in DNS"))?;
        // Browsers take a last label of digits for an address.
        if ascii.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit())) {
            return Err(bad("its last label is a number"));
        }
        Ok(Self(name.as_str().to_owned()))
    }

    /// The name, as DNS has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it is reached: over HTTPS once it has a certificate.
    pub fn url(&self, certificate: Option<&Certificate>) -> String {
        let is_served = certificate.is_some_and(|certificate| certificate.file.is_some());
        format!("{}://{self}/", if is_served { "https" } else { "http" })
    }

    /// What it looks like in a browser, where that is not its form in DNS.
    pub fn looks_like(&self) -> Option<String> {
        let (shown, valid) = idna::domain_to_unicode(&self.0);
        (valid.is_ok() && shown != self.0).then_some(shown)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Domain {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

/// Whether a host with this address on the way to the world has a router in front that translates it: it is private, or shared
/// by a provider's customers (RFC 6598).
pub fn is_behind_router(address: Ipv4Addr) -> bool {
    address.is_private() || address.octets()[0] == 100 && address.octets()[1] & 0xc0 == 64
}

/// A domain that leads to a port of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Its name.
    pub domain: Domain,
    /// The instance's port, which speaks HTTP.
    pub guest_port: u16,
    /// From where; empty: from anywhere.
    pub sources: Vec<IpNet>,
}

words! {
    /// Whether the application of an instance is configured for the URL that it is published under.
    ApplicationUrl;
    /// It is.
    Configured = "configured",
    /// It is at the next boot of its guest.
    AtNextBoot = "at_next_boot",
    /// Its blueprint has no part `published`: it keeps the URL that it has.
    Unsupported = "unsupported",
}

words! {
    /// How the certificate of a domain stands.
    CertificateState;
    /// None yet; one is asked for.
    Pending = "pending",
    /// There is one.
    Issued = "issued",
    /// The last try failed; another comes.
    Failed = "failed",
}

/// The certificate of a domain, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The domain.
    pub domain: Domain,
    /// How it stands. A renewal that fails is told here too, while the old one still serves.
    pub state: CertificateState,
    /// The file of the chain and its key; none: there is none yet.
    pub file: Option<String>,
    /// Until when it is valid.
    pub not_after: Option<Timestamp>,
    /// When it is asked for next.
    pub due: Timestamp,
    /// Tries that failed since the last success.
    pub failures: u32,
    /// When it was asked for, the last few times.
    pub tried: Vec<Timestamp>,
    /// What the last try said.
    pub error: Option<String>,
    /// The token of the challenge that is answered just now, and the answer (RFC 8555, 8.3).
    pub challenge: Option<(String, String)>,
    /// Since when no site has the domain.
    pub unused_since: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_have_one_form() {
        let parsed = |text: &str| Domain::parse(text).map(|d| (d.to_string(), d.looks_like())).map_err(|e| e.code);
        assert_eq!(parsed("Shop.Example.ORG"), Ok(("shop.example.org".to_owned(), None)));
        assert_eq!(parsed("müller.de"), Ok(("xn--mller-kva.de".to_owned(), Some("müller.de".to_owned()))));
        // Cyrillic letters that look like Latin ones.
        assert_eq!(parsed("xn--80ak6aa92e.com"), Ok(("xn--80ak6aa92e.com".to_owned(), Some("аррӏе.com".to_owned()))));
        let long = format!("{}.org", "a.".repeat(126));
        let label = format!("{}.org", "a".repeat(64));
        for text in [
            "",
            "shop",
            "*.example.org",
            "192.0.2.1",
            "[2001:db8::1]",
            "2001:db8::1",
            "a..b",
            ".a.b",
            "a.b.",
            "-a.b",
            "a_b.org",
            "a b.org",
            "http://a.b",
            "a.b/c",
            "a.b:80",
            "a.1",
            "a.b\n",
            "xn--\u{0}.de",
            &long,
            &label,
        ] {
            assert_eq!(parsed(text), Err(Code::InvalidDomain), "{text:?}");
        }
    }
}
