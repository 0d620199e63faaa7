//! How long work on an image tells what it is doing.

/// Somebody who watches work on an image.
pub trait Progress {
    /// A new stage begins; lower case, a few words.
    fn stage(&mut self, what: &str);
    /// How many bytes of the stage are done, of how many where that is known.
    fn bytes(&mut self, done: u64, total: Option<u64>);
}

/// A watcher that does not look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn stage(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
}
