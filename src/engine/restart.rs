//! What the watcher does to an instance. Nobody waits: a busy instance, or a user who decided otherwise meanwhile, wins.

use uuid::Uuid;

use super::{
    Engine, Unobserved,
    execute::Payload,
    journal::Run,
    lock::{Attempt, Lock},
};
use crate::{
    hypervisor::DomainState,
    model::{Instance, Phase, Result, Wanted},
    plan::Step,
};

impl Engine<'_> {
    /// Starts an instance that is down and wanted up. False if that is not so any more, or somebody is at work on it.
    pub fn restart(&mut self, uuid: Uuid, generation: i64) -> Result<bool> {
        let Some((instance, _lock)) = self.still_wanted(uuid, generation, "restart")? else { return Ok(false) };
        if !matches!(self.state_of(&instance)?, DomainState::Off | DomainState::Crashed) {
            return Ok(false);
        }
        self.prepare_host(&instance.record.network, &mut Unobserved)?;
        let operation = self.begin("restart", &instance)?;
        let id = operation.id.clone();
        let mut run = Run::new(&id);
        let result = self.step(&mut run, &Step::Start { uuid }, &Payload::none());
        self.end(&operation, result).map(|()| true)
    }

    /// Tries whether a guest that a full disk paused can go on.
    pub fn try_resume(&mut self, uuid: Uuid, generation: i64) -> Result<bool> {
        let Some((instance, _lock)) = self.still_wanted(uuid, generation, "resume")? else { return Ok(false) };
        if self.state_of(&instance)? != DomainState::PausedIoError {
            return Ok(false);
        }
        self.hypervisor.resume(uuid).map(|()| true)
    }

    /// Presses the reset button of a guest that does not answer.
    pub fn reset_unresponsive(&mut self, uuid: Uuid, generation: i64) -> Result<bool> {
        let Some((instance, _lock)) = self.still_wanted(uuid, generation, "reset")? else { return Ok(false) };
        let operation = self.begin("reset", &instance)?;
        let result = self.hypervisor.reset(uuid);
        self.end(&operation, result).map(|()| true)
    }

    /// Takes note that an instance is down because somebody, or its guest, wants it so.
    pub fn accept_stop(&mut self, uuid: Uuid, generation: i64) -> Result<bool> {
        let Some((instance, _lock)) = self.still_wanted(uuid, generation, "stop")? else { return Ok(false) };
        if !matches!(self.state_of(&instance)?, DomainState::Off | DomainState::Crashed) {
            return Ok(false);
        }
        self.store.set_wanted(uuid, Wanted::Stopped).map(|()| true)
    }

    /// The instance with its lock, if the user still wants it up, decided nothing since, and nobody is at work on it.
    fn still_wanted(&mut self, uuid: Uuid, generation: i64, doing: &str) -> Result<Option<(Instance, Lock)>> {
        let Attempt::Held(lock) = Lock::attempt(&self.locks(), uuid, doing, (self.now)())? else { return Ok(None) };
        let intent = self.store.intents()?.into_iter().find(|(id, _)| *id == uuid).map(|(_, n)| n);
        let Some(instance) = self.store.instance_by_uuid(uuid)? else {
            lock.retire();
            return Ok(None);
        };
        let wanted = instance.wanted == Wanted::Running
            && intent == Some(generation)
            && !matches!(instance.phase, Phase::Creating | Phase::Deleting)
            && self.store.open_operation_of(uuid)?.is_none();
        Ok(wanted.then_some((instance, lock)))
    }
}
