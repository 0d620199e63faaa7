//! One thing on the host, by what finds it there. What is done with it depends on this alone, not on its kind.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::place::Place;
use crate::model::DhcpHost;

/// A thing on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are libvirt's: pool and volume names, uuids")]
pub enum Object {
    /// A domain, by its uuid.
    Domain { uuid: Uuid },
    /// A volume of a pool.
    Volume { pool: String, name: String },
    /// A network filter.
    Filter { name: String },
    /// An address that a network keeps.
    DhcpHost { network: String, host: DhcpHost },
    /// Log files of a guest, by their paths, with all that virtlogd rotated.
    Logs { files: Vec<String> },
    /// The lock file of an instance.
    Lock { instance: Uuid },
}

/// Where things lie, and what their names are unique among.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// libvirt's domains.
    Domain,
    /// Volumes of our pool.
    Volume,
    /// libvirt's network filters.
    Filter,
    /// Addresses that our network keeps.
    DhcpHost,
    /// Files in the folder of the guests' logs.
    Log,
    /// Files in the folder of the locks.
    Lock,
}

impl Namespace {
    /// The thing of a name.
    pub(super) fn named(self, name: String, place: Place<'_>) -> Option<Object> {
        match self {
            // These are found by something else than a name.
            Self::Domain | Self::DhcpHost | Self::Lock => None,
            Self::Volume => Some(Object::Volume { pool: place.pool.to_owned(), name }),
            Self::Filter => Some(Object::Filter { name }),
            Self::Log => Some(Object::Logs { files: vec![place.logs.join(name).display().to_string()] }),
        }
    }
}

impl Object {
    /// Its name, if it is found by one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Volume { name, .. } | Self::Filter { name } => Some(name),
            Self::Domain { .. } | Self::DhcpHost { .. } | Self::Logs { .. } | Self::Lock { .. } => None,
        }
    }

    /// What it is, for messages, without its kind: "volume `lite-web-1-….qcow2`".
    pub fn subject(&self) -> String {
        match self {
            Self::Domain { uuid } => format!("domain {uuid}"),
            Self::Volume { name, .. } => format!("volume `{name}`"),
            Self::Filter { name } => format!("network filter `{name}`"),
            Self::DhcpHost { host, .. } => format!("address {} for {}", host.address, host.mac),
            Self::Logs { files } => match files.as_slice() {
                [file] => format!("log `{file}`"),
                _ => "log files".to_owned(),
            },
            Self::Lock { instance } => format!("lock file of instance {instance}"),
        }
    }

    /// libvirt removes it for one client at a time: without an address it writes its firewall anew.
    pub fn is_serialised(&self) -> bool {
        matches!(self, Self::DhcpHost { .. })
    }
}
