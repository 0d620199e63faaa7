//! Finds what is marked ours and is in no record.

use super::{
    Engine, Orphan, Removal, audit,
    execute::Payload,
    lock::{Attempt, Lock},
};
use crate::{image, model::Result};

impl Engine<'_> {
    /// Looks for orphans. If anything could not be looked at, that is the error: a failed look is no absence.
    pub fn orphans(&self) -> Result<Vec<Orphan>> {
        let facts = self.facts(false)?;
        match facts.unknown.first() {
            Some(unknown) => Err(unknown.error.clone()),
            None => Ok(audit::orphans(&facts).orphans.into_iter().filter(|o| o.user.is_none()).collect()),
        }
    }

    /// Removes orphans; seen again just before, so that a create under way elsewhere is not taken for one.
    pub fn collect(&mut self, seen: &[Orphan]) -> Result<Vec<String>> {
        let again = self.orphans()?;
        let mut removed = Vec::new();
        for orphan in seen.iter().filter(|o| again.contains(o)) {
            if self.remove(orphan)? {
                removed.push(orphan.subject.clone());
            }
        }
        Ok(removed)
    }

    /// Removes one; `false` if somebody works on its instance, or it has an owner after all.
    fn remove(&mut self, orphan: &Orphan) -> Result<bool> {
        let Some(owner) = orphan.owner else { return self.execute_removal(&orphan.removal) };
        let Attempt::Held(lock) = Lock::attempt(&self.locks(), owner, "gc", (self.now)())? else { return Ok(false) };
        if self.store.instance_by_uuid(owner)?.is_some() {
            return Ok(false);
        }
        let removed = self.execute_removal(&orphan.removal);
        lock.retire();
        removed
    }

    fn execute_removal(&self, removal: &Removal) -> Result<bool> {
        match removal {
            Removal::Steps(steps) => {
                steps.iter().try_for_each(|step| self.execute(step, &Payload::none()))?;
                Ok(true)
            }
            // The file goes with the lock that is held now.
            Removal::Lock(_) => Ok(true),
            Removal::Image(leftover) => image::leftovers::discard(&self.settings.paths.pool, leftover),
        }
    }
}
