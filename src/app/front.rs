//! What a front end that listens needs before it does.

use std::path::Path;

use super::{App, Caller, Right, watch};
pub use crate::monitor::unit::Run;
use crate::{
    model::{Result, Settings},
    monitor::unit,
    view::UnitView,
};

/// Name of the systemd unit that serves.
pub const UNIT: &str = unit::SERVE.name;

/// What there is as it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// Somebody watches the instances.
    pub is_watched: bool,
}

/// Opens the database, and makes it on a new host: sessions are kept there.
///
/// # Errors
/// The caller may not, or the database cannot be used.
pub fn begin(app: &App, caller: &Caller) -> Result<Ready> {
    caller.require(Right::Administer)?;
    let store = app.new_store()?;
    Ok(Ready { is_watched: watch::evaluated(app, &store)?.is_some_and(|age| age <= watch::STALE) })
}

/// Writes the server's unit into a folder; it reads these files beside its settings.
///
/// # Errors
/// The caller may not, or the folder cannot be written.
pub fn install(caller: &Caller, settings: &Settings, folder: &Path, run: Run<'_>, reads: &[&Path]) -> Result<UnitView> {
    caller.require(Right::Administer)?;
    watch::install_service(&unit::SERVE, settings, folder, run, reads)
}
