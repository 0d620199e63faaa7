//! Finishes or undoes what a dead owner left, and settles what happened while nobody looked.

use std::path::Path;

use secrecy::SecretString;

use super::{
    Engine,
    lock::{Attempt, Lock},
};
use crate::{
    guest::{
        self,
        report::{Report, Status},
    },
    model::{Phase, Record, Result},
    plan::{Resources, Step},
    render::Seed,
    store::{Operation, OperationState},
};

impl Engine<'_> {
    /// Looks at every open operation; those whose owner died are finished (delete) or undone (create). Costs one
    /// query when there is none. Returns a sentence for each.
    pub fn recover(&mut self) -> Result<Vec<String>> {
        let open = self.store.open_operations()?;
        let mut told = Vec::new();
        for operation in open.into_iter().filter(|o| o.state == OperationState::Started) {
            told.extend(self.recover_one(&operation)?);
        }
        Ok(told)
    }

    /// Tries again what needs attention.
    pub fn retry_attention(&mut self) -> Result<Vec<String>> {
        let open = self.store.open_operations()?;
        let mut told = Vec::new();
        for operation in open.into_iter().filter(|o| o.state == OperationState::NeedsAttention) {
            told.extend(self.recover_one(&operation)?);
        }
        Ok(told)
    }

    fn recover_one(&mut self, operation: &Operation) -> Result<Option<String>> {
        let Some(uuid) = operation.instance else {
            self.store.end_operation(&operation.id, OperationState::Failed, Some("its process died"), (self.now)())?;
            return Ok(None);
        };
        let Attempt::Held(lock) = Lock::attempt(&self.locks(), uuid, "repair", (self.now)())? else {
            return Ok(None);
        };
        // Its owner may have ended it between the query and the lock.
        let still_open = self
            .store
            .operation(&operation.id)?
            .is_some_and(|o| matches!(o.state, OperationState::Started | OperationState::NeedsAttention));
        if !still_open {
            return Ok(None);
        }
        let name = &operation.resource;
        match operation.kind.as_str() {
            "create" => self.recover_create(operation, uuid, lock).map(Some),
            "delete" => {
                match self.store.instance_by_uuid(uuid)? {
                    Some(instance) => self.run_delete(operation, &instance, lock)?,
                    None => {
                        self.store.end_operation(&operation.id, OperationState::Succeeded, None, (self.now)())?;
                        lock.retire();
                    }
                }
                Ok(Some(format!("finished the delete of `{name}` that was cut off")))
            }
            kind => {
                self.store.end_operation(
                    &operation.id,
                    OperationState::Failed,
                    Some("its process died"),
                    (self.now)(),
                )?;
                Ok(Some(format!("closed the {kind} of `{name}` that was cut off")))
            }
        }
    }

    /// A create that had started its domain stands; any other is undone.
    fn recover_create(&mut self, operation: &Operation, uuid: uuid::Uuid, lock: Lock) -> Result<String> {
        let name = &operation.resource;
        let steps = self.journalled(&operation.id)?;
        let started = steps.iter().any(|(_, step, done)| *done && matches!(step, Step::Start { .. }));
        if started {
            self.store.set_phase(uuid, Phase::Started, None)?;
            self.store.end_operation(&operation.id, OperationState::Succeeded, None, (self.now)())?;
            return Ok(format!("kept instance `{name}`: its create was cut off after it had started"));
        }
        let steps: Vec<_> = steps.into_iter().map(|(sequence, step, _)| (sequence, step)).collect();
        let logs = self.store.instance_by_uuid(uuid)?.map(|i| {
            let r = Resources::of(&i.record.name, uuid, &self.settings.paths);
            Step::RemoveLogs { files: vec![r.console_log, r.report_log] }
        });
        let undone = self.roll_back(&operation.id, &steps).and_then(|()| {
            logs.map_or(Ok(()), |step| self.execute(&step, &super::execute::Payload::none()))?;
            self.store.forget(uuid)
        });
        if let Err(e) = undone {
            self.store.end_operation(
                &operation.id,
                OperationState::NeedsAttention,
                Some(&e.to_string()),
                (self.now)(),
            )?;
            return Err(e);
        }
        self.store.end_operation(&operation.id, OperationState::Failed, Some("its process died"), (self.now)())?;
        lock.retire();
        Ok(format!("undid the create of `{name}` that was cut off"))
    }

    /// Instances nobody waited for: reads in their report log whether they became ready or failed.
    pub fn settle(&mut self) -> Result<()> {
        for instance in self.store.instances()?.into_iter().filter(|i| i.phase == Phase::Started) {
            let record = &instance.record;
            match self.last_report(record) {
                // The guest has taken its secrets over. A seed that cannot be cleaned now is tried by the next command.
                Some(Report::Done { .. } | Report::Booted | Report::Status(Status { failed: None, .. }))
                    if self.clean_seed(record).is_ok() =>
                {
                    self.store.set_phase(record.uuid, Phase::Ready, None)?;
                }
                Some(Report::Failed { module, .. } | Report::Status(Status { failed: Some(module), .. })) => {
                    let text = format!("set-up failed in module `{module}`");
                    self.store.set_phase(record.uuid, Phase::Failed, Some(&text))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The last thing a guest reported that tells how its set-up ended. A status tells it as well: the report of the end
    /// itself may lie months back.
    fn last_report(&self, record: &Record) -> Option<Report> {
        let resources = Resources::of(&record.name, record.uuid, &self.settings.paths);
        let (lines, _) = guest::tail::recent(Path::new(&resources.report_log)).ok()?;
        let tells = |r: &Report| !matches!(r, Report::Stage { .. });
        lines.iter().rev().filter_map(|line| guest::report::parse_line(line)).find(tells)
    }

    /// Replaces the seed by one without secrets, of the same size.
    pub(super) fn clean_seed(&mut self, record: &Record) -> Result<()> {
        let Some(clean) = self.store.clean_seed(record.uuid)? else { return Ok(()) };
        let seed = Seed {
            user_data: SecretString::default(),
            user_data_scrubbed: clean.user_data,
            meta_data: clean.meta_data,
            network_config: clean.network_config,
        };
        let resources = Resources::of(&record.name, record.uuid, &self.settings.paths);
        self.hypervisor.upload(&self.settings.pool, &resources.seed, &guest::seed::scrubbed_iso(&seed)?)?;
        self.store.seed_is_clean(record.uuid)
    }
}
