//! The address that the network keeps for an instance. It has no name: the journal tells whose it is.

use uuid::Uuid;

use super::super::{
    description::{Attachment, Class, Description, Sources},
    name::Owner,
    object::{Namespace, Object},
    place::Place,
};
use crate::{
    model::{self, NetworkMode, Record, Result},
    plan::parts::DomainPlan,
};

pub(super) struct DhcpHost;

impl Description for DhcpHost {
    fn noun(&self) -> &'static str {
        "address"
    }

    fn class(&self) -> Class {
        Class::Definition
    }

    fn namespace(&self) -> Namespace {
        Namespace::DhcpHost
    }

    fn name(&self, _: Owner<'_>) -> Option<String> {
        None
    }

    fn owner_in(&self, _: &str) -> Option<Uuid> {
        None
    }

    /// None on a bridge, where the LAN gives out the addresses.
    fn object(&self, record: &Record, place: Place<'_>) -> Option<Object> {
        let address = record.address.filter(|_| record.network == NetworkMode::Nat)?;
        let host = model::DhcpHost { mac: record.mac, address, name: record.name.to_string() };
        Some(Object::DhcpHost { network: place.network.to_owned(), host })
    }

    fn definition(&self, _: &DomainPlan<'_>, _: &Sources<'_>) -> Result<Option<String>> {
        Ok(Some(String::new()))
    }

    fn is_made_late(&self) -> bool {
        true
    }

    fn attachment(&self) -> Attachment {
        Attachment::Interface
    }

    fn removal(&self, record: &Record) -> Option<String> {
        record.address.map(|address| format!("{} {address}", self.noun()))
    }
}
