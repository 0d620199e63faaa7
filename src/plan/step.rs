//! The steps of an operation. A step means "make sure it is present" or "make sure it is absent": both repeatable.
//!
//! Steps are data without secrets: they lie in the journal, and undo needs nothing else.

mod journalled;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::owned::{Object, OwnedKind};
use crate::model::{ForwardMode, Tap};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step", from = "journalled::Journalled")]
#[expect(missing_docs, reason = "the fields are libvirt's: uuids, names, XML")]
pub enum Step {
    /// The thing is there, as its XML says; the content of a volume is not in the journal.
    Ensure { kind: OwnedKind, object: Object, xml: String },
    /// The volume is there, with the content of another one of its pool.
    Clone { kind: OwnedKind, object: Object, from: String, xml: String },
    /// The thing is gone.
    Remove { object: Object },
    /// The domain runs, without its network: the first half of a start by an earlier lite. Only its undo is left.
    StartUnlinked { uuid: Uuid },
    /// The domain has this name.
    Rename { uuid: Uuid, name: String },
    /// The domain has the definition `to`; `from` is the one that it had.
    Redefine { uuid: Uuid, from: String, to: String },
    /// The volume has so many bytes, for the guest too where the domain runs. It never gets fewer.
    Grow { pool: String, volume: String, domain: Option<Uuid>, bytes: u64 },
    /// The domain runs, behind the rules of the firewall.
    Start { uuid: Uuid },
    /// The domain goes on, paused and without its network, from the memory in this file; the rules of the firewall are there.
    Restore { uuid: Uuid, path: String },
    /// The guest that went on from saved memory knows who it is; what it is told is not in the journal.
    Identify { uuid: Uuid },
    /// The card of the domain has its link: as `Start`, it stands from here on.
    Plug { uuid: Uuid, xml: String },
    /// The domain does not run.
    Destroy { uuid: Uuid },
    /// The domain runs paused, as `xml` says for this one run.
    StartPaused { uuid: Uuid, xml: String },
    /// The domain does not run paused.
    EndPaused { uuid: Uuid },
    /// The disk is being mirrored to the copy, which holds all that the disk holds.
    Copy { uuid: Uuid, copy: DiskCopy, xml: String },
    /// The disk is not mirrored to the copy.
    EndCopy { uuid: Uuid, copy: DiskCopy },
    /// The guest's file systems are frozen.
    Freeze { uuid: Uuid },
    /// The guest's file systems are not frozen.
    Thaw { uuid: Uuid },
    /// The domain that ran is paused.
    Suspend { uuid: Uuid },
    /// The domain is not paused any more.
    Resume { uuid: Uuid },
    /// The copies are whole, of one moment, and mirrored to no more.
    Cut { uuid: Uuid, copies: Vec<DiskCopy> },
    /// The guest is being changed by an upgrade; the way back is this snapshot.
    Upgrade { uuid: Uuid, snapshot: Uuid },
    /// The network forwards in this mode, with these links on its bridge; `before` is the definition that it had.
    MoveNetwork { name: String, mode: ForwardMode, before: String, links: Vec<Tap> },
    /// The network has this definition again, with these links on its bridge.
    RestoreNetwork { name: String, xml: String, links: Vec<Tap> },
}

/// A copy of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskCopy {
    /// The disk's device, such as `vda`.
    pub device: String,
    /// The path of the copy.
    pub path: String,
}

impl Step {
    /// The step that makes it as if this one had never been.
    pub fn undo(&self) -> Option<Self> {
        match self {
            Self::Ensure { object, .. } | Self::Clone { object, .. } => Some(Self::Remove { object: object.clone() }),
            Self::StartUnlinked { uuid } | Self::Start { uuid } | Self::Restore { uuid, .. } => {
                Some(Self::Destroy { uuid: *uuid })
            }
            Self::Redefine { uuid, from, to } => {
                Some(Self::Redefine { uuid: *uuid, from: to.clone(), to: from.clone() })
            }
            Self::StartPaused { uuid, .. } => Some(Self::EndPaused { uuid: *uuid }),
            Self::Copy { uuid, copy, .. } => Some(Self::EndCopy { uuid: *uuid, copy: copy.clone() }),
            Self::Freeze { uuid } => Some(Self::Thaw { uuid: *uuid }),
            Self::Suspend { uuid } => Some(Self::Resume { uuid: *uuid }),
            Self::MoveNetwork { name, before, links, .. } => {
                Some(Self::RestoreNetwork { name: name.clone(), xml: before.clone(), links: links.clone() })
            }
            Self::Rename { .. }
            | Self::Grow { .. }
            | Self::Identify { .. }
            | Self::Plug { .. }
            | Self::Destroy { .. }
            | Self::Remove { .. }
            | Self::EndPaused { .. }
            | Self::EndCopy { .. }
            | Self::Thaw { .. }
            | Self::Resume { .. }
            | Self::Cut { .. }
            | Self::Upgrade { .. }
            | Self::RestoreNetwork { .. } => None,
        }
    }

    /// libvirt does it for a few clients at a time.
    pub fn is_serialised(&self) -> bool {
        match self {
            Self::Ensure { object, .. } | Self::Remove { object } => object.is_serialised(),
            Self::StartUnlinked { .. }
            | Self::Start { .. }
            | Self::Restore { .. }
            | Self::StartPaused { .. }
            | Self::EndPaused { .. }
            | Self::Destroy { .. } => true,
            Self::Clone { .. }
            | Self::Identify { .. }
            | Self::Plug { .. }
            | Self::Rename { .. }
            | Self::Redefine { .. }
            | Self::Grow { .. }
            | Self::Copy { .. }
            | Self::EndCopy { .. }
            | Self::Freeze { .. }
            | Self::Thaw { .. }
            | Self::Suspend { .. }
            | Self::Resume { .. }
            | Self::Cut { .. }
            | Self::Upgrade { .. }
            | Self::MoveNetwork { .. }
            | Self::RestoreNetwork { .. } => false,
        }
    }

    /// What it is about, for messages: "root disk `lite-web-1-….qcow2`".
    pub fn subject(&self) -> String {
        match self {
            Self::Ensure { kind, object, .. } | Self::Clone { kind, object, .. } => kind.subject(object),
            Self::Remove { object } => object.subject(),
            Self::StartUnlinked { uuid }
            | Self::Start { uuid }
            | Self::StartPaused { uuid, .. }
            | Self::Restore { uuid, .. } => format!("start of domain {uuid}"),
            Self::Identify { uuid } => format!("identity of the guest of domain {uuid}"),
            Self::Plug { uuid, .. } => format!("link of domain {uuid}"),
            Self::Copy { uuid, copy, .. } => format!("copy of disk `{}` of domain {uuid}", copy.device),
            Self::EndCopy { uuid, copy } => format!("end of the copy of disk `{}` of domain {uuid}", copy.device),
            Self::Freeze { uuid } => format!("freeze of the guest of domain {uuid}"),
            Self::Thaw { uuid } => format!("thaw of the guest of domain {uuid}"),
            Self::Suspend { uuid } => format!("pause of domain {uuid}"),
            Self::Resume { uuid } => format!("resume of domain {uuid}"),
            Self::Cut { uuid, .. } => format!("end of the copies of domain {uuid}"),
            Self::Upgrade { uuid, .. } => format!("upgrade of the guest of domain {uuid}"),
            Self::Rename { uuid, .. } => format!("name of domain {uuid}"),
            Self::Redefine { uuid, .. } => format!("definition of domain {uuid}"),
            Self::Grow { volume, .. } => format!("growth of volume `{volume}`"),
            Self::Destroy { uuid } | Self::EndPaused { uuid } => format!("power of domain {uuid}"),
            Self::MoveNetwork { name, mode, .. } => format!("move of network `{name}` to mode `{mode}`"),
            Self::RestoreNetwork { name, .. } => format!("old definition of network `{name}`"),
        }
    }
}
