//! What there is to know of a kind of owned thing.

use uuid::Uuid;

use super::{
    name::{self, Owner},
    object::{Namespace, Object},
    place::Place,
};
use crate::{
    model::{Record, ResourceKind, Result},
    plan::parts::{DiskPort, DomainPlan},
};

/// What a thing is to its owner. From this follow the order of making and removing, and what its absence means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The virtual machine itself. It can be defined again from the record.
    Domain,
    /// What an earlier lite made beside the domain. No step makes it and nobody misses it; it goes with its owner.
    Former,
    /// Data: what is removed is lost.
    Data,
    /// A log. No step makes it; it comes with the running domain.
    Log,
    /// A file of lite's own, made and removed with the operations.
    Lock,
}

/// What there is to know of a kind.
pub trait Description: Sync {
    /// What people call one: "root disk".
    fn noun(&self) -> &'static str;

    /// What a difference of it is called.
    fn word(&self) -> &'static str {
        self.noun()
    }

    /// The kind of resource that owns one.
    fn owner_kind(&self) -> ResourceKind {
        ResourceKind::Instance
    }

    /// What it is to its owner.
    fn class(&self) -> Class;

    /// Where it lies, and what its name must be unique among.
    fn namespace(&self) -> Namespace;

    /// Of a volume, what its name ends in: the rest is the same for all kinds of volumes.
    fn volume_suffix(&self) -> Option<&'static str> {
        None
    }

    /// Its name for an owner; none if it has no name of its own.
    fn name(&self, owner: Owner<'_>) -> Option<String> {
        self.volume_suffix().map(|suffix| name::volume(owner, suffix))
    }

    /// The id of the owner in a name: the reverse of `name`. None for every name that `name` does not give.
    fn owner_in(&self, name: &str) -> Option<Uuid> {
        name::id_in_volume(name, self.volume_suffix()?)
    }

    /// Whether only a thing of this kind has such a name. If not, more must be known of an owner before the thing counts as
    /// its own.
    fn is_told_by_name(&self) -> bool {
        true
    }

    /// The thing that an instance owns; none if this instance has none.
    fn object(&self, record: &Record, place: Place<'_>) -> Option<Object> {
        self.namespace().named(self.name(Owner::of(record))?, place)
    }

    /// How libvirt is told to make it: XML, or an empty text if its object says all. None: nothing is to be made.
    ///
    /// # Errors
    /// `xml_error` if the description cannot be written.
    fn definition(&self, _: &DomainPlan<'_>, _: &Sources<'_>) -> Result<Option<String>> {
        Ok(None)
    }

    /// What the owner's domain has of it.
    fn attachment(&self) -> Attachment {
        Attachment::None
    }

    /// What a delete says that it removes; none if something else says it.
    fn removal(&self, record: &Record) -> Option<String>;
}

/// What data is made from. Without it no data is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sources<'a> {
    /// Path of the image that the root disk lies on.
    pub image_path: Option<&'a str>,
    /// Size of the seed, in bytes.
    pub seed_bytes: Option<u64>,
}

/// What the owner's domain has of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    /// Nothing.
    None,
    /// A volume, as a disk.
    Disk(DiskPort),
    /// A log, of its serial console.
    ConsoleLog,
    /// A log, of its guest's report channel.
    ReportLog,
}
