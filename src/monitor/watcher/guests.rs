//! What a look asks guests: what they last said of themselves, and whether their application answers.

use uuid::Uuid;

use super::Watcher;
use crate::{
    catalog::Health,
    engine::others,
    guest::{self, report::Status},
    model::{Instance, Metric, Record, Result},
    monitor::{clock::Moment, probe::Check},
    plan::report_log,
};

/// Seconds a guest may take to come up before its silence is evidence.
const COMES_UP: i64 = 300;

impl Watcher<'_> {
    /// Whether a guest is still coming up, and what it last said of itself.
    pub(super) fn status_of(&self, record: &Record, now: Moment) -> Result<(bool, Option<Status>)> {
        let log = report_log(record, &self.engine.settings.host.folders.logs);
        let started = self.engine.store.last_start(record.uuid)?;
        let status = guest::status::latest(&*self.engine.machine, &log, started, now.wall).ok();
        let age = started.map(|at| now.wall.duration_since(at).as_secs());
        Ok((status.is_none() && age.is_some_and(|a| (0..COMES_UP).contains(&a)), status))
    }

    /// What only the guest itself can tell, once a minute.
    pub(super) fn ask_guest(
        &mut self,
        instance: &Instance,
        status: Option<Status>,
        counts: bool,
        minute: i64,
    ) -> Result<()> {
        let record = &instance.record;
        let health = self.check_of(record.uuid)?;
        let gathered = self.gathered.entry(record.uuid).or_default();
        if let Some(disk) = status.as_ref().and_then(|s| s.disk) {
            gathered.value(minute, Metric::DiskSpaceUtilization, f64::from(disk));
        }
        if !counts {
            return Ok(());
        }
        match health {
            None => {}
            Some(Health::Command { .. }) => {
                if let Some(answer) = status.and_then(|s| s.health) {
                    gathered.value(minute, Metric::AppHealthy, f64::from(u8::from(answer == "ok")));
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
