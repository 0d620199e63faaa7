//! The lock file of whoever works on an instance. It comes and goes with the operations, not by their steps.

use uuid::Uuid;

use super::super::{
    description::{Class, Description},
    name::{self, Owner},
    object::{Namespace, Object},
    place::Place,
};
use crate::model::Record;

const SUFFIX: &str = ".lock";

pub(super) struct Lock;

impl Description for Lock {
    fn noun(&self) -> &'static str {
        "lock file"
    }

    fn class(&self) -> Class {
        Class::Lock
    }

    fn namespace(&self) -> Namespace {
        Namespace::Lock
    }

    fn name(&self, owner: Owner<'_>) -> Option<String> {
        Some(format!("{}{SUFFIX}", owner.id))
    }

    fn owner_in(&self, name: &str) -> Option<Uuid> {
        name::id_of(name.strip_suffix(SUFFIX)?)
    }

    fn object(&self, record: &Record, _: Place<'_>) -> Option<Object> {
        Some(Object::Lock { instance: record.uuid })
    }

    fn removal(&self, _: &Record) -> Option<String> {
        None
    }
}
