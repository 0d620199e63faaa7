//! Block jobs of domains that run.

use uuid::Uuid;
use virt::{
    domain::Domain,
    error::{Error as VirtError, ErrorNumber},
};

use super::{
    Libvirt,
    connect::{LONG, Link, ORDINARY, no_nul},
    errors::{Outcome, present},
    ffi, lifecycle, lookup,
};
use crate::{
    hypervisor::{BlockJob, BlockJobs},
    model::{LiveDefinition, Result},
};

impl BlockJobs for Libvirt {
    fn live_definition(&self, uuid: Uuid) -> Result<Option<LiveDefinition>> {
        self.link.call(&format!("read the run of domain {uuid}"), ORDINARY, move |c| {
            let Some(domain) = lookup::domain(c, uuid)? else { return Ok(None) };
            if present(domain.is_active(), ErrorNumber::NoDomain)? != Some(true) {
                return Ok(None);
            }
            let xml = present(domain.xml_desc(0), ErrorNumber::NoDomain)?;
            Ok(xml.map(|xml| LiveDefinition::parse(&xml)).transpose()?)
        })
    }

    fn copy_disk(&self, uuid: Uuid, device: &str, xml: &str) -> Result<()> {
        let xml = xml.to_owned();
        no_nul(&[&xml])?;
        self.on_disk("copy", uuid, device, move |domain, device| Ok(ffi::block_copy(domain, device, &xml)?))
    }

    fn pull_disk(&self, uuid: Uuid, device: &str, base: &str) -> Result<()> {
        let base = base.to_owned();
        no_nul(&[&base])?;
        self.on_disk("fill", uuid, device, move |domain, device| Ok(ffi::block_pull(domain, device, &base)?))
    }

    fn block_job(&self, uuid: Uuid, device: &str) -> Result<Option<BlockJob>> {
        on_disk(&self.link, "ask for the block job of", uuid, device, |domain, device| {
            Ok(ffi::block_job(domain, device)?)
        })
    }

    fn abort_block_job(&self, uuid: Uuid, device: &str) -> Result<()> {
        on_disk(&self.link, "end the block job of", uuid, device, |domain, device| {
            or_none(domain, device, ffi::block_job_abort(domain, device))
        })
    }
}

impl Libvirt {
    /// Begins a job. Once: a second try would find the job of the first.
    fn on_disk(
        &self,
        verb: &str,
        uuid: Uuid,
        device: &str,
        begin: impl Fn(&Domain, &str) -> Outcome<()> + Send + Sync + 'static,
    ) -> Result<()> {
        no_nul(&[device])?;
        let device = device.to_owned();
        self.link.call_once(&format!("{verb} disk `{device}` of domain {uuid}"), LONG, move |c| {
            let domain = lookup::domain(c, uuid)?.ok_or_else(|| lifecycle::absent(uuid))?;
            begin(&domain, &device)
        })
    }
}

fn on_disk<T: Send + 'static>(
    link: &Link,
    what: &str,
    uuid: Uuid,
    device: &str,
    act: impl Fn(&Domain, &str) -> Outcome<T> + Send + Sync + 'static,
) -> Result<T> {
    no_nul(&[device])?;
    let device = device.to_owned();
    link.call(&format!("{what} disk `{device}` of domain {uuid}"), LONG, move |c| {
        let domain = lookup::domain(c, uuid)?.ok_or_else(|| lifecycle::absent(uuid))?;
        act(&domain, &device)
    })
}

/// Content with the failure of an abort if the disk has no job, or the domain runs no more.
fn or_none(domain: &Domain, device: &str, answer: std::result::Result<(), VirtError>) -> Outcome<()> {
    match answer {
        Err(_) if !domain.is_active()? => Ok(()),
        Err(error) => match ffi::block_job(domain, device)? {
            None => Ok(()),
            Some(_) => Err(error.into()),
        },
        Ok(()) => Ok(()),
    }
}
