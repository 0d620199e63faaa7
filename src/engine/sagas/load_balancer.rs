//! Load balancers, made, changed and removed: in the database, in the packet filter, and in the web front.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    engine::{Ctx, firewall, journal, lock::Lock, proxy, served},
    kill_point,
    model::{Code, Domain, Error, Hint, LoadBalancer, OperationKind, ProxyServer, ResourceRef, Result, Target},
    plan::balancer_backend,
    store::{Operation, OperationState, Transaction, events::Stamp, load_balancers, operations},
};

/// How often it is looked whether the last visitor is gone.
const AGAIN: Duration = Duration::from_millis(200);

/// A load balancer before and after a change; none: there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// As it is.
    pub before: Option<LoadBalancer>,
    /// As it is to be.
    pub after: Option<LoadBalancer>,
}

/// A change that was accepted: the database has it, and the lock of its load balancer is held.
pub struct Accepted {
    /// The operation.
    pub operation: Operation,
    change: Change,
    lock: Lock,
}

/// Tells what a load balancer is to be, by what it is now; an equal one: there is nothing to do.
pub type Wanted<'a> = dyn Fn(&Ctx, &LoadBalancer) -> Result<Option<LoadBalancer>> + 'a;

impl Accepted {
    /// The instances that come or go.
    pub fn moved(&self) -> Vec<Uuid> {
        let Change { before, after } = &self.change;
        let has = |balancer: &Option<LoadBalancer>, uuid| balancer.as_ref().is_some_and(|balancer| balancer.has(uuid));
        let all = before.iter().chain(after).flat_map(|balancer| &balancer.targets).map(|target| target.instance);
        all.filter(|uuid| has(before, *uuid) != has(after, *uuid)).collect()
    }
}

impl Change {
    /// The instances that go.
    fn leaving(&self) -> Vec<Uuid> {
        let stays = |instance| self.after.as_ref().is_some_and(|after| after.has(instance));
        let before = self.before.iter().flat_map(|before| &before.targets);
        before.map(|target| target.instance).filter(|instance| !stays(*instance)).collect()
    }

    /// What is written first: instances that leave a load balancer which stays get no new visitors.
    fn draining(&self) -> Option<LoadBalancer> {
        let (before, after) = (self.before.as_ref()?, self.after.as_ref()?);
        let leaving = self.leaving();
        let target = |target: &Target| Target { draining: leaving.contains(&target.instance), ..*target };
        let kept =
            before.targets.iter().map(target).chain(after.targets.iter().copied().filter(|t| !before.has(t.instance)));
        Some(LoadBalancer { targets: kept.collect(), ..after.clone() })
    }
}

/// Writes what a load balancer is instead of what it was.
fn write(
    t: &Transaction<'_>,
    (before, after): (Option<&LoadBalancer>, Option<&LoadBalancer>),
    stamp: &Stamp,
) -> Result<()> {
    match (before, after) {
        (None, Some(new)) => {
            load_balancers::insert(t, &stamp.host, new, stamp.now)?;
            load_balancers::set_targets(t, new.id, &new.targets)
        }
        (Some(_), Some(now)) => load_balancers::set_targets(t, now.id, &now.targets),
        (Some(gone), None) => load_balancers::delete(t, gone, stamp),
        (None, None) => Ok(()),
    }
}

/// Accepts that a load balancer is made.
///
/// # Errors
/// A name, a domain or a port that is taken.
pub fn accept_new(ctx: &mut Ctx, new: LoadBalancer) -> Result<Accepted> {
    let lock = lock(ctx, &new, OperationKind::CreateLoadBalancer)?;
    written(ctx, OperationKind::CreateLoadBalancer, Change { before: None, after: Some(new) }, lock)
}

/// Accepts a change of a load balancer, or its delete; `wanted` tells what it is to be by what it is now. None: there is nothing
/// to do.
///
/// # Errors
/// What `wanted` refuses, or busy.
pub fn accept(
    ctx: &mut Ctx,
    balancer: &LoadBalancer,
    kind: OperationKind,
    wanted: &Wanted<'_>,
) -> Result<Option<Accepted>> {
    let lock = lock(ctx, balancer, kind)?;
    // Another command may have changed it before the lock was free.
    let before = ctx.store.require_load_balancer(&ctx.host_id(), &balancer.name)?;
    let after = wanted(ctx, &before)?;
    if after.as_ref() == Some(&before) {
        return Ok(None);
    }
    written(ctx, kind, Change { before: Some(before), after }, lock).map(Some)
}

fn lock(ctx: &Ctx, balancer: &LoadBalancer, kind: OperationKind) -> Result<Lock> {
    let what = format!("load balancer `{}`", balancer.name);
    Lock::acquire_of(&ctx.locks(), (balancer.id, &what), kind.as_str(), &*ctx.clock, ctx.wait)
}

fn written(ctx: &mut Ctx, kind: OperationKind, change: Change, lock: Lock) -> Result<Accepted> {
    let stamp = ctx.stamp();
    let Some(balancer) = change.after.as_ref().or(change.before.as_ref()) else {
        return Err(Error::new(Code::Internal, "a change of no load balancer"));
    };
    let operation =
        Operation::started(kind, ResourceRef::from(balancer), stamp.host.clone(), ctx.requester.clone(), stamp.now);
    let first = change.draining();
    ctx.store.write(|t| {
        match &change.after {
            Some(after) => write(t, (change.before.as_ref(), Some(first.as_ref().unwrap_or(after))), &stamp)?,
            // The row goes last.
            None => load_balancers::set_deleting(t, operation.resource.id, true)?,
        }
        operations::insert(t, &operation)
    })?;
    Ok(Accepted { operation, change, lock })
}

/// What is to be said of a change that was done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Done {
    /// Connections that were not done in time, and were ended.
    pub ended: u64,
    /// What there is to say of whether a new load balancer is reached from outside.
    pub doubt: Option<Hint>,
}

/// Serves what was accepted. Instances that leave are waited for until nobody is connected to them any more, and so long at
/// most. The ports of a new load balancer are tried from outside.
///
/// # Errors
/// What the packet filter or HAProxy says, [`Code::NotReached`], or interrupted: all is as it was before then.
pub fn run(ctx: &mut Ctx, accepted: Accepted, drain: Duration) -> Result<Done> {
    let Accepted { operation, change, lock } = accepted;
    kill_point::reached("intent");
    match serve(ctx, &change, drain) {
        Ok(done) => {
            kill_point::reached("effect");
            if let Change { before: Some(gone), after: None } = &change {
                forget(ctx, gone)?;
                journal::end(ctx, &operation, Ok(()))?;
                lock.retire();
            } else {
                journal::end(ctx, &operation, Ok(()))?;
            }
            Ok(done)
        }
        Err(error) => {
            let stamp = ctx.stamp();
            ctx.store.write(|t| match &change.after {
                Some(after) => write(t, (Some(after), change.before.as_ref()), &stamp),
                None => load_balancers::set_deleting(t, operation.resource.id, false),
            })?;
            kill_point::reached("undone");
            // What was loaded before is still there, unless only an answer was lost.
            let _ = load(ctx);
            journal::end(ctx, &operation, Err(error))
        }
    }
}

fn serve(ctx: &mut Ctx, change: &Change, drain: Duration) -> Result<Done> {
    load(ctx)?;
    if let Change { before: None, after: Some(new) } = change {
        return Ok(Done { ended: 0, doubt: served::from_outside(ctx, &ports(new))? });
    }
    let leaving = change.leaving();
    let Some(after) = change.after.as_ref().filter(|_| !leaving.is_empty()) else { return Ok(Done::default()) };
    let ended = wait_for_visitors(ctx, after, &leaving, drain)?;
    ctx.store.write(|t| load_balancers::set_targets(t, after.id, &after.targets))?;
    kill_point::reached("drained");
    load(ctx)?;
    Ok(Done { ended, doubt: None })
}

/// The ports at which a load balancer answers.
fn ports(balancer: &LoadBalancer) -> Vec<u16> {
    let of_domain = balancer.domain.iter().flat_map(|_| Domain::PORTS);
    of_domain.chain(balancer.listen.filter(|port| balancer.domain.is_none() || !Domain::PORTS.contains(port))).collect()
}

/// Visitors who hold the cookie of an instance may come back at any time, so these are given the whole time.
fn wait_for_visitors(ctx: &Ctx, balancer: &LoadBalancer, leaving: &[Uuid], drain: Duration) -> Result<u64> {
    let records = leaving.iter().filter_map(|uuid| ctx.store.instance_by_uuid(*uuid).transpose());
    let names = records.map(|row| Ok(row?.record.name.to_string())).collect::<Result<Vec<_>>>()?;
    let end = ctx.clock.instant() + drain;
    loop {
        let all = proxy::statistics(ctx, std::slice::from_ref(balancer))?;
        let own = all.values().flatten().filter(|line| line.server.as_ref().is_some_and(|name| names.contains(name)));
        // One that is down gets nobody back.
        let may_come = |line: &&crate::model::ProxyStatistics| balancer.sticky && !line.status.starts_with("DOWN");
        let busy: Vec<_> = own.filter(|line| line.sessions > 0 || may_come(line)).collect();
        if busy.is_empty() {
            return Ok(0);
        }
        if ctx.clock.instant() >= end {
            let folder = proxy::folder(ctx);
            for name in busy.iter().filter(|line| line.sessions > 0).filter_map(|line| line.server.clone()) {
                let backend = balancer_backend(&balancer.name);
                ctx.hypervisor.end_proxy_sessions(&folder, &ProxyServer { backend, name, draining: true })?;
            }
            return Ok(busy.iter().map(|line| line.sessions).sum());
        }
        if ctx.cancelled() {
            return Err(Error::new(
                Code::Interrupted,
                "interrupted while visitors were waited for: nothing was detached",
            ));
        }
        ctx.clock.sleep(AGAIN);
    }
}

/// Guests may reach the web front before it leads to them, and no longer once it does not.
fn load(ctx: &mut Ctx) -> Result<()> {
    firewall::apply(ctx)?;
    proxy::apply(ctx)?;
    ctx.store.write_network_file(&ctx.host_id())
}

/// The row of a load balancer goes, when nothing leads to it any more.
fn forget(ctx: &mut Ctx, gone: &LoadBalancer) -> Result<()> {
    let stamp = ctx.stamp();
    ctx.store.write(|t| load_balancers::delete(t, gone, &stamp))
}

/// The process of a change died: what the database has is loaded, and nobody is waited for.
///
/// # Errors
/// The packet filter or HAProxy cannot be reached.
pub fn resume(ctx: &mut Ctx, operation: &Operation) -> Result<String> {
    let row = ctx.store.load_balancer_row(&ctx.host_id(), operation.resource.id)?;
    if operation.kind == OperationKind::DeleteLoadBalancer {
        ctx.store.write(|t| load_balancers::set_deleting(t, operation.resource.id, true))?;
        load(ctx)?;
        row.iter().try_for_each(|gone| forget(ctx, gone))?;
    } else {
        if let Some(balancer) = row {
            let stays: Vec<Target> = balancer.targets.into_iter().filter(|target| !target.draining).collect();
            ctx.store.write(|t| load_balancers::set_targets(t, balancer.id, &stays))?;
        }
        load(ctx)?;
    }
    ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
    Ok(format!("finished the {} of `{}` that was cut off", operation.kind, operation.resource.name))
}
