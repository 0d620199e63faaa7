//! What is published of an instance.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::SiteView;
use crate::model::{ApplicationUrl, Name, Publication, is_behind_router};

/// The ports of the host that lead to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedView {
    /// The instance.
    pub name: String,
    /// What leads to it.
    pub published: Vec<Publication>,
    /// Domains that lead to it.
    pub sites: Vec<SiteView>,
    /// What was published just now, and the instance does not answer at: nothing listens there yet, or it is off.
    pub unanswered: Vec<Publication>,
    /// Whether its application is configured for the domain; none: no domain came or went.
    pub application_url: Option<ApplicationUrl>,
    /// The host's address on the way to the world, if it is known.
    pub host_address: Option<Ipv4Addr>,
}

impl PublishedView {
    /// What leads to an instance, on a host with this address on the way to the world.
    pub fn new(name: &Name, published: Vec<Publication>, host_address: Option<Ipv4Addr>) -> Self {
        let sites = Vec::new();
        Self { name: name.to_string(), published, sites, unanswered: Vec::new(), application_url: None, host_address }
    }

    /// Whether the world has to come through a router that translates addresses.
    pub fn is_behind_router(&self) -> bool {
        self.host_address.is_some_and(is_behind_router)
    }
}
