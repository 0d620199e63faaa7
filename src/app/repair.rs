//! Finishing what was cut off, and putting right what was changed by hand.

use super::{App, Caller, Right, context::instances, instance::state};
use crate::{
    engine::{
        self, Ctx, Redefinition,
        sagas::network::{self, Move},
    },
    model::{AuditAction, ForwardMode, Hint, Instance, InstanceState, Name, Observer, Result, Tap, Verb, escaped},
    view::{Changed, RepairView},
};

/// Finishes or undoes the operations whose process died, and says what disagrees; in a dry run only says.
pub fn repair(
    app: &App,
    caller: &Caller,
    wait: bool,
    dry_run: bool,
    observer: &mut dyn Observer,
) -> Result<RepairView> {
    app.require(caller, Right::Administer)?;
    let mut ctx = app.context(caller, wait)?;
    let mut actions = Vec::new();
    if dry_run {
        for o in ctx.store.open_operations()? {
            actions.push(format!("{} {} of `{}`: {}", o.id, o.kind, o.resource.name, o.state.as_str()));
        }
    } else {
        ctx.store.record_audit(&app.done(caller, AuditAction::RepairAll))?;
        actions = engine::recover(&mut ctx)?;
        actions.extend(engine::retry_attention(&mut ctx)?);
        actions.extend(engine::purge_due(&mut ctx)?);
        actions.extend(engine::repair_links(&ctx, None)?);
        if engine::restore_firewall(&ctx)? {
            actions.push("loaded the rules of the firewall again".to_owned());
        }
        if engine::restore_proxy(&mut ctx)? {
            actions.push("loaded what HAProxy serves again".to_owned());
        }
        if engine::restore_names(&ctx)? {
            actions.push("wrote the names of instances again".to_owned());
        }
        engine::adopt_reports(&mut ctx)?;
    }
    let mut agrees = true;
    for listed in engine::list(&ctx)? {
        let listed = engine::inspect(&ctx, listed)?;
        agrees &= listed.power != InstanceState::Lost && listed.drift.is_empty();
        state::warn_of_drift(&listed, observer);
    }
    if actions.is_empty() && agrees {
        observer.status("nothing to repair");
    }
    Ok(RepairView { dry_run, actions })
}

/// Has the network of the instances forward packets in another mode, while they run; in a dry run only says what that takes.
pub fn move_network(
    app: &App,
    caller: &Caller,
    mode: ForwardMode,
    dry_run: bool,
    observer: &mut dyn Observer,
) -> Result<RepairView> {
    app.require(caller, Right::Administer)?;
    let (moved, would) = if dry_run {
        (network::plan(&app.context(caller, false)?, mode)?, "would be ")
    } else {
        (network::run(&mut app.change(caller, false, observer)?, mode)?, "")
    };
    let Some(Move { network, bridge, links, .. }) = moved else {
        observer.status(&format!("network `{}` is in mode `{mode}` already", escaped(&app.settings.host.network)));
        return Ok(RepairView { dry_run, actions: Vec::new() });
    };
    let [network, bridge] = [network, bridge].map(|name| escaped(&name));
    let mut actions = vec![format!("network `{network}` {would}moved to mode `{mode}`")];
    let back = |link: Tap| format!("link `{}` {would}put on the new bridge `{bridge}`", escaped(&link.name));
    actions.extend(links.into_iter().map(back));
    Ok(RepairView { dry_run, actions })
}

/// Instances whose domains are to be put back as they were recorded.
pub struct Redefining {
    ctx: Ctx,
    instances: Vec<Instance>,
}

/// Finds the instances named.
pub fn find(app: &App, caller: &Caller, names: &[Name], wait: bool, observer: &mut dyn Observer) -> Result<Redefining> {
    app.require(caller, Right::Administer)?;
    let ctx = app.change(caller, wait, observer)?;
    let instances = instances(&ctx.store, names)?;
    Ok(Redefining { ctx, instances })
}

impl Redefining {
    /// What would be done to each.
    pub fn plan(&self, observer: &mut dyn Observer) -> Result<Vec<Changed>> {
        self.instances.iter().map(|i| Ok(changed(i, &look(&self.ctx, i, observer)?, true))).collect()
    }

    /// Puts each back. What was changed by hand is put back after `sure` alone, which is given the instance's name.
    pub fn run(
        mut self,
        observer: &mut dyn Observer,
        sure: &mut dyn FnMut(&Name) -> Result<()>,
    ) -> Result<Vec<Changed>> {
        let mut all = Vec::new();
        for instance in &self.instances {
            if matches!(look(&self.ctx, instance, observer)?, Redefinition::Drifted(_)) {
                sure(&instance.record.name)?;
            }
            let done = engine::redefine(&mut self.ctx, instance)?;
            all.push(changed(instance, &done, false));
        }
        Ok(all)
    }
}

/// What is to be done to an instance; what was changed by hand is said.
fn look(ctx: &Ctx, instance: &Instance, observer: &mut dyn Observer) -> Result<Redefinition> {
    let todo = engine::plan_redefinition(ctx, instance)?;
    if let Redefinition::Drifted(drift) = &todo {
        drift.iter().for_each(|d| observer.status(&format!("{}: {d}", instance.record.name)));
    }
    Ok(todo)
}

fn changed(instance: &Instance, what: &Redefinition, dry_run: bool) -> Changed {
    let name = &instance.record.name;
    let result = match (what, dry_run) {
        (Redefinition::Nothing, _) => Hint::from("as recorded"),
        (Redefinition::Lost, true) => Hint::from("would be defined again on its disk"),
        (Redefinition::Lost, false) => {
            Hint::from("defined again on its disk; start it: ").run_with(Verb::Start, &[name])
        }
        (Redefinition::Drifted(_), true) => Hint::from("would be put back as recorded"),
        (Redefinition::Drifted(_), false) => Hint::from("put back as recorded"),
    };
    Changed::new(name, result)
}
