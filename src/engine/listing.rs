//! What `list` and `show` tell: the record from the database, the state from one look at libvirt.

use std::{collections::HashMap, sync::Arc};

use super::{Ctx, domain::drift_of, links::Links};
use crate::{
    hypervisor::{DomainInfo, DomainState},
    model::{Code, DesiredState, Drift, Instance, InstanceState, Phase, Result},
    plan,
};

/// An instance with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The stored instance.
    pub instance: Instance,
    /// Its state.
    pub state: InstanceState,
    /// The state as if nothing had been changed by hand; not the same only where `state` is `drifted`.
    pub power: InstanceState,
    /// In what its domain differs from its record, as far as was looked.
    pub drift: Vec<Drift>,
}

/// All instances with their states. Of what was changed by hand a listing shows the name, the link of a guest that runs and,
/// while a domain is off, its size; [`inspect`] sees the rest.
pub fn list(ctx: &Ctx) -> Result<Vec<Listed>> {
    let mut instances = ctx.store.instances()?;
    instances.retain(|i| i.phase != Phase::Baking);
    with_states(ctx, instances, || ctx.hypervisor.domains().map(Arc::new))
}

/// The same of so many instances, from the first after this name on; `domains` are those of the host.
pub fn list_after(
    ctx: &Ctx,
    (name, most): (&str, usize),
    domains: impl FnOnce() -> Result<Arc<Vec<DomainInfo>>>,
) -> Result<Vec<Listed>> {
    with_states(ctx, ctx.store.instances_after(name, most)?, domains)
}

fn with_states(
    ctx: &Ctx,
    instances: Vec<Instance>,
    domains: impl FnOnce() -> Result<Arc<Vec<DomainInfo>>>,
) -> Result<Vec<Listed>> {
    if instances.is_empty() {
        return Ok(Vec::new());
    }
    let copied = ctx.store.sources_of_snapshots()?;
    let domains = domains()?;
    let seen: HashMap<_, _> = domains.iter().map(|d| (d.uuid, d)).collect();
    let runs = seen.values().any(|d| d.state == DomainState::Running);
    // Where the host cannot be asked, a listing tells what is known.
    let links = runs.then(|| Links::look(ctx).ok()).flatten();
    Ok(instances
        .into_iter()
        .map(|instance| {
            let domain = match seen.get(&instance.record.uuid) {
                // A list that leaves one out does not make it lost: it is asked for by itself.
                None => ctx.hypervisor.domain(instance.record.uuid),
                listed => Ok(listed.copied().cloned()),
            };
            let Ok(domain) = domain else { return listed(instance, Some(DomainState::Other), Vec::new(), false) };
            let drift = domain.as_ref().map(|d| differences(&instance, d, links.as_ref())).unwrap_or_default();
            let is_copied = copied.contains(&instance.record.uuid);
            listed(instance, domain.map(|d| d.state), drift, is_copied)
        })
        .collect())
}

/// Looks into the domain's definition: one more question to libvirt.
pub fn inspect(ctx: &Ctx, listed: Listed) -> Result<Listed> {
    let instance = listed.instance;
    let as_power = |power, drift: Vec<Drift>, instance| Listed { state: shown(power, &drift), power, drift, instance };
    // Being made or removed, it is not what it is to be; lost, there is nothing to look at; unresponsive, nobody
    // answers.
    let settled = !instance.phase.is_passing();
    if !settled || matches!(listed.power, InstanceState::Lost | InstanceState::Unresponsive) {
        return Ok(Listed { instance, ..listed });
    }
    let link = listed.drift.iter().filter(|d| d.what == plan::LINK).cloned().collect::<Vec<_>>();
    match drift_of(ctx, &instance) {
        Ok(Some(drift)) => Ok(as_power(listed.power, [drift, link].concat(), instance)),
        Ok(None) => Ok(as_power(InstanceState::Lost, Vec::new(), instance)),
        // The listing came back, so libvirt is well, and this domain's QEMU is what it waits for.
        Err(e) if e.code == Code::LibvirtTimeout => Ok(as_power(InstanceState::Unresponsive, listed.drift, instance)),
        Err(e) => Err(e),
    }
}

fn differences(instance: &Instance, domain: &DomainInfo, links: Option<&Links>) -> Vec<Drift> {
    if instance.phase.is_passing() {
        return Vec::new();
    }
    let size = domain.size;
    let mut found = plan::sizes(&instance.record, &domain.name, size.map(|s| s.memory_kib), size.map(|s| s.vcpus));
    if domain.state == DomainState::Running {
        found.extend(links.and_then(|links| links.drift(&instance.record)));
    }
    found
}

/// `is_copied`: a snapshot of it is being made.
fn listed(instance: Instance, domain: Option<DomainState>, drift: Vec<Drift>, is_copied: bool) -> Listed {
    let power = match state(&instance, domain) {
        InstanceState::Paused if is_copied && instance.desired_state == DesiredState::Stopped => {
            InstanceState::Snapshotting
        }
        power => power,
    };
    Listed { state: shown(power, &drift), power, drift, instance }
}

/// A trouble is shown before a difference.
fn shown(power: InstanceState, drift: &[Drift]) -> InstanceState {
    match power {
        InstanceState::Running | InstanceState::Stopped if !drift.is_empty() => InstanceState::Drifted,
        power => power,
    }
}

/// The state a user sees, from what is stored and what libvirt says. Pure.
fn state(instance: &Instance, domain: Option<DomainState>) -> InstanceState {
    match (instance.phase, domain) {
        (Phase::Deleting, _) => InstanceState::Deleting,
        (Phase::Kept, _) => InstanceState::Kept,
        (Phase::Creating | Phase::Baking, _) => InstanceState::Creating,
        (_, None) => InstanceState::Lost,
        (Phase::Failed, Some(DomainState::Running)) => InstanceState::Failed,
        (_, Some(DomainState::Running)) => InstanceState::Running,
        (_, Some(DomainState::Unresponsive)) => InstanceState::Unresponsive,
        (_, Some(DomainState::Paused | DomainState::PausedIoError)) => InstanceState::Paused,
        (_, Some(DomainState::ShuttingDown)) => InstanceState::Stopping,
        (_, Some(DomainState::Off)) => InstanceState::Stopped,
        (_, Some(DomainState::Crashed)) => InstanceState::Crashed,
        (_, Some(DomainState::Other)) => InstanceState::Unknown,
    }
}
