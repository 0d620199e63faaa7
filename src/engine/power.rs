//! start, stop, reboot.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{Engine, Observer, execute::Payload, journal::Run, wait::Wait};
use crate::{
    hypervisor::DomainState,
    kill_point,
    model::{Code, Error, Instance, Name, NetworkMode, Phase, Record, Result, Size, Tag, Wanted},
    plan::{self, Resources, Step},
};

/// How often a domain that is shutting down is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// How a stop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It was off already.
    Already,
    /// The guest powered off.
    Gently,
    /// The plug was pulled.
    Forced,
}

impl Engine<'_> {
    /// Starts an instance and, if `timeout` is given, waits until its application answers.
    ///
    /// Returns whether it had to be started.
    pub fn start(
        &mut self,
        instance: &Instance,
        timeout: Option<Duration>,
        observer: &mut dyn Observer,
    ) -> Result<bool> {
        let _lock = self.lock(instance, "start")?;
        let uuid = instance.record.uuid;
        let state = self.state_of(instance)?;
        if state == DomainState::Unresponsive {
            return Err(unresponsive(&instance.record.name));
        }
        let xml = self.hypervisor.domain_xml(uuid)?.ok_or_else(|| self.lost(instance))?;
        let drift = self.drift_in(instance, &xml)?;
        if !drift.is_empty() {
            let name = &instance.record.name;
            let all = drift.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            observer
                .warn(&format!("the domain of `{name}` was changed by hand: {all}; `lite repair {name}` puts it back"));
        }
        if state == DomainState::Running {
            self.store.set_wanted(uuid, Wanted::Running)?;
            return Ok(false);
        }
        if matches!(state, DomainState::Paused | DomainState::PausedIoError) {
            return Err(Error::new(Code::Paused, format!("instance `{}` is paused", instance.record.name)).hint(
                format!("resume it with `virsh resume {}`, or stop it: `lite stop {0} --force`", instance.record.name),
            ));
        }
        self.prepare_host(&instance.record.network, observer)?;
        self.check_memory(instance, plan::size_in_domain(&xml))?;
        let resources = Resources::of(&instance.record.name, uuid, &self.settings.paths);
        let offset = std::fs::metadata(&resources.report_log).map_or(0, |m| m.len());
        let operation = self.begin("start", instance)?;
        let id = operation.id.clone();
        let mut run = Run::new(&id);
        let begun = Instant::now();
        let result = self.step(&mut run, &Step::Start { uuid }, &Payload::none());
        if result.is_ok() {
            self.store.set_wanted(uuid, Wanted::Running)?;
        }
        self.end(&operation, result)?;
        if let (Some(timeout), Phase::Ready) = (timeout, instance.phase) {
            let (blueprint, _) = self.store.blueprint_of(uuid)?;
            self.wait_ready(
                &Wait {
                    record: &instance.record,
                    health: blueprint.health.as_ref(),
                    report: Path::new(&resources.report_log),
                    console: Path::new(&resources.console_log),
                    start: offset,
                    deadline: begun + timeout,
                    timeout,
                },
                observer,
            )?;
        }
        Ok(true)
    }

    /// Stops an instance: ACPI first; when `force`, the plug after `grace`. Without `force` a guest that does not
    /// power off in time is an error and keeps running.
    pub fn stop(
        &mut self,
        instance: &Instance,
        force: bool,
        grace: Duration,
        observer: &mut dyn Observer,
    ) -> Result<Stopped> {
        let _lock = self.lock(instance, "stop")?;
        let uuid = instance.record.uuid;
        let state = self.state_of(instance)?;
        self.store.set_wanted(uuid, Wanted::Stopped)?;
        if matches!(state, DomainState::Off | DomainState::Crashed) {
            return Ok(Stopped::Already);
        }
        let operation = self.begin("stop", instance)?;
        kill_point::reached("intent");
        // A QEMU that does not answer presses no button, and libvirt would wait for it.
        let result = match (state, force) {
            (DomainState::Unresponsive, true) => self.hypervisor.destroy(uuid).map(|()| Stopped::Forced),
            (DomainState::Unresponsive, false) => Err(unresponsive(&instance.record.name)),
            _ => self.power_off(instance, force, grace, observer),
        };
        kill_point::reached("effect");
        if result.is_err() {
            self.store.set_wanted(uuid, Wanted::Running)?;
        }
        self.end(&operation, result)
    }

    fn power_off(
        &mut self,
        instance: &Instance,
        force: bool,
        grace: Duration,
        observer: &mut dyn Observer,
    ) -> Result<Stopped> {
        let (uuid, name) = (instance.record.uuid, &instance.record.name);
        let end = Instant::now() + grace;
        let asked = self.hypervisor.shutdown(uuid);
        if asked.is_ok() || force {
            observer.note(&format!("asked the guest to power off, waiting up to {} s", grace.as_secs()));
        }
        if asked.is_ok() {
            while Instant::now() < end && !self.is_interrupted() {
                match self.hypervisor.domain(uuid)?.map(|d| d.state) {
                    None | Some(DomainState::Off | DomainState::Crashed) => return Ok(Stopped::Gently),
                    Some(_) => std::thread::sleep(LOOK),
                }
            }
        }
        if self.is_interrupted() && !force {
            return Err(Error::new(
                Code::Interrupted,
                format!("interrupted; `{name}` was asked to power off and may still do so"),
            ));
        }
        if !force {
            return Err(asked
                .err()
                .unwrap_or_else(|| {
                    Error::new(
                        Code::GuestDidNotStop,
                        format!("`{name}` did not power off within {} s and keeps running", grace.as_secs()),
                    )
                })
                .hint(format!("pull the plug: `lite stop {name} --force` (the guest's unsaved data is lost)")));
        }
        let _turn = self.turn()?;
        self.hypervisor.destroy(uuid)?;
        Ok(Stopped::Forced)
    }

    /// Reboots a running instance: asks the guest, or presses the reset button when `force`.
    pub fn reboot(&mut self, instance: &Instance, force: bool) -> Result<()> {
        let _lock = self.lock(instance, "reboot")?;
        let name = &instance.record.name;
        if self.state_of(instance)? != DomainState::Running {
            return Err(Error::new(Code::NotRunning, format!("instance `{name}` is not running"))
                .hint(format!("start it: `lite start {name}`")));
        }
        let operation = self.begin("reboot", instance)?;
        let uuid = instance.record.uuid;
        kill_point::reached("intent");
        let result = if force { self.hypervisor.reset(uuid) } else { self.hypervisor.reboot(uuid) };
        kill_point::reached("effect");
        self.end(&operation, result)
    }

    /// Replaces the tags, in the database and in the domain's metadata.
    pub fn set_tags(&mut self, instance: &Instance, tags: Vec<Tag>) -> Result<()> {
        let _lock = self.lock(instance, "tag")?;
        let mut record = instance.record.clone();
        record.tags = tags;
        let operation = self.begin("tag", instance)?;
        self.store.set_record(&record)?;
        kill_point::reached("intent");
        let result = self.write_metadata(&record);
        kill_point::reached("effect");
        self.end(&operation, result)
    }

    /// Writes the record into the domain's metadata, from where a lost database is rebuilt.
    pub(super) fn write_metadata(&self, record: &Record) -> Result<()> {
        let metadata = plan::metadata_xml(record)?;
        self.hypervisor.set_domain_metadata(record.uuid, plan::METADATA_URI, plan::METADATA_PREFIX, &metadata)
    }

    /// State of an instance's domain; `lost` is an error with the next step.
    pub(super) fn state_of(&self, instance: &Instance) -> Result<DomainState> {
        self.hypervisor.domain(instance.record.uuid)?.map(|d| d.state).ok_or_else(|| self.lost(instance))
    }

    /// A stopped instance holds no memory: see that there is some, for the size recorded and for what `now` was made of it
    /// by hand.
    fn check_memory(&self, instance: &Instance, now: Option<(Size, u32)>) -> Result<()> {
        let r = &instance.record;
        let (memory, vcpus) = now.unwrap_or((r.memory, r.vcpus));
        let bundle = crate::catalog::Bundle {
            id: r.bundle.clone(),
            vcpus: r.vcpus.max(vcpus),
            memory: r.memory.max(memory),
            disk: r.disk,
            transfer: r.transfer,
            price: r.price,
            currency: r.currency.clone(),
        };
        let mut held = self.store.allocated()?;
        if instance.wanted == Wanted::Running {
            held.memory = held.memory.saturating_sub(r.memory.as_bytes());
            held.vcpus = held.vcpus.saturating_sub(r.vcpus);
        }
        let view = self.view(&NetworkMode::Bridge(String::new()))?;
        super::Capacity::left(&view.info, &view.pool, view.used_by_disks, &held).check(&bundle, false)
    }
}

/// The error of an instance whose QEMU does not answer.
pub(super) fn unresponsive(name: &Name) -> Error {
    Error::new(Code::Unresponsive, format!("the QEMU process of instance `{name}` does not answer"))
        .hint(format!("pull the plug: `lite stop {name} --force` (the guest's unsaved data is lost)"))
}
