//! One file by HTTPS: resumable, bounded in size and in silence.

use std::{
    fs::{self, File, OpenOptions},
    future::Future,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use reqwest::{Client, Response, StatusCode, Url, header};

use super::client;
use crate::model::{Error, Result, escaped};

const REDIRECTS: usize = 5;
const CONNECT: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(100);
/// Enough to recognise a page where a file was expected.
const HEAD: usize = 16;

/// The usual limit of silence.
pub const IDLE: Duration = Duration::from_secs(30);

/// What to download, and where to.
#[derive(Debug, Clone)]
pub struct Download {
    /// HTTPS only.
    pub url: String,
    /// The file that grows; kept when a download is cut, so that the next one resumes. Its ETag lies beside it, `….etag`.
    pub dest_part: PathBuf,
    /// Certificates in PEM to trust besides the system's.
    pub extra_ca: Option<Vec<u8>>,
    /// Larger files are refused.
    pub max_bytes: u64,
    /// How long the server may be silent; [`IDLE`] as a rule.
    pub idle_timeout: Duration,
}

/// Downloads into `dest_part`, resuming what is there if the server still has the same file.
///
/// `progress` gets the bytes in the file so far and their total, if known. Must not be called inside an async runtime.
pub fn download(req: &Download, cancel: &AtomicBool, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<()> {
    let session = Session::new(&req.url, req.extra_ca.as_deref(), req.idle_timeout, cancel)?;
    block_on(session.save(&req.dest_part, req.max_bytes, progress))
}

/// Downloads a small file, such as a checksum file, into memory.
pub fn fetch(url: &str, extra_ca: Option<&[u8]>, max: u64, idle: Duration, cancel: &AtomicBool) -> Result<Vec<u8>> {
    let session = Session::new(url, extra_ca, idle, cancel)?;
    block_on(async {
        let mut response = session.open(None).await?;
        session.check(&response, max)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = session.chunk(&mut response, "").await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > max {
                return Err(session.too_large(max));
            }
        }
        if is_page(&bytes) { Err(session.page()) } else { Ok(bytes) }
    })
}

/// Where the ETag of a partial file is kept.
pub(super) fn etag_path(part: &Path) -> PathBuf {
    let mut name = part.as_os_str().to_owned();
    name.push(".etag");
    name.into()
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::failed("runtime", "the download cannot start").cause(e))?
        .block_on(work)
}

fn is_page(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    ["<!doctype", "<html"]
        .iter()
        .any(|start| text.get(..start.len()).is_some_and(|t| t.eq_ignore_ascii_case(start.as_bytes())))
}

fn https(text: &str) -> Result<Url> {
    let url = Url::parse(text)
        .map_err(|e| Error::refused("invalid_url", format!("`{}` is not an address", escaped(text))).cause(e))?;
    if url.scheme() != "https" {
        let message = format!("`{}` is not an https address", escaped(text));
        return Err(Error::refused("not_https", message).hint("images are downloaded by https only"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::refused("invalid_url", "an address with a user name or a password is not accepted"));
    }
    Ok(url)
}

struct Session<'a> {
    client: Client,
    url: Url,
    idle: Duration,
    cancel: &'a AtomicBool,
}

impl<'a> Session<'a> {
    fn new(url: &str, extra_ca: Option<&[u8]>, idle: Duration, cancel: &'a AtomicBool) -> Result<Self> {
        let url = https(url)?;
        let mut builder = client::builder()
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT);
        if matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            builder = builder.no_proxy(); // a mirror on this machine
        }
        if let Some(pem) = extra_ca {
            builder = client::trust(builder, pem)?;
        }
        let client = builder.build().map_err(|e| {
            Error::failed("tls", "no HTTPS client can be made")
                .cause(client::innermost(&e))
                .hint("sudo apt-get install ca-certificates")
        })?;
        Ok(Self { client, url, idle, cancel })
    }

    /// Follows redirects to the answer itself. `resume` is the offset and the ETag of what is there.
    async fn open(&self, resume: Option<(u64, &str)>) -> Result<Response> {
        let mut url = self.url.clone();
        for _ in 0..=REDIRECTS {
            let mut request = self.client.get(url.clone());
            if let Some((offset, etag)) = resume {
                request = request.header(header::RANGE, format!("bytes={offset}-")).header(header::IF_RANGE, etag);
            }
            let response = self.patient(request.send()).await?.map_err(|e| self.unreachable(&url, &e))?;
            let location = response.headers().get(header::LOCATION);
            let (true, Some(location)) = (response.status().is_redirection(), location) else {
                return Ok(response);
            };
            let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
            let bad = |_| Error::failed("bad_redirect", format!("`{url}` redirects to something that is not an address"));
            let next = url.join(&location).map_err(bad)?;
            if next.scheme() != "https" {
                let message = format!("`{url}` redirects to `{}`, which is not https", escaped(next.as_str()));
                return Err(Error::refused("not_https", message).hint("use an address that stays with https"));
            }
            url = next;
        }
        Err(Error::failed("too_many_redirects", format!("`{}` redirects more than {REDIRECTS} times", self.url)))
    }

    async fn save(&self, part: &Path, max: u64, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<()> {
        let sidecar = etag_path(part);
        let mut kept = kept(part, &sidecar);
        let mut response = self.open(kept.as_ref().map(|(n, etag)| (*n, etag.as_str()))).await?;
        if let Some((have, _)) = kept.as_ref().filter(|_| !self.continues(&response, kept.as_ref())) {
            if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
                if content_range(&response).is_some_and(|(_, total)| total == *have) {
                    progress(*have, Some(*have));
                    return Ok(()); // all of it is there already
                }
                response = self.open(None).await?;
            } else if response.status() == StatusCode::PARTIAL_CONTENT {
                response = self.open(None).await?; // a part of something else
            }
            kept = None;
        }
        let start = kept.map_or(0, |(have, _)| have);
        self.check(&response, max.saturating_sub(start)).map_err(|e| match e.code {
            "too_large" => self.too_large(max),
            _ => e,
        })?;
        let total = response.content_length().map(|n| n.saturating_add(start));
        let mut file = self.prepare(part, &sidecar, start, &response)?;
        let mut done = start;
        let mut head = Vec::new();
        progress(done, total);
        while let Some(chunk) = self.chunk(&mut response, &progress_words(done, total)).await? {
            done += chunk.len() as u64;
            if done > max {
                discard(part);
                return Err(self.too_large(max));
            }
            if start == 0 && head.len() < HEAD {
                head.extend_from_slice(&chunk[..chunk.len().min(HEAD)]);
                if is_page(&head) {
                    discard(part);
                    return Err(self.page());
                }
            }
            file.write_all(&chunk).map_err(|e| cannot_write(part, &e))?;
            progress(done, total);
        }
        file.sync_all().map_err(|e| cannot_write(part, &e))
    }

    /// Whether the answer is the rest of what is kept, and not of something else.
    fn continues(&self, response: &Response, kept: Option<&(u64, String)>) -> bool {
        kept.is_some_and(|(have, etag)| {
            response.status() == StatusCode::PARTIAL_CONTENT
                && content_range(response).is_some_and(|(start, _)| start == Some(*have))
                && strong_etag(response).is_none_or(|e| e == *etag)
        })
    }

    /// The part, ready to append at `start`; a fresh one forgets the old ETag before anything is written.
    fn prepare(&self, part: &Path, sidecar: &Path, start: u64, response: &Response) -> Result<File> {
        if start == 0 {
            discard(part);
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
            .open(part)
            .map_err(|e| cannot_write(part, &e))?;
        if let Some(etag) = strong_etag(response).filter(|_| start == 0) {
            fs::write(sidecar, etag).map_err(|e| cannot_write(sidecar, &e))?;
        }
        Ok(file)
    }

    fn check(&self, response: &Response, max: u64) -> Result<()> {
        let status = response.status();
        if !matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            let error = Error::failed("http_status", format!("`{}` answered {status}", self.url));
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
        if response.content_length().is_some_and(|n| n > max) {
            return Err(self.too_large(max));
        }
        Ok(())
    }

    async fn chunk(&self, response: &mut Response, so_far: &str) -> Result<Option<impl AsRef<[u8]> + std::ops::Deref<Target = [u8]> + use<>>> {
        self.patient(response.chunk()).await?.map_err(|e| {
            Error::failed("truncated", format!("the download of `{}` was cut{so_far}", self.url))
                .cause(client::innermost(&e))
                .hint("what has arrived is kept; the same command resumes it")
        })
    }

    /// Waits for the server, but not for ever, and not after an interruption.
    async fn patient<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let mut work = std::pin::pin!(work);
        let silent_at = tokio::time::Instant::now() + self.idle;
        loop {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(Error::failed("interrupted", "the download was interrupted")
                    .hint("what has arrived is kept; the same command resumes it"));
            }
            let next = silent_at.min(tokio::time::Instant::now() + TICK);
            match tokio::time::timeout_at(next, work.as_mut()).await {
                Ok(done) => return Ok(done),
                Err(_) if next < silent_at => {}
                Err(_) => {
                    let message = format!("`{}` sent nothing for {:?}", self.url, self.idle);
                    return Err(Error::failed("idle_timeout", message)
                        .hint("what has arrived is kept; the same command resumes it"));
                }
            }
        }
    }

    fn unreachable(&self, url: &Url, error: &reqwest::Error) -> Error {
        let host = url.host_str().unwrap_or_default();
        match client::tls(error) {
            Some(rustls::Error::InvalidCertificate(why)) => {
                Error::failed("untrusted_certificate", format!("the certificate of `{host}` is not trusted"))
                    .cause(why)
                    .hint("for a mirror with a certificate of its own, give its CA file; else: sudo apt-get install ca-certificates")
            }
            _ => Error::failed("unreachable", format!("`{host}` cannot be reached")).cause(client::innermost(error)),
        }
    }

    fn page(&self) -> Error {
        Error::failed("not_a_file", format!("`{}` answered with a web page, not with a file", self.url))
            .hint("a log-in page of the network, or an address that is not the file's own; open it in a browser")
    }

    fn too_large(&self, max: u64) -> Error {
        Error::refused("too_large", format!("`{}` is larger than the limit of {max} bytes", self.url))
    }
}

fn progress_words(done: u64, total: Option<u64>) -> String {
    total.map_or_else(|| format!(" after {done} bytes"), |total| format!(" after {done} of {total} bytes"))
}

/// The length and the ETag of what an earlier download left, if it can be resumed.
fn kept(part: &Path, sidecar: &Path) -> Option<(u64, String)> {
    let length = fs::symlink_metadata(part).ok().filter(|m| m.is_file() && m.len() > 0)?.len();
    let etag = fs::read_to_string(sidecar).ok()?;
    is_strong(&etag).then_some((length, etag))
}

fn is_strong(etag: &str) -> bool {
    etag.len() > 2 && etag.len() < 512 && etag.starts_with('"') && etag.ends_with('"') && etag.is_ascii()
}

fn strong_etag(response: &Response) -> Option<String> {
    let etag = response.headers().get(header::ETAG)?.to_str().ok()?;
    is_strong(etag).then(|| etag.to_owned())
}

/// `bytes START-END/TOTAL` or `bytes */TOTAL`.
fn content_range(response: &Response) -> Option<(Option<u64>, u64)> {
    let value = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-').and_then(|(start, _)| start.parse().ok()), total.parse().ok()?))
}

/// Removes a part and its ETag; what is not there is gone already.
pub(super) fn discard(part: &Path) {
    let _ = fs::remove_file(etag_path(part));
    let _ = fs::remove_file(part);
}

fn cannot_write(path: &Path, error: &io::Error) -> Error {
    Error::failed("write", format!("`{}` cannot be written", escaped(&path.to_string_lossy()))).cause(error)
}
