//! An observer that keeps what it is warned of.

use lite::model::{Hint, Observer, Stage};

/// The warnings, in order.
#[derive(Default)]
pub struct Warned(pub Vec<String>);

impl Observer for Warned {
    fn begin(&mut self, _: Stage) {}
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, warning: &Hint) {
        self.0.push(warning.to_string());
    }
}
