//! Speaks to a certificate authority (ACME, RFC 8555) and keeps what it gives: the account, and certificates with their keys, in
//! files for root alone. Its proof is an answer over HTTP (HTTP-01), which whoever calls has served.

mod client;
mod files;
mod order;
mod served;

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use x509_parser::pem::parse_x509_pem;

pub use files::{forget_order, kept, remove};
pub use served::status_of;

use crate::model::{Acme, Code, Domain, Error, Result, visible};

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Most characters that are told of what an authority says.
const MOST_WORDS: usize = 600;

/// Serves the answer to a challenge, a token and its text, or takes it away.
pub type Present<'a> = dyn FnMut(Option<(String, String)>) -> Result<()> + 'a;

/// A certificate that was issued and written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The name of its file.
    pub file: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

/// Has a certificate issued for a domain, and writes it with its key into a folder, which has the account too.
///
/// # Errors
/// [`Code::CertificateFailed`] with the authority's words, or those of `present`.
pub fn issue(acme: &Acme, folder: &Path, domain: &Domain, present: &mut Present<'_>) -> Result<Issued> {
    let ordered =
        runtime()?.block_on(async { tokio::time::timeout(LIMIT, order::order(acme, folder, domain, present)).await });
    let late = |_| failed(&format!("no certificate came within {} s", LIMIT.as_secs()));
    let order::Chain { certificates, key } = ordered.map_err(late)??;
    let [not_before, not_after] = validity(&certificates)?;
    let file = files::write_certificate(folder, domain, not_before, &format!("{certificates}\n{key}"))?;
    Ok(Issued { file, not_before, not_after })
}

/// Runs one exchange, with TLS.
fn runtime() -> Result<tokio::runtime::Runtime> {
    // Only the first call in a process installs it; any later one has nothing to do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new(Code::Runtime, "cannot start the network runtime").cause(e))
}

fn failed(words: &str) -> Error {
    let text: String = visible(words, |_| false).chars().take(MOST_WORDS).collect();
    Error::new(Code::CertificateFailed, text)
}

/// From when and until when the first certificate of a chain is valid.
fn validity(chain: &str) -> Result<[Timestamp; 2]> {
    let unreadable = || failed("the certificate that came cannot be read");
    let (_, pem) = parse_x509_pem(chain.as_bytes()).map_err(|_| unreadable())?;
    let certificate = pem.parse_x509().map_err(|_| unreadable())?;
    let time = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).map_err(|_| unreadable());
    let validity = certificate.validity();
    Ok([time(validity.not_before)?, time(validity.not_after)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_validity_of_a_certificate_is_read() {
        let mut parameters = rcgen::CertificateParams::new(vec!["a.example.org".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2026, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2026, 4, 1);
        let pem = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem();
        let wanted = ["2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"].map(|time| time.parse().unwrap());
        assert_eq!(validity(&pem), Ok(wanted));
        assert_eq!(validity("-----BEGIN").map_err(|e| e.code), Err(Code::CertificateFailed));
    }

    #[test]
    fn an_authority_that_is_not_reached_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let acme = Acme { directory: "https://127.0.0.1:1/".to_owned(), ..Acme::default() };
        let domain = Domain::parse("a.example.org").unwrap();
        let error = issue(&acme, folder.path(), &domain, &mut |_| panic!("nothing to present")).unwrap_err();
        let text = "`https://127.0.0.1:1/` cannot be reached: Connection refused (os error 111)";
        assert_eq!((error.code, error.message.as_str()), (Code::CertificateFailed, text));
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is left");
    }
}
