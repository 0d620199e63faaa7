//! What load balancers did, in each look.

use std::collections::HashSet;

use uuid::Uuid;

use super::Watcher;
use crate::{engine, model::Result, store::metrics::MinuteOf};

impl Watcher<'_> {
    /// Asks HAProxy for the figures of all load balancers.
    pub(super) fn count_balancers(&mut self, minute: i64) -> Result<()> {
        self.balancers = self.engine.store.load_balancers(&self.engine.host_id())?;
        let known: HashSet<Uuid> = self.balancers.iter().map(|balancer| balancer.id).collect();
        self.balanced.retain(|uuid, _| known.contains(uuid));
        if self.balancers.is_empty() {
            return Ok(());
        }
        // While somebody loads HAProxy, the next look counts.
        for (uuid, counted) in engine::balancer_counted(&self.engine, &self.balancers)?.into_iter().flatten() {
            self.balanced.entry(uuid).or_default().sample(minute, &counted.lines, counted.before);
        }
        Ok(())
    }

    /// What became known of them in a minute that is over, of each that was looked at.
    pub(super) fn balanced_minutes(&mut self, minute: i64) -> Vec<MinuteOf> {
        let each = self.balanced.iter_mut().filter_map(|(uuid, balanced)| {
            let (looked, points) = balanced.close(minute);
            looked.then_some(MinuteOf { instance: *uuid, points })
        });
        each.collect()
    }
}
