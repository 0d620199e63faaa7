//! A second disk of an instance, empty when it is made. No verb asks for one yet: an instance has one if its record says so.

use super::super::{
    description::{Attachment, Class, Description, Sources},
    name::{self, Owner},
    object::Namespace,
};
use crate::{
    model::{Record, Result},
    plan::{
        owned::{object::Object, place::Place},
        parts::{DiskPlace, DiskPort, DomainPlan, Slot},
        storage::empty_xml,
    },
};

const SUFFIX: &str = ".scratch.qcow2";

pub(super) struct ScratchDisk;

impl Description for ScratchDisk {
    fn noun(&self) -> &'static str {
        "scratch disk"
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

    fn object(&self, record: &Record, place: Place<'_>) -> Option<Object> {
        record.scratch_disk?;
        self.namespace().named(name::volume(Owner::of(record), SUFFIX), place)
    }

    fn definition(&self, plan: &DomainPlan<'_>, _: &Sources<'_>) -> Result<Option<String>> {
        let name = name::volume(Owner::of(plan.record), SUFFIX);
        plan.record.scratch_disk.map(|size| empty_xml(&name, size)).transpose()
    }

    fn attachment(&self) -> Attachment {
        Attachment::Disk(DiskPort {
            device: "vdc",
            place: DiskPlace::Slot(Slot::SCRATCH_DISK),
            is_qcow2: true,
            is_read_only: false,
        })
    }

    fn removal(&self, record: &Record) -> Option<String> {
        let name = name::volume(Owner::of(record), SUFFIX);
        record.scratch_disk.map(|size| format!("{} `{name}` ({size}) and its data", self.noun()))
    }
}
