//! What a minute's end brings: points, alarms, pruning, and a look at the host's own disk.

use std::{collections::HashMap, sync::PoisonError};

use uuid::Uuid;

use super::{CATCH_UP, LONG_GAP, Watcher};
use crate::{
    clock::{Clock, SystemClock},
    engine, kill_point,
    model::{EventKind, Instance, LoadBalancer, Metric, Point, Record, Result, Subject},
    monitor::{
        actor::Job,
        clock::Moment,
        evaluate::{Known, Windows},
        export::{BalancerLine, Line},
        fullness::{self, Fullness},
    },
    store::{
        events,
        metrics::{MinuteOf, SeriesCache, insert_minute},
        watcher_state,
    },
};

impl Watcher<'_> {
    pub(super) fn close_minutes(&mut self, instances: &[Instance], now: Moment) -> Result<()> {
        let until = self.clock.closed(now.mono);
        if until - self.closed > LONG_GAP {
            self.closed = until - 1;
        }
        let begun = SystemClock.instant();
        while self.closed < until && begun.elapsed() < CATCH_UP {
            let minute = self.closed + 1;
            self.close(instances, minute, now)?;
            self.closed = minute;
        }
        Ok(())
    }

    /// Stores a minute and judges the alarms with it, in one transaction.
    fn close(&mut self, instances: &[Instance], minute: i64, now: Moment) -> Result<()> {
        let label = self.clock.label(minute, now);
        let month = now.wall.strftime("%Y-%m").to_string();
        let stamp = self.stamp(now);
        let mut alarms = Vec::new();
        for row in self.engine.store.alarms_on(&self.engine.host_id())? {
            alarms.extend(self.trouble("an alarm", row.map_err(|e| e.within("an alarm cannot be judged"))));
        }
        self.windows.prepare(&self.engine.store, &self.engine.host_id(), &alarms, minute)?;
        let records: HashMap<Uuid, Record> = instances.iter().map(|i| (i.record.uuid, i.record.clone())).collect();
        let mut rows: Vec<(bool, u64, MinuteOf)> = Vec::new();
        for (uuid, gathered) in &mut self.gathered {
            let (looked, points) = gathered.close(minute);
            if records.contains_key(uuid) && (looked || !points.is_empty()) {
                rows.push((looked, gathered.take_transferred(), MinuteOf { instance: *uuid, points }));
            }
        }
        let subjects = self.subjects(instances);
        let clock = serde_json::to_string(&self.clock).unwrap_or_default();
        let balanced = self.balanced_minutes(minute);
        self.cache.retain(|uuid| records.contains_key(uuid) || self.balanced.contains_key(uuid));
        let (windows, cache) = (&mut self.windows, &mut self.cache);
        let host = self.engine.host_id();
        let written = self.engine.store.write(|t| {
            let mut known: Known = HashMap::new();
            known.extend(balanced.iter().map(|row| (row.instance, row.points.iter().copied().collect())));
            for (looked, bytes, row) in &mut rows {
                let sum = watcher_state::add_transfer(t, row.instance, &month, *bytes)?;
                if let Some(all) = records.get(&row.instance).map(|r| r.transfer.as_bytes()).filter(|b| *b > 0) {
                    row.points.extend(Point::of(sum as f64 / all as f64 * 100.0).map(|p| (Metric::TransferUsed, p)));
                }
                if *looked {
                    known.insert(row.instance, row.points.iter().copied().collect());
                }
            }
            let stored: Vec<MinuteOf> =
                rows.iter().map(|(_, _, row)| row.clone()).chain(balanced.iter().cloned()).collect();
            insert_minute(t, cache, &host, minute, label, &stored, |uuid| known.contains_key(&uuid))?;
            kill_point::reached("minute");
            let lines = windows.close(t, &mut alarms, &subjects, minute, &known, &stamp)?;
            watcher_state::set(t, &host, "clock", &clock)?;
            watcher_state::set(t, &host, "evaluated", &now.wall.to_string())?;
            Ok(lines)
        });
        if written.is_err() {
            // Their ids are of rows, and their minutes of a judgement, that were taken back.
            self.cache = SeriesCache::default();
            self.windows = Windows::default();
        }
        let lines = written?;
        kill_point::reached("stored");
        lines.iter().for_each(|line| (self.tell)(line));
        let export = |i: &Instance| Line {
            instance: i.record.name.to_string(),
            blueprint: i.record.blueprint.clone(),
            bundle: i.record.bundle.clone(),
            points: rows.iter().find(|r| r.2.instance == i.record.uuid).map(|r| r.2.points.clone()).unwrap_or_default(),
        };
        let lines = instances.iter().map(export).collect();
        let export = |balancer: &LoadBalancer| BalancerLine {
            load_balancer: balancer.name.to_string(),
            points: balanced
                .iter()
                .find(|row| row.instance == balancer.id)
                .map(|r| r.points.clone())
                .unwrap_or_default(),
        };
        let balancers = self.balancers.iter().map(export).collect();
        let mut exported = self.exported.lock().unwrap_or_else(PoisonError::into_inner);
        (exported.lines, exported.balancers) = (lines, balancers);
        Ok(())
    }

    /// What alarms watch, by id.
    fn subjects(&self, instances: &[Instance]) -> HashMap<Uuid, Subject> {
        let instances = instances.iter().map(|instance| Subject::from(&instance.record));
        let all = instances.chain(self.balancers.iter().map(Subject::from));
        all.map(|subject| (subject.id(), subject)).collect()
    }

    /// What is done once a minute beside looking.
    pub(super) fn each_minute(&mut self, now: Moment) -> Result<()> {
        if !std::mem::replace(&mut self.reconciling, true) {
            self.actor.submit(&mut self.engine, Job::Reconcile);
            self.take_outcomes(now);
        }
        if !std::mem::replace(&mut self.snapshotting, true) {
            self.actor.submit(&mut self.engine, Job::Snapshots);
            self.take_outcomes(now);
        }
        if !std::mem::replace(&mut self.verifying, true) {
            self.actor.submit(&mut self.engine, Job::Verify);
            self.take_outcomes(now);
        }
        if !std::mem::replace(&mut self.pushing, true) {
            self.actor.submit(&mut self.engine, Job::Pushes);
            self.take_outcomes(now);
        }
        let hour = now.wall.as_second() / 3600;
        if hour != self.rolled {
            self.engine.store.roll_up(&self.engine.host_id(), now.wall.as_second())?;
            self.engine.store.purge(now.wall)?;
            self.rolled = hour;
        }
        Ok(())
    }

    /// Tells when the disk of the instances comes to another level. What is known of it is remembered: the next watcher does
    /// not tell it again.
    pub(super) fn check_capacity(&mut self, now: Moment) -> Result<()> {
        // One that cannot be looked at has the level it had.
        let Ok(Some(space)) = engine::disk_space(&self.engine) else { return Ok(()) };
        let reserve = engine::disk_reserve(&self.engine, &space);
        let level = fullness::level(space.available, reserve, self.fullness);
        if level == self.fullness {
            return Ok(());
        }
        let place = self.engine.settings.host.folders.pool.display().to_string();
        let text = fullness::sentence(level, space.available, reserve, &place);
        // Back at a lower level that is not enough yet, there is nothing new to say.
        let told = level > self.fullness || level == Fullness::Ample;
        let stamp = self.stamp(now);
        self.engine.store.write(|t| {
            watcher_state::set(t, &stamp.host, fullness::KEY, level.as_str())?;
            if told {
                events::record(t, &stamp.host, &stamp.event(EventKind::HostCapacity, None, &text))?;
            }
            Ok(())
        })?;
        self.fullness = level;
        kill_point::reached("stored");
        if told {
            (self.tell)(&format!("{}: {text}", EventKind::HostCapacity.as_str()));
        }
        Ok(())
    }
}
