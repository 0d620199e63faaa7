//! Takes away all that an operation made, and ends it. One way for a step that failed, for a machine that is not needed any
//! more, and for what a dead owner left.

use uuid::Uuid;

use super::{
    Ctx,
    domain::let_calls_end,
    execute::{Payload, execute},
    firewall,
    journal::{self, OWNER_DIED},
    names,
};
use crate::{
    model::{Code, Error, EventKind, Result},
    plan::{self, Step},
    store::{Operation, OperationState},
};

/// Whether an operation failed by the death of its process alone: nobody was told anything of it.
pub fn owner_died(operation: &Operation) -> bool {
    operation.state == OperationState::Failed && operation.error_code == Some(Code::OwnerDied)
}

/// Why all is taken away.
#[derive(Debug, Clone, Copy)]
pub enum Because<'a> {
    /// The operation reached its end and needs it no more.
    Done,
    /// This happened.
    Failed(&'a Error),
    /// The process of the operation died.
    OwnerDied,
}

/// Undoes the steps, last first, removes the logs and the row of the instance, and ends the operation. Repeatable.
///
/// # Errors
/// What could not be undone. The operation then needs attention, and that is told as an event.
pub fn undo(
    ctx: &mut Ctx,
    operation: &Operation,
    uuid: Uuid,
    steps: &[(i64, Step)],
    because: Because<'_>,
) -> Result<()> {
    let (state, error) = match because {
        Because::Done => (OperationState::Succeeded, None),
        Because::Failed(error) => (OperationState::Failed, Some((error.code, error.to_string()))),
        Because::OwnerDied => (OperationState::Failed, Some((OWNER_DIED.0, OWNER_DIED.1.to_owned()))),
    };
    if let Err(undo) = take_away(ctx, operation, uuid, steps) {
        needs_attention(ctx, operation, uuid, because, &undo);
        return Err(undo);
    }
    let why = error.as_ref().map(|(code, text)| (*code, text.as_str()));
    ctx.store.end_operation(&operation.id, state, why, ctx.now())
}

fn take_away(ctx: &mut Ctx, operation: &Operation, uuid: Uuid, steps: &[(i64, Step)]) -> Result<()> {
    let record = ctx.store.instance_by_uuid(uuid)?.map(|instance| instance.record);
    journal::roll_back(ctx, &operation.id, steps)?;
    if let Some(record) = &record {
        execute(ctx, &plan::remove_logs(record, ctx.place()), &Payload::none())?;
        names::remove(ctx, record)?;
    }
    ctx.store.forget(uuid)?;
    firewall::apply(ctx)?;
    // Another command may have written the name again while there was a row.
    record.map_or(Ok(()), |record| names::remove(ctx, &record))
}

/// Undoes what a dead owner left. `steps` are those of the journal, each with whether it was done.
///
/// # Errors
/// As [`undo`].
pub fn undo_of_dead_owner(
    ctx: &mut Ctx,
    operation: &Operation,
    uuid: Uuid,
    steps: Vec<(i64, Step, bool)>,
) -> Result<()> {
    if steps.iter().any(|(.., done)| !done) {
        let_calls_end(ctx, uuid);
    }
    let steps: Vec<_> = steps.into_iter().map(|(sequence, step, _)| (sequence, step)).collect();
    undo(ctx, operation, uuid, &steps, Because::OwnerDied)
}

/// The error of the undo is what the caller returns; one of the database here would hide it.
fn needs_attention(ctx: &mut Ctx, operation: &Operation, uuid: Uuid, because: Because<'_>, undo: &Error) {
    let text = match because {
        Because::Failed(error) => format!("{error}; {undo}"),
        Because::Done | Because::OwnerDied => undo.to_string(),
    };
    let _ = ctx.store.end_operation(&operation.id, OperationState::NeedsAttention, Some((undo.code, &text)), ctx.now());
    // Told once, however often it is tried.
    if operation.state != OperationState::NeedsAttention {
        let record = ctx.store.instance_by_uuid(uuid).ok().flatten().map(|i| i.record);
        let _ = ctx.record_event(EventKind::OperationNeedsAttention, record.as_ref(), &text);
    }
}
