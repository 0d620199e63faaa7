//! Load balancers: made, changed, shown and deleted.

mod check;
mod health;

use std::{collections::HashMap, time::Duration};

use uuid::Uuid;

use super::{Accepted, App, Caller, Right, context::instances as require_all};
use crate::{
    app::instance::site::without_certificate,
    engine::{self, Ctx, sagas::load_balancer as saga},
    model::{
        ApplicationUrl, DesiredState, Domain, HealthPath, Hint, Instance, LoadBalancer, Name, Observer, OperationKind,
        ProxyStatistics, Result, Target,
    },
    view::{Changed, LoadBalancerView, TargetView},
};

/// A load balancer to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// Its name.
    pub name: Name,
    /// The instances' port.
    pub instance_port: u16,
    /// The domain that leads to it.
    pub domain: Option<Domain>,
    /// The port of the host that leads to it; without that and without a domain it is [`LoadBalancer::SHARED_PORT`].
    pub listen: Option<u16>,
    /// What is asked of each instance.
    pub health_path: HealthPath,
    /// Whether a visitor stays with an instance.
    pub sticky: bool,
}

/// Flags of a change: wait for another one, or say only what would be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags {
    /// Wait while another command works on it.
    pub wait: bool,
    /// Change nothing.
    pub dry_run: bool,
}

/// Accepts that a load balancer is made.
///
/// # Errors
/// Refused: a name, a domain or a port that is taken, or a domain that does not lead here.
pub fn create(
    app: &App,
    caller: &Caller,
    new: &New,
    dry_run: bool,
    observer: &mut dyn Observer,
) -> Result<Accepted<LoadBalancerView>> {
    app.require(caller, Right::Change)?;
    let mut ctx = app.change(caller, false, observer)?;
    let New { name, instance_port, domain, listen, health_path, sticky } = new.clone();
    let listen = listen.or_else(|| domain.is_none().then_some(LoadBalancer::SHARED_PORT));
    let (id, targets, created_at) = (Uuid::new_v4(), Vec::new(), ctx.now());
    let balancer = LoadBalancer { id, name, instance_port, domain, listen, health_path, sticky, targets, created_at };
    check::new(&mut ctx, &balancer)?;
    if dry_run {
        let view = Views::of(&ctx)?.view(&ctx, &balancer)?;
        return Ok(Accepted::without_operation(move |_| Ok(view)));
    }
    let accepted = saga::accept_new(&mut ctx, balancer.clone())?;
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        let done = saga::run(&mut ctx, accepted, Duration::ZERO)?;
        done.doubt.iter().for_each(|doubt| observer.warn(doubt));
        if let Some(domain) = &balancer.domain {
            // Forward only: the domain answers over HTTP whatever comes of it.
            engine::obtain_certificate(&mut ctx, domain).map_err(|error| without_certificate(domain, &error))?;
        }
        now(&ctx, &balancer.name)
    }))
}

/// Accepts that instances are behind a load balancer. Those that are already stay.
///
/// # Errors
/// Refused: an instance on a bridge, or whose firewall closes the port; or busy.
pub fn attach(
    app: &App,
    caller: &Caller,
    (name, instances): (&Name, &[Name]),
    flags: Flags,
    observer: &mut dyn Observer,
) -> Result<Accepted<LoadBalancerView>> {
    app.require(caller, Right::Change)?;
    let ctx = app.change(caller, flags.wait, observer)?;
    let (balancer, instances) = found(&ctx, name, instances)?;
    let wanted = move |ctx: &Ctx, now: &LoadBalancer| {
        let mut after = now.clone();
        for instance in &instances {
            // As it is now, not as it was before the lock.
            let instance = ctx.store.require(&instance.record.name)?;
            check::target(&instance, now.instance_port)?;
            if !now.has(instance.record.uuid) {
                after.targets.push(Target::of(instance.record.uuid));
            }
        }
        after.targets.sort_by_key(|target| target.instance);
        Ok(Some(after))
    };
    change(ctx, &balancer, (OperationKind::AttachTargets, Duration::ZERO), &wanted, flags.dry_run)
}

/// Accepts that instances leave a load balancer, once nobody is connected to them any more or `drain` is over.
///
/// # Errors
/// Refused: an instance that is not behind it; or busy.
pub fn detach(
    app: &App,
    caller: &Caller,
    (name, instances): (&Name, &[Name]),
    (drain, flags): (Duration, Flags),
    observer: &mut dyn Observer,
) -> Result<Accepted<LoadBalancerView>> {
    app.require(caller, Right::Change)?;
    let ctx = app.change(caller, flags.wait, observer)?;
    let (balancer, instances) = found(&ctx, name, instances)?;
    let wanted = move |_: &Ctx, now: &LoadBalancer| {
        instances.iter().try_for_each(|instance| check::member(now, instance))?;
        let goes = |target: &Target| instances.iter().any(|instance| instance.record.uuid == target.instance);
        let mut after = now.clone();
        after.targets.retain(|target| !goes(target));
        Ok(Some(after))
    };
    change(ctx, &balancer, (OperationKind::DetachTargets, drain), &wanted, flags.dry_run)
}

/// Accepts that a load balancer goes. Its instances stay.
///
/// # Errors
/// Refused: there is none of that name; or busy.
pub fn delete(
    app: &App,
    caller: &Caller,
    name: &Name,
    flags: Flags,
    observer: &mut dyn Observer,
) -> Result<Accepted<Changed>> {
    app.require(caller, Right::Change)?;
    let mut ctx = app.change(caller, flags.wait, observer)?;
    let balancer = ctx.store.require_load_balancer(&ctx.host_id(), name)?;
    if flags.dry_run {
        let would = Changed::new(name, "would be deleted");
        return Ok(Accepted::without_operation(move |_| Ok(would)));
    }
    let accepted = saga::accept(&mut ctx, &balancer, OperationKind::DeleteLoadBalancer, &|_, _| Ok(None))?;
    let deleted = Changed::new(name, "deleted");
    let Some(accepted) = accepted else { return Ok(Accepted::without_operation(move |_| Ok(deleted))) };
    let moved = accepted.moved();
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        saga::run(&mut ctx, accepted, Duration::ZERO)?;
        configure(&mut ctx, &balancer, &moved, observer);
        Ok(deleted)
    }))
}

/// The load balancers, by name. Nothing is changed, and no database is made.
///
/// # Errors
/// Those of the database, or the host cannot be asked.
pub fn list(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<LoadBalancerView>> {
    app.require(caller, Right::Read)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    if store.load_balancers(&app.settings.host.id)?.is_empty() {
        return Ok(Vec::new());
    }
    let ctx = app.context(caller, false)?;
    let views = Views::of(&ctx)?;
    ctx.store.load_balancers(&ctx.host_id())?.iter().map(|balancer| views.view(&ctx, balancer)).collect()
}

/// One load balancer.
///
/// # Errors
/// There is none of that name.
pub fn show(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<LoadBalancerView> {
    app.require(caller, Right::Read)?;
    let store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    store.require_load_balancer(&app.settings.host.id, name)?;
    now(&app.context(caller, false)?, name)
}

fn found(ctx: &Ctx, name: &Name, instances: &[Name]) -> Result<(LoadBalancer, Vec<Instance>)> {
    Ok((ctx.store.require_load_balancer(&ctx.host_id(), name)?, require_all(&ctx.store, instances)?))
}

fn change(
    mut ctx: Ctx,
    balancer: &LoadBalancer,
    (kind, drain): (OperationKind, Duration),
    wanted: &saga::Wanted<'_>,
    dry_run: bool,
) -> Result<Accepted<LoadBalancerView>> {
    if dry_run {
        let after = wanted(&ctx, balancer)?.unwrap_or_else(|| balancer.clone());
        let view = Views::of(&ctx)?.view(&ctx, &after)?;
        return Ok(Accepted::without_operation(move |_| Ok(view)));
    }
    let (accepted, name) = (saga::accept(&mut ctx, balancer, kind, wanted)?, balancer.name.clone());
    let Some(accepted) = accepted else { return Ok(Accepted::without_operation(move |_| now(&ctx, &name))) };
    let moved = accepted.moved();
    Ok(Accepted::new(accepted.operation.clone(), move |observer| {
        let saga::Done { ended, .. } = saga::run(&mut ctx, accepted, drain)?;
        if ended > 0 {
            observer.status(&format!("{ended} connections were not done in time, and were ended"));
        }
        let balancer = ctx.store.require_load_balancer(&ctx.host_id(), &name)?;
        configure(&mut ctx, &balancer, &moved, observer);
        now(&ctx, &name)
    }))
}

/// The applications of these instances are told where the world reaches them now. What fails is told and tried again at their
/// next boot.
fn configure(ctx: &mut Ctx, balancer: &LoadBalancer, instances: &[Uuid], observer: &mut dyn Observer) {
    if balancer.domain.is_none() {
        return;
    }
    for uuid in instances {
        match engine::configure_site(ctx, *uuid) {
            Ok(ApplicationUrl::Configured | ApplicationUrl::Unsupported) => {}
            Ok(ApplicationUrl::AtNextBoot) => {
                let name = ctx.store.instance_by_uuid(*uuid).ok().flatten().map(|i| i.record.name);
                name.iter().for_each(|name| {
                    observer.status(&format!("the application of `{name}` is told its URL at the next boot"));
                });
            }
            Err(error) => observer.warn(&Hint::from(error.to_string())),
        }
    }
}

fn now(ctx: &Ctx, name: &Name) -> Result<LoadBalancerView> {
    Views::of(ctx)?.view(ctx, &ctx.store.require_load_balancer(&ctx.host_id(), name)?)
}

/// What views of load balancers are made of.
struct Views {
    instances: HashMap<Uuid, Instance>,
    lines: HashMap<Uuid, Vec<ProxyStatistics>>,
}

impl Views {
    fn of(ctx: &Ctx) -> Result<Self> {
        let instances = ctx.store.instances()?.into_iter().map(|instance| (instance.record.uuid, instance));
        let lines = engine::balancer_statistics(ctx, &ctx.store.load_balancers(&ctx.host_id())?)?;
        Ok(Self { instances: instances.collect(), lines })
    }

    fn view(&self, ctx: &Ctx, balancer: &LoadBalancer) -> Result<LoadBalancerView> {
        let host = ctx.host_id();
        let certificate = balancer.domain.as_ref().map(|domain| ctx.store.certificate(&host, domain)).transpose()?;
        let lines = self.lines.get(&balancer.id).map(Vec::as_slice).unwrap_or_default();
        let target = |target: &Target| {
            let instance = self.instances.get(&target.instance)?;
            let name = instance.record.name.to_string();
            let line = lines.iter().find(|line| line.server.as_ref() == Some(&name));
            let stopped = instance.desired_state == DesiredState::Stopped;
            let (state, reason) = health::state(line, target.draining, stopped);
            Some(TargetView { name, address: instance.record.address, state, reason })
        };
        let mut targets: Vec<TargetView> = balancer.targets.iter().filter_map(target).collect();
        targets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(LoadBalancerView::new(balancer, certificate.flatten(), ctx.machine.outward_address(), targets))
    }
}
