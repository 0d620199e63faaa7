//! Everything that the findings follow from.

use std::{
    collections::HashSet,
    net::IpAddr,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{Scanned, Unknown, local::Process};
use crate::{
    engine::{capacity::Overdraft, remote::LostRemote},
    hypervisor::{DhcpInfo, DnsInfo, PoolInfo, VolumeInfo},
    image::Leftover,
    model::{
        AnySnapshot, Code, Disk, Domain, DomainDefinition, Drift, Error, Instance, InterfaceDefinition, Mac, Record,
        Result,
    },
    plan::{Namespace, Object, Place, owner_of, record_in_domain},
    store::{Memory, Operation},
};

/// One look at the database.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// All instances.
    pub instances: Vec<Instance>,
    /// Deleted ones that are kept.
    pub kept: Vec<Instance>,
    /// Ids of all resources, instances included.
    pub resources: HashSet<Uuid>,
    /// All snapshots of the host.
    pub snapshots: Vec<AnySnapshot>,
    /// All disks of the host.
    pub disks: Vec<Disk>,
    /// Operations under way, or left by a dead owner.
    pub open: Vec<Operation>,
}

/// A domain, ours or not.
#[derive(Debug, Clone)]
pub struct DomainFacts {
    /// Its uuid.
    pub uuid: Uuid,
    /// Its name.
    pub name: String,
    /// Our record in it, if it names this very domain.
    pub record: Option<Record>,
    /// Hardware addresses of its interfaces.
    pub macs: Vec<Mac>,
    /// Files of its disks.
    pub disks: Vec<String>,
    /// Filters it refers to.
    pub filters: Vec<String>,
}

/// Whether a thing is on the host, as far as the look tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is, or nobody can say that it is not.
    NotMissed,
    /// It is in one of the two definitions that libvirt has of its network.
    Half,
    /// It is not.
    Missing,
}

/// Everything known. A part that could not be looked at is none.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The database before the look.
    pub before: Ledger,
    /// The database after the look.
    pub after: Ledger,
    /// Instances that a live process worked on meanwhile.
    pub busy: HashSet<Uuid>,
    /// Lock files that nobody holds.
    pub free_locks: Vec<Uuid>,
    /// What the journal remembers.
    pub memory: Memory,
    /// Things whose name does not tell their owner, and the owner that the journal tells.
    pub journalled: Vec<(Uuid, Object)>,
    /// Image volumes that the root disk of an instance lies on.
    pub images_in_use: Vec<String>,
    /// Name of the pool.
    pub pool_name: String,
    /// Name of the NAT network.
    pub network_name: String,
    /// Folder of the pool, as the settings and as libvirt have it.
    pub pool_folders: Vec<String>,
    /// Domains.
    pub domains: Option<Vec<DomainFacts>>,
    /// The pool; the inner none: there is none.
    pub pool: Option<Option<PoolInfo>>,
    /// Volumes of the pool; empty if it is not there or not active.
    pub volumes: Option<Vec<VolumeInfo>>,
    /// Network filters.
    pub filters: Option<Vec<String>>,
    /// In what the rules of the firewall differ from the database; the inner none: in nothing.
    pub firewall: Option<Option<Drift>>,
    /// In what the web front differs from the database, in words; none: in nothing.
    pub web: Option<&'static str>,
    /// Domains whose certificate should have been asked for, and what is wrong.
    pub certificates: Vec<(Domain, String)>,
    /// In what the link of a running instance differs from what it is to be.
    pub links: Vec<(Uuid, Drift)>,
    /// Whether the NAT network is there.
    pub network: Option<bool>,
    /// Addresses the NAT network keeps.
    pub addresses: Option<Vec<DhcpInfo>>,
    /// Names the NAT network answers for.
    pub names: Option<Vec<DnsInfo>>,
    /// Addresses that lead to instances or are kept, and that this host does not have: what names them, and the address.
    pub lost_addresses: Vec<(String, IpAddr)>,
    /// Published ports that a process of this host listens on: the instance, the host's end, and the process.
    pub hidden: Vec<(String, String, String)>,
    /// Folders of remotes without a row, before the look and after it.
    pub lost_remotes: Vec<LostRemote>,
    /// Log files of guests, each once, without the number of a rotation.
    pub logs: Option<Vec<(Uuid, String)>>,
    /// What image work left.
    pub leftovers: Option<Vec<Leftover>>,
    /// Half-written files of ours that nobody writes any more.
    pub temporary: Vec<PathBuf>,
    /// Processes that work on disks or images of ours.
    pub processes: Vec<Process>,
    /// Files that libvirt keeps for domains, and the domain's name: NVRAM, saved memory, snapshots.
    pub libvirt_files: Vec<(String, String)>,
    /// Where more is promised than there is.
    pub overdraft: Vec<Overdraft>,
    /// What could not be looked at.
    pub unknown: Vec<Unknown>,
}

impl Facts {
    /// The value, or none and a note that it is unknown.
    pub fn known<T>(&mut self, area: &'static str, answer: Result<T>) -> Option<T> {
        answer.map_err(|error| self.unknown.push(Unknown { area, error })).ok()
    }

    /// Notes that a list left something out that a direct question found: then nobody knows what else it left out.
    pub fn left_out(&mut self, area: &'static str, what: &str) {
        let error = Error::new(Code::ListIncomplete, format!("libvirt's list of {area} leaves out `{what}`"))
            .hint("try again; if it stays, restart libvirtd (guests run on)");
        self.unknown.push(Unknown { area, error });
    }

    /// The domain is on a disk in lite's own pool: that of this installation, not of another one on the same host.
    pub fn is_here(&self, domain: &DomainFacts) -> bool {
        domain.disks.iter().any(|disk| {
            let (folder, file) = (Path::new(disk).parent(), Path::new(disk).file_name().and_then(|f| f.to_str()));
            file.and_then(|f| owner_of(Namespace::Volume, f)).is_some_and(|(_, id)| id == domain.uuid)
                && self.pool_folders.iter().any(|f| folder == Some(Path::new(f)))
        })
    }

    /// Where things of ours lie; the logs in no folder.
    pub fn place(&self) -> Place<'_> {
        Place { pool: &self.pool_name, network: &self.network_name, logs: Path::new("") }
    }

    /// Whether the look found a thing.
    pub fn presence(&self, object: &Object) -> Presence {
        let missing = match object {
            Object::Domain { uuid } => self.domains.as_ref().is_some_and(|all| all.iter().all(|d| d.uuid != *uuid)),
            Object::Volume { name, .. } => {
                let active = matches!(&self.pool, Some(Some(pool)) if pool.active);
                active && self.volumes.as_ref().is_some_and(|all| all.iter().all(|v| v.name != *name))
            }
            Object::Filter { name } => self.filters.as_ref().is_some_and(|all| !all.contains(name)),
            Object::DhcpHost { host, .. } => {
                let known = self.addresses.as_ref().filter(|_| self.network == Some(true));
                let same = |k: &&DhcpInfo| k.host.mac == host.mac && k.host.address == host.address;
                match known.map(|all| all.iter().find(same)) {
                    Some(Some(entry)) if !entry.whole => return Presence::Half,
                    found => found == Some(None),
                }
            }
            // A log may not have begun, and a lock file goes with whoever held it.
            Object::Logs { .. } | Object::Lock { .. } => false,
        };
        if missing { Presence::Missing } else { Presence::NotMissed }
    }

    /// Resources that were there before or after the look.
    pub fn with_row(&self) -> HashSet<Uuid> {
        self.before.resources.union(&self.after.resources).copied().collect()
    }

    /// Numbers of what was looked at.
    pub fn scanned(&self) -> Scanned {
        fn count<T>(part: &Option<Vec<T>>) -> usize {
            part.as_ref().map_or(0, Vec::len)
        }
        vec![
            ("instances", self.after.instances.len()),
            ("operations", self.after.open.len()),
            ("domains", count(&self.domains)),
            ("volumes", count(&self.volumes)),
            ("filters", count(&self.filters)),
            ("addresses", count(&self.addresses)),
            ("names", count(&self.names)),
            ("logs", count(&self.logs)),
            ("locks", self.free_locks.len() + self.busy.len()),
            ("processes", self.processes.len()),
        ]
    }
}

/// Reads a domain's XML.
pub fn domain_facts(uuid: Uuid, name: &str, xml: &str) -> Result<DomainFacts> {
    let domain = DomainDefinition::parse(xml).map_err(|e| e.within(format!("cannot read the XML of domain {uuid}")))?;
    Ok(DomainFacts {
        uuid,
        name: name.to_owned(),
        record: record_in_domain(&domain).filter(|r| r.uuid == uuid),
        macs: domain.interfaces.iter().filter_map(InterfaceDefinition::mac).collect(),
        disks: domain.disk_paths().map(str::to_owned).collect(),
        filters: domain.interfaces.into_iter().filter_map(|i| i.filter).collect(),
    })
}
