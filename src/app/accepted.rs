//! A change between its acceptance and its run: one value for every kind of change and every front end.

use super::operation::row;
use crate::{
    model::{Observer, Result},
    store::Operation,
    view::OperationRow,
};

/// What is left to do.
type Run<V> = Box<dyn FnOnce(&mut dyn Observer) -> Result<V> + Send>;

/// A change that was accepted: what can be refused was, the journal has its operation, and its locks are held. A caller may
/// answer with the operation at once, and run the rest on a thread of its choosing. Dropped without a run, it is one that was
/// cut off: the next change closes or undoes it.
#[must_use = "it is cut off unless it is run"]
pub struct Accepted<V> {
    operation: Option<OperationRow>,
    run: Run<V>,
}

impl<V: 'static> Accepted<V> {
    /// A change with its operation, and what is left to do.
    pub(super) fn new(operation: Operation, run: impl FnOnce(&mut dyn Observer) -> Result<V> + Send + 'static) -> Self {
        Self { operation: Some(row(operation)), run: Box::new(run) }
    }

    /// A change that the journal does not have: nothing is to be done, or there is no journal.
    pub(super) fn without_operation(run: impl FnOnce(&mut dyn Observer) -> Result<V> + Send + 'static) -> Self {
        Self { operation: None, run: Box::new(run) }
    }

    /// The operation as it was accepted; none where there was nothing to do.
    pub fn operation(&self) -> Option<&OperationRow> {
        self.operation.as_ref()
    }

    /// A change that is done already, and has no operation.
    pub fn done(view: V) -> Self
    where
        V: Send,
    {
        Self::without_operation(move |_| Ok(view))
    }

    /// The same change, for whoever does not ask what came of it but by its operation.
    pub fn unseen(self) -> Accepted<()> {
        self.and_then(|done, _| done.map(drop))
    }

    /// The same change with something done after it, which is given how it went.
    pub(super) fn and_then<W: 'static>(
        self,
        after: impl FnOnce(Result<V>, &mut dyn Observer) -> Result<W> + Send + 'static,
    ) -> Accepted<W> {
        let Self { operation, run } = self;
        Accepted { operation, run: Box::new(move |observer| after(run(observer), observer)) }
    }

    /// Does what was accepted.
    ///
    /// # Errors
    /// What failed; the operation tells the same.
    pub fn run(self, observer: &mut dyn Observer) -> Result<V> {
        (self.run)(observer)
    }
}
