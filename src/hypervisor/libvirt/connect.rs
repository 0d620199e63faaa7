//! The connection: opened with a deadline, dropped when it breaks or hangs, opened again by the next call.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError},
    time::{Duration, Instant},
};

use virt::connect::Connect;

use super::{
    errors::{Outcome, Problem, hung, is_broken, late, translate, unreachable},
    worker::{Verdict, Workers, run_beside},
};
use crate::{
    hypervisor::{LocalMachine, Machine as _},
    model::{Code, Error, Result, escaped},
};

/// Deadline of an ordinary call, and of opening a connection. A command that meets a hung daemon has 10 s in all.
pub const ORDINARY: Duration = Duration::from_secs(8);
/// Deadline of a call whose work is long; a daemon that hangs meanwhile is given up on sooner.
pub const LONG: Duration = Duration::from_secs(60);
/// Deadline of opening a connection over SSH.
const OVER_SSH: Duration = Duration::from_secs(30);
/// How long closing a connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// For so long a daemon that was found hanging is not tried again: what is left of a command fails at once.
const HUNG: Duration = Duration::from_secs(5);

/// The daemons that this process found hanging.
static HANGING: Hanging = Hanging(Mutex::new(BTreeMap::new()));

/// When daemons were found hanging last, by their URIs: that one hangs says nothing of the others.
struct Hanging(Mutex<BTreeMap<String, Instant>>);

impl Hanging {
    fn remember(&self, uri: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, when| when.elapsed() < HUNG);
        all.insert(uri.to_owned(), Instant::now());
    }

    fn has(&self, uri: &str) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(uri).is_some_and(|when| when.elapsed() < HUNG)
    }
}

/// A libvirt URI with the connection to it, if one is open.
pub struct Link {
    uri: String,
    /// How long an attempt to open the connection may take.
    opening: Duration,
    open: Mutex<Option<Connect>>,
    workers: Workers,
}

/// Why one attempt failed.
enum Failure {
    /// The connection was cut: worth one more attempt on a new one.
    Cut(Problem),
    /// Final.
    Final(Error),
}

impl Failure {
    fn into_error(self, what: &str) -> Error {
        match self {
            Self::Cut(problem) => translate(what, problem),
            Self::Final(error) => error,
        }
    }
}

impl Link {
    /// Opens the connection, in the time that one of its kind usually needs.
    pub fn open(uri: &str) -> Result<Self> {
        Self::open_within(uri, if uri.contains("+ssh:") { OVER_SSH } else { ORDINARY })
    }

    /// Opens the connection; each attempt, also a later one, may take so long.
    pub fn open_within(uri: &str, opening: Duration) -> Result<Self> {
        static QUIET: Once = Once::new();
        // Otherwise libvirt prints every error to stderr.
        QUIET.call_once(virt::error::clear_error_callback);
        no_nul(&[uri])?;
        let link = Self { uri: uri.to_owned(), opening, open: Mutex::new(None), workers: Workers::default() };
        link.connection()?;
        Ok(link)
    }

    /// The URI.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Runs `body` within `limit`. `what` reads after "could not". Done a second time on a new connection if the first
    /// was cut, so it must be repeatable.
    pub fn call<T, F>(&self, what: &str, limit: Duration, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connect) -> Outcome<T> + Send + Sync + 'static,
    {
        let body = Arc::new(body);
        match self.attempt(what, limit, &body) {
            Err(Failure::Cut(_)) => self.attempt(what, limit, &body),
            answer => answer,
        }
        .map_err(|failure| failure.into_error(what))
    }

    /// As `call`, but not done again if the connection is cut: for work that is content with what a cut left behind.
    pub fn call_once<T, F>(&self, what: &str, limit: Duration, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Connect) -> Outcome<T> + Send + Sync + 'static,
    {
        self.attempt(what, limit, &Arc::new(body)).map_err(|failure| failure.into_error(what))
    }

    fn attempt<T, F>(&self, what: &str, limit: Duration, body: &Arc<F>) -> std::result::Result<T, Failure>
    where
        T: Send + 'static,
        F: Fn(&Connect) -> Outcome<T> + Send + Sync + 'static,
    {
        let connection = self.connection().map_err(Failure::Final)?;
        let body = Arc::clone(body);
        let alive = connection.clone();
        let question = move || drop(alive.lib_version());
        match self.workers.run_with_keepalive(limit, move || body(&connection), question) {
            Verdict::Done(Ok(value)) => Ok(value),
            Verdict::Done(Err(Problem::Virt(error))) if is_broken(&error) => {
                self.forget();
                Err(Failure::Cut(error.into()))
            }
            Verdict::Done(Err(problem)) => Err(Failure::Final(translate(what, problem))),
            Verdict::Hung => {
                self.remember_hung();
                self.close(Duration::ZERO);
                Err(Failure::Final(hung(&self.uri)))
            }
            Verdict::Late => {
                // The daemon serves a few calls of a connection at a time; one that hangs must not hold up the next.
                self.forget();
                Err(Failure::Final(late(what, limit.as_secs())))
            }
            // It was not begun, so nothing is known of the connection: those under way go on with it.
            Verdict::Full => Err(Failure::Final(late(what, limit.as_secs()))),
            Verdict::Broken => Err(Failure::Final(Error::new(Code::Internal, format!("the call to {what} broke off")))),
        }
    }

    /// The open connection, or a new one.
    fn connection(&self) -> Result<Connect> {
        let mut open = self.lock();
        if let Some(connection) = open.as_ref() {
            return Ok(connection.clone());
        }
        let connection = self.open_new()?;
        *open = Some(connection.clone());
        Ok(connection)
    }

    /// A connection of its own, for a long conversation such as a console.
    pub fn open_new(&self) -> Result<Connect> {
        let uri = self.uri.clone();
        let limit = self.opening;
        if self.was_hung() {
            return Err(hung(&uri));
        }
        match self.workers.run(limit, move || Connect::open(Some(&uri))) {
            Verdict::Done(Ok(connection)) => Ok(connection),
            Verdict::Done(Err(error)) => Err(self.unreachable(error.message())),
            Verdict::Late | Verdict::Hung => {
                self.remember_hung();
                Err(hung(&self.uri))
            }
            Verdict::Full => Err(late("connect", limit.as_secs())),
            Verdict::Broken => Err(self.unreachable("the attempt broke off")),
        }
    }

    fn unreachable(&self, cause: &str) -> Error {
        let machine = LocalMachine::of(&self.uri);
        let installed = ["libvirtd", "virtqemud"].iter().any(|daemon| machine.program(daemon).is_some());
        unreachable(&self.uri, cause, installed)
    }

    fn remember_hung(&self) {
        HANGING.remember(&self.uri);
    }

    /// Whether the daemon was found hanging just now.
    pub fn was_hung(&self) -> bool {
        HANGING.has(&self.uri)
    }

    /// Drops the connection.
    fn forget(&self) {
        self.close(CLOSE_TIMEOUT);
    }

    /// Drops the connection. Closing is a call too and may hang, so nobody waits long for it.
    fn close(&self, limit: Duration) {
        if self.uri.starts_with("test:") {
            return; // Its state lives in the connection.
        }
        if let Some(connection) = self.lock().take() {
            let _ = run_beside(limit, move || drop(connection));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connect>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(connection) = self.lock().take() {
            let _ = run_beside(CLOSE_TIMEOUT, move || drop(connection));
        }
    }
}

/// Refuses text with a NUL, at which C would stop reading (and `virt` panics).
pub fn no_nul(texts: &[&str]) -> Result<()> {
    match texts.iter().find(|text| text.contains('\0')) {
        None => Ok(()),
        Some(text) => Err(Error::new(Code::InvalidText, format!("`{}` holds a NUL character", escaped(text)))
            .hint("leave the NUL character out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_hangs_is_remembered_beside_others_that_do() {
        let hanging = Hanging(Mutex::default());
        let uris = ["qemu+tls://h1/system", "qemu+tls://h2/system", "qemu+tls://h3/system"];
        uris[..2].iter().for_each(|uri| hanging.remember(uri));
        assert_eq!(uris.map(|uri| hanging.has(uri)), [true, true, false]);
        let long_ago = Instant::now().checked_sub(HUNG).unwrap();
        hanging.0.lock().unwrap().values_mut().for_each(|when| *when = long_ago);
        assert_eq!(uris.map(|uri| hanging.has(uri)), [false; 3]);
        hanging.remember(uris[2]);
        assert_eq!(hanging.0.lock().unwrap().len(), 1, "what is over is forgotten");
    }
}
