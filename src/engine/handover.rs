//! A command that only waits for an application gives way to a stop, a reboot or a delete of its instance: it has freed the
//! instance before it waits, and sees the newer operation in the journal.

use uuid::Uuid;

use super::{Ctx, lock::has_owner};
use crate::{
    model::{Code, Error, Hint, Name, OperationKind, Result, Verb},
    store::Operation,
};

/// Whether a dead owner left an operation on an instance whose lock is held here. A create or a start that only waits is none.
pub fn is_left_open(ctx: &Ctx, uuid: Uuid) -> Result<bool> {
    let Some(id) = ctx.store.open_operation_of(uuid)? else { return Ok(false) };
    let Some(operation) = ctx.store.operation(&id)? else { return Ok(false) };
    let may_wait = matches!(operation.kind, OperationKind::Create | OperationKind::Start);
    Ok(!may_wait || !has_owner(&ctx.settings.paths.state, &operation)?)
}

/// Fails if another operation has ended the wait of `waiting`, an operation on the instance `name`.
///
/// # Errors
/// [`Code::WaitEnded`], with the operation that did.
pub fn check(ctx: &Ctx, waiting: &Operation, name: &Name) -> Result<()> {
    let Some(by) = ctx.store.interruption_after(waiting)? else { return Ok(()) };
    let text = format!("a {} (operation `{}`) ended the wait for instance `{name}`", by.kind, by.id);
    Err(Error::new(Code::WaitEnded, text)
        .hint(Hint::new().run_with(Verb::Show, &[&name]).text(" tells how it stands, unless it was deleted")))
}
