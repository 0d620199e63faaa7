//! Makes a step true on the host.

use std::time::Duration;

use super::{
    Engine,
    lock::{Lock, TURNS},
};
use crate::{
    model::{Code, Error, Result},
    plan::Step,
};

/// How long a step waits for its turn: a hundred others at a second or two each.
const TURN_WAIT: Duration = Duration::from_secs(300);

/// What a step needs and the journal must not hold: secrets.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a> {
    /// Content of the seed.
    pub seed: &'a [u8],
}

impl Payload<'_> {
    /// Nothing.
    pub const fn none() -> Self {
        Payload { seed: &[] }
    }
}

impl Engine<'_> {
    /// Does it. Repeatable: what is true already stays true.
    pub(super) fn execute(&self, step: &Step, payload: &Payload<'_>) -> Result<()> {
        let hv = self.hypervisor;
        let _turn = step.takes_turns().then(|| self.turn()).transpose()?;
        let result = match step {
            Step::Filter { name, xml } => hv.ensure_filter(name, xml),
            Step::DhcpHost { network, host } => hv.ensure_dhcp_host(network, host),
            Step::RootVolume { pool, name, xml } => hv.ensure_volume(pool, name, xml),
            Step::SeedVolume { pool, name, xml } => {
                hv.ensure_volume(pool, name, xml).and_then(|()| hv.upload(pool, name, payload.seed))
            }
            Step::Domain { xml, .. } => hv.ensure_domain(xml),
            Step::Launch { uuid, xml } => hv.launch(*uuid, xml),
            Step::Connect { uuid, interfaces } => interfaces.iter().try_for_each(|xml| hv.update_interface(*uuid, xml)),
            Step::Rename { uuid, name } => hv.rename_domain(*uuid, name),
            Step::Start { uuid } => hv.start(*uuid),
            Step::Destroy { uuid } => hv.destroy(*uuid),
            Step::RemoveDomain { uuid } => hv.remove_domain(*uuid),
            Step::RemoveVolume { pool, name } => hv.remove_volume(pool, name),
            Step::RemoveDhcpHost { network, host } => hv.remove_dhcp_host(network, host),
            Step::RemoveFilter { name } => hv.remove_filter(name),
            Step::RemoveLogs { files } => remove_files(files),
        };
        result.map_err(|e| at(step, e))
    }
}

impl Engine<'_> {
    /// Waits for its turn at what libvirt does for one client at a time.
    pub(super) fn turn(&self) -> Result<Lock> {
        Lock::any_of(&self.locks(), &TURNS, "take its turn", (self.now)(), TURN_WAIT)?.ok_or_else(|| {
            let waited = TURN_WAIT.as_secs();
            Error::new(Code::Busy, format!("libvirt was busy with other lite commands for {waited} s"))
                .hint("try again later; `lite operations` shows what is under way, `lite doctor` whether libvirt hangs")
        })
    }
}

/// Says which step an error belongs to, keeping its kind and hints.
fn at(step: &Step, error: Error) -> Error {
    error.within(format!("{} failed", step.subject()))
}

/// Removes log files and the older ones that virtlogd rotated (`NAME.0`, `NAME.1` …).
fn remove_files(files: &[String]) -> Result<()> {
    for file in files {
        let rotated = (0..16).map(|n| format!("{file}.{n}"));
        for path in std::iter::once(file.clone()).chain(rotated) {
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::new(Code::LogNotRemoved, format!("cannot remove `{path}`")).cause(e));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
