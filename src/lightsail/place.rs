//! Regions, zones, and the names of resources among all there are.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::{
    fault::{Answer, Fault},
    wire::Location,
};
use crate::model::escaped;

/// Where a request is about, and by which number this host is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The region.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

impl Place {
    /// The zone of the region.
    pub fn zone(&self) -> String {
        format!("{}a", self.region)
    }

    /// Refused for another zone than that of the region.
    ///
    /// # Errors
    /// It is another.
    pub fn check_zone(&self, zone: &str) -> Answer<()> {
        if zone == self.zone() {
            return Ok(());
        }
        let tip = format!("the zone of region `{}` is `{}`", self.region, self.zone());
        Err(Fault::invalid(format!("there is no zone `{}` here", escaped(zone))).tip(tip))
    }

    /// Where what runs in the zone is.
    pub fn in_zone(&self) -> Location {
        Location { availability_zone: self.zone(), region_name: self.region.clone() }
    }

    /// Where what belongs to no zone is.
    pub fn everywhere(&self) -> Location {
        Location { availability_zone: "all".to_owned(), region_name: self.region.clone() }
    }

    /// The name of a resource among all there are.
    pub fn arn(&self, kind: &str, id: Uuid) -> String {
        format!("arn:aws:lightsail:{}:{}:{kind}/{id}", self.region, self.account)
    }

    /// What whoever is asked about a resource is told.
    pub fn support_code(&self, id: Uuid) -> String {
        format!("{}/{id}", self.account)
    }
}

/// The id of a resource that a view tells no id of: another one of the same name has another.
pub fn id_of(kind: &str, name: &str, created_at: Timestamp) -> Uuid {
    let digest = Sha256::digest(format!("{kind}\n{name}\n{}", created_at.as_microsecond()));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}
