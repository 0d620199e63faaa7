//! Tells other processes how far an operation is, and hears from them that it is to end.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{Ctx, Observer, Stage};
use crate::{
    clock::{Clock, SystemClock},
    model::{Hint, Progress},
    store::{ProgressLog, Store},
};

/// How often the database is written and asked. A new stage is written at once.
const EXCHANGE: Duration = Duration::from_millis(500);
/// How often Ctrl-C is looked for meanwhile.
const POLL: Duration = Duration::from_millis(100);

/// What the thread of the operation and the one that writes share.
#[derive(Default)]
struct Shared {
    latest: Mutex<Latest>,
    changed: Condvar,
}

#[derive(Default)]
struct Latest {
    progress: Progress,
    /// Write it now.
    urgent: bool,
    /// The operation is over.
    over: bool,
}

impl Shared {
    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, the progress of one operation is in the database, and a request there that the operation end is heard: then
/// [`Ctx::cancelled`] is true.
pub struct Reporter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    ending: Arc<AtomicBool>,
}

impl Reporter {
    /// Starts to report an operation of a context.
    pub fn start(ctx: &mut Ctx, operation: &str) -> Self {
        let reporter = Self::of(&ctx.store, &ctx.cancel, operation);
        ctx.ending = reporter.ending.clone();
        reporter
    }

    /// Starts to report an operation. Where that cannot be, the operation goes on unreported.
    pub fn of(store: &Store, cancel: &Arc<AtomicBool>, operation: &str) -> Self {
        let (shared, ending) = (Arc::<Shared>::default(), Arc::<AtomicBool>::default());
        let (log, process) = (store.progress_log(operation), cancel.clone());
        let thread = log.ok().and_then(|log| {
            let (shared, ending) = (shared.clone(), ending.clone());
            let builder = thread::Builder::new().name("progress".to_owned());
            builder.spawn(move || report(log, &shared, &ending, &process)).ok()
        });
        Self { shared, thread, ending }
    }

    /// Set when the operation is to end, whoever wants it.
    pub fn ending(&self) -> &AtomicBool {
        &self.ending
    }

    /// An observer that hands everything on, and reports it.
    pub fn observe<'a>(&self, inner: &'a mut dyn Observer) -> Reported<'a> {
        Reported { inner, shared: self.shared.clone() }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.shared.latest().over = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It panics nowhere; if it did, the operation has its end all the same.
            let _ = thread.join();
        }
        self.ending.store(false, Ordering::Relaxed);
    }
}

/// Exchanges progress and requests until the operation is over.
fn report(mut log: ProgressLog, shared: &Shared, ending: &AtomicBool, process: &AtomicBool) {
    let mut due = SystemClock.instant() + EXCHANGE;
    loop {
        let (progress, urgent, over) = {
            let latest = shared.latest();
            let waited = shared.changed.wait_timeout_while(latest, POLL, |l| !l.urgent && !l.over);
            let mut latest = waited.map_or_else(|e| e.into_inner().0, |(latest, _)| latest);
            (latest.progress.clone(), std::mem::take(&mut latest.urgent), latest.over)
        };
        if over {
            return;
        }
        if process.load(Ordering::Relaxed) {
            ending.store(true, Ordering::Relaxed);
        }
        if urgent || SystemClock.instant() >= due {
            due = SystemClock.instant() + EXCHANGE;
            // A database that cannot be read now is tried again.
            if log.exchange(&progress).unwrap_or(false) {
                ending.store(true, Ordering::Relaxed);
            }
        }
    }
}

/// An observer whose stages, notes and bytes are reported too.
pub struct Reported<'a> {
    inner: &'a mut dyn Observer,
    shared: Arc<Shared>,
}

impl Reported<'_> {
    fn change(&self, urgent: bool, change: impl FnOnce(&mut Progress)) {
        let mut latest = self.shared.latest();
        change(&mut latest.progress);
        if urgent {
            latest.urgent = true;
            self.shared.changed.notify_one();
        }
    }
}

impl Observer for Reported<'_> {
    fn begin(&mut self, stage: Stage) {
        self.change(true, |p| *p = Progress { stage: Some(stage.as_str().to_owned()), ..Progress::default() });
        self.inner.begin(stage);
    }
    fn note(&mut self, text: &str) {
        self.change(false, |p| {
            *p = Progress { stage: p.stage.take(), note: Some(text.to_owned()), done: None, total: None }
        });
        self.inner.note(text);
    }
    fn bytes(&mut self, done: u64, total: Option<u64>) {
        self.change(false, |p| (p.done, p.total) = (Some(done), total));
        self.inner.bytes(done, total);
    }
    fn finish(&mut self) {
        self.inner.finish();
    }
    fn fail(&mut self) {
        self.inner.fail();
    }
    fn status(&mut self, text: &str) {
        self.inner.status(text);
    }
    fn warn(&mut self, warning: &Hint) {
        self.inner.warn(warning);
    }
}
