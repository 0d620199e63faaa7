//! The steps of an operation. A step means "make sure it is present" or "make sure it is absent": both repeatable.
//!
//! Steps are data without secrets: they lie in the journal, and undo needs nothing else.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    domain::{DomainPlan, connect_xml, domain_xml, launch_xml},
    filter::filter_xml,
    names::Resources,
    storage::{overlay_xml, seed_xml},
};
use crate::model::{DhcpHost, Paths, Record, Result};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
#[expect(missing_docs, reason = "the fields are libvirt's: pool and volume names, uuids, XML")]
pub enum Step {
    /// The network filter is there.
    Filter { name: String, xml: String },
    /// The address is kept for the hardware address.
    DhcpHost { network: String, host: DhcpHost },
    /// The root disk is there.
    RootVolume { pool: String, name: String, xml: String },
    /// The seed is there and filled; its content is not in the journal.
    SeedVolume { pool: String, name: String, xml: String },
    /// The domain is defined.
    Domain { uuid: Uuid, xml: String },
    /// The domain runs for the first time, its network cable out.
    Launch { uuid: Uuid, xml: String },
    /// The running domain is filtered, then its cable is in: the interface's XML of both.
    Connect { uuid: Uuid, interfaces: [String; 2] },
    /// The domain has this name.
    Rename { uuid: Uuid, name: String },
    /// The domain runs.
    Start { uuid: Uuid },
    /// The domain does not run.
    Destroy { uuid: Uuid },
    /// The domain is not defined.
    RemoveDomain { uuid: Uuid },
    /// The volume is gone.
    RemoveVolume { pool: String, name: String },
    /// The address is free.
    RemoveDhcpHost { network: String, host: DhcpHost },
    /// The filter is gone.
    RemoveFilter { name: String },
    /// The log files are gone.
    RemoveLogs { files: Vec<String> },
}

impl Step {
    /// The step that makes it as if this one had never been.
    pub fn undo(&self) -> Option<Self> {
        match self {
            Self::Filter { name, .. } => Some(Self::RemoveFilter { name: name.clone() }),
            Self::DhcpHost { network, host } => {
                Some(Self::RemoveDhcpHost { network: network.clone(), host: host.clone() })
            }
            Self::RootVolume { pool, name, .. } | Self::SeedVolume { pool, name, .. } => {
                Some(Self::RemoveVolume { pool: pool.clone(), name: name.clone() })
            }
            Self::Domain { uuid, .. } => Some(Self::RemoveDomain { uuid: *uuid }),
            Self::Launch { uuid, .. } | Self::Start { uuid } => Some(Self::Destroy { uuid: *uuid }),
            _ => None,
        }
    }

    /// libvirt does it for one client at a time: what starts or stops a guest installs or removes its filter, and an
    /// address makes it write its firewall anew.
    pub fn takes_turns(&self) -> bool {
        matches!(
            self,
            Self::Launch { .. }
                | Self::Connect { .. }
                | Self::Start { .. }
                | Self::Destroy { .. }
                | Self::DhcpHost { .. }
                | Self::RemoveDhcpHost { .. }
        )
    }

    /// What it is about, for messages: "root disk `lite-web-1-….qcow2`".
    pub fn subject(&self) -> String {
        match self {
            Self::Filter { name, .. } | Self::RemoveFilter { name } => format!("network filter `{name}`"),
            Self::DhcpHost { host, .. } | Self::RemoveDhcpHost { host, .. } => {
                format!("address {} for {}", host.address, host.mac)
            }
            Self::RootVolume { name, .. } => format!("root disk `{name}`"),
            Self::SeedVolume { name, .. } => format!("seed `{name}`"),
            Self::RemoveVolume { name, .. } => format!("volume `{name}`"),
            Self::Domain { uuid, .. } | Self::RemoveDomain { uuid } => format!("domain {uuid}"),
            Self::Connect { uuid, .. } => format!("network of domain {uuid}"),
            Self::Launch { uuid, .. } | Self::Start { uuid } => format!("start of domain {uuid}"),
            Self::Rename { uuid, .. } => format!("name of domain {uuid}"),
            Self::Destroy { uuid } => format!("power of domain {uuid}"),
            Self::RemoveLogs { .. } => "log files".to_owned(),
        }
    }
}

/// The steps of create, in order.
pub fn create(plan: &DomainPlan<'_>, pool: &str, image_path: &str, seed_bytes: u64) -> Result<Vec<Step>> {
    let (record, resources) = (plan.record, plan.resources);
    let mut steps = vec![Step::Filter {
        name: resources.filter.clone(),
        xml: filter_xml(&resources.filter, record.uuid, &record.ports)?,
    }];
    steps.push(Step::RootVolume {
        pool: pool.to_owned(),
        name: resources.root.clone(),
        xml: overlay_xml(&resources.root, record.disk, image_path)?,
    });
    steps.push(Step::SeedVolume {
        pool: pool.to_owned(),
        name: resources.seed.clone(),
        xml: seed_xml(&resources.seed, seed_bytes)?,
    });
    steps.push(Step::Domain { uuid: record.uuid, xml: domain_xml(plan)? });
    steps.push(Step::Launch { uuid: record.uuid, xml: launch_xml(plan)? });
    // libvirt takes its time for the address and the filter: the guest's firmware runs meanwhile, unplugged.
    steps.extend(dhcp_host(record).map(|host| Step::DhcpHost { network: plan.network.to_owned(), host }));
    steps.push(Step::Connect { uuid: record.uuid, interfaces: connect_xml(plan)? });
    Ok(steps)
}

/// The steps that put a domain back as it was recorded, on disks that are there.
pub fn redefine(plan: &DomainPlan<'_>) -> Result<Vec<Step>> {
    let (record, resources) = (plan.record, plan.resources);
    let mut steps = vec![Step::Filter {
        name: resources.filter.clone(),
        xml: filter_xml(&resources.filter, record.uuid, &record.ports)?,
    }];
    steps.extend(dhcp_host(record).map(|host| Step::DhcpHost { network: plan.network.to_owned(), host }));
    steps.push(Step::Domain { uuid: record.uuid, xml: domain_xml(plan)? });
    Ok(steps)
}

/// The steps of delete, in order; what cannot be taken back comes last.
pub fn delete(record: &Record, pool: &str, network: &str, paths: &Paths) -> Vec<Step> {
    let resources = Resources::of(&record.name, record.uuid, paths);
    let mut steps = vec![Step::Destroy { uuid: record.uuid }, Step::RemoveDomain { uuid: record.uuid }];
    steps.extend(dhcp_host(record).map(|host| Step::RemoveDhcpHost { network: network.to_owned(), host }));
    steps.push(Step::RemoveFilter { name: resources.filter });
    for name in [resources.seed, resources.root] {
        steps.push(Step::RemoveVolume { pool: pool.to_owned(), name });
    }
    steps.push(Step::RemoveLogs { files: vec![resources.console_log, resources.report_log] });
    steps
}

fn dhcp_host(record: &Record) -> Option<DhcpHost> {
    record.address.map(|address| DhcpHost { mac: record.mac, address, name: record.name.to_string() })
}
