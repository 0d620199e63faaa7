//! An operation on an image that works on the host, in a machine of its own.

use super::{Ctx, image_journal::Journal, journal, lock::Lock, progress::Reporter};
use crate::{
    model::{Observer, OperationState, Result},
    store::Operation,
};

/// The journal of a context.
///
/// # Errors
/// The images cannot be reached.
pub fn journal_of(ctx: &mut Ctx) -> Result<Journal<'_>> {
    let images = ctx.images()?;
    Ok(Journal { settings: &ctx.settings, images, store: &mut ctx.store, clock: &*ctx.clock })
}

/// Works in an operation that is in the journal, and ends it unless a machine of it did.
///
/// # Errors
/// Those of the work.
pub fn run<T>(
    ctx: &mut Ctx,
    (operation, lock): (Operation, Lock),
    observer: &mut dyn Observer,
    work: impl FnOnce(&mut Ctx, &Operation, &mut dyn Observer) -> Result<T>,
) -> Result<T> {
    let reporter = Reporter::start(ctx, &operation.id);
    let result = work(ctx, &operation, &mut reporter.observe(observer));
    drop(reporter);
    let open = ctx.store.operation(&operation.id)?.is_some_and(|o| o.state == OperationState::Started);
    let result = if open { journal::end(ctx, &operation, result) } else { result };
    let forgotten = journal_of(ctx).and_then(|mut journal| journal.forget_unless_there(&operation));
    lock.retire();
    let done = result?;
    forgotten.map(|()| done)
}
