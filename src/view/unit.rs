//! The systemd unit that `watch --install` wrote.

use std::path::PathBuf;

use serde::Serialize;

/// The document of `watch --install`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnitView {
    /// The file that was written.
    pub unit: PathBuf,
}
