//! Puts the domain of an instance back as it was recorded: one that is gone is defined again on its disk, one that was
//! changed by hand is redefined. Nothing is stopped, and no disk is touched.

use super::{Engine, execute::Payload, journal::Run, objects, power::unresponsive};
use crate::{
    doctor,
    hypervisor::DomainState,
    model::{Code, Drift, Error, Instance, Result},
    plan::{self, Class, DomainPlan, OwnedKind, Resources, Step},
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

impl Engine<'_> {
    /// What would be done. Refused where it cannot be.
    pub fn plan_redefinition(&self, instance: &Instance) -> Result<Redefinition> {
        let (record, phase) = (&instance.record, instance.phase);
        if phase.is_passing() {
            return Err(Error::new(Code::NotSettled, format!("instance `{}` is being made or removed", record.name))
                .hint("`lite repair` without a name finishes or undoes what was cut off"));
        }
        if self.hypervisor.domain(record.uuid)?.is_some_and(|d| d.state == DomainState::Unresponsive) {
            return Err(unresponsive(&record.name));
        }
        let Some(mut drift) = self.drift_of(instance)? else {
            self.require_disks(instance)?;
            return Ok(Redefinition::Lost);
        };
        drift.extend(self.gone_beside(instance)?);
        match drift {
            drift if drift.is_empty() => Ok(Redefinition::Nothing),
            drift => {
                self.require_disks(instance)?;
                let renamed = drift.iter().any(|d| d.what == "name");
                if renamed && !matches!(self.state_of(instance)?, DomainState::Off | DomainState::Crashed) {
                    return Err(Error::new(
                        Code::DomainRunning,
                        format!("the domain of instance `{}` cannot be renamed while it runs", record.name),
                    )
                    .hint(format!("stop it first: `lite stop {}`", record.name)));
                }
                Ok(Redefinition::Drifted(drift))
            }
        }
    }

    /// What a domain needs beside itself and its disks, and is gone from the host.
    fn gone_beside(&self, instance: &Instance) -> Result<Vec<Drift>> {
        let mut gone = Vec::new();
        let all = OwnedKind::all_of(&instance.record, self.settings.into());
        for (kind, object) in all.filter(|(kind, _)| kind.description().class() == Class::Definition) {
            if !objects::is_there(self.hypervisor, &object)? {
                gone.push(plan::gone(kind, &object));
            }
        }
        Ok(gone)
    }

    /// Does it; returns what was done.
    pub fn redefine(&mut self, instance: &Instance) -> Result<Redefinition> {
        let _lock = self.lock(instance, "repair")?;
        let todo = self.plan_redefinition(instance)?;
        let renamed = match &todo {
            Redefinition::Nothing => return Ok(todo),
            Redefinition::Lost => false,
            Redefinition::Drifted(drift) => drift.iter().any(|d| d.what == "name"),
        };
        let steps = self.redefinition_steps(instance, renamed)?;
        let operation = self.begin("repair", instance)?;
        let id = operation.id.clone();
        // Never rolled back: each step may be done again, and undoing one would remove a domain that was there.
        let mut run = Run::new(&id);
        let result = steps.iter().try_for_each(|step| self.step(&mut run, step, &Payload::none()));
        self.end(&operation, result)?;
        Ok(todo)
    }

    fn redefinition_steps(&self, instance: &Instance, renamed: bool) -> Result<Vec<Step>> {
        let (record, s) = (&instance.record, self.settings);
        let resources = Resources::of(&record.name, record.uuid, &s.paths);
        let info = self.hypervisor.host()?;
        let path = |volume: &str| -> Result<String> {
            let seen = self.hypervisor.volume(&s.pool, volume)?;
            seen.map(|v| v.path).ok_or_else(|| gone(instance, volume))
        };
        let mut steps = Vec::new();
        if renamed {
            steps.push(Step::Rename { uuid: record.uuid, name: record.name.to_string() });
        }
        let plan = DomainPlan {
            record,
            resources: &resources,
            root_path: &path(&resources.root)?,
            seed_path: &path(&resources.seed)?,
            network: &s.network,
            kvm: doctor::use_kvm(s.accel, &s.connect, info.kvm_offered, &info.arch)?,
            arch: &info.arch,
            machine: info.q35.then_some("q35"),
        };
        steps.extend(plan::redefine(&plan, s.into())?);
        Ok(steps)
    }

    /// Refused if the root disk or the seed is gone: a domain without them is no instance.
    fn require_disks(&self, instance: &Instance) -> Result<()> {
        let resources = Resources::of(&instance.record.name, instance.record.uuid, &self.settings.paths);
        for volume in [&resources.root, &resources.seed] {
            if self.hypervisor.volume(&self.settings.pool, volume)?.is_none() {
                return Err(gone(instance, volume));
            }
        }
        Ok(())
    }

    /// The error of an instance whose domain is gone, with the next step.
    pub(super) fn lost(&self, instance: &Instance) -> Error {
        let name = &instance.record.name;
        let error = Error::new(Code::Lost, format!("the domain of instance `{name}` is gone from the host"));
        match self.require_disks(instance) {
            Ok(()) => error.hint(format!("its disk is there; define it again: `lite repair {name}`")),
            Err(e) if e.code == Code::DiskGone => {
                error.cause(e.message).hint(format!("remove what is left: `lite delete {name}`"))
            }
            Err(_) => error.hint(format!("define it again, if its disk is there: `lite repair {name}`")),
        }
    }
}

fn gone(instance: &Instance, volume: &str) -> Error {
    let name = &instance.record.name;
    Error::new(Code::DiskGone, format!("the disk `{volume}` of instance `{name}` is gone"))
        .hint(format!("put it back from a backup, or remove what is left: `lite delete {name}`"))
}
