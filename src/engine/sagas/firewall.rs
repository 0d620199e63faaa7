//! firewall: what an instance lets in, in the database, in the packet filter and in the domain's metadata.

use uuid::Uuid;

use crate::{
    engine::{Accepted, Ctx, domain::write_record, firewall, journal, lock},
    kill_point,
    model::{Instance, OperationKind, Result, Rules},
    store::{Operation, OperationState, instances, operations},
};

/// Accepts a change of the rules; `wanted` makes the new ones of those that there are. None: they are so already. The
/// database has them from here on, with the operation that goes on with it.
///
/// # Errors
/// What `wanted` refuses, or busy.
pub fn accept(
    ctx: &mut Ctx,
    instance: &Instance,
    wanted: &dyn Fn(&Rules) -> Result<Rules>,
) -> Result<Option<Accepted<Rules>>> {
    let lock = lock::take(ctx, instance, OperationKind::Firewall.as_str())?;
    // Another command may have changed them before the lock was free.
    let instance = ctx.store.require(&instance.record.name)?;
    let before = instance.record.rules();
    let rules = wanted(&before)?;
    if rules == before {
        return Ok(None);
    }
    let operation = journal::new_operation(ctx, OperationKind::Firewall, &instance);
    ctx.store.write(|t| {
        instances::set_rules(t, instance.record.uuid, &rules)?;
        operations::insert(t, &operation)
    })?;
    Ok(Some(Accepted { operation, instance, lock, found: before }))
}

/// Loads the rules that were accepted.
///
/// # Errors
/// What `nft` says: those from before are in force then. What libvirt says of the metadata: the new ones are.
pub fn run(ctx: &mut Ctx, accepted: Accepted<Rules>) -> Result<()> {
    let Accepted { operation, instance, lock: _lock, found: before } = accepted;
    let uuid = instance.record.uuid;
    kill_point::reached("intent");
    if let Err(error) = firewall::apply(ctx) {
        ctx.store.write(|t| instances::set_rules(t, uuid, &before))?;
        kill_point::reached("undone");
        // What was loaded before is still there, unless only the answer of `nft` was lost.
        let _ = firewall::apply(ctx);
        return journal::end(ctx, &operation, Err(error));
    }
    kill_point::reached("effect");
    write_record(ctx, uuid).map_err(|e| {
        e.hint("the rules are in force; the virtual machine's record gets them with the next `lite` command")
    })?;
    journal::end(ctx, &operation, Ok(()))
}

/// The process of a change died: what the database has is loaded.
///
/// # Errors
/// The packet filter or libvirt cannot be reached.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid) -> Result<String> {
    firewall::apply(ctx)?;
    write_record(ctx, uuid)?;
    ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
    Ok(format!("finished the change of the firewall of `{}` that was cut off", operation.resource.name))
}
