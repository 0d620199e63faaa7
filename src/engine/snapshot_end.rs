//! The end of what makes a snapshot: its copies end at one moment, what is known of it is written last, and what did not come about is
//! taken back.

use uuid::Uuid;

use super::{
    Ctx, disk_copy,
    domain::let_calls_end,
    execute::Payload,
    journal::{self, OWNER_DIED, Run},
};
use crate::{
    hypervisor::DomainState,
    model::{Error, OperationState, Result, Size, Snapshot, SnapshotState, StoredSnapshot},
    plan::{self, DiskCopy, Object, OwnedKind, Step},
    store::Operation,
};

/// Ends the copies of a domain that is up, all whole, at one moment; whether its guest's file systems were frozen for that.
///
/// # Errors
/// What failed; the steps that were begun are in `run`.
pub fn cut(ctx: &mut Ctx, run: &mut Run<'_>, uuid: Uuid, copies: Vec<DiskCopy>) -> Result<bool> {
    let none = Payload::none();
    // Asked for late: a guest that boots gets its agent meanwhile.
    let has_agent = ctx.hypervisor.live_definition(uuid)?.is_some_and(|live| live.has_agent);
    // Copies end one after the other: nothing is written in between, whether the guest is frozen or not.
    let is_paused = copies.len() > 1 && runs(ctx, uuid)?;
    if has_agent {
        // Before the step: a program of the guest takes longer to start than all that happens while it is frozen.
        disk_copy::set_thaw_timer(ctx, uuid);
        journal::step(ctx, run, &Step::Freeze { uuid }, &none)?;
    }
    if is_paused {
        journal::step(ctx, run, &Step::Suspend { uuid }, &none)?;
    }
    journal::step(ctx, run, &Step::Cut { uuid, copies }, &none)?;
    if is_paused {
        journal::step(ctx, run, &Step::Resume { uuid }, &none)?;
    }
    if has_agent {
        journal::step(ctx, run, &Step::Thaw { uuid }, &none)?;
    }
    Ok(has_agent)
}

fn runs(ctx: &Ctx, uuid: Uuid) -> Result<bool> {
    Ok(ctx.hypervisor.domain(uuid)?.is_some_and(|domain| domain.state == DomainState::Running))
}

/// Writes what is known of a snapshot, which is there from then on.
///
/// # Errors
/// What failed; the step is in `run`.
pub fn write_sidecar(ctx: &mut Ctx, run: &mut Run<'_>, id: Uuid, content: &[u8]) -> Result<()> {
    let (kind, name) = (OwnedKind::SnapshotSidecar, plan::snapshot_sidecar(id));
    let xml = plan::seed_xml(&name, content.len() as u64)?;
    let object = Object::Volume { pool: ctx.settings.host.pool.clone(), name };
    journal::step(ctx, run, &Step::Ensure { kind, object, xml }, &Payload::of(kind, content))
}

/// A snapshot that came about is there; of one that did not nothing is left. `verb`: what was to be done with it.
///
/// # Errors
/// What failed. What could not be undone stays open, and the next command tries it again.
pub fn end(
    ctx: &mut Ctx,
    (operation, steps): (&Operation, &[(i64, Step)]),
    snapshot: Snapshot,
    made: Result<Size>,
    verb: &str,
) -> Result<StoredSnapshot> {
    match made {
        Ok(allocation) => {
            ctx.store.finish_snapshot(&snapshot, allocation, &operation.id, ctx.clock.now())?;
            Ok(StoredSnapshot {
                snapshot,
                state: SnapshotState::Available,
                allocation: Some(allocation),
                verification: None,
            })
        }
        Err(error) => Err(take_back(ctx, (operation, steps), error, verb)?),
    }
}

/// Leaves nothing of a snapshot that did not come about; its error.
///
/// # Errors
/// What could not be undone stays open, and the next command tries it again.
pub fn take_back(
    ctx: &mut Ctx,
    (operation, steps): (&Operation, &[(i64, Step)]),
    error: Error,
    verb: &str,
) -> Result<Error> {
    journal::roll_back(ctx, &operation.id, steps).map_err(|undo| undo.cause(format!("undone because: {error}")))?;
    let why = (error.code, error.to_string());
    let end = (operation.id.as_str(), OperationState::Failed);
    ctx.store.forget_snapshot(operation.resource.id, end, Some((why.0, &why.1)), ctx.clock.now())?;
    Ok(error.within(format!("could not {verb} snapshot `{}`; nothing of it is left", operation.resource.name)))
}

/// The process that made a snapshot died: what it left is removed, and its guest thawed before all else.
///
/// # Errors
/// What could not be undone.
pub fn resume(ctx: &mut Ctx, operation: &Operation) -> Result<String> {
    let steps = journal::journalled(ctx, &operation.id)?;
    if let Some(uuid) = operation.machine.filter(|_| steps.iter().any(|(.., done)| !done)) {
        let_calls_end(ctx, uuid);
    }
    let steps: Vec<_> = steps.into_iter().map(|(sequence, step, _)| (sequence, step)).collect();
    journal::roll_back(ctx, &operation.id, &steps)?;
    let end = (operation.id.as_str(), OperationState::Failed);
    ctx.store.forget_snapshot(operation.resource.id, end, Some(OWNER_DIED), ctx.clock.now())?;
    Ok(format!("removed what was there of snapshot `{}`, which was cut off", operation.resource.name))
}
