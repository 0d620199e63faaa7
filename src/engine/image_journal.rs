//! The journal of work on images. It needs no host: it takes the parts of a context that it needs.

use super::lock::{self, Lock};
use crate::{
    clock::Clock,
    image::{self, Images},
    model::{Code, OperationKind, OperationState, Requester, Result, Settings},
    store::{Operation, Store, operations, resources},
};

/// What the journal of images needs.
pub struct Journal<'a> {
    /// What the operator decided.
    pub settings: &'a Settings,
    /// The images of the host.
    pub images: Images,
    /// State.
    pub store: &'a mut Store,
    /// The time.
    pub clock: &'a dyn Clock,
}

impl Journal<'_> {
    /// Names the image and journals the operation in one transaction, with its owner's lock held before.
    pub fn begin(&mut self, kind: OperationKind, id: &str, requester: &Requester) -> Result<(Operation, Lock)> {
        let (host, now) = (self.settings.host.id.clone(), self.clock.now());
        let locks = self.settings.paths.state.join("locks");
        self.store.write(|t| {
            let resource = resources::image(t, &host, id, now)?;
            let operation = Operation::started(kind, resource, host.clone(), requester.clone(), now);
            let lock = lock::own(&locks, &operation, now)?;
            operations::insert(t, &operation)?;
            Ok((operation, lock))
        })
    }

    /// Ends the operation.
    pub fn end(&mut self, operation: &Operation, state: OperationState, error: Option<(Code, &str)>) -> Result<()> {
        self.store.end_operation(&operation.id, state, error, self.clock.now())?;
        self.forget_unless_there(operation)
    }

    /// An image that is not there (any more) loses its name.
    pub fn forget_unless_there(&mut self, operation: &Operation) -> Result<()> {
        match image::get(&self.images, &operation.resource.name) {
            Ok(None) => self.store.forget_image(operation.resource.id),
            // One that cannot be read is still there.
            Ok(Some(_)) | Err(_) => Ok(()),
        }
    }
}
