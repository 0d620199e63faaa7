//! Which sessions go on: one look at the database for all who stay, however many there are.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{Door, Who};
use crate::{
    access::session::Times,
    app::{App, Caller},
    model::Result,
    store::{
        Store,
        access::{Account, Session},
    },
};

/// How long a connection to the database is kept: a file that was replaced is found after that.
const KEPT: Duration = Duration::from_secs(10);

/// Looks whether sessions go on.
pub struct GoingOn {
    app: App,
    store: Option<(Store, Instant)>,
    seen: Option<Seen>,
}

/// What one look found.
struct Seen {
    /// Of which state of the database.
    version: i64,
    sessions: HashMap<String, Session>,
    accounts: HashMap<String, Account>,
}

impl GoingOn {
    /// Has not looked yet.
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), store: None, seen: None }
    }

    /// Of those who stay, each with the digest of its token, whether its session goes on with the same rights. To ask is no use of it.
    /// Where nobody changed the database since the last time, what that found is looked at again: sessions end by the clock, too.
    ///
    /// # Errors
    /// Those of the database.
    pub fn of<'a>(&mut self, door: &Door, all: impl IntoIterator<Item = (&'a str, &'a Who)>) -> Result<Vec<bool>> {
        let seen = match self.look() {
            Ok(seen) => seen,
            Err(error) => {
                (self.store, self.seen) = (None, None);
                return Err(error);
            }
        };
        let now = self.app.clock.now();
        let seen = self.seen.insert(seen);
        let goes_on = |digest: &str, who: &Who| {
            let session = seen.sessions.get(digest)?;
            let times = Times { began: session.began_at, used: session.used_at };
            let account = seen.accounts.get(session.account.as_str()).filter(|account| !account.disabled)?;
            let caller = Caller::of(who.caller.requester.clone(), account.role, account.scope.clone());
            Some(door.limits.is_live(times, now) && caller == who.caller)
        };
        Ok(all.into_iter().map(|(digest, who)| goes_on(digest, who).unwrap_or(false)).collect())
    }

    fn look(&mut self) -> Result<Seen> {
        let now = self.app.clock.instant();
        let kept = self.store.take().filter(|(_, opened)| now.saturating_duration_since(*opened) < KEPT);
        // What another connection saw says nothing of this one's version.
        let before = if kept.is_some() { self.seen.take() } else { None };
        let (store, _) = self.store.insert(kept.map_or_else(|| Ok((self.app.new_store()?, now)), Ok)?);
        let version = store.data_version()?;
        if let Some(before) = before.filter(|before| before.version == version) {
            return Ok(before);
        }
        let sessions = store.sessions(None)?.into_iter().map(|session| (session.digest.clone(), session));
        let accounts = store.accounts()?.into_iter().map(|account| (account.name.to_string(), account));
        Ok(Seen { version, sessions: sessions.collect(), accounts: accounts.collect() })
    }
}
