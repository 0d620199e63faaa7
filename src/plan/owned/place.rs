//! Where a host keeps what is ours.

use std::path::Path;

use crate::model::Settings;

/// Where a host keeps what is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The storage pool's name.
    pub pool: &'a str,
    /// The NAT network's name.
    pub network: &'a str,
    /// The folder of the guests' logs.
    pub logs: &'a Path,
}

impl<'a> From<&'a Settings> for Place<'a> {
    fn from(settings: &'a Settings) -> Self {
        Self { pool: &settings.host.pool, network: &settings.host.network, logs: &settings.host.folders.logs }
    }
}
