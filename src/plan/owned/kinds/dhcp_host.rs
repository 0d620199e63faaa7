//! The address that an earlier lite had the network keep for an instance; today a guest sets its own, and none is kept. It has
//! no name: the journal tells whose it is.

use uuid::Uuid;

use super::super::{
    description::{Class, Description},
    name::Owner,
    object::{Namespace, Object},
    place::Place,
};
use crate::model::{self, NetworkMode, Record};

pub(super) struct DhcpHost;

impl Description for DhcpHost {
    fn noun(&self) -> &'static str {
        "address"
    }

    fn class(&self) -> Class {
        Class::Former
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

    fn removal(&self, _: &Record) -> Option<String> {
        None
    }
}
