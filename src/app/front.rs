//! What a front end that listens needs before it does.

use super::{App, Caller, Right, watch};
use crate::model::Result;

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
