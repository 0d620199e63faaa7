//! Puts the domain of an instance back as it was recorded: one that is gone is defined again on its disk, one that was
//! changed by hand is redefined. Nothing is stopped, and no disk is touched.

use crate::{
    engine::{
        Accepted, Ctx,
        domain::{definition_steps, drift_of, require_disks, state_of, unresponsive},
        execute::Payload,
        firewall,
        journal::{self, Run},
        links::{self, Links},
        lock, names,
    },
    hypervisor::DomainState,
    model::{Code, Drift, Error, Hint, Instance, OperationKind, Result, Verb},
    plan::Step,
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
    let running = ctx.hypervisor.domain(record.uuid)?.is_some_and(|d| d.state == DomainState::Running);
    if running {
        drift.extend(Links::look(ctx)?.drift(record));
    }
    drift.extend(firewall::drift(ctx)?);
    drift.extend(names::drift(ctx, record)?);
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
    let steps = definition_steps(ctx, instance, renamed)?;
    let operation = journal::begin(ctx, OperationKind::Repair, instance)?;
    Ok(Some(Accepted { operation, instance: instance.clone(), lock, found: (todo, steps) }))
}

/// Redefines what was accepted.
///
/// # Errors
/// What libvirt says. What was done by then stays, and may be done again.
pub fn run(ctx: &mut Ctx, accepted: Accepted<Planned>) -> Result<Redefinition> {
    let Accepted { operation, instance, lock: _lock, found: (todo, steps) } = accepted;
    // Never rolled back: each step may be done again, and undoing one would remove a domain that was there.
    let mut run = Run::new(&operation.id);
    let result = steps.iter().try_for_each(|step| journal::step(ctx, &mut run, step, &Payload::none()));
    let result = result.and_then(|()| put_back(ctx, &instance));
    journal::end(ctx, &operation, result)?;
    Ok(todo)
}

/// What is about the domain and not in it.
fn put_back(ctx: &Ctx, instance: &Instance) -> Result<()> {
    links::repair(ctx, Some(instance.record.uuid))?;
    firewall::apply(ctx)?;
    names::apply(ctx)
}
