//! What load balancers did, in each look.

use std::collections::HashSet;

use uuid::Uuid;

use super::Watcher;
use crate::{engine, model::Result, store::metrics::MinuteOf};

impl Watcher<'_> {
    /// Asks HAProxy for the figures of all load balancers.
    pub(super) fn count_balancers(&mut self, minute: i64) -> Result<()> {
        let all = self.engine.store.load_balancers(&self.engine.host_id())?;
        let known: HashSet<Uuid> = all.iter().map(|balancer| balancer.id).collect();
        self.balanced.retain(|uuid, _| known.contains(uuid));
        if all.is_empty() {
            return Ok(());
        }
        for (uuid, lines) in engine::balancer_statistics(&self.engine, &all)? {
            self.balanced.entry(uuid).or_default().sample(minute, &lines);
        }
        Ok(())
    }

    /// What became known of them in a minute that is over.
    pub(super) fn balanced_minutes(&mut self, minute: i64) -> Vec<MinuteOf> {
        let each = self.balanced.iter_mut().map(|(uuid, b)| MinuteOf { instance: *uuid, points: b.close(minute) });
        each.filter(|row| !row.points.is_empty()).collect()
    }
}
