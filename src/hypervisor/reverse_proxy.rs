//! lite's web front (HAProxy) on the machine that runs the guests.

use std::path::Path;

use crate::model::{ProxyConfiguration, ProxyServer, ProxyStatistics, Result};

/// The web front.
pub trait ReverseProxy: Send + Sync {
    /// The digest of the configuration that the worker in this folder runs; none: none runs.
    fn loaded_proxy(&self, folder: &Path) -> Result<Option<String>>;
    /// Makes it serve this, and whoever is connected stay so: it is started, told, reloaded or ended as that needs. What the
    /// worker that a reload replaced had counted of the backends in `wanted.counted`; none: none was replaced.
    fn load_proxy(&self, wanted: &ProxyConfiguration) -> Result<Option<Vec<ProxyStatistics>>>;
    /// What the worker tells of these backends and their servers; nothing where none runs.
    fn proxy_statistics(&self, folder: &Path, backends: &[String]) -> Result<Vec<ProxyStatistics>>;
    /// Ends what a server still works on; it gets nothing more until it is loaded again.
    fn end_proxy_sessions(&self, folder: &Path, server: &ProxyServer) -> Result<()>;
}
