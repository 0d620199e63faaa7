//! What is served by a certificate, asked as a browser would.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

use reqwest::{Certificate, Client, redirect};

use super::runtime;
use crate::model::{Code, Domain, Error, Result, visible};

/// How long the first page of an application may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The status that a web server at an address answers with under a domain, over HTTPS; none: no answer within 10 s. Its
/// certificate has to be valid for the domain and lead to one of `file` or one that the system trusts.
///
/// # Errors
/// [`Code::ProxyFailed`], with what is wrong.
pub fn status_of(domain: &Domain, address: IpAddr, file: &Path) -> Result<Option<u16>> {
    let failed = |cause: String| {
        let text = format!("`https://{domain}/` is not served with its certificate");
        Error::new(Code::ProxyFailed, text).cause(visible(&cause, |_| false))
    };
    let issued = fs::read(file).map_err(|e| failed(e.to_string()))?;
    let issued = Certificate::from_pem_bundle(&issued).map_err(|e| failed(words(&e)))?;
    let client = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .tls_certs_merge(issued)
        .https_only(true)
        .timeout(LIMIT)
        .resolve(domain.as_str(), SocketAddr::new(address, 443));
    let asked = runtime()?.block_on(async { client.build()?.get(format!("https://{domain}/")).send().await });
    match asked {
        Ok(answer) => Ok(Some(answer.status().as_u16())),
        Err(error) if error.is_timeout() => Ok(None),
        Err(error) => Err(failed(words(&error))),
    }
}

/// The innermost cause: reqwest's own words only say that something failed.
fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
