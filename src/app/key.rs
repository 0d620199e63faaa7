//! Keys of the API: made for a user, shown once, ended at once.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::{App, Caller, Right};
use crate::{
    access::{digest, key::NewKey},
    model::{AuditAction, AuditEntry, Code, Error, Name, Observer, Requester, Result, Role, Via, escaped},
    store::{
        Store,
        access::{self, ApiKey},
    },
    view::{Changed, ClientView, KeyCreated, KeyRow},
};

/// Longest label.
const LONGEST: usize = 64;

/// A key to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// Whose it is.
    pub user: Name,
    /// What it may do; none: what its user may.
    pub role: Option<Role>,
    /// What it is for.
    pub label: String,
}

/// Makes a key. Its secret is shown this once.
///
/// # Errors
/// There is no such user, or it may less than the key is to.
pub fn create(app: &App, caller: &Caller, create: &Create) -> Result<KeyCreated> {
    app.require(caller, Right::Protect)?;
    make(app, caller, create, false)
}

/// Makes a token that reads the metrics of what its user sees, and nothing else. It is shown this once.
///
/// # Errors
/// There is no such user.
pub fn create_for_metrics(app: &App, caller: &Caller, create: &Create) -> Result<KeyCreated> {
    app.require(caller, Right::Protect)?;
    make(app, caller, &Create { role: Some(Role::Viewer), ..create.clone() }, true)
}

/// The same for who may, for others or for itself.
pub(super) fn make(app: &App, caller: &Caller, create: &Create, for_metrics: bool) -> Result<KeyCreated> {
    let mut store = app.new_store()?;
    let account = store.require_account(&create.user)?;
    let role = create.role.unwrap_or(account.role);
    if role > account.role {
        let text = format!("user `{}` is {}: a key of theirs cannot be {role}", account.name, account.role);
        return Err(Error::new(Code::KeyMayMore, text).hint("give it the user's role, or a lower one"));
    }
    let label = &create.label;
    if label.chars().count() > LONGEST || label.chars().any(char::is_control) {
        return Err(Error::new(Code::InvalidLabel, format!("`{}` is no label", escaped(label)))
            .hint(format!("a label is at most {LONGEST} characters in one line")));
    }
    let new = NewKey::of(rand::random(), rand::random());
    let (kept, shown) = match for_metrics {
        false => (new.secret.clone(), new.secret),
        // A token is not signed with: what is kept of it lets nobody in.
        true => {
            (digest(new.secret.expose_secret()).into(), format!("{}.{}", new.id, new.secret.expose_secret()).into())
        }
    };
    let key = ApiKey {
        id: new.id,
        secret: kept,
        account: account.name,
        role,
        label: label.clone(),
        for_metrics,
        disabled: false,
        created_at: app.clock.now(),
        used_at: None,
        address: None,
    };
    let entry = about(app, caller, AuditAction::CreateKey, &key.id);
    let what = if for_metrics { "for metrics".to_owned() } else { role.to_string() };
    let entry = AuditEntry { detail: Some(format!("of {}, {what}", key.account)), ..entry };
    store.audited(entry).write(|t| access::insert_key(t, &key))?;
    Ok(KeyCreated::new(row(key), &shown, client(app)))
}

/// How this host is told to clients.
fn client(app: &App) -> ClientView {
    let endpoint = app.settings.serve.url().unwrap_or_default();
    let region = app.settings.api.regions.first().cloned().unwrap_or_default();
    ClientView { region, endpoint: endpoint.trim_end_matches('/').to_owned() }
}

/// The keys, of one user or of all.
///
/// # Errors
/// There is no such user.
pub fn list(app: &App, caller: &Caller, of: Option<&Name>, observer: &mut dyn Observer) -> Result<Vec<KeyRow>> {
    app.require(caller, Right::Protect)?;
    let store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    of.map_or(Ok(()), |name| store.require_account(name).map(drop))?;
    Ok(store.api_keys(of)?.into_iter().map(row).collect())
}

/// A key in a list: without its secret.
pub(super) fn row(key: ApiKey) -> KeyRow {
    KeyRow {
        id: key.id,
        user: key.account.to_string(),
        role: key.role,
        label: key.label,
        metrics: key.for_metrics,
        disabled: key.disabled,
        created_at: key.created_at,
        used_at: key.used_at,
        address: key.address,
    }
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nobody comes in with it from now on.
    Disabled,
    /// Somebody does again.
    Enabled,
    /// It is gone.
    Removed,
}

/// Has nobody come in with a key from now on, or somebody again.
///
/// # Errors
/// There is no such key.
pub fn disable(app: &App, caller: &Caller, ids: &[String], disabled: bool) -> Result<Vec<Changed>> {
    change_all(app, caller, ids, if disabled { Fate::Disabled } else { Fate::Enabled })
}

/// Removes keys.
///
/// # Errors
/// There is no such key.
pub fn remove(app: &App, caller: &Caller, ids: &[String]) -> Result<Vec<Changed>> {
    change_all(app, caller, ids, Fate::Removed)
}

/// All of them, or none where one is not there.
fn change_all(app: &App, caller: &Caller, ids: &[String], fate: Fate) -> Result<Vec<Changed>> {
    app.require(caller, Right::Protect)?;
    let mut store = app.new_store()?;
    ids.iter().try_for_each(|id| store.require_key(id).map(drop))?;
    ids.iter().map(|id| change(app, caller, &mut store, (id, fate))).collect()
}

/// A key that is there, by who may: for others or for itself.
pub(super) fn change(app: &App, caller: &Caller, store: &mut Store, (id, fate): (&str, Fate)) -> Result<Changed> {
    let (action, now) = match fate {
        Fate::Disabled => (AuditAction::DisableKey, "disabled"),
        Fate::Enabled => (AuditAction::EnableKey, "enabled"),
        Fate::Removed => (AuditAction::RemoveKey, "removed"),
    };
    store.audited(about(app, caller, action, id)).write(|t| match fate {
        Fate::Removed => access::remove_key(t, id),
        Fate::Disabled | Fate::Enabled => access::disable_key(t, id, fate == Fate::Disabled),
    })?;
    Ok(Changed::new(id, now))
}

fn about(app: &App, caller: &Caller, action: AuditAction, id: &str) -> AuditEntry {
    AuditEntry { resource: Some((None, id.to_owned())), ..app.done(caller, action) }
}

/// Whoever signs with a key.
pub struct Signer {
    /// What its signatures are checked with.
    pub secret: secrecy::SecretString,
    /// As use cases know it.
    pub caller: Caller,
    used_at: Option<Timestamp>,
}

/// Who signs with a key of this id; none: nobody may. Remembered as used once its signature was good: [`used`].
///
/// # Errors
/// Those of the database.
pub fn signer(app: &App, id: &str, address: Option<IpAddr>) -> Result<Option<Signer>> {
    let Some(store) = app.store_as_it_is()? else { return Ok(None) };
    signer_of(&store, store.api_key(id)?.filter(|key| !key.for_metrics), address)
}

/// Whoever has a key, unless it or its user is disabled.
fn signer_of(store: &Store, key: Option<ApiKey>, address: Option<IpAddr>) -> Result<Option<Signer>> {
    let Some(key) = key.filter(|key| !key.disabled) else { return Ok(None) };
    let Some(account) = store.account(&key.account)?.filter(|account| !account.disabled) else { return Ok(None) };
    let requester = Requester { actor: account.name.to_string(), via: Via::Api, address };
    // A user that may less today: so may its keys.
    let caller = Caller::of(requester, key.role.min(account.role), account.scope);
    Ok(Some(Signer { secret: key.secret, caller, used_at: key.used_at }))
}

/// Who reads the metrics with this token; none: nobody may.
///
/// # Errors
/// Those of the database.
pub fn reader(app: &App, token: &SecretString, address: Option<IpAddr>) -> Result<Option<Caller>> {
    let (Some((id, secret)), Some(store)) = (token.expose_secret().split_once('.'), app.store_as_it_is()?) else {
        return Ok(None);
    };
    let found = signer_of(&store, store.api_key(id)?.filter(|key| key.for_metrics), address)?;
    let is_it = |signer: &Signer| signer.secret.expose_secret().as_bytes().ct_eq(digest(secret).as_bytes()).into();
    let Some(signer) = found.filter(is_it) else { return Ok(None) };
    // As with a signature: who may look does, also where that cannot be remembered.
    let _ = used(app, id, &signer, address);
    Ok(Some(signer.caller))
}

/// Remembers that a key was used, at most once a minute.
///
/// # Errors
/// Those of the database.
pub fn used(app: &App, id: &str, signer: &Signer, address: Option<IpAddr>) -> Result<()> {
    let now = app.clock.now();
    match signer.used_at.is_some_and(|last| now.duration_since(last) < SignedDuration::from_mins(1)) {
        true => Ok(()),
        false => app.new_store()?.use_key(id, address, now),
    }
}

/// The number by which the API calls this host: clients want twelve digits.
///
/// # Errors
/// Those of the database.
pub fn account_number(app: &App) -> Result<String> {
    app.new_store()?.account_number()
}
