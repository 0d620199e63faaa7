//! What the operator decided: resolved from the configuration file and the environment at the edge.

use std::path::PathBuf;

use super::Host;

/// Where the process keeps and finds things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `state.db`, locks: `/var/lib/lite` (`LITE_STATE_DIR`).
    pub state: PathBuf,
    /// Folders of blueprints and bundles that add to or replace the embedded ones, later ones win:
    /// `/etc/lite/blueprints`, `~/.config/lite/blueprints` (`LITE_BLUEPRINTS`, separated by `:`, replaces both).
    pub blueprints: Vec<PathBuf>,
}

/// Everything configurable. File `/etc/lite/config.toml` (`LITE_CONFIG`), each key overridden by `LITE_<KEY>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The host that instances are made on.
    pub host: Host,
    /// Where Debian packages come from for `image build` (`LITE_MIRROR`); default the distribution's public mirror.
    pub mirror: String,
    /// Webhooks may go to the machine of this process: for tests, and for a receiver beside lite (`LITE_LOOPBACK_WEBHOOKS=yes`).
    pub loopback_webhooks: bool,
    /// Folders of the process.
    pub paths: Paths,
}
