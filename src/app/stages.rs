//! The times of the stages of an operation, measured where they are run.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    clock::Clock,
    model::{Hint, Observer, Stage},
    view::StageTime,
};

/// Hands everything on to another observer, and keeps how long each stage took.
pub struct Timed<'a> {
    observer: &'a mut dyn Observer,
    clock: Arc<dyn Clock>,
    running: Option<(Stage, Instant)>,
    ended: Vec<StageTime>,
}

impl<'a> Timed<'a> {
    /// Measures on `clock`.
    pub fn new(observer: &'a mut dyn Observer, clock: Arc<dyn Clock>) -> Self {
        Self { observer, clock, running: None, ended: Vec::new() }
    }

    /// Goes on where `earlier` ended, for an operation that is accepted and run apart.
    pub fn after(earlier: Vec<StageTime>, observer: &'a mut dyn Observer, clock: Arc<dyn Clock>) -> Self {
        Self { ended: earlier, ..Self::new(observer, clock) }
    }

    /// The stages ended so far, each with its time.
    pub fn times(&self) -> Vec<StageTime> {
        self.ended.clone()
    }

    fn end(&mut self) {
        if let Some((stage, since)) = self.running.take() {
            let took: Duration = self.clock.instant().saturating_duration_since(since);
            let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            self.ended.push(StageTime { name: stage.as_str().to_owned(), milliseconds });
        }
    }
}

impl Observer for Timed<'_> {
    fn begin(&mut self, stage: Stage) {
        self.end();
        self.running = Some((stage, self.clock.instant()));
        self.observer.begin(stage);
    }
    fn note(&mut self, text: &str) {
        self.observer.note(text);
    }
    fn bytes(&mut self, done: u64, total: Option<u64>) {
        self.observer.bytes(done, total);
    }
    fn finish(&mut self) {
        self.end();
        self.observer.finish();
    }
    fn fail(&mut self) {
        self.end();
        self.observer.fail();
    }
    fn detail(&mut self, text: &str) {
        self.observer.detail(text);
    }
    fn status(&mut self, text: &str) {
        self.observer.status(text);
    }
    fn warn(&mut self, warning: &Hint) {
        self.observer.warn(warning);
    }
}
