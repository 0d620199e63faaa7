//! Static addresses: an address that is kept by name, and leads whole to one instance after the other.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Name;

/// A static address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticIp {
    /// Its name.
    pub name: Name,
    /// The address: one of the host's own, or one of the NAT network that no guest has.
    pub address: Ipv4Addr,
    /// The instance that it leads to; none: it is kept.
    pub instance: Option<Uuid>,
    /// When it was allocated.
    pub created_at: jiff::Timestamp,
}
