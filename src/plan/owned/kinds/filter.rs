//! The firewall of an instance: a network filter.

use uuid::Uuid;

use super::super::{
    description::{Attachment, Class, Description, Sources},
    name::{self, Owner},
    object::Namespace,
};
use crate::{
    model::{Record, Result},
    plan::{filter::filter_xml, parts::DomainPlan},
};

pub(super) struct Filter;

impl Description for Filter {
    fn noun(&self) -> &'static str {
        "network filter"
    }

    fn word(&self) -> &'static str {
        "filter"
    }

    fn class(&self) -> Class {
        Class::Definition
    }

    fn namespace(&self) -> Namespace {
        Namespace::Filter
    }

    fn name(&self, owner: Owner<'_>) -> Option<String> {
        Some(name::filter(owner))
    }

    fn owner_in(&self, name: &str) -> Option<Uuid> {
        name::id_in_filter(name)
    }

    fn definition(&self, plan: &DomainPlan<'_>, _: &Sources<'_>) -> Result<Option<String>> {
        let record = plan.record;
        filter_xml(&name::filter(Owner::of(record)), record.uuid, &record.ports).map(Some)
    }

    fn attachment(&self) -> Attachment {
        Attachment::Filter
    }

    fn removal(&self, record: &Record) -> Option<String> {
        Some(format!("{} `{}`", self.noun(), name::filter(Owner::of(record))))
    }
}
