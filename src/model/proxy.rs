//! What the web front (HAProxy) is to serve.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
    /// Backends whose counters are asked for before a reload, which begins them anew.
    pub counted: Vec<String>,
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

/// What one worker has counted of a backend with several servers, or all workers together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProxyCounters {
    /// Requests.
    pub requests: u64,
    /// Answers with 2xx, 3xx, 4xx and 5xx, HAProxy's own too.
    pub responses: [u64; 4],
    /// Those of the servers alone.
    pub of_servers: [u64; 4],
    /// Requests that were refused, and connections that could not be made.
    pub rejected: u64,
}

impl ProxyCounters {
    /// Those of the lines of one backend; none without its own line.
    pub fn of(lines: &[ProxyStatistics]) -> Option<Self> {
        let all = lines.iter().find(|line| line.server.is_none())?;
        let servers = || lines.iter().filter(|line| line.server.is_some());
        Some(Self {
            requests: all.requests,
            responses: [1, 2, 3, 4].map(|at| all.responses[at]),
            of_servers: [1, 2, 3, 4].map(|at| servers().map(|line| line.responses[at]).sum()),
            rejected: all.rejected,
        })
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        self.each(other, |a, b| Some(a.saturating_add(b))).unwrap_or(self)
    }

    /// By how much they grew; none: at least one fell.
    pub fn since(self, before: Self) -> Option<Self> {
        self.each(before, u64::checked_sub)
    }

    fn each(self, other: Self, make: impl Fn(u64, u64) -> Option<u64>) -> Option<Self> {
        let all = |a: [u64; 4], b: [u64; 4]| {
            let mut out = [0; 4];
            for at in 0..4 {
                out[at] = make(a[at], b[at])?;
            }
            Some(out)
        };
        Some(Self {
            requests: make(self.requests, other.requests)?,
            responses: all(self.responses, other.responses)?,
            of_servers: all(self.of_servers, other.of_servers)?,
            rejected: make(self.rejected, other.rejected)?,
        })
    }
}

impl ProxyConfiguration {
    /// The socket in the folder that answers for the worker.
    pub const WORKER_SOCKET: &str = "worker.sock";
    /// The socket in the folder that answers for the master.
    pub const MASTER_SOCKET: &str = "master.sock";
}
