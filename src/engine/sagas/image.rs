//! Work on images: they are built, downloaded, imported, pruned and removed. It needs no host but for a pool that is not a
//! folder of this machine, so its context has the images alone.
//!
//! What such work that was cut off has left is removed whenever somebody looks ([`crate::image::leftovers`]); a download goes on.

use std::sync::{Arc, atomic::AtomicBool};

use crate::{
    clock::Clock,
    engine::{
        Observer,
        image_journal::Journal,
        journal::OWNER_DIED,
        lock::{Attempt, Lock, owner},
        progress::Reporter,
    },
    image::{self, Images},
    model::{Code, OperationKind, OperationState, Requester, ResourceKind, Result, Settings},
    store::{Operation, Store},
};

/// What work on images needs.
pub struct ImageCtx<'a> {
    /// What the operator decided.
    pub settings: &'a Settings,
    /// The images of the host.
    pub images: &'a Images,
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

/// Accepts work on the image `id`; none: the image is to be made, and is there.
///
/// # Errors
/// The database cannot be written.
pub fn accept(ctx: &mut ImageCtx<'_>, kind: OperationKind, id: &str) -> Result<Option<Accepted>> {
    if makes(kind) && matches!(image::get(ctx.images, id), Ok(Some(_))) {
        return Ok(None);
    }
    let requester = ctx.requester.clone();
    journal(ctx).begin(kind, id, &requester).map(|(operation, lock)| Some(Accepted { operation, lock }))
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
        Ok(_) => journal(ctx).end(&operation, OperationState::Succeeded, None),
        Err(e) => journal(ctx).end(&operation, OperationState::Failed, Some((e.code, &e.to_string()))),
    };
    lock.retire();
    let value = result?;
    ended.map(|()| value)
}

fn journal<'a>(ctx: &'a mut ImageCtx<'_>) -> Journal<'a> {
    Journal { settings: ctx.settings, images: ctx.images.clone(), store: ctx.store, clock: ctx.clock }
}

/// Closes the operations on images whose process died: what is there now decides how they ended. A bake is left alone: its
/// virtual machine is undone first, and that needs a host.
pub fn recover_images(ctx: &mut ImageCtx<'_>) -> Result<()> {
    let open = ctx.store.open_operations()?;
    for operation in open.into_iter().filter(|o| {
        o.resource.kind == ResourceKind::Image && !matches!(o.kind, OperationKind::Bake | OperationKind::Warm)
    }) {
        let locks = ctx.settings.paths.state.join("locks");
        let Attempt::Held(lock) = Lock::attempt(&locks, owner(&operation), "repair", ctx.clock.now())? else {
            continue;
        };
        // Its owner may have ended it between the query and the lock.
        if ctx.store.operation(&operation.id)?.is_some_and(|o| o.state.is_open()) {
            let (state, error) = match is_done(ctx.images, &operation)? {
                true => (OperationState::Succeeded, None),
                false => (OperationState::Failed, Some(OWNER_DIED)),
            };
            journal(ctx).end(&operation, state, error)?;
        }
        lock.retire();
    }
    Ok(())
}

/// Whether the operation reached what it was for before its process died.
fn is_done(images: &Images, operation: &Operation) -> Result<bool> {
    let image = match image::get(images, &operation.resource.name) {
        // It is there, and not what was to be made.
        Err(e) if e.code == Code::ImageDamaged => return Ok(false),
        image => image?,
    };
    Ok(match operation.kind {
        OperationKind::Remove => image.is_none(),
        kind => makes(kind) && image.is_some_and(|i| i.created_at >= operation.started_at),
    })
}

/// Whether there is an image after it that need not have been there before.
fn makes(kind: OperationKind) -> bool {
    matches!(kind, OperationKind::Build | OperationKind::Pull | OperationKind::Import)
}
