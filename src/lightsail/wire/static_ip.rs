//! Static addresses.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{Location, Time};

/// What is about one static address.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfStaticIp {
    /// Its name.
    pub static_ip_name: String,
}

/// Static addresses.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StaticIps {
    /// Those of this page.
    pub static_ips: Vec<StaticIp>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// One static address.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OneStaticIp {
    /// It.
    pub static_ip: StaticIp,
}

/// A static address.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StaticIp {
    /// Its name.
    pub name: String,
    /// Its name among all there are.
    pub arn: String,
    /// For whoever is asked about it.
    pub support_code: String,
    /// When it was allocated.
    pub created_at: Time,
    /// Where it is.
    pub location: Location,
    /// `StaticIp`.
    pub resource_type: &'static str,
    /// The address.
    pub ip_address: Ipv4Addr,
    /// The instance that it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_to: Option<String>,
    /// It leads to one.
    pub is_attached: bool,
}

/// `AttachStaticIp`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachStaticIp {
    /// Its name.
    pub static_ip_name: String,
    /// Where it is to lead.
    pub instance_name: String,
}
