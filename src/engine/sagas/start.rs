//! start: the domain runs again and, if wanted, its application answers.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    catalog::Bundle,
    engine::{
        Accepted, Capacity, Ctx, Observer,
        domain::{adopt_power_state, drift_in, lost, renewal, state_of, unresponsive},
        execute::Payload,
        host,
        journal::{self, Run},
        lock::{self, Attempt, Lock},
        progress::Reporter,
        ready::{gone, reported, wait_answering, wait_started},
        removal::purge::make_room,
    },
    hypervisor::DomainState,
    model::{
        Code, DesiredState, Error, Hint, Instance, NetworkMode, OperationKind, OperationState, Phase, Result, Size,
        Verb,
    },
    plan::{self, Step},
    store::Operation,
};

/// What a start was accepted with: where what the guest writes in its new run begins, and the lock of the operation.
pub struct Found {
    own: Lock,
    /// Bytes of the report log that are of earlier runs.
    offset: u64,
    /// Defines its domain anew, if that was defined for a firewall of an earlier lite's.
    renewal: Vec<Step>,
}

/// Accepts a start; none: the instance runs already.
///
/// # Errors
/// Refused where it cannot be started as it is, or its memory is not there. Nothing is left then.
pub fn accept(ctx: &mut Ctx, instance: &Instance, observer: &mut dyn Observer) -> Result<Option<Accepted<Found>>> {
    let lock = lock::take(ctx, instance, "start")?;
    let uuid = instance.record.uuid;
    let state = state_of(ctx, instance)?;
    if state == DomainState::Unresponsive {
        return Err(unresponsive(&instance.record.name));
    }
    let xml = ctx.hypervisor.domain_xml(uuid)?.ok_or_else(|| lost(ctx, instance))?;
    let drift = drift_in(ctx, instance, &xml)?;
    if !drift.is_empty() {
        let name = &instance.record.name;
        let all = drift.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        observer.warn(
            &Hint::from(format!("the domain of `{name}` was changed by hand: {all}; "))
                .run_with(Verb::Repair, &[name])
                .text(" puts it back"),
        );
    }
    if state == DomainState::Running {
        ctx.store.set_desired_state(uuid, DesiredState::Running)?;
        return Ok(None);
    }
    if matches!(state, DomainState::Paused | DomainState::PausedIoError) {
        return Err(Error::new(Code::Paused, format!("instance `{}` is paused", instance.record.name)).hint(
            Hint::from(format!("resume it with `virsh resume {}`, or stop it: ", instance.record.name))
                .run_with(Verb::Stop, &[&instance.record.name, &"--force"]),
        ));
    }
    host::prepare_host(ctx, &instance.record.network, observer)?;
    check_capacity(ctx, instance, plan::size_in_domain(&xml), observer)?;
    let offset = reported(ctx, &instance.record);
    let renewal = renewal(ctx, instance, &xml)?;
    if let Some(image) = ctx.store.image_of(uuid)?.filter(|image| !image.is_empty()) {
        ctx.images()?.take_back(&image)?;
    }
    let operation = journal::new_operation(ctx, OperationKind::Start, instance);
    let own = lock::own(&ctx.locks(), &operation, ctx.now())?;
    ctx.store.insert_operation(&operation)?;
    let found = Found { own, offset, renewal };
    Ok(Some(Accepted { operation, instance: instance.clone(), lock, found }))
}

/// Starts what was accepted and, if `timeout` is given, waits until its application answers.
///
/// # Errors
/// What failed: the instance is down then, or its application does not answer.
pub fn run(
    ctx: &mut Ctx,
    accepted: Accepted<Found>,
    timeout: Option<Duration>,
    observer: &mut dyn Observer,
) -> Result<()> {
    let Accepted { operation, instance, lock, mut found } = accepted;
    let uuid = instance.record.uuid;
    let reporter = Reporter::start(ctx, &operation.id);
    let observer = &mut reporter.observe(observer);
    let begun = ctx.clock.instant();
    let mut run = Run::new(&operation.id);
    let mut steps = std::mem::take(&mut found.renewal).into_iter().chain([Step::Start { uuid }]);
    let result = steps
        .try_for_each(|step| journal::step(ctx, &mut run, &step, &Payload::none()))
        .and_then(|()| ctx.store.set_desired_state(uuid, DesiredState::Running));
    // Whoever wants something of the instance need not wait for its application.
    drop(lock);
    let result = result.and_then(|()| match (timeout, instance.phase) {
        (Some(timeout), Phase::Ready) => {
            wait_started(ctx, (&operation, &instance), found.offset, (begun, timeout), observer)
        }
        _ => Ok(()),
    });
    let result = journal::end(ctx, &operation, result);
    found.own.retire();
    result
}

/// A stopped instance holds no memory: see that there is some, for the size recorded and for what `now` was made of it
/// by hand; and that the pool is not nearly full.
fn check_capacity(
    ctx: &mut Ctx,
    instance: &Instance,
    now: Option<(Size, u32)>,
    observer: &mut dyn Observer,
) -> Result<()> {
    let r = &instance.record;
    let (memory, vcpus) = now.unwrap_or((r.memory, r.vcpus));
    let bundle = Bundle {
        id: r.bundle.clone(),
        vcpus: r.vcpus.max(vcpus),
        memory: r.memory.max(memory),
        disk: r.disk,
        transfer: r.transfer,
        price: r.price,
        currency: r.currency.clone(),
    };
    let none = Size::bytes(0);
    make_room(ctx, &Bundle { vcpus: 0, memory: none, disk: none, ..bundle.clone() }, observer)?;
    let mut held = ctx.store.allocated(&ctx.host_id())?;
    if instance.desired_state == DesiredState::Running {
        held.memory = held.memory.saturating_sub(r.memory.as_bytes());
        held.vcpus = held.vcpus.saturating_sub(r.vcpus);
    }
    let view = host::view(ctx, &NetworkMode::Bridge(String::new()))?;
    Capacity::left(&view.info, &view.pool, view.used_by_disks, &held, &ctx.settings.host.overcommit)
        .check(&bundle, false)
}

/// The process of a start died while it waited for the application: it is waited for again, for so long.
///
/// # Errors
/// Its application does not answer.
pub fn go_on(
    ctx: &mut Ctx,
    operation: &Operation,
    own: Lock,
    timeout: Duration,
    observer: &mut dyn Observer,
) -> Result<()> {
    let reporter = Reporter::start(ctx, &operation.id);
    let observer = &mut reporter.observe(observer);
    let waited = match ctx.store.instance_by_uuid(operation.resource.id)? {
        Some(instance) => wait_answering(ctx, (operation, &instance), timeout, observer),
        None => Err(gone(&operation.resource.name)),
    };
    let result = journal::end(ctx, operation, waited);
    own.retire();
    result
}

/// The process of a start died: what the host shows decides how it ended, unless it had only waited.
///
/// # Errors
/// The host cannot be asked.
pub fn resume(ctx: &mut Ctx, operation: &Operation, uuid: Uuid, own: Lock) -> Result<String> {
    let steps = journal::journalled(ctx, &operation.id)?;
    let told = if journal::has_started(&steps) {
        ctx.store.end_operation(&operation.id, OperationState::Succeeded, None, ctx.now())?;
        format!("closed the start of `{}` that was cut off", operation.resource.name)
    } else {
        // Whoever works on the instance meanwhile sees how it is.
        let free = Lock::attempt(&ctx.locks(), uuid, "repair", ctx.now())?;
        if matches!(free, Attempt::Held(_)) && ctx.store.instance_by_uuid(uuid)?.is_some() {
            adopt_power_state(ctx, uuid)?;
        }
        journal::close_of_dead_owner(ctx, operation)?
    };
    own.retire();
    Ok(told)
}
