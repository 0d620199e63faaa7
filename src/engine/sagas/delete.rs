//! delete: always forward. What cannot be taken back comes last.

use uuid::Uuid;

use crate::{
    engine::{
        Accepted, Ctx,
        execute::Payload,
        firewall,
        journal::{self, Run},
        lock::{self, Lock},
        names, proxy,
    },
    kill_point,
    model::{Code, Error, Hint, Instance, OperationKind, Phase, Result, Site, Verb},
    plan::{self, OwnedKind},
    store::{Operation, OperationState, instances, load_balancers, operations, sites},
};

/// What a delete removed and what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Removed, a phrase each.
    pub removed: Vec<String>,
    /// Kept, a phrase each.
    pub kept: Vec<Hint>,
}

/// What a delete would remove and leave.
///
/// # Errors
/// Those of the database.
pub fn plan_delete(ctx: &Ctx, instance: &Instance) -> Result<Receipt> {
    let record = &instance.record;
    let all = OwnedKind::ALL.iter().map(|kind| kind.description());
    let mut removed: Vec<String> = all.filter_map(|d| d.removal(record)).collect();
    removed.push("firewall rules".to_owned());
    removed.extend(record.published.iter().map(|publication| format!("published port {publication}")));
    let sites = sites_of(ctx, instance)?;
    removed.extend(sites.iter().map(|site| format!("published domain {}", site.domain)));
    removed.extend(record.address.map(|address| format!("address {address}")));
    removed.extend(record.address6.map(|address| format!("address {address}")));
    let name = plan::dns_hosts(record).into_iter().next();
    removed.extend(name.and_then(|host| Some(format!("name `{}`", host.names.first()?))));
    let balancers = ctx.store.load_balancers(&ctx.host_id())?.into_iter().filter(|balancer| balancer.has(record.uuid));
    removed.extend(balancers.map(|balancer| format!("target of load balancer `{}`", balancer.name)));
    removed.push("logs and secrets".to_owned());
    let mut kept = vec![
        Hint::from(format!("image `{}`", record.base)),
        Hint::from("the operation's entry in ").run(Verb::Operations),
    ];
    kept.extend(sites.iter().map(|site| Hint::from(format!("the certificate of {}, for 30 days", site.domain))));
    Ok(Receipt { removed, kept })
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

/// Deletes an instance in any state.
///
/// # Errors
/// Those of [`accept`] and [`run`].
pub fn delete(ctx: &mut Ctx, instance: &Instance) -> Result<Receipt> {
    let accepted = accept(ctx, instance)?;
    run(ctx, accepted)
}

/// Accepts a delete: from now on the instance goes, whatever happens.
///
/// # Errors
/// Refused (`protected`), or busy.
pub fn accept(ctx: &mut Ctx, instance: &Instance) -> Result<Accepted> {
    check_deletable(instance)?;
    let lock = lock::take(ctx, instance, OperationKind::Delete.as_str())?;
    let operation = journal::new_operation(ctx, OperationKind::Delete, instance);
    // It may have been protected while this command waited for the lock.
    ctx.store.instance_by_uuid(instance.record.uuid)?.as_ref().map_or(Ok(()), check_deletable)?;
    // Together: an instance that is being removed has an operation that goes on with it.
    ctx.store.write(|t| {
        instances::set_life(t, instance.record.uuid, instance.desired_state, Phase::Deleting, None)?;
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, instance: instance.clone(), lock, found: () })
}

/// Deletes what was accepted.
///
/// # Errors
/// What could not be removed. The operation stays open, and the next command goes on with it.
pub fn run(ctx: &mut Ctx, accepted: Accepted) -> Result<Receipt> {
    let Accepted { operation, instance, lock, .. } = accepted;
    let receipt = plan_delete(ctx, &instance)?;
    go_on(ctx, &operation, &instance, lock)?;
    Ok(receipt)
}

fn go_on(ctx: &mut Ctx, operation: &Operation, instance: &Instance, lock: Lock) -> Result<()> {
    leave_front(ctx, instance)?;
    let mut run = Run::new(&operation.id);
    for step in plan::delete(&instance.record, ctx.place()) {
        journal::step(ctx, &mut run, &step, &Payload::none()).map_err(|mut e| {
            e.hints.push(
                Hint::from("nothing is lost: the delete goes on with the next `lite` command, or ").run(Verb::Repair),
            );
            e
        })?;
    }
    names::remove(ctx, &instance.record)?;
    ctx.store.forget_deleted(&instance.record, &ctx.stamp())?;
    kill_point::reached("forgotten");
    firewall::apply(ctx)?;
    journal::end(ctx, operation, Ok(()))?;
    lock.retire();
    Ok(())
}

fn sites_of(ctx: &Ctx, instance: &Instance) -> Result<Vec<Site>> {
    let rows = ctx.store.sites_on(&ctx.host_id())?.into_iter().filter(|row| row.instance == instance.record.uuid);
    Ok(rows.map(|row| row.site).collect())
}

/// Its domains lead nowhere, and load balancers lead elsewhere, before it is gone.
fn leave_front(ctx: &mut Ctx, instance: &Instance) -> Result<()> {
    let (host, now, gone) = (ctx.host_id(), ctx.now(), sites_of(ctx, instance)?);
    let balanced = ctx.store.write(|t| {
        sites::remove(t, &host, &gone, now)?;
        load_balancers::forget_instance(t, instance.record.uuid)
    })?;
    if balanced || !gone.is_empty() { proxy::apply(ctx) } else { Ok(()) }
}

/// The process of a delete died, or a step failed: it goes on.
///
/// # Errors
/// What could not be removed.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid, lock: Lock) -> Result<String> {
    // The rows of what leads to it may be gone, and nothing else done of that.
    proxy::apply(ctx)?;
    match ctx.store.instance_by_uuid(uuid)? {
        Some(instance) => go_on(ctx, operation, &instance, lock)?,
        None => {
            firewall::apply(ctx)?;
            ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
            lock.retire();
        }
    }
    Ok(format!("finished the delete of `{}` that was cut off", operation.resource.name))
}
