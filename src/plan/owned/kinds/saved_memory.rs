//! The memory that a new instance goes on from, while it does: a copy of that of a template, with a head of its own.

use super::super::{
    description::{Class, Description},
    name::{self, Owner},
    object::Namespace,
};
use crate::model::Record;

const SUFFIX: &str = ".memory.sav";

pub(super) struct SavedMemory;

/// The name of its volume.
pub fn saved_memory(record: &Record) -> String {
    name::volume(Owner::of(record), SUFFIX)
}

impl Description for SavedMemory {
    fn noun(&self) -> &'static str {
        "saved memory"
    }

    /// A create alone has it, and nobody misses it.
    fn class(&self) -> Class {
        Class::Former
    }

    fn namespace(&self) -> Namespace {
        Namespace::Volume
    }

    fn volume_suffix(&self) -> Option<&'static str> {
        Some(SUFFIX)
    }

    fn removal(&self, _: &Record) -> Option<String> {
        None
    }
}
