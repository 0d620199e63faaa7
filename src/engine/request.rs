//! What a create is asked for.

use std::{collections::BTreeMap, time::Duration};

use super::manifest::ExportedSecret;
use crate::{
    catalog::{Blueprint, Bundle},
    image::Image,
    model::{Name, NetworkMode, Snapshot, Tag},
    render::{Former, StaticAddress, UserData},
};

/// Which image an instance's disk is to lie on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageChoice {
    /// The one that was baked of the same parts; where there is none, the base image.
    Baked,
    /// The base image, built or downloaded where it is not there yet.
    Base,
    /// This one.
    Given(Box<Image>),
}

/// What a new instance has its disk and its passwords of, in place of a blueprint alone.
#[derive(Debug, Clone)]
pub enum CopyOf {
    /// A snapshot of this host.
    Snapshot(Box<Snapshot>),
    /// A file that was exported, with what its instance was called and the passwords in it. The disk comes with the run.
    Export(Former, Vec<ExportedSecret>),
}

impl CopyOf {
    /// The snapshot, where it is one.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        match self {
            Self::Snapshot(snapshot) => Some(snapshot),
            Self::Export(..) => None,
        }
    }

    /// What the instance was called, and where it was.
    pub fn former(&self) -> Former {
        match self {
            Self::Snapshot(snapshot) => Former::from(&snapshot.record),
            Self::Export(former, _) => former.clone(),
        }
    }
}

/// What is asked for; every value is checked already.
#[derive(Debug, Clone)]
pub struct Request {
    /// The blueprint.
    pub blueprint: Blueprint,
    /// The bundle.
    pub bundle: Bundle,
    /// Base image id.
    pub base: String,
    /// Which image of that base.
    pub image: ImageChoice,
    /// Whose disk it is to have; none: an empty one.
    pub copy_of: Option<CopyOf>,
    /// All parameters.
    pub parameters: BTreeMap<String, String>,
    /// Wanted name; none: the first free `BLUEPRINT-N`.
    pub name: Option<Name>,
    /// Public keys allowed to log in.
    pub ssh_keys: Vec<String>,
    /// The user's own user-data.
    pub user_data: Option<UserData>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Network.
    pub network: NetworkMode,
    /// Its address on a bridge; none: what the network gives it.
    pub address: Option<StaticAddress>,
    /// How long all of it may take until the application answers.
    pub timeout: Duration,
    /// Wait until the application answers.
    pub wait: bool,
    /// The caller's own id, for safe retries.
    pub request_id: Option<String>,
    /// Digest of everything asked for, behind the version of its form and `:`.
    pub arguments: String,
}
