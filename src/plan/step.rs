//! The steps of an operation. A step means "make sure it is present" or "make sure it is absent": both repeatable.
//!
//! Steps are data without secrets: they lie in the journal, and undo needs nothing else.

mod journalled;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::owned::{Object, OwnedKind};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step", from = "journalled::Journalled")]
#[expect(missing_docs, reason = "the fields are libvirt's: uuids, names, XML")]
pub enum Step {
    /// The thing is there, as its XML says; the content of a volume is not in the journal.
    Ensure { kind: OwnedKind, object: Object, xml: String },
    /// The thing is gone.
    Remove { object: Object },
    /// The domain runs for the first time, the link of its interface down.
    StartUnlinked { uuid: Uuid, xml: String },
    /// The running domain is filtered, then the link is up: the interface's XML of both.
    LinkUp { uuid: Uuid, interfaces: [String; 2] },
    /// The domain has this name.
    Rename { uuid: Uuid, name: String },
    /// The domain runs.
    Start { uuid: Uuid },
    /// The domain does not run.
    Destroy { uuid: Uuid },
}

impl Step {
    /// The step that makes it as if this one had never been.
    pub fn undo(&self) -> Option<Self> {
        match self {
            Self::Ensure { object, .. } => Some(Self::Remove { object: object.clone() }),
            Self::StartUnlinked { uuid, .. } | Self::Start { uuid } => Some(Self::Destroy { uuid: *uuid }),
            Self::LinkUp { .. } | Self::Rename { .. } | Self::Destroy { .. } | Self::Remove { .. } => None,
        }
    }

    /// libvirt does it for one client at a time: what starts or stops a guest installs or removes its filter.
    pub fn is_serialised(&self) -> bool {
        match self {
            Self::Ensure { object, .. } | Self::Remove { object } => object.is_serialised(),
            Self::StartUnlinked { .. } | Self::LinkUp { .. } | Self::Start { .. } | Self::Destroy { .. } => true,
            Self::Rename { .. } => false,
        }
    }

    /// What it is about, for messages: "root disk `lite-web-1-….qcow2`".
    pub fn subject(&self) -> String {
        match self {
            Self::Ensure { kind, object, .. } => kind.subject(object),
            Self::Remove { object } => object.subject(),
            Self::LinkUp { uuid, .. } => format!("network of domain {uuid}"),
            Self::StartUnlinked { uuid, .. } | Self::Start { uuid } => format!("start of domain {uuid}"),
            Self::Rename { uuid, .. } => format!("name of domain {uuid}"),
            Self::Destroy { uuid } => format!("power of domain {uuid}"),
        }
    }
}
