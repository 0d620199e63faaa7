//! The record of an instance to be.

use std::net::{Ipv4Addr, Ipv6Addr};

use uuid::Uuid;

use crate::{
    catalog::{Blueprint, Bundle},
    model::{Mac, Name, NetworkMode, Record, Rule, Tag},
};

/// What was chosen for an instance.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// The blueprint.
    pub blueprint: &'a Blueprint,
    /// The bundle.
    pub bundle: &'a Bundle,
    /// Base image id.
    pub base: &'a str,
    /// The network.
    pub network: &'a NetworkMode,
    /// Tags.
    pub tags: &'a [Tag],
}

/// What tells an instance from all others.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its name.
    pub name: Name,
    /// Its id.
    pub uuid: Uuid,
    /// Its hardware address.
    pub mac: Mac,
    /// Its own address; none on a bridge where none was stated.
    pub address: Option<Ipv4Addr>,
    /// Its own IPv6 address; none where the network has none.
    pub address6: Option<Ipv6Addr>,
    /// When its create was asked for.
    pub created_at: jiff::Timestamp,
}

impl Chosen<'_> {
    /// The record of the instance; its image is not known yet.
    pub fn record(&self, identity: Identity) -> Record {
        let (blueprint, bundle) = (self.blueprint, self.bundle);
        Record {
            name: identity.name,
            made_as: None,
            seed_id: None,
            root_disk: None,
            lies_on: None,
            uuid: identity.uuid,
            blueprint: blueprint.id.clone(),
            blueprint_version: blueprint.version.clone(),
            base: self.base.to_owned(),
            image_digest: String::new(),
            bundle: bundle.id.clone(),
            vcpus: bundle.vcpus,
            memory: bundle.memory,
            disk: bundle.disk,
            scratch_disk: None,
            disks: Vec::new(),
            transfer: bundle.transfer,
            price: bundle.price,
            currency: bundle.currency.clone(),
            mac: identity.mac,
            address: identity.address,
            address6: identity.address6,
            network: self.network.clone(),
            ports: blueprint.ports.clone(),
            firewall: Some(Rule::first(&blueprint.ports)),
            published: Vec::new(),
            sites: Vec::new(),
            tags: self.tags.to_vec(),
            created_at: identity.created_at,
            asked: None,
            trusts_authority: false,
            kept: None,
        }
    }
}
