//! A command that only waits for an application gives way to a stop, a reboot or a delete of its instance.
//!
//! A start has freed the instance before it waits: it sees the newer operation in the journal. A create holds it until the
//! application answers: it is asked to end, in the database, and frees the instance.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Ctx, journal,
    lock::{self, Attempt, Lock, has_owner},
};
use crate::{
    model::{Code, Error, Hint, Instance, Name, OperationKind, OperationState, Result, Verb},
    store::Operation,
};

/// How long a create that is asked to end its wait is given: one try of a health check may last 5 s.
const GIVE_WAY: Duration = Duration::from_secs(20);

/// Takes the lock of an instance for an operation that ends a wait; gives the operation too, not written yet.
///
/// # Errors
/// Busy, with who is at work and since when, unless that one only waits.
pub fn take(ctx: &mut Ctx, instance: &Instance, kind: OperationKind) -> Result<(Lock, Operation)> {
    let operation = journal::new_operation(ctx, kind, instance);
    let uuid = instance.record.uuid;
    let free = matches!(Lock::attempt(&ctx.locks(), uuid, kind.as_str(), ctx.now())?, Attempt::Held(_));
    let waits = if free { None } else { waiting_create(ctx, uuid)? };
    let Some(create) = waits else { return Ok((lock::take(ctx, instance, kind.as_str())?, operation)) };
    ctx.store.request_end(&create, &named(&operation), ctx.now())?;
    let patience = ctx.wait.max(GIVE_WAY);
    let lock = lock::take_within(ctx, instance, kind.as_str(), patience)?;
    Ok((lock, operation))
}

/// The id of the create of an instance that has done all its steps and waits for the application.
fn waiting_create(ctx: &Ctx, uuid: Uuid) -> Result<Option<String>> {
    let Some(id) = ctx.store.open_operation_of(uuid)? else { return Ok(None) };
    let Some(operation) = ctx.store.operation(&id)? else { return Ok(None) };
    if operation.kind != OperationKind::Create || operation.state != OperationState::Started {
        return Ok(None);
    }
    Ok(journal::has_started(&journal::journalled(ctx, &id)?).then_some(id))
}

/// Whether a dead owner left an operation on an instance whose lock is held here. A start that only waits is none.
pub fn is_left_open(ctx: &Ctx, uuid: Uuid) -> Result<bool> {
    let Some(id) = ctx.store.open_operation_of(uuid)? else { return Ok(false) };
    let Some(operation) = ctx.store.operation(&id)? else { return Ok(false) };
    Ok(operation.kind != OperationKind::Start || !has_owner(&ctx.settings.paths.state, &operation)?)
}

/// Fails if another operation has ended the wait of `waiting`, an operation on the instance `name`.
///
/// # Errors
/// [`Code::WaitEnded`], with the operation that did.
pub fn check(ctx: &Ctx, waiting: &Operation, name: &Name) -> Result<()> {
    let by = match waiting.kind {
        OperationKind::Create => ctx.store.ended_by(&waiting.id)?,
        _ => ctx.store.interruption_after(waiting)?.map(|o| named(&o)),
    };
    by.map_or(Ok(()), |by| {
        Err(Error::new(Code::WaitEnded, format!("{by} ended the wait for instance `{name}`"))
            .hint(Hint::new().run_with(Verb::Show, &[&name]).text(" tells how it stands, unless it was deleted")))
    })
}

fn named(operation: &Operation) -> String {
    format!("a {} (operation `{}`)", operation.kind, operation.id)
}
