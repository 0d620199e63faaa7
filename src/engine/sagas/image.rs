//! Work on images: they are built, downloaded, imported, pruned and removed. It needs no host, so its context has none.
//!
//! What such work that was cut off has left is removed whenever somebody looks ([`crate::image::leftovers`]); a download goes on.

use std::sync::{Arc, atomic::AtomicBool};

use crate::{
    clock::Clock,
    engine::{
        Observer,
        journal::OWNER_DIED,
        lock::{Attempt, Lock, owner},
        progress::Reporter,
    },
    image,
    model::{Code, Error, OperationKind, OperationState, Requester, ResourceKind, Result, Settings},
    store::{Operation, Store, operations, resources},
};

/// What work on images needs.
pub struct ImageCtx<'a> {
    /// What the operator decided.
    pub settings: &'a Settings,
    /// State.
    pub store: &'a mut Store,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Set by Ctrl-C.
    pub cancel: Arc<AtomicBool>,
    /// Who asks.
    pub requester: Requester,
}

/// Work on an image that was accepted: the journal has it, and its owner's lock is held.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    lock: Lock,
}

/// Does work on the image `id` as an operation. An image that is to be made and is there is given back without one.
///
/// # Errors
/// Those of [`accept`] and [`run`].
pub fn on_image<T>(
    ctx: &mut ImageCtx<'_>,
    kind: OperationKind,
    id: &str,
    observer: &mut dyn Observer,
    work: impl FnOnce(&AtomicBool, &mut dyn Observer) -> Result<T>,
) -> Result<T> {
    match accept(ctx, kind, id)? {
        Some(accepted) => run(ctx, accepted, observer, work),
        None => work(&ctx.cancel, observer),
    }
}

/// Accepts work on the image `id`; none: the image is to be made, and is there.
///
/// # Errors
/// The database cannot be written.
pub fn accept(ctx: &mut ImageCtx<'_>, kind: OperationKind, id: &str) -> Result<Option<Accepted>> {
    if makes(kind) && matches!(image::get(&ctx.settings.host.folders.pool, id), Ok(Some(_))) {
        return Ok(None);
    }
    begin(ctx, kind, id).map(Some)
}

/// Does what was accepted: reported, and ended where another process asks for it. `work` gets the flag that is set when it is to
/// end.
///
/// # Errors
/// Those of the work.
pub fn run<T>(
    ctx: &mut ImageCtx<'_>,
    accepted: Accepted,
    observer: &mut dyn Observer,
    work: impl FnOnce(&AtomicBool, &mut dyn Observer) -> Result<T>,
) -> Result<T> {
    let Accepted { operation, lock } = accepted;
    let reporter = Reporter::of(ctx.store, &ctx.cancel, &operation.id);
    let result = work(reporter.ending(), &mut reporter.observe(observer));
    drop(reporter);
    let ended = match &result {
        Ok(_) => end(ctx, &operation, OperationState::Succeeded, None),
        Err(e) => end(ctx, &operation, OperationState::Failed, Some((e.code, &e.to_string()))),
    };
    lock.retire();
    let value = result?;
    ended.map(|()| value)
}

/// Names the image and journals the operation in one transaction, with its owner's lock held before.
fn begin(ctx: &mut ImageCtx<'_>, kind: OperationKind, id: &str) -> Result<Accepted> {
    let (host, now) = (ctx.settings.host.id.clone(), ctx.clock.now());
    let requester = ctx.requester.clone();
    let locks = ctx.settings.paths.state.join("locks");
    ctx.store.write(|t| {
        let resource = resources::image(t, &host, id, now)?;
        let operation = Operation::started(kind, resource, host.clone(), requester, now);
        let Attempt::Held(lock) = Lock::attempt(&locks, owner(&operation), kind.as_str(), now)? else {
            return Err(Error::new(Code::Busy, "the id of this operation is in use").hint("try again"));
        };
        operations::insert(t, &operation)?;
        Ok(Accepted { operation, lock })
    })
}

/// Ends the operation; an image that is not there (any more) loses its name.
fn end(
    ctx: &mut ImageCtx<'_>,
    operation: &Operation,
    state: OperationState,
    error: Option<(Code, &str)>,
) -> Result<()> {
    ctx.store.end_operation(&operation.id, state, error, ctx.clock.now())?;
    match image::get(&ctx.settings.host.folders.pool, &operation.resource.name) {
        Ok(None) => ctx.store.forget_image(operation.resource.id),
        // One that cannot be read is still there.
        Ok(Some(_)) | Err(_) => Ok(()),
    }
}

/// Closes the operations on images whose process died: what is there now decides how they ended.
pub fn recover_images(ctx: &mut ImageCtx<'_>) -> Result<()> {
    let open = ctx.store.open_operations()?;
    for operation in open.into_iter().filter(|o| o.resource.kind == ResourceKind::Image) {
        let locks = ctx.settings.paths.state.join("locks");
        let Attempt::Held(lock) = Lock::attempt(&locks, owner(&operation), "repair", ctx.clock.now())? else {
            continue;
        };
        // Its owner may have ended it between the query and the lock.
        if ctx.store.operation(&operation.id)?.is_some_and(|o| o.state.is_open()) {
            let (state, error) = match is_done(ctx.settings, &operation)? {
                true => (OperationState::Succeeded, None),
                false => (OperationState::Failed, Some(OWNER_DIED)),
            };
            end(ctx, &operation, state, error)?;
        }
        lock.retire();
    }
    Ok(())
}

/// Whether the operation reached what it was for before its process died.
fn is_done(settings: &Settings, operation: &Operation) -> Result<bool> {
    let image = image::get(&settings.host.folders.pool, &operation.resource.name)?;
    Ok(match operation.kind {
        OperationKind::Remove => image.is_none(),
        kind => makes(kind) && image.is_some_and(|i| i.created_at >= operation.started_at),
    })
}

/// Whether there is an image after it that need not have been there before.
fn makes(kind: OperationKind) -> bool {
    matches!(kind, OperationKind::Build | OperationKind::Pull | OperationKind::Import)
}
