//! The network filter that an earlier lite gave an instance. Today its rules are in lite's own tables (`plan::ruleset`).

use uuid::Uuid;

use super::super::{
    description::{Class, Description},
    name::{self, Owner},
    object::Namespace,
};
use crate::model::Record;

pub(super) struct Filter;

impl Description for Filter {
    fn noun(&self) -> &'static str {
        "network filter"
    }

    fn word(&self) -> &'static str {
        "filter"
    }

    fn class(&self) -> Class {
        Class::Former
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

    fn removal(&self, _: &Record) -> Option<String> {
        None
    }
}
