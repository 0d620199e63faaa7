//! Devices that come and go while a domain of the double runs.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::Double;
use crate::model::{Code, DomainDefinition, Error, LiveDefinition, LiveDisk, Result};

/// What the runs of domains have beside, or without, what they were started with.
#[derive(Debug, Default)]
pub(super) struct Devices {
    /// Disks that came.
    given: Vec<(Uuid, LiveDisk)>,
    /// Paths of disks that went.
    taken: Vec<(Uuid, String)>,
    /// Domains that got a SCSI controller.
    controllers: BTreeSet<Uuid>,
    /// Guests hold on to what is taken.
    hold: bool,
}

impl Devices {
    /// A domain's run ended.
    pub(super) fn forget(&mut self, uuid: Uuid) {
        self.given.retain(|(of, _)| *of != uuid);
        self.taken.retain(|(of, _)| *of != uuid);
        self.controllers.remove(&uuid);
    }

    /// Changes a live definition by what came and went.
    pub(super) fn show(&self, uuid: Uuid, live: &mut LiveDefinition) {
        let path = |disk: &LiveDisk| disk.chain.first().cloned().unwrap_or_default();
        live.disks.extend(self.given.iter().filter(|(of, _)| *of == uuid).map(|(_, disk)| disk.clone()));
        live.disks.retain(|disk| !self.taken.contains(&(uuid, path(disk))));
        live.has_scsi |= self.controllers.contains(&uuid);
    }
}

impl Double {
    /// Makes guests hold on to devices: they are detached with a success, and stay.
    pub fn hold_devices(&self, hold: bool) {
        self.memory().devices.hold = hold;
    }

    pub(super) fn plug(&self, uuid: Uuid, xml: &str) -> Result<()> {
        self.running(uuid)?;
        if xml.starts_with("<controller") {
            self.memory().devices.controllers.insert(uuid);
            return Ok(());
        }
        let disk = described(xml)?;
        if !self.seen(uuid)?.has_scsi {
            return Err(failed(format!("domain {uuid} has no controller for disk `{}`", disk.device)));
        }
        if self.seen(uuid)?.disk(&disk.device).is_some() {
            return Err(failed(format!("target {} already exists", disk.device)));
        }
        let devices = &mut self.memory().devices;
        let path = disk.chain.first().cloned().unwrap_or_default();
        devices.taken.retain(|taken| *taken != (uuid, path.clone()));
        devices.given.push((uuid, disk));
        Ok(())
    }

    pub(super) fn unplug(&self, uuid: Uuid, xml: &str) -> Result<()> {
        self.running(uuid)?;
        let device = described(xml)?.device;
        let Some(disk) = self.seen(uuid)?.disk(&device).cloned() else {
            return Err(failed(format!("no target device {device}")));
        };
        let devices = &mut self.memory().devices;
        if !devices.hold {
            let path = disk.chain.first().cloned().unwrap_or_default();
            devices.given.retain(|(of, given)| *of != uuid || given.device != device);
            devices.taken.push((uuid, path));
        }
        Ok(())
    }

    pub(super) fn seen(&self, uuid: Uuid) -> Result<LiveDefinition> {
        let mut live = crate::hypervisor::BlockJobs::live_definition(&self.inner, uuid)?.unwrap_or_default();
        self.memory().devices.show(uuid, &mut live);
        Ok(live)
    }
}

fn described(xml: &str) -> Result<LiveDisk> {
    let domain = format!("<domain><devices>{xml}</devices></domain>");
    DomainDefinition::parse(&domain)?;
    let disk = LiveDefinition::parse(&domain)?.disks.pop();
    disk.ok_or_else(|| failed("no disk is described".to_owned()))
}

fn failed(text: String) -> Error {
    Error::new(Code::LibvirtFailed, text)
}
