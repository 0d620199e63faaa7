//! Domains.

use std::{collections::HashMap, net::Ipv4Addr, time::Duration};

use uuid::Uuid;
use virt::{
    connect::Connect,
    domain::Domain,
    error::{Error as VirtError, ErrorNumber},
};
use virt_sys as sys;

use super::{
    connect::{LONG, Link, ORDINARY, no_nul},
    errors::{Outcome, is_unsupported, or_absent, present},
    ffi, hung,
    state::state_of,
};
use crate::{
    hypervisor::{DomainSeen, DomainSize, DomainState},
    model::{Code, Error, Mac, Result, escaped},
};

/// A monitor that has not answered another call for this long is called unresponsive.
const PATIENCE_MS: u64 = 5000;

/// All domains, in a round trip that does not wait for any guest, and one more for the sizes of those that are off.
///
/// Asked for the sizes of all, libvirt asks each running QEMU, and the first that is stopped holds up everything; NOWAIT
/// helps only once another call waits for it (measured). So what takes long here is a daemon that is busy.
pub fn all(link: &Link) -> Result<Vec<DomainSeen>> {
    let look = hung::can_look(link.uri());
    link.call("list the domains", LONG, move |c| {
        let records = match ffi::stats(c, ffi::STATES) {
            Err(error) if is_unsupported(&error) => ffi::stats(c, ffi::STATES_WAITING)?,
            answer => answer?,
        };
        let mut all: Vec<DomainSeen> =
            records.into_iter().map(|r| seen(look, r.uuid, r.name, state_of(r.state))).collect();
        if all.iter().any(|d| is_off(d.state)) {
            // A driver that cannot tell is no reason to fail.
            let sizes: HashMap<Uuid, Option<DomainSize>> = match ffi::stats(c, ffi::SIZES_OF_OFF) {
                Err(error) if is_unsupported(&error) => HashMap::new(),
                answer => answer?.into_iter().map(|r| (r.uuid, r.size)).collect(),
            };
            // One that was started in between is listed as it was first seen, and without a size.
            for domain in all.iter_mut().filter(|d| is_off(d.state)) {
                domain.size = sizes.get(&domain.uuid).copied().flatten();
            }
        }
        Ok(all)
    })
}

fn is_off(state: DomainState) -> bool {
    matches!(state, DomainState::Off | DomainState::Crashed)
}

fn seen(look: bool, uuid: Uuid, name: String, state: DomainState) -> DomainSeen {
    let stopped = look && state == DomainState::Running && hung::is_stopped(&name);
    DomainSeen { uuid, name, state: if stopped { DomainState::Unresponsive } else { state }, size: None }
}

fn by_uuid(connection: &Connect, uuid: Uuid) -> Outcome<Option<Domain>> {
    present(connection.lookup_domain_by_uuid(uuid), ErrorNumber::NoDomain)
}

fn one(look: bool, domain: Option<Domain>) -> Outcome<Option<DomainSeen>> {
    let Some(domain) = domain else { return Ok(None) };
    let Some(raw) = present(ffi::state(&domain), ErrorNumber::NoDomain)? else { return Ok(None) };
    let mut found = seen(look, domain.uuid()?, domain.name()?, state_of(Some(raw)));
    // Not every driver can tell, and one that cannot is no reason to fail.
    let waits = || ffi::monitor_waits(&domain).ok().flatten();
    if found.state == DomainState::Running && waits().is_some_and(|ms| ms >= PATIENCE_MS) {
        found.state = DomainState::Unresponsive;
    }
    Ok(Some(found))
}

/// One domain by uuid.
pub fn get(link: &Link, uuid: Uuid) -> Result<Option<DomainSeen>> {
    let look = hung::can_look(link.uri());
    link.call(&format!("look for domain {uuid}"), ORDINARY, move |c| one(look, by_uuid(c, uuid)?))
}

/// One domain by name.
pub fn get_by_name(link: &Link, name: &str) -> Result<Option<DomainSeen>> {
    no_nul(&[name])?;
    let (look, name) = (hung::can_look(link.uri()), name.to_owned());
    link.call(&format!("look for domain `{}`", escaped(&name)), ORDINARY, move |c| {
        one(look, present(c.lookup_domain_by_name(&name), ErrorNumber::NoDomain)?)
    })
}

/// The address the guest has: by its agent, else by the host's ARP table.
pub fn guest_address(link: &Link, uuid: Uuid, mac: Mac) -> Result<Option<Ipv4Addr>> {
    link.call(&format!("ask for the address of domain {uuid}"), ORDINARY, move |c| {
        let Some(domain) = by_uuid(c, uuid)? else { return Ok(None) };
        let sources = [sys::VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT, sys::VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP];
        // A source that cannot tell (no agent, other driver) is no reason to fail.
        Ok(sources.into_iter().find_map(|source| address_by(&domain, source, mac)))
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "leaks 80 bytes a call, and is called only while a guest's address is not known"
)]
fn address_by(domain: &Domain, source: sys::virDomainInterfaceAddressesSource, mac: Mac) -> Option<Ipv4Addr> {
    let interfaces = domain.interface_addresses(source, 0).ok()?;
    let ours = |i: &virt::domain::Interface| i.hwaddr.as_deref().is_some_and(|h| Mac::parse(h).ok() == Some(mac));
    interfaces.iter().filter(|i| ours(i)).flat_map(|i| &i.addrs).find_map(|a| a.addr.parse().ok())
}

/// The persistent definition.
pub fn xml(link: &Link, uuid: Uuid) -> Result<Option<String>> {
    link.call(&format!("read domain {uuid}"), ORDINARY, move |c| match by_uuid(c, uuid)? {
        None => Ok(None),
        Some(domain) => present(domain.xml_desc(sys::VIR_DOMAIN_XML_INACTIVE), ErrorNumber::NoDomain),
    })
}

/// Defines it, validated against libvirt's schema.
pub fn ensure(link: &Link, xml: &str) -> Result<()> {
    no_nul(&[xml])?;
    let xml = xml.to_owned();
    link.call("define the domain", ORDINARY, move |c| {
        c.define_domain_xml_flags(&xml, sys::VIR_DOMAIN_DEFINE_VALIDATE)?;
        Ok(())
    })
}

/// Renames it.
pub fn rename(link: &Link, uuid: Uuid, name: &str) -> Result<()> {
    no_nul(&[name])?;
    let name = name.to_owned();
    act(link, "rename", uuid, ORDINARY, move |domain| {
        if domain.name()? == name {
            return Ok(());
        }
        if domain.is_active()? {
            return Err(
                Error::failed(Code::DomainRunning, format!("domain {uuid} is running; it was not renamed")).into()
            );
        }
        Ok(domain.rename(&name, 0)?)
    })
}

/// Undefines it with everything libvirt keeps for it.
pub fn remove(link: &Link, uuid: Uuid) -> Result<()> {
    link.call(&format!("undefine domain {uuid}"), LONG, move |c| {
        let Some(domain) = by_uuid(c, uuid)? else { return Ok(()) };
        // Undefining a running domain would leave it running without a definition.
        if domain.is_active()? {
            return Err(
                Error::failed(Code::DomainRunning, format!("domain {uuid} is running; it was not removed")).into()
            );
        }
        or_absent(undefine(&domain), ErrorNumber::NoDomain)
    })
}

fn undefine(domain: &Domain) -> std::result::Result<(), VirtError> {
    let saved = sys::VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | sys::VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA;
    let all = saved | sys::VIR_DOMAIN_UNDEFINE_NVRAM | sys::VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
    match domain.undefine_flags(all) {
        // The test driver knows neither NVRAM nor checkpoints.
        Err(error) if is_unsupported(&error) => domain.undefine_flags(saved),
        answer => answer,
    }
}

/// Runs an action on a domain that must be there.
fn act(
    link: &Link,
    verb: &str,
    uuid: Uuid,
    limit: Duration,
    action: impl Fn(&Domain) -> Outcome<()> + Send + Sync + 'static,
) -> Result<()> {
    link.call(&format!("{verb} domain {uuid}"), limit, move |c| match by_uuid(c, uuid)? {
        Some(domain) => action(&domain),
        None => Err(absent(uuid).into()),
    })
}

fn absent(uuid: Uuid) -> Error {
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

/// Starts it.
pub fn start(link: &Link, uuid: Uuid) -> Result<()> {
    act(link, "start", uuid, LONG, |domain| or_running(domain, domain.create()))
}

/// Runs it once by another XML than its definition.
pub fn launch(link: &Link, uuid: Uuid, xml: &str) -> Result<()> {
    no_nul(&[xml])?;
    let xml = xml.to_owned();
    link.call(&format!("start domain {uuid}"), LONG, move |c| {
        if let Some(domain) = by_uuid(c, uuid)?
            && domain.is_active()?
        {
            return Ok(());
        }
        // Its definition was validated, and reading the schema again costs a tenth of the start.
        c.create_domain_xml(&xml, 0)?;
        Ok(())
    })
}

/// Changes the interface of a run.
pub fn update_interface(link: &Link, uuid: Uuid, xml: &str) -> Result<()> {
    no_nul(&[xml])?;
    let xml = xml.to_owned();
    act(link, "connect", uuid, LONG, move |domain| {
        match domain.update_device_flags(&xml, sys::VIR_DOMAIN_AFFECT_LIVE) {
            Err(error) if domain.is_active()? => Err(error.into()),
            // Also an answer of the device is worth nothing once the domain is off.
            _ => Ok(()),
        }
    })
}

/// Presses the power button. ACPI by name: left to itself libvirt asks the guest agent first, which may hang.
pub fn shutdown(link: &Link, uuid: Uuid) -> Result<()> {
    act(link, "shut down", uuid, LONG, |domain| {
        let asked = match domain.shutdown_flags(sys::VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN) {
            Err(error) if is_unsupported(&error) => domain.shutdown(),
            answer => answer,
        };
        or_off(domain, asked)
    })
}

/// Asks it to reboot.
pub fn reboot(link: &Link, uuid: Uuid) -> Result<()> {
    act(link, "reboot", uuid, ORDINARY, |domain| match domain.reboot(sys::VIR_DOMAIN_REBOOT_ACPI_POWER_BTN) {
        Err(error) if is_unsupported(&error) => Ok(domain.reboot(0)?),
        answer => Ok(answer?),
    })
}

/// Lets a paused guest run on.
pub fn resume(link: &Link, uuid: Uuid) -> Result<()> {
    act(link, "resume", uuid, ORDINARY, |domain| match ffi::state(domain)?.state {
        sys::VIR_DOMAIN_PAUSED => Ok(domain.resume()?),
        _ => Ok(()),
    })
}

/// Presses the reset button.
pub fn reset(link: &Link, uuid: Uuid) -> Result<()> {
    act(link, "reset", uuid, ORDINARY, |domain| Ok(domain.reset()?))
}

/// Pulls the plug. Long: a QEMU that does not listen gets some seconds before the kill.
pub fn destroy(link: &Link, uuid: Uuid) -> Result<()> {
    link.call(&format!("stop domain {uuid}"), LONG, move |c| match by_uuid(c, uuid)? {
        None => Ok(()),
        Some(domain) => or_absent_domain(or_off(&domain, domain.destroy())),
    })
}

/// A transient domain is gone once it is off.
fn or_absent_domain(answer: Outcome<()>) -> Outcome<()> {
    match answer {
        Err(super::errors::Problem::Virt(error)) if error.code().is(ErrorNumber::NoDomain) => Ok(()),
        answer => answer,
    }
}
