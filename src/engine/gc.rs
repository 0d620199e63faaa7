//! Finds what is marked ours and is in no record.

use std::collections::HashSet;

use uuid::Uuid;

use super::Engine;
use crate::{
    fault,
    model::Result,
    plan::{METADATA_URI, Step, record_of, volume_is_ours},
};

/// Something of ours on the host that no record owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// What it is, for people.
    pub subject: String,
    /// What removes it.
    pub steps: Vec<Step>,
}

impl Engine<'_> {
    /// Looks for orphans. An error or an unreadable record is never taken for absence: the thing is left out.
    pub fn orphans(&self) -> Result<Vec<Orphan>> {
        let owned: HashSet<Uuid> = self.store.instances()?.into_iter().map(|i| i.record.uuid).collect();
        let mut orphans = Vec::new();
        for domain in self.hypervisor.domains()?.into_iter().filter(|d| !owned.contains(&d.uuid)) {
            let record = self.hypervisor.domain_metadata(domain.uuid, METADATA_URI)?.and_then(|m| record_of(&m));
            if record.is_some_and(|r| r.uuid == domain.uuid) {
                orphans.push(Orphan {
                    subject: format!("domain `{}`", domain.name),
                    steps: vec![Step::Destroy { uuid: domain.uuid }, Step::RemoveDomain { uuid: domain.uuid }],
                });
            }
        }
        let pool = &self.settings.pool;
        if self.hypervisor.pool(pool)?.is_some_and(|p| p.active) {
            for volume in self.hypervisor.volumes(pool)? {
                if volume_is_ours(&volume.name).is_some_and(|id| !owned.contains(&id)) {
                    let step = Step::RemoveVolume { pool: pool.clone(), name: volume.name };
                    orphans.push(Orphan { subject: step.subject(), steps: vec![step] });
                }
            }
        }
        for name in self.hypervisor.filters()? {
            let id = name.strip_prefix("lite-").and_then(|id| Uuid::try_parse(id).ok());
            if id.is_some_and(|id| !owned.contains(&id)) {
                let step = Step::RemoveFilter { name };
                orphans.push(Orphan { subject: step.subject(), steps: vec![step] });
            }
        }
        Ok(orphans)
    }

    /// Removes orphans; seen again just before, so that a create under way elsewhere is not taken for one.
    pub fn collect(&mut self, seen: &[Orphan]) -> Result<Vec<String>> {
        let again = self.orphans()?;
        let mut removed = Vec::new();
        for orphan in seen.iter().filter(|o| again.contains(o)) {
            for step in &orphan.steps {
                fault::point("intent");
                self.execute(step, &super::execute::Payload::none())?;
                fault::point("effect");
            }
            removed.push(orphan.subject.clone());
        }
        Ok(removed)
    }
}
