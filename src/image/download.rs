//! One file by HTTPS: resumable, bounded in size and in silence.

use std::{
    fs::{self, File, OpenOptions},
    future::Future,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

use reqwest::{Response, StatusCode, header};

use super::client::{Session, is_page};
use crate::model::{Code, Error, Result, escaped};

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
    block_on(save(&session, &req.dest_part, req.max_bytes, progress))
}

/// Downloads a small file, such as a checksum file, into memory.
pub fn fetch(url: &str, extra_ca: Option<&[u8]>, max: u64, idle: Duration, cancel: &AtomicBool) -> Result<Vec<u8>> {
    let session = Session::new(url, extra_ca, idle, cancel)?;
    block_on(async {
        let mut response = session.open(None).await?;
        session.check(&response, StatusCode::OK, 0, max)?;
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
        .map_err(|e| Error::new(Code::Runtime, "the download cannot start").cause(e))?
        .block_on(work)
}

async fn save(session: &Session<'_>, part: &Path, max: u64, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<()> {
    let sidecar = etag_path(part);
    let mut kept = kept(part, &sidecar);
    let mut response = session.open(kept.as_ref().map(|(n, etag)| (*n, etag.as_str()))).await?;
    if let Some((have, _)) = kept.as_ref().filter(|_| !continues(&response, kept.as_ref())) {
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            if content_range(&response).is_some_and(|(_, total)| total == *have) {
                progress(*have, Some(*have));
                return Ok(()); // all of it is there already
            }
            response = session.open(None).await?;
        } else if response.status() == StatusCode::PARTIAL_CONTENT {
            response = session.open(None).await?; // a part of something else
        }
        kept = None;
    }
    let start = kept.map_or(0, |(have, _)| have);
    let wanted = if start == 0 { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT };
    session.check(&response, wanted, start, max)?;
    let total = response.content_length().map(|n| n.saturating_add(start));
    let mut file = prepare(part, &sidecar, start, &response)?;
    let mut done = start;
    let mut head = Vec::new();
    progress(done, total);
    while let Some(chunk) = session.chunk(&mut response, &progress_words(done, total)).await? {
        done += chunk.len() as u64;
        if done > max {
            discard(part);
            return Err(session.too_large(max));
        }
        if start == 0 && head.len() < HEAD {
            head.extend_from_slice(&chunk[..chunk.len().min(HEAD)]);
            if is_page(&head) {
                discard(part);
                return Err(session.page());
            }
        }
        file.write_all(&chunk).map_err(|e| cannot_write(part, &e))?;
        progress(done, total);
    }
    file.sync_all().map_err(|e| cannot_write(part, &e))
}

/// Whether the answer is the rest of what is kept, and not of something else.
fn continues(response: &Response, kept: Option<&(u64, String)>) -> bool {
    kept.is_some_and(|(have, etag)| {
        response.status() == StatusCode::PARTIAL_CONTENT
            && content_range(response).is_some_and(|(start, _)| start == Some(*have))
            && strong_etag(response).is_none_or(|e| e == *etag)
    })
}

/// The part, ready to append at `start`; a fresh one forgets the old ETag before anything is written.
fn prepare(part: &Path, sidecar: &Path, start: u64, response: &Response) -> Result<File> {
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
    Error::new(Code::Write, format!("`{}` cannot be written", escaped(&path.to_string_lossy()))).cause(error)
}
