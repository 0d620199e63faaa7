//! The second factor of a log-in by password: made, confirmed by a first code, removed. A code of `lite login` needs none, so that nobody
//! is locked out.

use secrecy::{ExposeSecret, SecretBox};

use super::{App, Caller, Right, session::Who};
use crate::{
    access::totp::{LENGTH, SecondFactor},
    model::{AuditAction, AuditEntry, Code, Error, Hint, Name, Result, Verb},
    store::{Store, access, second_factors},
    view::{Changed, SecondFactorView},
};

/// Makes the second factor of a user. Its secret is shown this once; it is asked for once a code confirmed it.
///
/// # Errors
/// There is no such user, or it has one.
pub fn make(app: &App, caller: &Caller, name: &Name) -> Result<SecondFactorView> {
    app.require(caller, Right::Protect)?;
    begin(app.new_store()?, entry(app, caller, AuditAction::MakeSecondFactor, name), name)
}

/// The same by whoever is logged in, for itself.
///
/// # Errors
/// It has one, or [`Code::LoginTooOld`].
pub fn make_own(app: &App, who: &Who) -> Result<SecondFactorView> {
    who.require_fresh()?;
    begin(app.new_store()?, entry(app, &who.caller, AuditAction::MakeSecondFactor, &who.user), &who.user)
}

fn begin(mut store: Store, entry: AuditEntry, name: &Name) -> Result<SecondFactorView> {
    store.require_account(name)?;
    if store.has_second_factor(name)? {
        return Err(Error::new(Code::SecondFactorOn, format!("user `{name}` has a second factor already"))
            .hint(Hint::from("remove it first: ").run_with(Verb::UserSecondFactor, &[&name, &"--remove"])));
    }
    let secret = SecretBox::<[u8; LENGTH]>::new(Box::new(rand::random()));
    let factor = SecondFactor::of(name.as_str(), *secret.expose_secret())?;
    let view = SecondFactorView { user: name.to_string(), secret: factor.secret(), link: factor.link()? };
    store.audited(entry).write(|t| second_factors::insert(t, name, &secret))?;
    Ok(view)
}

/// Confirms the second factor of a user by a code: from then on it is asked for.
///
/// # Errors
/// There is none to confirm, or [`Code::WrongCode`].
pub fn confirm(app: &App, caller: &Caller, name: &Name, code: &str) -> Result<Changed> {
    app.require(caller, Right::Protect)?;
    turn_on(app, entry(app, caller, AuditAction::ConfirmSecondFactor, name), name, code)
}

/// The same by whoever is logged in, for itself. Its sessions end.
///
/// # Errors
/// There is none to confirm, [`Code::WrongCode`], or [`Code::LoginTooOld`].
pub fn confirm_own(app: &App, who: &Who, code: &str) -> Result<Changed> {
    who.require_fresh()?;
    turn_on(app, entry(app, &who.caller, AuditAction::ConfirmSecondFactor, &who.user), &who.user, code)
}

fn turn_on(app: &App, entry: AuditEntry, name: &Name, code: &str) -> Result<Changed> {
    let mut store = app.new_store()?;
    store.require_account(name)?;
    let factor = store.second_factor(name)?.ok_or_else(|| none(name))?;
    if factor.confirmed {
        return Ok(Changed::new(name, "asked for a second factor already"));
    }
    let step = SecondFactor::of(name.as_str(), *factor.secret.expose_secret())?.step_of(code, app.clock.now());
    let step = step.ok_or_else(|| {
        Error::new(Code::WrongCode, "this is not the code of now")
            .hint("type the six digits that are shown just now; the clocks of both may be half a minute apart")
    })?;
    // Whoever came in by the password alone is out.
    store.audited(entry).write(|t| {
        second_factors::use_step(t, name, step)?;
        access::remove_sessions_of(t, name)
    })?;
    Ok(Changed::new(name, "asked for a second factor from now on"))
}

/// Removes the second factor of a user: the password does again.
///
/// # Errors
/// There is none.
pub fn remove(app: &App, caller: &Caller, name: &Name) -> Result<Changed> {
    app.require(caller, Right::Protect)?;
    turn_off(app, entry(app, caller, AuditAction::RemoveSecondFactor, name), name)
}

/// The same by whoever is logged in, for itself.
///
/// # Errors
/// There is none, or [`Code::LoginTooOld`].
pub fn remove_own(app: &App, who: &Who) -> Result<Changed> {
    who.require_fresh()?;
    turn_off(app, entry(app, &who.caller, AuditAction::RemoveSecondFactor, &who.user), &who.user)
}

fn turn_off(app: &App, entry: AuditEntry, name: &Name) -> Result<Changed> {
    let mut store = app.new_store()?;
    store.require_account(name)?;
    if store.second_factor(name)?.is_none() {
        return Err(none(name));
    }
    store.audited(entry).write(|t| second_factors::remove(t, name))?;
    Ok(Changed::new(name, "not asked for a second factor any more"))
}

/// Whether whoever is logged in is asked for a second factor.
///
/// # Errors
/// Those of the database.
pub fn is_on(app: &App, who: &Who) -> Result<bool> {
    app.new_store()?.has_second_factor(&who.user)
}

fn none(name: &Name) -> Error {
    Error::new(Code::NoSecondFactor, format!("user `{name}` has no second factor"))
        .hint(Hint::from("make one: ").run_with(Verb::UserSecondFactor, &[&name]))
}

fn entry(app: &App, caller: &Caller, action: AuditAction, name: &Name) -> AuditEntry {
    AuditEntry { resource: Some((None, name.to_string())), ..app.done(caller, action) }
}
