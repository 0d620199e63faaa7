//! What the web front (HAProxy) is to serve.

use std::path::PathBuf;

/// A file that HAProxy reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyFile {
    /// Its name in the folder.
    pub name: &'static str,
    /// Its content.
    pub text: String,
}

/// All that HAProxy is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyConfiguration {
    /// The folder of its files, sockets and certificates.
    pub folder: PathBuf,
    /// Tells this configuration from others; the worker that runs it tells it back. None: nothing is to be served.
    pub digest: Option<String>,
    /// What it reads at its start alone, the configuration first.
    pub fixed: Vec<ProxyFile>,
    /// Maps, `KEY VALUE` a line, which change while it runs.
    pub maps: Vec<ProxyFile>,
    /// The list of its certificates, the path of a file a line, which changes while it runs.
    pub certificates: ProxyFile,
    /// Servers that are taken from their work and put to it again while it runs.
    pub servers: Vec<ProxyServer>,
}

/// A server of a backend with several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyServer {
    /// The backend.
    pub backend: String,
    /// Its name there.
    pub name: String,
    /// It gets no new visitors.
    pub draining: bool,
}

/// What HAProxy tells of a backend, or of one of its servers. Counters begin at its start and at each reload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProxyStatistics {
    /// The backend.
    pub backend: String,
    /// The server; none: the backend itself.
    pub server: Option<String>,
    /// `UP`, `DOWN`, `DRAIN` and others, with how many of the checks that another state needs.
    pub status: String,
    /// What the last check found, in HAProxy's short form (`L4CON`, `L7STS` …); empty: there was none.
    pub check: String,
    /// The status of HTTP that the last check was answered with.
    pub check_code: Option<u64>,
    /// Requests and connections that it works on now.
    pub sessions: u64,
    /// Requests so far.
    pub requests: u64,
    /// Answers so far, by the first digit of their status less one: the second is `2xx`.
    pub responses: [u64; 5],
    /// Mean time to the answer of the last 1024 requests, in milliseconds.
    pub response_time: u64,
    /// Requests so far that were refused, and connections that could not be made.
    pub rejected: u64,
}

impl ProxyConfiguration {
    /// The socket in the folder that answers for the worker.
    pub const WORKER_SOCKET: &str = "worker.sock";
    /// The socket in the folder that answers for the master.
    pub const MASTER_SOCKET: &str = "master.sock";
}
