//! An operation on an instance between its acceptance and its run.

use super::lock::Lock;
use crate::{
    model::{Instance, Tag},
    store::Operation,
};

/// An operation that was accepted: what can be refused was, the journal has it, and the lock of its instance is held. A
/// caller may answer with its id and run it elsewhere; dropped without a run, the next change closes it as cut off.
pub struct Accepted<T = ()> {
    /// The operation.
    pub operation: Operation,
    pub(super) instance: Instance,
    pub(super) lock: Lock,
    /// What was found out for its run.
    pub(super) found: T,
}

impl Accepted<Vec<Tag>> {
    /// The tags that the instance is to have.
    pub fn tags(&self) -> &[Tag] {
        &self.found
    }
}
