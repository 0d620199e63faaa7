//! Finishes or undoes what a dead owner left, and settles what happened while nobody looked.

use uuid::Uuid;

use super::{
    Ctx, image_leftovers, jobs, journal,
    lock::{Attempt, Lock, is_shared, owner},
    proxy, pulls,
    sagas::{
        attachment, bake, create, delete, disk, disk_resize, fetch, firewall,
        image::{ImageCtx, recover_images},
        load_balancer, network, publication, push, remote, remote_delete, resize, restore, snapshot, start, static_ip,
        stop, tag, undelete, upgrade, verify,
    },
    snapshot_end,
};
use crate::{
    model::{Class, OperationKind, ResourceKind, Result},
    store::{Operation, OperationState},
};

/// Looks at every open operation; those whose owner died are finished (delete) or undone (create), and what killed
/// image work left is removed. Costs two queries and a look at two folders when there is none. Returns a sentence
/// for each.
pub fn recover(ctx: &mut Ctx) -> Result<Vec<String>> {
    let mut told = recover_all(ctx, OperationState::Started)?;
    // A machine that cannot be removed now keeps nobody from the rest.
    let cleaned = jobs::clean(ctx);
    let (settings, clock, images) = (ctx.settings.clone(), ctx.clock.clone(), ctx.images()?);
    recover_images(&mut ImageCtx {
        settings: &settings,
        images: &images,
        store: &mut ctx.store,
        clock: &*clock,
        cancel: ctx.cancel.clone(),
        requester: ctx.requester.clone(),
    })?;
    told.extend(tidy(ctx)?);
    told.extend(pulls::go_on(ctx)?);
    told.extend(cleaned?);
    Ok(told)
}

/// Tries again what needs attention.
pub fn retry_attention(ctx: &mut Ctx) -> Result<Vec<String>> {
    recover_all(ctx, OperationState::NeedsAttention)
}

/// One that cannot be finished does not keep the others from it; its error comes last.
fn recover_all(ctx: &mut Ctx, state: OperationState) -> Result<Vec<String>> {
    let (mut told, mut failed) = (Vec::new(), None);
    let open = ctx.store.open_operations()?.into_iter().filter(|o| o.state == state);
    let ours = |o: &Operation| match o.resource.kind {
        ResourceKind::Instance
        | ResourceKind::LoadBalancer
        | ResourceKind::Network
        | ResourceKind::Snapshot
        | ResourceKind::Disk
        | ResourceKind::Remote => true,
        _ => matches!(o.kind, OperationKind::Bake | OperationKind::Warm),
    };
    for operation in open.filter(ours) {
        match recover_one(ctx, &operation) {
            Ok(line) => told.extend(line),
            // The next would wait as long for nothing.
            Err(e) if e.class == Class::Unreachable => return Err(e),
            Err(e) => failed = failed.or(Some(e)),
        }
    }
    failed.map_or(Ok(told), Err)
}

/// Removes what needs no look at the host to be nobody's: the kernel says that its owner is dead.
fn tidy(ctx: &mut Ctx) -> Result<Vec<String>> {
    let owned = ctx.store.resource_ids()?;
    for id in Lock::files(&ctx.locks())?.into_iter().filter(|id| !is_shared(id) && !owned.contains(id)) {
        let Attempt::Held(lock) = Lock::attempt(&ctx.locks(), id, "repair", ctx.now())? else { continue };
        // Its create may have written the row meanwhile; one that has not yet would hold the lock.
        if !ctx.store.has_resource(id)? {
            lock.retire();
        }
    }
    image_leftovers::tidy(ctx)
}

fn recover_one(ctx: &mut Ctx, operation: &Operation) -> Result<Option<String>> {
    let uuid = operation.resource.id;
    let Attempt::Held(lock) = Lock::attempt(&ctx.locks(), owner(operation), "repair", ctx.now())? else {
        return Ok(None);
    };
    // Its owner may have ended it between the query and the lock.
    let Some(operation) = ctx.store.operation(&operation.id)?.filter(|o| o.state.is_open()) else { return Ok(None) };
    resume(ctx, &operation, uuid, lock)
}

/// Each kind of operation knows how it goes on; none: somebody works on its instance.
fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid, lock: Lock) -> Result<Option<String>> {
    let told = match operation.kind {
        OperationKind::Create => return create::resume(ctx, operation, uuid, lock),
        OperationKind::Bake | OperationKind::Warm => bake::resume(ctx, operation, lock),
        OperationKind::Delete | OperationKind::Purge => delete::resume(ctx, operation, uuid, lock),
        OperationKind::Undelete => undelete::resume(ctx, operation, uuid),
        OperationKind::Start => start::resume(ctx, operation, uuid, lock),
        OperationKind::Stop => stop::resume(ctx, operation, uuid),
        OperationKind::Firewall => firewall::resume(ctx, operation, uuid),
        OperationKind::AttachStaticIp | OperationKind::DetachStaticIp => static_ip::resume(ctx, operation),
        OperationKind::Publish | OperationKind::Unpublish => {
            proxy::apply(ctx)?;
            publication::resume(ctx, operation, uuid)
        }
        OperationKind::MoveNetwork => network::resume(ctx, operation),
        OperationKind::Tag => tag::resume(ctx, operation, uuid),
        OperationKind::CreateLoadBalancer
        | OperationKind::AttachTargets
        | OperationKind::DetachTargets
        | OperationKind::DeleteLoadBalancer => load_balancer::resume(ctx, operation),
        OperationKind::CreateDisk => disk::resume(ctx, operation, lock),
        OperationKind::ResizeDisk => disk_resize::resume(ctx, operation),
        OperationKind::DeleteDisk => disk::resume_delete(ctx, operation, lock),
        OperationKind::Resize => resize::resume(ctx, operation, uuid),
        OperationKind::AttachDisk | OperationKind::DetachDisk => attachment::resume(ctx, operation, uuid),
        OperationKind::PushSnapshot => push::resume(ctx, operation),
        OperationKind::DeleteOffSite => remote_delete::resume(ctx, operation),
        OperationKind::FetchSnapshot => fetch::resume(ctx, operation),
        OperationKind::AddRemote => remote::resume(ctx, operation, lock),
        OperationKind::RemoveRemote => remote::resume_remove(ctx, operation, lock),
        OperationKind::Restore => restore::resume(ctx, operation, uuid),
        OperationKind::Upgrade => upgrade::resume(ctx, operation, uuid),
        OperationKind::CreateSnapshot | OperationKind::CreateDiskSnapshot => snapshot_end::resume(ctx, operation),
        OperationKind::VerifySnapshot => verify::resume(ctx, operation),
        OperationKind::DeleteSnapshot => snapshot::resume_delete(ctx, operation, lock),
        // Each of the others is one call, or can be done again whole.
        _ => journal::close_of_dead_owner(ctx, operation),
    };
    told.map(Some)
}
