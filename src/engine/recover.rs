//! Finishes or undoes what a dead owner left, and settles what happened while nobody looked.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use secrecy::SecretString;

use super::{
    Engine,
    lock::{Attempt, Lock, is_shared},
    ours::is_without_row,
};
use crate::{
    guest::{
        self,
        report::{Report, Status},
    },
    hypervisor::DomainState,
    image, kill_point,
    model::{Class, Code, Error, Phase, Record, Result, Wanted},
    plan::{self, Resources, Step},
    render::Seed,
    store::{Operation, OperationState},
};

/// The error of an operation whose process died, and which was undone or closed.
pub(super) const DIED: &str = "its process died";

/// Least and longest time that a dead process's last call is given to end at libvirt.
const CALL_ENDS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3));

impl Engine<'_> {
    /// Looks at every open operation; those whose owner died are finished (delete) or undone (create), and what killed
    /// image work left is removed. Costs two queries and a look at two folders when there is none. Returns a sentence
    /// for each.
    pub fn recover(&mut self) -> Result<Vec<String>> {
        let mut told = self.recover_all(OperationState::Started)?;
        told.extend(self.tidy()?);
        Ok(told)
    }

    /// Tries again what needs attention.
    pub fn retry_attention(&mut self) -> Result<Vec<String>> {
        self.recover_all(OperationState::NeedsAttention)
    }

    /// One that cannot be finished does not keep the others from it; its error comes last.
    fn recover_all(&mut self, state: OperationState) -> Result<Vec<String>> {
        let (mut told, mut failed) = (Vec::new(), None);
        for operation in self.store.open_operations()?.into_iter().filter(|o| o.state == state) {
            match self.recover_one(&operation) {
                Ok(line) => told.extend(line),
                // The next would wait as long for nothing.
                Err(e) if e.class == Class::Unreachable => return Err(e),
                Err(e) => failed = failed.or(Some(e)),
            }
        }
        failed.map_or(Ok(told), Err)
    }

    /// Removes what needs no look at the host to be nobody's: the kernel says that its owner is dead.
    fn tidy(&mut self) -> Result<Vec<String>> {
        let owned = self.store.ids()?;
        for id in Lock::files(&self.locks())?.into_iter().filter(|id| !is_shared(id) && !owned.contains(id)) {
            let Attempt::Held(lock) = Lock::attempt(&self.locks(), id, "repair", (self.now)())? else { continue };
            // Its create may have written the row meanwhile; one that has not yet would hold the lock.
            if self.store.instance_by_uuid(id)?.is_none() {
                lock.retire();
            }
        }
        image::leftovers::tidy(&self.settings.paths.pool, &|file| self.lies_on(file))
    }

    /// Whether a disk may lie on an image file. A disk of an instance that the database does not know may lie on any.
    fn lies_on(&self, file: &str) -> Result<bool> {
        if !self.store.users_of_image(file)?.is_empty() {
            return Ok(true);
        }
        let owned = self.store.ids()?;
        let entries = std::fs::read_dir(&self.settings.paths.pool)
            .map_err(|e| Error::new(Code::PoolUnreadable, "cannot read the folder of the pool").cause(e))?;
        let names = entries.flatten().filter_map(|e| e.file_name().into_string().ok());
        Ok(names.into_iter().any(|name| is_without_row(&name, &owned)))
    }

    fn recover_one(&mut self, operation: &Operation) -> Result<Option<String>> {
        let Some(uuid) = operation.instance else {
            self.store.end_operation(&operation.id, OperationState::Failed, Some(DIED), (self.now)())?;
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
            "create" | "bake" => self.recover_create(operation, uuid, lock).map(Some),
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
            kind => self.recover_other(operation, uuid, kind).map(Some),
        }
    }

    /// libvirt goes on with a call whose client died, and it may take effect after a look that found nothing. Nothing tells
    /// when it is through; how long a small call takes now tells how busy libvirt is.
    fn let_calls_end(&self, uuid: uuid::Uuid) {
        let begun = Instant::now();
        // An error is met again, and told, by what follows.
        let _ = self.hypervisor.domain(uuid);
        thread::sleep((begun.elapsed() * 10).clamp(CALL_ENDS.0, CALL_ENDS.1));
    }

    /// start, stop, reboot, tag: what the host shows decides how they ended.
    fn recover_other(&mut self, operation: &Operation, uuid: uuid::Uuid, kind: &str) -> Result<String> {
        let name = &operation.resource;
        if let Some(instance) = self.store.instance_by_uuid(uuid)? {
            match kind {
                "start" | "stop" => {
                    self.let_calls_end(uuid);
                    let state = self.hypervisor.domain(uuid)?.map(|d| d.state);
                    let off = matches!(state, None | Some(DomainState::Off | DomainState::Crashed));
                    self.store.set_wanted(uuid, if off { Wanted::Stopped } else { Wanted::Running })?;
                }
                "tag" => self.write_metadata(&instance.record)?,
                _ => {}
            }
        }
        self.store.end_operation(&operation.id, OperationState::Failed, Some(DIED), (self.now)())?;
        Ok(format!("closed the {kind} of `{name}` that was cut off"))
    }

    /// A create that had started its domain stands; any other is undone, and so is every bake.
    fn recover_create(&mut self, operation: &Operation, uuid: uuid::Uuid, lock: Lock) -> Result<String> {
        let name = &operation.resource;
        let steps = self.journalled(&operation.id)?;
        let started = operation.kind == "create"
            && steps.iter().any(|(_, step, done)| *done && matches!(step, Step::LinkUp { .. }));
        if started {
            self.store.set_phase(uuid, Phase::Started, None)?;
            self.store.end_operation(&operation.id, OperationState::Succeeded, None, (self.now)())?;
            return Ok(format!("kept instance `{name}`: its create was cut off after it had started"));
        }
        if steps.iter().any(|(.., done)| !done) {
            self.let_calls_end(uuid);
        }
        let steps: Vec<_> = steps.into_iter().map(|(sequence, step, _)| (sequence, step)).collect();
        let logs = self.store.instance_by_uuid(uuid)?.map(|i| plan::remove_logs(&i.record, self.settings.into()));
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
        self.store.end_operation(&operation.id, OperationState::Failed, Some(DIED), (self.now)())?;
        lock.retire();
        Ok(match operation.kind.as_str() {
            "bake" => format!("removed `{name}`, which baked an image and was cut off"),
            _ => format!("undid the create of `{name}` that was cut off"),
        })
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
    pub(super) fn last_report(&self, record: &Record) -> Option<Report> {
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
        kill_point::reached("effect");
        self.store.seed_is_clean(record.uuid)
    }
}
