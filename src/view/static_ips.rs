//! `lite ip`.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::Serialize;

use super::row;

/// A static address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StaticIpRow {
    /// Name.
    pub name: String,
    /// The address.
    pub address: Ipv4Addr,
    /// The instance that it leads to.
    pub instance: Option<String>,
    /// When it was allocated.
    #[serde(serialize_with = "row::time")]
    pub created_at: Timestamp,
}

/// The document of every verb of `ip`.
#[derive(Debug, Serialize)]
pub struct StaticIpsDocument<'a> {
    /// The static addresses.
    pub static_ips: &'a [StaticIpRow],
}
