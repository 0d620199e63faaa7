//! Shows an operation's stages while it runs.

use crate::{
    engine::{Observer, Stage},
    ui::{Stages, Ui},
};

/// An observer that prints.
pub struct Watch {
    ui: Ui,
    /// The stages, for their times.
    pub stages: Stages,
}

impl Watch {
    /// One that prints on `ui`.
    pub fn new(ui: &Ui) -> Self {
        Self { ui: ui.clone(), stages: ui.stages() }
    }
}

impl Observer for Watch {
    fn begin(&mut self, stage: Stage) {
        self.stages.begin(stage.as_str());
    }
    fn note(&mut self, text: &str) {
        self.stages.note(text);
    }
    fn bytes(&mut self, done: u64, total: Option<u64>) {
        self.stages.bytes(done, total);
    }
    fn finish(&mut self, _: Stage) {
        self.stages.finish();
    }
    fn fail(&mut self, _: Stage) {
        self.stages.fail();
    }
    fn warn(&mut self, text: &str) {
        self.ui.warn(text);
    }
}
