//! An observer that keeps what is said beside the stages.

use lite::model::{Hint, Observer, Stage};

/// The sentences, in order; warnings say that they are.
#[derive(Default)]
pub struct Said(pub Vec<String>);

impl Observer for Said {
    fn begin(&mut self, _: Stage) {}
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }
    fn warn(&mut self, warning: &Hint) {
        self.0.push(format!("warning: {warning}"));
    }
}
