//! Sessions of browsers: who logs in, who is logged in, and who logs out.

mod going_on;

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

pub use going_on::GoingOn;
use secrecy::ExposeSecret;

use super::{App, Caller};
use crate::{
    access::{
        code::LoginCode,
        half::{Half, Halves},
        network_of,
        password::{self, Cost, Hash},
        session::{Limits, Times, Token},
        totp::SecondFactor,
        tries::Tries,
    },
    model::{AuditAction, AuditEntry, AuditOutcome, Code, Error, Name, Requester, Result, Via},
    store::{
        Store,
        access::{self, Account, Session},
        second_factors,
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
    halves: Mutex<Halves>,
    begun: Instant,
}

impl Door {
    /// A door at which nobody has tried yet.
    pub fn new(app: &App, limits: Limits, cost: Cost) -> Self {
        Self { limits, cost, tries: Mutex::default(), halves: Mutex::default(), begun: app.clock.instant() }
    }

    /// Since this door is there.
    fn now(&self, app: &App) -> Duration {
        app.clock.instant().saturating_duration_since(self.begun)
    }

    fn tries(&self) -> std::sync::MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn halves(&self) -> std::sync::MutexGuard<'_, Halves> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
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

/// How far somebody came.
pub enum Entered {
    /// In.
    In(LoggedIn),
    /// Half: by [`second`] the rest of the way, with this.
    Half(Token),
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

impl Who {
    /// Refused unless it logged in lately: what decides who comes in wants more than a cookie.
    ///
    /// # Errors
    /// [`Code::LoginTooOld`].
    pub fn require_fresh(&self) -> Result<()> {
        match self.is_fresh {
            true => Ok(()),
            false => Err(Error::new(Code::LoginTooOld, "the log-in is too long ago for this").hint("log in again")),
        }
    }
}

/// Begins a session, or says that a second factor is asked for. What fails says nothing of what was wrong; after five failures for a name
/// or an address there is a wait.
///
/// # Errors
/// [`Code::LoginFailed`], or [`Code::TooManyTries`].
pub fn log_in(app: &App, door: &Door, proof: Proof<'_>, address: IpAddr) -> Result<Entered> {
    let keys = keys(proof, address);
    refuse_too_many(app, door, &keys)?;
    let (mut store, now) = (app.new_store()?, app.clock.now());
    let found = match proof {
        Proof::Code(text) => match LoginCode::parse(text) {
            Some(code) => store.write(|t| access::take_code(t, &code.digest(), now))?,
            None => None,
        },
        Proof::Password { user, password } => by_password(&store, door, user, password)?,
    };
    let Some(account) = found else {
        // A name that somebody typed may be a password.
        let known = known_name(&store, proof)?;
        return Err(refused(app, door, &mut store, (&keys, known, address))?);
    };
    // A code comes from a root shell: it is the way in for who has lost what makes the others.
    if matches!(proof, Proof::Password { .. }) && store.has_second_factor(&account.name)? {
        let (half, token) = (Half { account: account.name, password: account.password }, Token::of(rand::random()));
        door.halves().insert(token.digest(), half, door.now(app));
        return Ok(Entered::Half(token));
    }
    begin(app, door, &mut store, (&keys, account, address)).map(Entered::In)
}

/// Begins the session of somebody who is half in, by the code of its second factor, which counts once.
///
/// # Errors
/// [`Code::LoginFailed`], or [`Code::TooManyTries`].
pub fn second(app: &App, door: &Door, half: &str, code: &str, address: IpAddr) -> Result<LoggedIn> {
    let digest = Token::parse(half).map(|token| token.digest()).unwrap_or_default();
    let place = [format!("from {}", network_of(address))];
    refuse_too_many(app, door, &place)?;
    let mut store = app.new_store()?;
    let found = door.halves().try_of(&digest, door.now(app));
    let Some(half) = found else { return Err(refused(app, door, &mut store, (&place, None, address))?) };
    let keys = keys(Proof::Password { user: half.account.as_str(), password: "" }, address);
    refuse_too_many(app, door, &keys)?;
    let account = store.account(&half.account)?;
    let account = account.filter(|account| !account.disabled && account.password == half.password);
    let is_it = match store.second_factor(&half.account)? {
        Some(factor) => {
            let factor = SecondFactor::of(half.account.as_str(), *factor.secret.expose_secret())?;
            let step = factor.step_of(code, app.clock.now());
            step.map_or(Ok(false), |step| store.write(|t| second_factors::use_step(t, &half.account, step)))?
        }
        // Removed meanwhile.
        None => true,
    };
    let Some(account) = account.filter(|_| is_it) else {
        return Err(refused(app, door, &mut store, (&keys, Some(half.account.to_string()), address))?);
    };
    door.halves().remove(&digest);
    begin(app, door, &mut store, (&keys, account, address))
}

/// Refused while somebody has to wait.
fn refuse_too_many(app: &App, door: &Door, keys: &[String]) -> Result<()> {
    let wait = door.tries().wait(&of(keys), door.now(app));
    if wait == Duration::ZERO {
        return Ok(());
    }
    let text = format!("too many tries: the next is possible in {} s", wait.as_secs() + 1);
    Err(Error::new(Code::TooManyTries, text))
}

fn of(keys: &[String]) -> Vec<&str> {
    keys.iter().map(String::as_str).collect()
}

/// What somebody is told who did not get in, counted and audited.
fn refused(
    app: &App,
    door: &Door,
    store: &mut Store,
    (keys, known, address): (&[String], Option<String>, IpAddr),
) -> Result<Error> {
    door.tries().failed(&of(keys), door.now(app));
    let requester = Requester { actor: "-".to_owned(), via: Via::Console, address: Some(address) };
    let entry = AuditEntry::done(requester, app.clock.now(), AuditAction::LogIn);
    let entry = AuditEntry { outcome: AuditOutcome::Refused, resource: known.map(|name| (None, name)), ..entry };
    store.record_audit(&entry)?;
    Ok(Error::new(Code::LoginFailed, "this does not log in")
        .hint("`sudo lite login` on the host prints a code that does, once"))
}

/// The session of an account.
fn begin(
    app: &App,
    door: &Door,
    store: &mut Store,
    (keys, account, address): (&[String], Account, IpAddr),
) -> Result<LoggedIn> {
    door.tries().succeeded(&of(keys));
    let (token, now) = (Token::of(rand::random()), app.clock.now());
    let requester = Requester { actor: account.name.to_string(), via: Via::Console, address: Some(address) };
    let entry = AuditEntry::done(requester, now, AuditAction::LogIn);
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

/// Sets the password of whoever is logged in. All its sessions end.
///
/// # Errors
/// What is no password, or [`Code::LoginTooOld`].
pub fn set_password(app: &App, door: &Door, who: &Who, new: &str) -> Result<()> {
    who.require_fresh()?;
    password::check(who.user.as_str(), new)?;
    let hash = password::hash(new, rand::random(), door.cost)?;
    let kept = serde_json::to_string(&hash)
        .map_err(|e| Error::new(Code::Json, "cannot write the password's hash").cause(e))?;
    let mut store = app.new_store()?;
    let account = Account { password: Some(kept), ..store.require_account(&who.user)? };
    let entry = app.done(&who.caller, AuditAction::SetPassword);
    store.audited(entry).write(|t| access::update_account(t, &account))
}
