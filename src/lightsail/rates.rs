//! How often the API is called: wrong signatures from one network, and requests of one key.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::fault::{Answer, Fault};
use crate::{
    access::{network_of, rate::Rate},
    app::App,
};

/// Wrong signatures in a minute, from one network.
const WRONG: u32 = 20;
/// Requests of one key in a second.
const OF_KEY: u32 = 100;

/// What of both there was.
pub struct Rates {
    wrong: Mutex<Rate<IpAddr>>,
    of_key: Mutex<Rate<String>>,
    begun: Instant,
}

impl Rates {
    /// Nothing yet.
    pub fn new(app: &App) -> Self {
        Self {
            wrong: Mutex::new(Rate::of(WRONG, Duration::from_secs(60))),
            of_key: Mutex::new(Rate::of(OF_KEY, Duration::from_secs(1))),
            begun: app.clock.instant(),
        }
    }

    /// The answer to a request from somewhere, by what finds out who signed it. Where too many were wrong nobody is asked any more.
    ///
    /// # Errors
    /// There were too many that were wrong, or this one is.
    pub fn signed<T>(&self, app: &App, from: IpAddr, who: impl FnOnce() -> Answer<T>) -> Answer<T> {
        let (network, now) = (network_of(from), self.now(app));
        let wrong = || self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = wrong().wait(&network, now);
        if wait > Duration::ZERO {
            return Err(Fault::throttled("too many requests from there were wrongly signed")
                .tip(format!("try again in {} s", wait.as_secs() + 1)));
        }
        let found = who();
        if found.as_ref().is_err_and(|fault| fault.status == 403) {
            wrong().count(&network, now);
        }
        found
    }

    /// Counts a request of a key.
    ///
    /// # Errors
    /// There were too many.
    pub fn of_key(&self, app: &App, key: &str) -> Answer<()> {
        let mut rate = self.of_key.lock().unwrap_or_else(PoisonError::into_inner);
        match rate.take(&key.to_owned(), self.now(app)) {
            true => Ok(()),
            false => Err(Fault::throttled(format!("this key asks for more than {OF_KEY} things a second"))),
        }
    }

    fn now(&self, app: &App) -> Duration {
        app.clock.instant().saturating_duration_since(self.begun)
    }
}
