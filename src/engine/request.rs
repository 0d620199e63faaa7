//! What a create is asked for.

use std::{collections::BTreeMap, time::Duration};

use super::manifest::{ExportedDisk, ExportedSecret};
use crate::{
    catalog::{Blueprint, Bundle},
    image::Image,
    model::{Asked, Job, Name, NetworkMode, Size, Snapshot, Tag},
    render::{Former, StaticAddress, UserData},
};

/// Which image an instance's disk is to lie on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageChoice {
    /// That with the memory of a machine of its kind, which it goes on from; where there is none, or another one is needed, as `Baked`.
    Warm,
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
    /// A file that was exported. Its disks come with the run.
    Export(Box<Brought>),
}

/// What an export brings beside the bytes of its disks.
#[derive(Debug, Clone)]
pub struct Brought {
    /// What its instance was called, and where it was.
    pub former: Former,
    /// The passwords in it.
    pub secrets: Vec<ExportedSecret>,
    /// The disks that its instance was given.
    pub disks: Vec<ExportedDisk>,
}

impl CopyOf {
    /// The snapshot, where it is one.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        match self {
            Self::Snapshot(snapshot) => Some(snapshot),
            Self::Export(_) => None,
        }
    }

    /// What the instance was called, and where it was.
    pub fn former(&self) -> Former {
        match self {
            Self::Snapshot(snapshot) => Former::from(&snapshot.record),
            Self::Export(brought) => brought.former.clone(),
        }
    }

    /// The disks that come along, beside the root disk.
    pub fn disks(&self) -> &[ExportedDisk] {
        match self {
            Self::Snapshot(_) => &[],
            Self::Export(brought) => &brought.disks,
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
    /// The job that it is the machine of.
    pub job: Option<Job>,
    /// How the API was asked for it.
    pub asked: Option<Asked>,
    /// The caller's own id, for safe retries.
    pub request_id: Option<String>,
    /// Digest of everything asked for, behind the version of its form and `:`.
    pub arguments: String,
}

impl Request {
    /// One for a machine that is waited for, with nothing but this.
    pub fn plain(blueprint: Blueprint, bundle: Bundle, (base, image): (&str, ImageChoice), timeout: Duration) -> Self {
        Self {
            blueprint,
            bundle,
            base: base.to_owned(),
            image,
            copy_of: None,
            parameters: BTreeMap::new(),
            name: None,
            ssh_keys: Vec::new(),
            user_data: None,
            tags: Vec::new(),
            network: NetworkMode::Nat,
            address: None,
            timeout,
            wait: true,
            job: None,
            asked: None,
            request_id: None,
            arguments: String::new(),
        }
    }

    /// The same on an image that is there.
    pub fn on(image: &Image, blueprint: Blueprint, bundle: Bundle, timeout: Duration) -> Self {
        Self::plain(blueprint, bundle, (&image.id, ImageChoice::Given(Box::new(image.clone()))), timeout)
    }

    /// The disks that come along, beside the root disk.
    pub fn disks(&self) -> &[ExportedDisk] {
        self.copy_of.as_ref().map_or(&[], CopyOf::disks)
    }

    /// The bundle with the size of all disks that are promised.
    pub fn promised(&self) -> Bundle {
        let disks = self.disks().iter().map(|disk| disk.size.as_bytes());
        let all = disks.fold(self.bundle.disk.as_bytes(), u64::saturating_add);
        Bundle { disk: Size::bytes(all), ..self.bundle.clone() }
    }
}
