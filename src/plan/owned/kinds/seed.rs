//! The seed: cloud-init's documents on a small read-only disk.

use super::super::{
    description::{Attachment, Class, Description, Sources},
    name::{self, Owner},
    object::Namespace,
};
use crate::{
    model::{Record, Result},
    plan::{
        parts::{DiskPlace, DiskPort, DomainPlan, Slot},
        storage::seed_xml,
    },
};

const SUFFIX: &str = ".seed.iso";

pub(super) struct Seed;

/// The name of the seed's volume.
pub fn seed(record: &Record) -> String {
    name::volume(Owner::of(record), SUFFIX)
}

impl Description for Seed {
    fn noun(&self) -> &'static str {
        "seed"
    }

    fn class(&self) -> Class {
        Class::Data
    }

    fn namespace(&self) -> Namespace {
        Namespace::Volume
    }

    fn volume_suffix(&self) -> Option<&'static str> {
        Some(SUFFIX)
    }

    fn definition(&self, plan: &DomainPlan<'_>, sources: &Sources<'_>) -> Result<Option<String>> {
        let Some(bytes) = sources.seed_bytes else { return Ok(None) };
        seed_xml(&seed(plan.record), bytes).map(Some)
    }

    /// A virtio disk, not a CD-ROM: Debian's cloud kernel has no AHCI driver.
    fn attachment(&self) -> Attachment {
        Attachment::Disk(DiskPort {
            device: "vdb",
            place: DiskPlace::Slot(Slot::SEED),
            is_qcow2: false,
            is_read_only: true,
        })
    }

    fn removal(&self, record: &Record) -> Option<String> {
        Some(format!("{} `{}`", self.noun(), seed(record)))
    }
}
