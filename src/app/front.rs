//! What a front end that listens needs before it does.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{App, Caller, Right, watch};
pub use crate::monitor::unit::Run;
use crate::{
    engine,
    model::{Hint, Observer, Result, Settings, Stage, Unobserved},
    monitor::unit,
    view::UnitView,
};

/// Name of the systemd unit that serves.
pub const UNIT: &str = unit::SERVE.name;

/// What there is as it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// Somebody watches the instances.
    pub is_watched: bool,
}

/// Opens the database, and makes it on a new host: sessions are kept there. What a server before left is [`go_on`]'s.
///
/// # Errors
/// The caller may not, or the database cannot be used.
pub fn begin(app: &App, caller: &Caller) -> Result<Ready> {
    app.require(caller, Right::Administer)?;
    let store = app.new_store()?;
    Ok(Ready { is_watched: watch::evaluated(app, &store)?.is_some_and(|age| age <= watch::STALE) })
}

/// Most operations whose wait is gone on with at a time.
const WAITS: usize = 64;

/// How many waits of operations are gone on with here.
#[derive(Debug, Clone, Default)]
pub struct Waits(Arc<AtomicUsize>);

/// One of them, until it is dropped.
struct Wait(Arc<AtomicUsize>);

impl Waits {
    fn begin(&self) -> Wait {
        self.0.fetch_add(1, Ordering::Relaxed);
        Wait(self.0.clone())
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Takes note of what is said.
#[derive(Default)]
struct Noted(Vec<String>);

impl Observer for Noted {
    fn begin(&mut self, _: Stage) {}
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, line: &str) {
        self.0.push(line.to_owned());
    }
    fn warn(&mut self, warning: &Hint) {
        self.0.push(warning.to_string());
    }
}

/// Takes care of operations whose process died, so that each comes to an end: those that only waited for their guest are waited
/// with again, on threads of their own, and all others are finished or undone. What was done, in words.
///
/// # Errors
/// The caller may not, or the database or the host cannot be read: tried again by the next call.
pub fn go_on(app: &App, caller: &Caller, waits: &Waits) -> Result<Vec<String>> {
    app.require(caller, Right::Administer)?;
    // Without any the host is not asked.
    let open = app.store_as_it_is()?.map(|store| store.open_operations()).transpose()?;
    if open.is_none_or(|open| open.is_empty()) {
        return Ok(Vec::new());
    }
    let mut ctx = app.context(caller, true)?;
    let most = WAITS.saturating_sub(waits.0.load(Ordering::Relaxed));
    let (taken, others) = engine::abandoned(&mut ctx, most)?;
    let mut told = Noted::default();
    for waiting in taken {
        let (mut own, wait) = (app.context(caller, true)?, waits.begin());
        let of = format!("{} of `{}`", waiting.operation.kind, waiting.operation.resource.name);
        let thread = std::thread::Builder::new().name("wait".to_owned()).spawn(move || {
            let _wait = wait;
            // How it ends, the operation tells.
            let _ = engine::go_on(&mut own, waiting, &mut Unobserved);
        });
        // What gets no thread is free again, and taken by the next call.
        if thread.is_ok() {
            told.0.push(format!("waits on with the {of}, whose process ended"));
        }
    }
    if others {
        app.change(caller, false, &mut told)?;
    }
    Ok(told.0)
}

/// How many operations of this process are amid their steps, and better not cut off.
///
/// # Errors
/// The caller may not, or the database cannot be read.
pub fn in_steps(app: &App, caller: &Caller) -> Result<usize> {
    app.require(caller, Right::Administer)?;
    let store = app.store_as_it_is()?;
    store.map_or(Ok(0), |store| engine::in_steps(&store, &app.settings.paths.state))
}

/// Writes the server's unit into a folder; it reads these files beside its settings.
///
/// # Errors
/// The caller may not, or the folder cannot be written.
pub fn install(caller: &Caller, settings: &Settings, folder: &Path, run: Run<'_>, reads: &[&Path]) -> Result<UnitView> {
    caller.require(Right::Administer)?;
    watch::install_service(&unit::SERVE, settings, folder, run, reads)
}
