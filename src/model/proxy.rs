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
}

impl ProxyConfiguration {
    /// The socket in the folder that answers for the worker.
    pub const WORKER_SOCKET: &str = "worker.sock";
    /// The socket in the folder that answers for the master.
    pub const MASTER_SOCKET: &str = "master.sock";
}
