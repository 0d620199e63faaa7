//! Finishes or undoes what a dead owner left, and settles what happened while nobody looked.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    Ctx,
    domain::write_metadata,
    journal,
    lock::{Attempt, Lock, is_shared},
    ours::is_without_row,
    sagas::delete::run_delete,
    undo::{Because, OWNER_DIED, undo},
};
use crate::{
    hypervisor::DomainState,
    image,
    model::{Class, Code, Error, OperationKind, Phase, Result, Wanted},
    plan::Step,
    store::{Operation, OperationState},
};

/// Least and longest time that a dead process's last call is given to end at libvirt.
const CALL_ENDS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3));

/// Looks at every open operation; those whose owner died are finished (delete) or undone (create), and what killed
/// image work left is removed. Costs two queries and a look at two folders when there is none. Returns a sentence
/// for each.
pub fn recover(ctx: &mut Ctx) -> Result<Vec<String>> {
    let mut told = recover_all(ctx, OperationState::Started)?;
    told.extend(tidy(ctx)?);
    Ok(told)
}

/// Tries again what needs attention.
pub fn retry_attention(ctx: &mut Ctx) -> Result<Vec<String>> {
    recover_all(ctx, OperationState::NeedsAttention)
}

/// One that cannot be finished does not keep the others from it; its error comes last.
fn recover_all(ctx: &mut Ctx, state: OperationState) -> Result<Vec<String>> {
    let (mut told, mut failed) = (Vec::new(), None);
    for operation in ctx.store.open_operations()?.into_iter().filter(|o| o.state == state) {
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
    image::leftovers::tidy(&ctx.settings.host.folders.pool, &|file| lies_on(ctx, file))
}

/// Whether a disk may lie on an image file. A disk of an instance that the database does not know may lie on any.
fn lies_on(ctx: &Ctx, file: &str) -> Result<bool> {
    if !ctx.store.users_of_image(file)?.is_empty() {
        return Ok(true);
    }
    let owned = ctx.store.resource_ids()?;
    let entries = std::fs::read_dir(&ctx.settings.host.folders.pool)
        .map_err(|e| Error::new(Code::PoolUnreadable, "cannot read the folder of the pool").cause(e))?;
    let names = entries.flatten().filter_map(|e| e.file_name().into_string().ok());
    Ok(names.into_iter().any(|name| is_without_row(&name, &owned)))
}

fn recover_one(ctx: &mut Ctx, operation: &Operation) -> Result<Option<String>> {
    let uuid = operation.resource.id;
    let Attempt::Held(lock) = Lock::attempt(&ctx.locks(), uuid, "repair", ctx.now())? else {
        return Ok(None);
    };
    // Its owner may have ended it between the query and the lock.
    let still_open = ctx.store.operation(&operation.id)?.is_some_and(|o| o.state.is_open());
    if !still_open {
        return Ok(None);
    }
    let name = &operation.resource.name;
    match operation.kind {
        OperationKind::Create | OperationKind::Bake => recover_create(ctx, operation, uuid, lock).map(Some),
        OperationKind::Delete => {
            match ctx.store.instance_by_uuid(uuid)? {
                Some(instance) => run_delete(ctx, operation, &instance, lock)?,
                None => {
                    ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
                    lock.retire();
                }
            }
            Ok(Some(format!("finished the delete of `{name}` that was cut off")))
        }
        kind => recover_other(ctx, operation, uuid, kind).map(Some),
    }
}

/// libvirt goes on with a call whose client died, and it may take effect after a look that found nothing. Nothing tells
/// when it is through; how long a small call takes now tells how busy libvirt is.
fn let_calls_end(ctx: &Ctx, uuid: uuid::Uuid) {
    let begun = Instant::now();
    // An error is met again, and told, by what follows.
    let _ = ctx.hypervisor.domain(uuid);
    thread::sleep((begun.elapsed() * 10).clamp(CALL_ENDS.0, CALL_ENDS.1));
}

/// start, stop, reboot, tag: what the host shows decides how they ended.
fn recover_other(ctx: &mut Ctx, operation: &Operation, uuid: uuid::Uuid, kind: OperationKind) -> Result<String> {
    let name = &operation.resource.name;
    if let Some(instance) = ctx.store.instance_by_uuid(uuid)? {
        match kind {
            OperationKind::Start | OperationKind::Stop => {
                let_calls_end(ctx, uuid);
                let state = ctx.hypervisor.domain(uuid)?.map(|d| d.state);
                let off = matches!(state, None | Some(DomainState::Off | DomainState::Crashed));
                ctx.store.set_wanted(uuid, if off { Wanted::Stopped } else { Wanted::Running })?;
            }
            OperationKind::Tag => write_metadata(ctx, &instance.record)?,
            _ => {}
        }
    }
    ctx.store.end_operation(&operation.id, OperationState::Failed, Some(OWNER_DIED), ctx.now())?;
    Ok(format!("closed the {kind} of `{name}` that was cut off"))
}

/// A create that had started its domain stands; any other is undone, and so is every bake.
fn recover_create(ctx: &mut Ctx, operation: &Operation, uuid: uuid::Uuid, lock: Lock) -> Result<String> {
    let name = &operation.resource.name;
    let steps = journal::journalled(ctx, &operation.id)?;
    let started = operation.kind == OperationKind::Create
        && steps.iter().any(|(_, step, done)| *done && matches!(step, Step::LinkUp { .. }));
    if started {
        ctx.store.set_phase(uuid, Phase::Started, None)?;
        ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
        return Ok(format!("kept instance `{name}`: its create was cut off after it had started"));
    }
    if steps.iter().any(|(.., done)| !done) {
        let_calls_end(ctx, uuid);
    }
    let steps: Vec<_> = steps.into_iter().map(|(sequence, step, _)| (sequence, step)).collect();
    undo(ctx, operation, uuid, &steps, Because::OwnerDied)?;
    lock.retire();
    Ok(match operation.kind {
        OperationKind::Bake => format!("removed `{name}`, which baked an image and was cut off"),
        _ => format!("undid the create of `{name}` that was cut off"),
    })
}
