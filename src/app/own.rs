//! What somebody who is logged in by the console has and does for itself: keys that may no more than it may, and its sessions. No key reaches
//! this: it takes who has a session.

use super::{
    App,
    key::{self, Fate},
    session::Who,
    user,
};
use crate::{
    model::{Result, Role},
    view::{Changed, KeyCreated, OwnView},
};

/// Its sessions and its keys.
///
/// # Errors
/// Those of the database.
pub fn look(app: &App, who: &Who) -> Result<OwnView> {
    let store = app.new_store()?;
    Ok(OwnView {
        role: store.require_account(&who.user)?.role,
        sessions: store.sessions(Some(&who.user))?.into_iter().map(user::session).collect(),
        keys: store.api_keys(Some(&who.user))?.into_iter().map(key::row).collect(),
    })
}

/// Makes a key for it. Its secret is shown this once.
///
/// # Errors
/// The key is to do more than its user, or [`crate::model::Code::LoginTooOld`].
pub fn create_key(app: &App, who: &Who, role: Option<Role>, label: &str) -> Result<KeyCreated> {
    who.require_fresh()?;
    let create = key::Create { user: who.user.clone(), role, label: label.to_owned() };
    key::make(app, &who.caller, &create, false)
}

/// What becomes of one of its keys. One of others is not there.
///
/// # Errors
/// It has no such key, or [`crate::model::Code::LoginTooOld`].
pub fn change_key(app: &App, who: &Who, id: &str, fate: Fate) -> Result<Changed> {
    who.require_fresh()?;
    let mut store = app.new_store()?;
    store.require_key_of(&who.user, id)?;
    key::change(app, &who.caller, &mut store, (id, fate))
}

/// Ends all of its sessions, that of the caller too.
///
/// # Errors
/// Those of the database.
pub fn log_out(app: &App, who: &Who) -> Result<Changed> {
    user::end_sessions(app, &who.caller, &who.user)
}
