//! What a look asks guests: what they last said of themselves, and whether their application answers.

use uuid::Uuid;

use super::Watcher;
use crate::{
    catalog::Health,
    engine::{USUAL_START, is_starting, others},
    guest::{self, report::Status},
    model::{Instance, Metric, Record, Result},
    monitor::{clock::Moment, policy::Observed, probe::Check},
    plan::report_log,
};

impl Watcher<'_> {
    /// What a guest last said of itself.
    pub(super) fn status_of(&mut self, record: &Record, now: Moment) -> Result<Option<Status>> {
        let log = report_log(record, &self.engine.settings.host.folders.logs);
        let started = self.engine.store.last_start(record.uuid)?;
        let status = guest::status::latest(&*self.engine.machine, &log, started, now.wall).ok();
        if let Some(at) = started {
            let known = self.started.entry(record.uuid).or_insert(at);
            *known = at.max(*known);
        }
        // Where nothing is checked, a guest that speaks is up.
        if status.is_some() && self.check_of(record.uuid)?.is_none() {
            self.answered.insert(record.uuid, now.wall);
        }
        Ok(status)
    }

    /// Whether nothing that is seen of an instance is evidence yet: it comes up, or a boot of the host took it down and the watcher
    /// is about to start it.
    pub(super) fn is_coming_up(&mut self, uuid: Uuid, seen: Observed, now: Moment) -> Result<bool> {
        if seen != Observed::Running {
            self.started.remove(&uuid);
            let boot = self.histories.get(&uuid).and_then(|history| history.boot.as_deref());
            let by_boot = matches!(seen, Observed::Off | Observed::Shutdown) && boot.is_some_and(|b| b != self.boot);
            return Ok(by_boot && now.mono < USUAL_START as f64);
        }
        let started = match self.started.get(&uuid) {
            Some(at) => Some(*at),
            None => {
                let stored = self.engine.store.last_start(uuid)?;
                self.started.extend(stored.map(|at| (uuid, at)));
                stored
            }
        };
        Ok(is_starting(started, self.answered.get(&uuid).copied(), now.wall))
    }

    /// Takes an answer of an application in. That one which comes up does not answer is no evidence.
    pub(super) fn take_answer(&mut self, uuid: Uuid, minute: i64, healthy: bool, now: Moment) {
        if healthy {
            self.answered.insert(uuid, now.wall);
        } else if is_starting(self.started.get(&uuid).copied(), self.answered.get(&uuid).copied(), now.wall) {
            return;
        }
        let value = f64::from(u8::from(healthy));
        self.gathered.entry(uuid).or_default().value(minute, Metric::AppHealthy, value);
    }

    /// What only the guest itself can tell, once a minute.
    pub(super) fn ask_guest(
        &mut self,
        instance: &Instance,
        status: Option<Status>,
        asked: bool,
        minute: i64,
        now: Moment,
    ) -> Result<()> {
        let record = &instance.record;
        let health = self.check_of(record.uuid)?;
        let gathered = self.gathered.entry(record.uuid).or_default();
        if let Some(disk) = status.as_ref().and_then(|s| s.disk) {
            gathered.value(minute, Metric::DiskSpaceUtilization, f64::from(disk));
        }
        if !asked {
            return Ok(());
        }
        match health {
            None => {}
            Some(Health::Command { .. }) => {
                if let Some(answer) = status.and_then(|s| s.health) {
                    self.take_answer(record.uuid, minute, answer == "ok", now);
                }
            }
            Some(health) => self.prober.ask(Check {
                instance: record.uuid,
                minute,
                health,
                address: record.address,
                mac: record.mac,
                others: match record.address {
                    Some(_) => Vec::new(),
                    None => others(&self.engine.store, record.uuid)?,
                },
            }),
        }
        Ok(())
    }

    /// How an instance is checked; a blueprint is read once.
    pub(super) fn check_of(&mut self, uuid: Uuid) -> Result<Option<Health>> {
        if let Some(known) = self.checks.get(&uuid) {
            return Ok(known.clone());
        }
        // A blueprint that cannot be read is told of once; its instance has no check.
        let read = self.engine.store.blueprint_of(uuid).map(|(blueprint, _)| blueprint.health);
        self.checks.insert(uuid, read.clone().unwrap_or_default());
        read
    }
}
