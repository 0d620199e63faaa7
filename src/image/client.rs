//! The one place HTTP clients come from.

use std::{
    cell::Cell,
    future::Future,
    ops::Deref,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Certificate, Client, ClientBuilder, Response, StatusCode, Url, header};

use crate::{
    clock::{Clock as _, SystemClock},
    model::{Code, Error, Result, escaped},
};

static PROVIDER: Once = Once::new();
const REDIRECTS: usize = 5;
const CONNECT: Duration = Duration::from_secs(10);
/// What a server sends at least, in bytes a second: an image of 200 MiB takes half a day then.
const SLOWEST: f64 = 4096.0;
const TICK: Duration = Duration::from_millis(100);

/// A client builder with the TLS provider in place: reqwest panics without one.
pub fn builder() -> ClientBuilder {
    PROVIDER.call_once(|| {
        // An error means that one is installed already, which is all that is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder().user_agent(concat!("lite/", env!("CARGO_PKG_VERSION"))).referer(false)
}

/// Trusts the certificates in `pem` besides the system's.
fn trust(builder: ClientBuilder, pem: &[u8]) -> Result<ClientBuilder> {
    let refused = || Error::new(Code::InvalidCa, "the extra CA file is not a PEM certificate");
    let certificates = Certificate::from_pem_bundle(pem).map_err(|e| refused().cause(innermost(&e)))?;
    if certificates.is_empty() {
        return Err(refused());
    }
    Ok(builder.tls_certs_merge(certificates))
}

/// The words of the innermost cause: reqwest's own are "error sending request".
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// The TLS error below `error`, if there is one.
fn tls<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    // `io::Error::source` skips the error it wraps.
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    inner.and_then(|e| tls(e)).or_else(|| error.source().and_then(tls))
}

/// Whether a file begins like a web page.
pub(super) fn is_page(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    ["<!doctype", "<html"]
        .iter()
        .any(|start| text.get(..start.len()).is_some_and(|t| t.eq_ignore_ascii_case(start.as_bytes())))
}

fn https(text: &str) -> Result<Url> {
    let url = Url::parse(text)
        .map_err(|e| Error::new(Code::InvalidUrl, format!("`{}` is not an address", escaped(text))).cause(e))?;
    if url.scheme() != "https" {
        let message = format!("`{}` is not an https address", escaped(text));
        return Err(Error::new(Code::NotHttps, message).hint("images are downloaded by https only"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::new(Code::InvalidUrl, "an address with a user name or a password is not accepted"));
    }
    Ok(url)
}

/// One download: an address, and how long to wait for it.
pub(super) struct Session<'a> {
    client: Client,
    pub(super) url: Url,
    idle: Duration,
    /// Since when bytes are counted, and how many came.
    pace: Cell<(Instant, u64)>,
    cancel: &'a AtomicBool,
}

impl<'a> Session<'a> {
    pub(super) fn new(url: &str, extra_ca: Option<&[u8]>, idle: Duration, cancel: &'a AtomicBool) -> Result<Self> {
        let url = https(url)?;
        let mut builder =
            builder().https_only(true).redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT);
        if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            builder = builder.no_proxy(); // a mirror on this machine
        }
        if let Some(pem) = extra_ca {
            builder = trust(builder, pem)?;
        }
        let client = builder.build().map_err(|e| {
            Error::new(Code::Tls, "no HTTPS client can be made")
                .cause(innermost(&e))
                .hint("sudo apt-get install ca-certificates")
        })?;
        Ok(Self { client, url, idle, pace: Cell::new((SystemClock.instant(), 0)), cancel })
    }

    /// Follows redirects to the answer itself. `resume` is the offset and the ETag of what is there.
    pub(super) async fn open(&self, resume: Option<(u64, &str)>) -> Result<Response> {
        let mut url = self.url.clone();
        for _ in 0..=REDIRECTS {
            let mut request = self.client.get(url.clone());
            if let Some((offset, etag)) = resume {
                request = request.header(header::RANGE, format!("bytes={offset}-")).header(header::IF_RANGE, etag);
            }
            let response = self.patient(request.send()).await?.map_err(|e| self.unreachable(&url, &e))?;
            let location = response.headers().get(header::LOCATION);
            let (true, Some(location)) = (response.status().is_redirection(), location) else {
                self.pace.set((SystemClock.instant(), 0));
                return Ok(response);
            };
            let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
            let bad =
                |_| Error::new(Code::BadRedirect, format!("`{url}` redirects to something that is not an address"));
            let next = url.join(&location).map_err(bad)?;
            if next.scheme() != "https" {
                let message = format!("`{url}` redirects to `{}`, which is not https", escaped(next.as_str()));
                return Err(Error::new(Code::NotHttps, message).hint("use an address that stays with https"));
            }
            url = next;
        }
        Err(Error::new(Code::TooManyRedirects, format!("`{}` redirects more than {REDIRECTS} times", self.url)))
    }

    /// Refuses what is not a file, not the part wanted, or with the `have` bytes that are there larger than `max`.
    pub(super) fn check(&self, response: &Response, wanted: StatusCode, have: u64, max: u64) -> Result<()> {
        let status = response.status();
        if status != wanted {
            let error = Error::new(Code::HttpStatus, format!("`{}` answered {status}", self.url));
            return Err(match status.as_u16() {
                404 | 410 => error.hint("the file is not there; check the address, or the distribution has moved it"),
                500..=599 => error.hint("the server has a problem of its own; try again later"),
                _ => error,
            });
        }
        let kind = response.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |v| v.as_bytes());
        if kind.get(..9).is_some_and(|k| k.eq_ignore_ascii_case(b"text/html")) {
            return Err(self.page());
        }
        if response.content_length().is_some_and(|n| n.saturating_add(have) > max) {
            return Err(self.too_large(max));
        }
        Ok(())
    }

    /// The next bytes of the answer; `so_far` says in an error how many came.
    pub(super) async fn chunk(
        &self,
        response: &mut Response,
        so_far: &str,
    ) -> Result<Option<impl Deref<Target = [u8]> + use<>>> {
        let chunk = self.patient(response.chunk()).await?.map_err(|e| {
            Error::new(Code::Truncated, format!("the download of `{}` was cut{so_far}", self.url))
                .cause(innermost(&e))
                .hint("what has arrived is kept; the same command resumes it")
        })?;
        chunk.as_ref().map_or(Ok(()), |bytes| self.keeps_pace(bytes.len()))?;
        Ok(chunk)
    }

    /// Refuses a server that sends just enough not to be silent; judged over spans of the time that it may be silent.
    fn keeps_pace(&self, bytes: usize) -> Result<()> {
        let (since, before) = self.pace.get();
        let (span, sum) = (SystemClock.instant() - since, before + bytes as u64);
        if span < self.idle {
            self.pace.set((since, sum));
            return Ok(());
        }
        self.pace.set((SystemClock.instant(), 0));
        if sum as f64 >= SLOWEST * span.as_secs_f64() {
            return Ok(());
        }
        let message = format!("`{}` sends less than {} KiB a second", self.url, SLOWEST / 1024.0);
        Err(Error::new(Code::IdleTimeout, message).hint("what has arrived is kept; the same command resumes it"))
    }

    /// Waits for the server, but not for ever, and not after an interruption.
    async fn patient<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let mut work = std::pin::pin!(work);
        let silent_at = tokio::time::Instant::now() + self.idle;
        loop {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(Error::new(Code::Interrupted, "the download was interrupted")
                    .hint("what has arrived is kept; the same command resumes it"));
            }
            let next = silent_at.min(tokio::time::Instant::now() + TICK);
            match tokio::time::timeout_at(next, work.as_mut()).await {
                Ok(done) => return Ok(done),
                Err(_) if next < silent_at => {}
                Err(_) => {
                    let message = format!("`{}` sent nothing for {:?}", self.url, self.idle);
                    return Err(Error::new(Code::IdleTimeout, message)
                        .hint("what has arrived is kept; the same command resumes it"));
                }
            }
        }
    }

    fn unreachable(&self, url: &Url, error: &reqwest::Error) -> Error {
        let host = url.host_str().unwrap_or_default();
        match tls(error) {
            Some(rustls::Error::InvalidCertificate(why)) => {
                Error::new(Code::UntrustedCertificate, format!("the certificate of `{host}` is not trusted"))
                    .cause(why)
                    .hint("for a mirror with a certificate of its own, give its CA file; else: sudo apt-get install ca-certificates")
            }
            _ => Error::new(Code::Unreachable, format!("`{host}` cannot be reached")).cause(innermost(error)),
        }
    }

    pub(super) fn page(&self) -> Error {
        Error::new(Code::NotAFile, format!("`{}` answered with a web page, not with a file", self.url))
            .hint("a log-in page of the network, or an address that is not the file's own; open it in a browser")
    }

    pub(super) fn too_large(&self, max: u64) -> Error {
        Error::new(Code::TooLarge, format!("`{}` is larger than the limit of {max} bytes", self.url))
    }
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
