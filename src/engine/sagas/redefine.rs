//! Puts the domain of an instance back as it was recorded: one that is gone is defined again on its disk, one that was
//! changed by hand is redefined. Nothing is stopped, and no disk is touched.

use crate::{
    doctor,
    engine::{
        Accepted, Ctx,
        domain::{drift_of, gone, require_disks, state_of, unresponsive},
        execute::Payload,
        journal::{self, Run},
        lock, objects,
    },
    hypervisor::DomainState,
    model::{Code, Drift, Error, Hint, Instance, OperationKind, Result, Verb},
    plan::{self, Class, DomainPlan, OwnedKind, Step},
};

/// What a redefinition is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redefinition {
    /// Nothing: the domain is as recorded.
    Nothing,
    /// The domain is gone; define it again.
    Lost,
    /// These differences go away.
    Drifted(Vec<Drift>),
}

/// What would be done. Refused where it cannot be.
pub fn plan_redefinition(ctx: &Ctx, instance: &Instance) -> Result<Redefinition> {
    let (record, phase) = (&instance.record, instance.phase);
    if phase.is_passing() {
        return Err(Error::new(Code::NotSettled, format!("instance `{}` is being made or removed", record.name))
            .hint(Hint::new().run(Verb::Repair).text(" without a name finishes or undoes what was cut off")));
    }
    if ctx.hypervisor.domain(record.uuid)?.is_some_and(|d| d.state == DomainState::Unresponsive) {
        return Err(unresponsive(&record.name));
    }
    let Some(mut drift) = drift_of(ctx, instance)? else {
        require_disks(ctx, instance)?;
        return Ok(Redefinition::Lost);
    };
    drift.extend(gone_beside(ctx, instance)?);
    match drift {
        drift if drift.is_empty() => Ok(Redefinition::Nothing),
        drift => {
            require_disks(ctx, instance)?;
            let renamed = drift.iter().any(|d| d.what == "name");
            if renamed && !matches!(state_of(ctx, instance)?, DomainState::Off | DomainState::Crashed) {
                return Err(Error::new(
                    Code::DomainRunning,
                    format!("the domain of instance `{}` cannot be renamed while it runs", record.name),
                )
                .hint(Hint::from("stop it first: ").run_with(Verb::Stop, &[&(record.name)])));
            }
            Ok(Redefinition::Drifted(drift))
        }
    }
}

/// What a domain needs beside itself and its disks, and is gone from the host.
fn gone_beside(ctx: &Ctx, instance: &Instance) -> Result<Vec<Drift>> {
    let mut gone = Vec::new();
    let all = OwnedKind::all_of(&instance.record, ctx.place());
    for (kind, object) in all.filter(|(kind, _)| kind.description().class() == Class::Definition) {
        if !objects::is_there(&*ctx.hypervisor, &object)? {
            gone.push(plan::gone(kind, &object));
        }
    }
    Ok(gone)
}

/// Does it; returns what was done.
///
/// # Errors
/// Those of [`accept`] and [`run`].
pub fn redefine(ctx: &mut Ctx, instance: &Instance) -> Result<Redefinition> {
    let Some(accepted) = accept(ctx, instance)? else { return Ok(Redefinition::Nothing) };
    run(ctx, accepted)
}

/// What is to be done, and its steps.
pub type Planned = (Redefinition, Vec<Step>);

/// Accepts a redefinition; none: the domain is as recorded.
///
/// # Errors
/// Refused where it cannot be redefined as it is, busy, or the host cannot be asked.
pub fn accept(ctx: &mut Ctx, instance: &Instance) -> Result<Option<Accepted<Planned>>> {
    let lock = lock::take(ctx, instance, "repair")?;
    let todo = plan_redefinition(ctx, instance)?;
    let renamed = match &todo {
        Redefinition::Nothing => return Ok(None),
        Redefinition::Lost => false,
        Redefinition::Drifted(drift) => drift.iter().any(|d| d.what == "name"),
    };
    let steps = redefinition_steps(ctx, instance, renamed)?;
    let operation = journal::begin(ctx, OperationKind::Repair, instance)?;
    Ok(Some(Accepted { operation, instance: instance.clone(), lock, found: (todo, steps) }))
}

/// Redefines what was accepted.
///
/// # Errors
/// What libvirt says. What was done by then stays, and may be done again.
pub fn run(ctx: &mut Ctx, accepted: Accepted<Planned>) -> Result<Redefinition> {
    let Accepted { operation, lock: _lock, found: (todo, steps), .. } = accepted;
    // Never rolled back: each step may be done again, and undoing one would remove a domain that was there.
    let mut run = Run::new(&operation.id);
    let result = steps.iter().try_for_each(|step| journal::step(ctx, &mut run, step, &Payload::none()));
    journal::end(ctx, &operation, result)?;
    Ok(todo)
}

fn redefinition_steps(ctx: &Ctx, instance: &Instance, renamed: bool) -> Result<Vec<Step>> {
    let (record, host) = (&instance.record, &ctx.settings.host);
    let info = ctx.hypervisor.host()?;
    let path = |volume: &str| -> Result<String> {
        let seen = ctx.hypervisor.volume(&host.pool, volume)?;
        seen.map(|v| v.path).ok_or_else(|| gone(instance, volume))
    };
    let mut steps = Vec::new();
    if renamed {
        steps.push(Step::Rename { uuid: record.uuid, name: record.name.to_string() });
    }
    let plan = DomainPlan {
        record,
        attached: &plan::attached(record, ctx.place(), path)?,
        network: &host.network,
        kvm: doctor::use_kvm(host.accel, &*ctx.machine, info.kvm_offered, &info.arch)?,
        arch: &info.arch,
        machine: info.q35.then_some("q35"),
    };
    steps.extend(plan::redefine(&plan, ctx.place())?);
    Ok(steps)
}
