//! delete: always forward. What cannot be taken back comes last.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    engine::{
        Accepted, Ctx, Observer, firewall, journal,
        lock::{self, Lock},
        proxy,
        removal::{self, Receipt},
    },
    model::{Code, Error, Hint, Instance, OperationKind, Phase, Result, Unobserved, Verb},
    store::{Operation, OperationState, instances, operations},
};

/// What a delete would remove and leave. `keep`: for how long the instance is to be kept; none: not at all.
///
/// # Errors
/// Those of the database and the host.
pub fn plan_delete(ctx: &Ctx, instance: &Instance, keep: Option<Duration>) -> Result<Receipt> {
    if instance.phase == Phase::Kept {
        return removal::receipt(ctx, &removal::given_up(instance), None);
    }
    removal::receipt(ctx, instance, removal::kept(ctx, instance, keep)?)
}

/// Refused (`protected`) for an instance that somebody protected, so that a front end can say it before it asks.
pub fn check_deletable(instance: &Instance) -> Result<()> {
    if !instance.is_protected() {
        return Ok(());
    }
    let name = &instance.record.name;
    Err(Error::new(Code::Protected, format!("instance `{name}` is protected: it is not deleted"))
        .hint(Hint::new().run_with(Verb::Unprotect, &[&name]).text(" lifts the protection")))
}

/// Deletes an instance in any state, for good.
///
/// # Errors
/// Those of [`accept`] and [`run`].
pub fn delete(ctx: &mut Ctx, instance: &Instance) -> Result<Receipt> {
    let accepted = accept(ctx, instance, None)?;
    run(ctx, accepted, &mut Unobserved)
}

/// Accepts a delete: from now on the instance goes, whatever happens. `keep`: for how long it is kept; none: not at all. One whose
/// domain or disks are gone is not kept.
///
/// # Errors
/// Refused (`protected`), or busy.
pub fn accept(ctx: &mut Ctx, instance: &Instance, keep: Option<Duration>) -> Result<Accepted> {
    check_deletable(instance)?;
    let lock = lock::take(ctx, instance, OperationKind::Delete.as_str())?;
    let operation = journal::new_operation(ctx, OperationKind::Delete, instance);
    // It may have been protected while this command waited for the lock.
    let mut instance = ctx.store.instance_by_uuid(instance.record.uuid)?.unwrap_or_else(|| instance.clone());
    check_deletable(&instance)?;
    let kept = removal::kept(ctx, &instance, keep)?;
    let failure = instance.failure.clone().filter(|_| kept.is_some());
    // Together: an instance that is being removed has an operation that goes on with it.
    ctx.store.write(|t| {
        instances::set_life(t, instance.record.uuid, instance.desired_state, Phase::Deleting, failure.as_deref())?;
        instance.record.kept = kept;
        instances::set_record(t, &instance.record)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, instance, lock, found: () })
}

/// Deletes what was accepted.
///
/// # Errors
/// What could not be removed. The operation stays open, and the next command goes on with it.
pub fn run(ctx: &mut Ctx, accepted: Accepted, observer: &mut dyn Observer) -> Result<Receipt> {
    let Accepted { operation, instance, lock, .. } = accepted;
    let receipt = removal::receipt(ctx, &instance, instance.record.kept)?;
    if instance.record.kept.is_some() {
        removal::power_off(ctx, &instance, observer)?;
    }
    removal::go_on(ctx, &operation, &instance, lock)?;
    Ok(receipt)
}

/// The process of a delete died, or a step failed: it goes on.
///
/// # Errors
/// What could not be removed.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid, lock: Lock) -> Result<String> {
    // The rows of what leads to it may be gone, and nothing else done of that.
    proxy::apply(ctx)?;
    match ctx.store.instance_by_uuid(uuid)? {
        // Brought back since.
        Some(instance) if !matches!(instance.phase, Phase::Deleting | Phase::Kept) => {
            return journal::close_of_dead_owner(ctx, operation);
        }
        Some(instance) => removal::go_on(ctx, operation, &instance, lock)?,
        None => {
            firewall::apply(ctx)?;
            ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
            lock.retire();
        }
    }
    Ok(format!("finished the {} of `{}` that was cut off", operation.kind, operation.resource.name))
}
