//! Users: the accounts that come in by the console and the API, and the codes that let them in the first time.

use std::time::Duration;

use super::{App, Caller, Right};
use crate::{
    access::code::{self, LoginCode},
    model::{AuditAction, AuditEntry, Code, Error, Hint, Name, Observer, Result, Role, Scope, Verb},
    store::{
        Store,
        access::{self, Account},
    },
    view::{Changed, LoginCodeView, SessionRow, UserRow, UserView},
};

/// A user to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Add {
    /// Its name.
    pub name: Name,
    /// What it may do.
    pub role: Role,
    /// What of the host it sees.
    pub scope: Scope,
    /// Say what would be done, and change nothing.
    pub dry_run: bool,
}

/// What is to be another for a user; what is none stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// What it may do.
    pub role: Option<Role>,
    /// What of the host it sees.
    pub scope: Option<Scope>,
    /// Whether it may not come in.
    pub disabled: Option<bool>,
}

/// Makes a code that logs a user in, once, for ten minutes.
///
/// # Errors
/// There is no such user, or it is disabled.
pub fn log_in(app: &App, caller: &Caller, name: &Name) -> Result<LoginCodeView> {
    app.require(caller, Right::Protect)?;
    let mut store = app.new_store()?;
    let account = store.require_account(name)?;
    if account.disabled {
        return Err(Error::new(Code::UserDisabled, format!("user `{name}` is disabled"))
            .hint(Hint::from("let it in again: ").run_with(Verb::UserEnable, &[&name])));
    }
    let entry = about(app, caller, AuditAction::MakeLoginCode, name);
    code_of(app, &mut store, name, code::SHORT, |_| Ok(()), entry)
}

/// Adds a user, and makes the code that lets it in the first time, within a day. None in a dry run.
///
/// # Errors
/// The name is taken.
pub fn add(app: &App, caller: &Caller, add: &Add, observer: &mut dyn Observer) -> Result<Option<LoginCodeView>> {
    app.require(caller, Right::Protect)?;
    // Whether a database is lost is seen before one is made.
    let found = app.store(caller, observer)?;
    let Add { name, role, scope, dry_run } = add;
    if *dry_run {
        if found.map_or(Ok(None), |store| store.account(name))?.is_some() {
            return Err(Error::new(Code::NameTaken, format!("there is a user `{name}` already")));
        }
        observer.status(&format!("user `{name}` would be added: {role}, {scope}; nothing was changed"));
        return Ok(None);
    }
    let mut store = found.map_or_else(|| app.new_store(), Ok)?;
    let new = Account {
        name: name.clone(),
        role: *role,
        scope: scope.clone(),
        password: None,
        disabled: false,
        created_at: app.clock.now(),
    };
    let entry = about(app, caller, AuditAction::AddUser, name);
    let entry = AuditEntry { detail: Some(format!("{role}, {scope}")), ..entry };
    code_of(app, &mut store, name, code::LONG, |t| access::insert_account(t, &new), entry).map(Some)
}

/// The code, kept by its digest in one transaction with what comes before it.
fn code_of(
    app: &App,
    store: &mut Store,
    name: &Name,
    counts: Duration,
    before: impl FnOnce(&crate::store::Transaction<'_>) -> Result<()>,
    entry: AuditEntry,
) -> Result<LoginCodeView> {
    let (code, now) = (LoginCode::of(rand::random()), app.clock.now());
    let until = now.saturating_add(counts).unwrap_or(jiff::Timestamp::MAX);
    store.audited(entry).write(|t| {
        before(t)?;
        access::insert_code(t, &code.digest(), name, until, now)
    })?;
    // As the settings have it: who serves elsewhere told so there.
    let link = app.settings.serve.url().map(|at| format!("{at}login#{}", code.text()));
    Ok(LoginCodeView { user: name.to_string(), code: code.text(), link, until })
}

/// The users, by name.
///
/// # Errors
/// Those of the database.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<UserRow>> {
    app.require(caller, Right::Protect)?;
    let store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    store.accounts()?.iter().map(|account| row(&store, account)).collect()
}

/// One user, with its sessions and its keys.
///
/// # Errors
/// There is none of that name.
pub fn show(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<UserView> {
    app.require(caller, Right::Protect)?;
    let store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    let row = row(&store, &store.require_account(name)?)?;
    Ok(UserView {
        row,
        sessions: store.sessions(Some(name))?.into_iter().map(session).collect(),
        keys: store.api_keys(Some(name))?.into_iter().map(super::key::row).collect(),
    })
}

/// A session in a list.
pub(super) fn session(one: access::Session) -> SessionRow {
    SessionRow { address: one.address, began_at: one.began_at, used_at: one.used_at }
}

fn row(store: &Store, account: &Account) -> Result<UserRow> {
    Ok(UserRow {
        name: account.name.to_string(),
        role: account.role,
        only: account.scope.tag().map(ToString::to_string),
        disabled: account.disabled,
        password: account.password.is_some(),
        second_factor: store.has_second_factor(&account.name)?,
        sessions: store.sessions(Some(&account.name))?.len(),
        keys: store.api_keys(Some(&account.name))?.len(),
        created_at: account.created_at,
    })
}

/// Changes a user. Its sessions end, and its codes count no more.
///
/// # Errors
/// There is none of that name, or it is `root`, which may do everything.
pub fn change(app: &App, caller: &Caller, name: &Name, change: &Change) -> Result<Changed> {
    app.require(caller, Right::Protect)?;
    let mut store = app.new_store()?;
    let before = store.require_account(name)?;
    refuse_root(name)?;
    let after = Account {
        role: change.role.unwrap_or(before.role),
        scope: change.scope.clone().unwrap_or_else(|| before.scope.clone()),
        disabled: change.disabled.unwrap_or(before.disabled),
        ..before.clone()
    };
    let now = if after.disabled { "disabled".to_owned() } else { format!("{}, {}", after.role, after.scope) };
    if after == before {
        return Ok(Changed::new(name, format!("{now} already")));
    }
    let entry = AuditEntry { detail: Some(now.clone()), ..about(app, caller, AuditAction::ChangeUser, name) };
    store.audited(entry).write(|t| access::update_account(t, &after))?;
    Ok(Changed::new(name, now))
}

/// Ends the sessions of a user.
///
/// # Errors
/// There is none of that name.
pub fn log_out(app: &App, caller: &Caller, name: &Name) -> Result<Changed> {
    app.require(caller, Right::Protect)?;
    end_sessions(app, caller, name)
}

/// The same by who may, for others or for itself.
pub(super) fn end_sessions(app: &App, caller: &Caller, name: &Name) -> Result<Changed> {
    let mut store = app.new_store()?;
    store.require_account(name)?;
    let entry = about(app, caller, AuditAction::LogOutUser, name);
    let ended = store.audited(entry).write(|t| access::remove_sessions_of(t, name))?;
    Ok(Changed::new(name, if ended == 0 { "logged out already" } else { "logged out" }))
}

/// Users found for removal.
pub struct Removal {
    caller: Caller,
    store: Store,
    names: Vec<Name>,
}

/// Finds the users named.
///
/// # Errors
/// There is none of a name, or it is `root`.
pub fn find(app: &App, caller: &Caller, names: &[Name]) -> Result<Removal> {
    app.require(caller, Right::Protect)?;
    let store = app.new_store()?;
    names.iter().try_for_each(|name| store.require_account(name).and_then(|_| refuse_root(name)))?;
    Ok(Removal { caller: caller.clone(), store, names: names.to_vec() })
}

impl Removal {
    /// What would be done.
    pub fn plan(&self) -> Vec<Changed> {
        self.names.iter().map(|name| Changed::new(name, "would be removed")).collect()
    }

    /// Removes them with their sessions and keys.
    ///
    /// # Errors
    /// Those of the database.
    pub fn run(mut self, app: &App) -> Result<Vec<Changed>> {
        self.names.iter().try_for_each(|name| {
            let entry = about(app, &self.caller, AuditAction::RemoveUser, name);
            self.store.audited(entry).write(|t| access::remove_account(t, name))
        })?;
        Ok(self.names.iter().map(|name| Changed::new(name, "removed")).collect())
    }
}

/// Whoever has a root shell is that user anyway: it stays as it is.
fn refuse_root(name: &Name) -> Result<()> {
    match name.as_str() {
        "root" => Err(Error::new(Code::NotForRoot, "user `root` is there on every host, and may do everything")
            .hint(Hint::from("end its sessions with ").run_with(Verb::UserLogout, &[&"root"]))),
        _ => Ok(()),
    }
}

fn about(app: &App, caller: &Caller, action: AuditAction, name: &Name) -> AuditEntry {
    AuditEntry { resource: Some((None, name.to_string())), ..app.done(caller, action) }
}
