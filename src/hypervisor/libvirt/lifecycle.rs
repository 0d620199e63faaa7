//! What starts, stops and changes the run of a domain.

use std::time::Duration;

use uuid::Uuid;
use virt::{
    domain::Domain,
    error::{Error as VirtError, ErrorNumber},
};
use virt_sys as sys;

use super::{
    Libvirt,
    connect::{LONG, Link, ORDINARY, no_nul},
    errors::{Outcome, Problem, is_unsupported},
    ffi, lookup,
    state::state_of,
};
use crate::{
    hypervisor::{DomainState, Lifecycle},
    model::{Code, Error, Result, escaped},
};

impl Lifecycle for Libvirt {
    fn start(&self, uuid: Uuid) -> Result<()> {
        act(&self.link, "start", uuid, LONG, |domain| or_running(domain, domain.create()))
    }

    fn start_paused(&self, uuid: Uuid, xml: &str) -> Result<()> {
        no_nul(&[xml])?;
        let xml = xml.to_owned();
        self.link.call(&format!("start domain {uuid} paused"), LONG, move |c| {
            let domain = lookup::domain(c, uuid)?.ok_or_else(|| absent(uuid))?;
            if domain.is_active()? && ffi::state(&domain)?.state == sys::VIR_DOMAIN_PAUSED {
                return Ok(());
            }
            c.create_domain_xml(&xml, sys::VIR_DOMAIN_START_PAUSED | sys::VIR_DOMAIN_START_VALIDATE)?;
            Ok(())
        })
    }

    /// ACPI by name: left to itself libvirt asks the guest agent first, which may hang.
    fn shutdown(&self, uuid: Uuid) -> Result<()> {
        act(&self.link, "shut down", uuid, LONG, |domain| {
            let asked = match domain.shutdown_flags(sys::VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN) {
                Err(error) if is_unsupported(&error) => domain.shutdown(),
                answer => answer,
            };
            or_off(domain, asked)
        })
    }

    fn reboot(&self, uuid: Uuid) -> Result<()> {
        act(&self.link, "reboot", uuid, ORDINARY, |domain| match domain.reboot(sys::VIR_DOMAIN_REBOOT_ACPI_POWER_BTN) {
            Err(error) if is_unsupported(&error) => Ok(domain.reboot(0)?),
            answer => Ok(answer?),
        })
    }

    fn suspend(&self, uuid: Uuid) -> Result<()> {
        act(&self.link, "pause", uuid, ORDINARY, |domain| match ffi::state(domain)?.state {
            sys::VIR_DOMAIN_PAUSED => Ok(()),
            _ => Ok(domain.suspend()?),
        })
    }

    fn resume(&self, uuid: Uuid) -> Result<()> {
        act(&self.link, "resume", uuid, ORDINARY, |domain| match ffi::state(domain)?.state {
            sys::VIR_DOMAIN_PAUSED => Ok(domain.resume()?),
            _ => Ok(()),
        })
    }

    fn reset(&self, uuid: Uuid) -> Result<()> {
        act(&self.link, "reset", uuid, ORDINARY, |domain| Ok(domain.reset()?))
    }

    fn attach_device(&self, uuid: Uuid, xml: &str) -> Result<()> {
        no_nul(&[xml])?;
        let xml = xml.to_owned();
        act(&self.link, "attach a device to", uuid, ORDINARY, move |domain| {
            domain.attach_device_flags(&xml, sys::VIR_DOMAIN_AFFECT_LIVE).map_err(Problem::from)
        })
    }

    fn update_device(&self, uuid: Uuid, xml: &str) -> Result<()> {
        no_nul(&[xml])?;
        let xml = xml.to_owned();
        act(&self.link, "change a device of", uuid, ORDINARY, move |domain| {
            domain.update_device_flags(&xml, sys::VIR_DOMAIN_AFFECT_LIVE).map_err(Problem::from)
        })
    }

    fn detach_device(&self, uuid: Uuid, xml: &str) -> Result<()> {
        no_nul(&[xml])?;
        let xml = xml.to_owned();
        act(&self.link, "detach a device from", uuid, ORDINARY, move |domain| {
            domain.detach_device_flags(&xml, sys::VIR_DOMAIN_AFFECT_LIVE).map_err(Problem::from)
        })
    }

    fn resize_disk(&self, uuid: Uuid, device: &str, bytes: u64) -> Result<()> {
        no_nul(&[device])?;
        let device = device.to_owned();
        act(&self.link, "resize a disk of", uuid, ORDINARY, move |domain| {
            domain.block_resize(&device, bytes, sys::VIR_DOMAIN_BLOCK_RESIZE_BYTES).map_err(Problem::from)
        })
    }

    fn save_memory(&self, uuid: Uuid, path: &str) -> Result<()> {
        no_nul(&[path])?;
        let path = path.to_owned();
        act(&self.link, "save the memory of", uuid, LONG, move |domain| ffi::save(domain, &path).map_err(Problem::from))
    }

    fn restore_memory(&self, path: &str) -> Result<()> {
        no_nul(&[path])?;
        let (path, what) = (path.to_owned(), format!("restore a domain from `{}`", escaped(path)));
        self.link.call(&what, LONG, move |c| Ok(c.restore_domain_flags(&path, None, sys::VIR_DOMAIN_SAVE_PAUSED)?))
    }

    /// Long: a QEMU that does not listen gets some seconds before the kill.
    fn destroy(&self, uuid: Uuid) -> Result<()> {
        self.link.call(&format!("stop domain {uuid}"), LONG, move |c| match lookup::domain(c, uuid)? {
            None => Ok(()),
            Some(domain) => or_absent_domain(or_off(&domain, domain.destroy())),
        })
    }
}

/// Runs an action on a domain that must be there.
pub fn act(
    link: &Link,
    verb: &str,
    uuid: Uuid,
    limit: Duration,
    action: impl Fn(&Domain) -> Outcome<()> + Send + Sync + 'static,
) -> Result<()> {
    link.call(&format!("{verb} domain {uuid}"), limit, move |c| match lookup::domain(c, uuid)? {
        Some(domain) => action(&domain),
        None => Err(absent(uuid).into()),
    })
}

/// An error for a domain that must be there and is not.
pub fn absent(uuid: Uuid) -> Error {
    Error::new(Code::NoDomain, format!("libvirt has no domain {uuid}"))
}

/// Content with the failure of an action if the domain is off.
fn or_off(domain: &Domain, answer: std::result::Result<(), VirtError>) -> Outcome<()> {
    match answer {
        Err(_) if domain.is_active().is_ok_and(|active| !active) => Ok(()),
        answer => Ok(answer?),
    }
}

/// Content with the failure of a start if the domain runs, but not if it is about to end.
fn or_running(domain: &Domain, answer: std::result::Result<(), VirtError>) -> Outcome<()> {
    let Err(error) = answer else { return Ok(()) };
    if !domain.is_active()? {
        return Err(error.into());
    }
    match state_of(Some(ffi::state(domain)?)) {
        DomainState::ShuttingDown | DomainState::Crashed => {
            Err(Error::new(Code::DomainStopping, "the domain is still shutting down")
                .hint("try again in a moment")
                .into())
        }
        _ => Ok(()),
    }
}

/// A transient domain is gone once it is off.
fn or_absent_domain(answer: Outcome<()>) -> Outcome<()> {
    match answer {
        Err(Problem::Virt(error)) if error.code().is(ErrorNumber::NoDomain) => Ok(()),
        answer => answer,
    }
}
