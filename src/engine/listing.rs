//! What `list` and `show` tell: the record from the database, the state from one call to libvirt.

use std::collections::HashMap;

use super::Engine;
use crate::{
    hypervisor::DomainState,
    model::{Instance, InstanceState, Phase, Result},
};

/// An instance with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The stored instance.
    pub instance: Instance,
    /// Its state.
    pub state: InstanceState,
    /// The name its domain has now, if somebody renamed it.
    pub renamed_to: Option<String>,
}

impl Engine<'_> {
    /// All instances with their states.
    pub fn list(&self) -> Result<Vec<Listed>> {
        let instances = self.store.instances()?;
        if instances.is_empty() {
            return Ok(Vec::new());
        }
        let seen: HashMap<_, _> = self.hypervisor.domains()?.into_iter().map(|d| (d.uuid, d)).collect();
        Ok(instances
            .into_iter()
            .map(|instance| {
                let domain = seen.get(&instance.record.uuid);
                Listed {
                    state: state(&instance, domain.map(|d| d.state)),
                    renamed_to: domain.filter(|d| d.name != instance.record.name.as_str()).map(|d| d.name.clone()),
                    instance,
                }
            })
            .collect())
    }
}

/// The state a user sees, from what is stored and what libvirt says. Pure.
fn state(instance: &Instance, domain: Option<DomainState>) -> InstanceState {
    match (instance.phase, domain) {
        (Phase::Deleting, _) => InstanceState::Deleting,
        (Phase::Creating, _) => InstanceState::Creating,
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
