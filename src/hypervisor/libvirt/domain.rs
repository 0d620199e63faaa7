//! Domains: listing and definition. What starts and stops them is in `lifecycle`.

use std::{collections::HashMap, net::Ipv4Addr};

use uuid::Uuid;
use virt::{
    domain::Domain,
    error::{Error as VirtError, ErrorNumber},
};
use virt_sys as sys;

use super::{
    Libvirt,
    connect::{LONG, Link, ORDINARY, no_nul},
    errors::{Outcome, is_unsupported, or_absent, present},
    ffi, hung, lifecycle, lookup, metadata, samples,
    state::state_of,
};
use crate::{
    hypervisor::{DomainInfo, DomainSample, DomainSize, DomainState, Domains, LocalMachine},
    model::{Code, Error, Mac, Result},
};

/// A monitor that has not answered another call for this long is called unresponsive.
const MONITOR_TIMEOUT_MS: u64 = 5000;

impl Domains for Libvirt {
    fn domains(&self) -> Result<Vec<DomainInfo>> {
        all(&self.link)
    }

    fn samples(&self) -> Result<Vec<DomainSample>> {
        samples::all(&self.link)
    }

    fn domain(&self, uuid: Uuid) -> Result<Option<DomainInfo>> {
        let here = hung::look_at(self.link.uri());
        self.link.call(&format!("look for domain {uuid}"), ORDINARY, move |c| one(here, lookup::domain(c, uuid)?))
    }

    fn domain_xml(&self, uuid: Uuid) -> Result<Option<String>> {
        self.link.call(&format!("read domain {uuid}"), ORDINARY, move |c| match lookup::domain(c, uuid)? {
            None => Ok(None),
            Some(domain) => present(domain.xml_desc(sys::VIR_DOMAIN_XML_INACTIVE), ErrorNumber::NoDomain),
        })
    }

    fn domain_metadata(&self, uuid: Uuid, uri: &str) -> Result<Option<String>> {
        metadata::get(&self.link, uuid, uri)
    }

    fn set_domain_metadata(&self, uuid: Uuid, uri: &str, prefix: &str, xml: &str) -> Result<()> {
        metadata::set(&self.link, uuid, uri, prefix, xml)
    }

    fn ensure_domain(&self, xml: &str) -> Result<()> {
        no_nul(&[xml])?;
        let xml = xml.to_owned();
        self.link.call("define the domain", LONG, move |c| {
            c.define_domain_xml_flags(&xml, sys::VIR_DOMAIN_DEFINE_VALIDATE)?;
            Ok(())
        })
    }

    fn rename_domain(&self, uuid: Uuid, name: &str) -> Result<()> {
        no_nul(&[name])?;
        let name = name.to_owned();
        lifecycle::act(&self.link, "rename", uuid, ORDINARY, move |domain| {
            if domain.name()? == name {
                return Ok(());
            }
            if domain.is_active()? {
                return Err(Error::failed(
                    Code::DomainRunning,
                    format!("domain {uuid} is running; it was not renamed"),
                )
                .into());
            }
            Ok(domain.rename(&name, 0)?)
        })
    }

    fn remove_domain(&self, uuid: Uuid) -> Result<()> {
        self.link.call(&format!("undefine domain {uuid}"), LONG, move |c| {
            let Some(domain) = lookup::domain(c, uuid)? else { return Ok(()) };
            // Undefining a running domain would leave it running without a definition.
            if domain.is_active()? {
                return Err(Error::failed(
                    Code::DomainRunning,
                    format!("domain {uuid} is running; it was not removed"),
                )
                .into());
            }
            or_absent(undefine(&domain), ErrorNumber::NoDomain)
        })
    }

    fn guest_addresses(&self, uuid: Uuid, mac: Mac) -> Result<Vec<Ipv4Addr>> {
        self.link.call(&format!("ask for the addresses of domain {uuid}"), ORDINARY, move |c| {
            let Some(domain) = lookup::domain(c, uuid)? else { return Ok(Vec::new()) };
            let sources = [sys::VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP, sys::VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT];
            Ok(sources.into_iter().flat_map(|source| addresses_by(&domain, source, mac)).collect())
        })
    }
}

/// All domains, in a round trip that does not wait for any guest, and one more for the sizes of those that are off.
///
/// Asked for the sizes of all, libvirt asks each running QEMU, and the first that is stopped holds up everything; NOWAIT
/// helps only once another call waits for it (measured). So what takes long here is a daemon that is busy.
fn all(link: &Link) -> Result<Vec<DomainInfo>> {
    let here = hung::look_at(link.uri());
    link.call("list the domains", LONG, move |c| {
        let records = match ffi::stats(c, ffi::STATES) {
            Err(error) if is_unsupported(&error) => ffi::stats(c, ffi::STATES_WAITING)?,
            answer => answer?,
        };
        let mut all: Vec<DomainInfo> =
            records.into_iter().map(|r| info(here, r.uuid, r.name, state_of(r.state))).collect();
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

/// `here`: the machine whose kernel tells which of the guests' processes are stopped.
fn info(here: Option<LocalMachine>, uuid: Uuid, name: String, state: DomainState) -> DomainInfo {
    let stopped = state == DomainState::Running && here.is_some_and(|machine| hung::is_stopped(&machine, &name));
    DomainInfo { uuid, name, state: if stopped { DomainState::Unresponsive } else { state }, size: None }
}

fn one(here: Option<LocalMachine>, domain: Option<Domain>) -> Outcome<Option<DomainInfo>> {
    let Some(domain) = domain else { return Ok(None) };
    let Some(raw) = present(ffi::state(&domain), ErrorNumber::NoDomain)? else { return Ok(None) };
    let mut found = info(here, domain.uuid()?, domain.name()?, state_of(Some(raw)));
    // Not every driver can tell, and one that cannot is no reason to fail.
    let waits = || ffi::monitor_waits(&domain).ok().flatten();
    if found.state == DomainState::Running && waits().is_some_and(|ms| ms >= MONITOR_TIMEOUT_MS) {
        found.state = DomainState::Unresponsive;
    }
    Ok(Some(found))
}

#[expect(
    clippy::disallowed_methods,
    reason = "leaks 80 bytes a call, and is called only while a guest's address is not known"
)]
/// At most as many as a machine may have; a source that cannot tell (no agent, other driver) tells none.
fn addresses_by(domain: &Domain, source: sys::virDomainInterfaceAddressesSource, mac: Mac) -> Vec<Ipv4Addr> {
    const MOST: usize = 16;
    let interfaces = domain.interface_addresses(source, 0).unwrap_or_default();
    let ours = |i: &virt::domain::Interface| i.hwaddr.as_deref().is_some_and(|h| Mac::parse(h).ok() == Some(mac));
    let addresses = interfaces.iter().filter(|i| ours(i)).flat_map(|i| &i.addrs);
    addresses.filter_map(|a| a.addr.parse().ok()).take(MOST).collect()
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
