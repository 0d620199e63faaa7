//! What the host has, and what of it is promised.

use super::{App, Caller, Right};
use crate::{
    engine,
    model::{Result, Unobserved},
    view::HostView,
};

/// What the host has and has promised; none where there never was a database: a look makes none.
///
/// # Errors
/// The host cannot be asked, or the database not be read.
pub fn usage(app: &App, caller: &Caller) -> Result<Option<HostView>> {
    app.require(caller, Right::Read)?;
    let Some(ctx) = app.look(caller, &mut Unobserved)? else { return Ok(None) };
    engine::host_usage(&ctx).map(|usage| Some(usage.into()))
}
