//! Sessions of browsers: who logs in, who is logged in, and who logs out.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{App, Caller};
use crate::{
    access::{
        code::LoginCode,
        network_of,
        password::{self, Cost, Hash},
        session::{Limits, Times, Token},
        tries::Tries,
    },
    model::{AuditAction, AuditEntry, AuditOutcome, Code, Error, Name, Requester, Result, Via},
    store::{
        Store,
        access::{self, Account, Session},
    },
};

/// How long a use of a session is not written again.
const USED: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// What a front end with sessions keeps while it runs.
pub struct Door {
    /// How long sessions last.
    pub limits: Limits,
    /// What a hash of a password costs.
    pub cost: Cost,
    tries: Mutex<Tries>,
    begun: Instant,
}

impl Door {
    /// A door at which nobody has tried yet.
    pub fn new(app: &App, limits: Limits, cost: Cost) -> Self {
        Self { limits, cost, tries: Mutex::default(), begun: app.clock.instant() }
    }

    /// Since this door is there.
    fn now(&self, app: &App) -> Duration {
        app.clock.instant().saturating_duration_since(self.begun)
    }

    fn tries(&self) -> std::sync::MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody shows at the door.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// A code that counts once.
    Code(&'a str),
    /// A name and its password.
    Password {
        /// The name.
        user: &'a str,
        /// The password.
        password: &'a str,
    },
}

/// Somebody who logged in.
pub struct LoggedIn {
    /// What the browser is given.
    pub token: Token,
    /// Who it is.
    pub user: Name,
    /// It has a password; without one it is asked to set one.
    pub has_password: bool,
}

/// Somebody who is logged in.
pub struct Who {
    /// As use cases know it.
    pub caller: Caller,
    /// Who it is.
    pub user: Name,
    /// It logged in lately.
    pub is_fresh: bool,
}

/// Begins a session. What fails says nothing of what was wrong; after five failures for a name or an address there is a wait.
///
/// # Errors
/// [`Code::LoginFailed`], or [`Code::TooManyTries`].
pub fn log_in(app: &App, door: &Door, proof: Proof<'_>, address: IpAddr) -> Result<LoggedIn> {
    let keys = keys(proof, address);
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let wait = door.tries().wait(&keys, door.now(app));
    if wait > Duration::ZERO {
        let text = format!("too many tries: the next is possible in {} s", wait.as_secs() + 1);
        return Err(Error::new(Code::TooManyTries, text));
    }
    let (mut store, now) = (app.new_store()?, app.clock.now());
    let found = match proof {
        Proof::Code(text) => match LoginCode::parse(text) {
            Some(code) => store.write(|t| access::take_code(t, &code.digest(), now))?,
            None => None,
        },
        Proof::Password { user, password } => by_password(&store, door, user, password)?,
    };
    let actor = found.as_ref().map_or_else(|| "-".to_owned(), |account| account.name.to_string());
    let requester = Requester { actor, via: Via::Console, address: Some(address) };
    let entry = AuditEntry::done(requester, now, AuditAction::LogIn);
    let Some(account) = found else {
        door.tries().failed(&keys, door.now(app));
        // A name that somebody typed may be a password.
        let known = known_name(&store, proof)?;
        let entry = AuditEntry { outcome: AuditOutcome::Refused, resource: known.map(|name| (None, name)), ..entry };
        store.record_audit(&entry)?;
        return Err(Error::new(Code::LoginFailed, "this does not log in")
            .hint("`sudo lite login` on the host prints a code that does, once"));
    };
    door.tries().succeeded(&keys);
    let token = Token::of(rand::random());
    let session = Session {
        digest: token.digest(),
        account: account.name.clone(),
        address: Some(address),
        began_at: now,
        used_at: now,
    };
    store.audited(entry).write(|t| access::insert_session(t, &session))?;
    Ok(LoggedIn { token, user: account.name, has_password: account.password.is_some() })
}

/// Whose failures count together.
fn keys(proof: Proof<'_>, address: IpAddr) -> Vec<String> {
    let place = format!("from {}", network_of(address));
    match proof {
        Proof::Code(_) => vec![place],
        Proof::Password { user, .. } => vec![place, format!("as {}", crate::access::digest(user))],
    }
}

/// The account of a name with its password. An unknown name costs the same time.
fn by_password(store: &Store, door: &Door, user: &str, password: &str) -> Result<Option<Account>> {
    let account = Name::parse(user).ok().map(|name| store.account(&name)).transpose()?.flatten();
    let account = account.filter(|account| !account.disabled);
    let kept = account.as_ref().and_then(|account| account.password.as_deref());
    let kept = kept.and_then(|text| serde_json::from_str::<Hash>(text).ok());
    let is_it = password::verify(password, kept.as_ref(), door.cost)?;
    Ok(account.filter(|_| is_it))
}

/// The name that was typed, if somebody has it.
fn known_name(store: &Store, proof: Proof<'_>) -> Result<Option<String>> {
    let Proof::Password { user, .. } = proof else { return Ok(None) };
    let Ok(name) = Name::parse(user) else { return Ok(None) };
    Ok(store.account(&name)?.map(|account| account.name.to_string()))
}

/// Who has a token; none: nobody, or not any more.
///
/// # Errors
/// Those of the database.
pub fn who(app: &App, door: &Door, token: &Token, address: IpAddr) -> Result<Option<Who>> {
    let (mut store, now) = (app.new_store()?, app.clock.now());
    let Some(session) = store.session(&token.digest())? else { return Ok(None) };
    let times = Times { began: session.began_at, used: session.used_at };
    if !door.limits.is_live(times, now) {
        // It is over, whether or not the disk has room to say so; likewise below.
        let _ = store.write(|t| access::remove_session(t, &session.digest));
        return Ok(None);
    }
    let Some(account) = store.account(&session.account)?.filter(|account| !account.disabled) else { return Ok(None) };
    if now.duration_since(session.used_at) >= USED {
        let _ = store.use_session(&session.digest, now);
    }
    let requester = Requester { actor: account.name.to_string(), via: Via::Console, address: Some(address) };
    Ok(Some(Who {
        caller: Caller::of(requester, account.role, account.scope),
        user: account.name,
        is_fresh: door.limits.is_fresh(times, now),
    }))
}

/// Ends the session of a token.
///
/// # Errors
/// Those of the database.
pub fn log_out(app: &App, who: &Who, token: &Token) -> Result<()> {
    let entry = app.done(&who.caller, AuditAction::LogOut);
    app.new_store()?.audited(entry).write(|t| access::remove_session(t, &token.digest()))
}

/// Refused unless the log-in was lately: for what gives power that lasts.
///
/// # Errors
/// [`Code::LoginTooOld`].
pub fn require_fresh(who: &Who) -> Result<()> {
    match who.is_fresh {
        true => Ok(()),
        false => Err(Error::new(Code::LoginTooOld, "the log-in is too long ago for this").hint("log in again")),
    }
}

/// Sets the password of whoever is logged in. All its sessions end.
///
/// # Errors
/// What is no password, or [`Code::LoginTooOld`].
pub fn set_password(app: &App, door: &Door, who: &Who, new: &str) -> Result<()> {
    require_fresh(who)?;
    password::check(who.user.as_str(), new)?;
    let hash = password::hash(new, rand::random(), door.cost)?;
    let kept = serde_json::to_string(&hash)
        .map_err(|e| Error::new(Code::Json, "cannot write the password's hash").cause(e))?;
    let mut store = app.new_store()?;
    let account = Account { password: Some(kept), ..store.require_account(&who.user)? };
    let entry = app.done(&who.caller, AuditAction::SetPassword);
    store.audited(entry).write(|t| access::update_account(t, &account))
}
