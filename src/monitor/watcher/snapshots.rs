//! How old the snapshots of instances are.

use super::Watcher;
use crate::{
    model::{Metric, Record},
    monitor::clock::Moment,
};

impl Watcher<'_> {
    /// Learns, once a minute, when the newest snapshots were made.
    pub(super) fn learn_snapshots(&mut self) {
        let newest = self.engine.store.newest_snapshots();
        if let Some(newest) = self.trouble("the snapshots", newest) {
            self.newest = newest;
        }
    }

    /// Takes in how old the newest snapshot of an instance is. One that is to have snapshots and has none yet is as old as itself.
    pub(super) fn take_snapshot_age(&mut self, record: &Record, minute: i64, now: Moment) {
        let newest = self.newest.get(&record.uuid).copied();
        let Some(newest) = newest.or_else(|| record.auto_snapshot().map(|_| record.created_at)) else { return };
        let age = now.wall.duration_since(newest).as_secs_f64().max(0.0);
        self.gathered.entry(record.uuid).or_default().value(minute, Metric::LastSnapshotAge, age);
    }
}
