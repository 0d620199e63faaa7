//! The virtual machine. libvirt knows it by its uuid, which is the instance's id; its name is the instance's, and anybody's
//! domain may have such a name: the record in its metadata and its disk in our pool make it ours.

use uuid::Uuid;

use super::super::{
    description::{Class, Description, Sources},
    name::Owner,
    object::{Namespace, Object},
    place::Place,
};
use crate::{
    model::{Record, Result},
    plan::{domain::domain_xml, parts::DomainPlan},
};

pub(super) struct Domain;

impl Description for Domain {
    fn noun(&self) -> &'static str {
        "domain"
    }

    fn class(&self) -> Class {
        Class::Domain
    }

    fn namespace(&self) -> Namespace {
        Namespace::Domain
    }

    fn name(&self, _: Owner<'_>) -> Option<String> {
        None
    }

    fn owner_in(&self, _: &str) -> Option<Uuid> {
        None
    }

    fn object(&self, record: &Record, _: Place<'_>) -> Option<Object> {
        Some(Object::Domain { uuid: record.uuid })
    }

    fn definition(&self, plan: &DomainPlan<'_>, _: &Sources<'_>) -> Result<Option<String>> {
        domain_xml(plan).map(Some)
    }

    fn removal(&self, record: &Record) -> Option<String> {
        Some(format!("virtual machine `{}`", record.name))
    }
}
