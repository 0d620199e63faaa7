//! Shows an operation's stages, notes and warnings while it runs.

use super::{Stages, Ui};
use crate::model::{Hint, Observer, Stage};

/// An observer that prints on stderr.
pub struct ProgressPrinter {
    ui: Ui,
    stages: Stages,
}

impl ProgressPrinter {
    /// One that prints on `ui`.
    pub fn new(ui: &Ui) -> Self {
        Self { ui: ui.clone(), stages: ui.stages() }
    }
}

impl Observer for ProgressPrinter {
    fn begin(&mut self, stage: Stage) {
        self.stages.begin(stage.as_str());
    }
    fn note(&mut self, text: &str) {
        self.stages.note(text);
    }
    fn bytes(&mut self, done: u64, total: Option<u64>) {
        self.stages.bytes(done, total);
    }
    fn finish(&mut self) {
        self.stages.finish();
    }
    fn fail(&mut self) {
        self.stages.fail();
    }
    fn status(&mut self, text: &str) {
        self.ui.status(text);
    }
    fn detail(&mut self, text: &str) {
        self.ui.detail(text);
    }
    fn warn(&mut self, warning: &Hint) {
        self.ui.warn(warning);
    }
}
