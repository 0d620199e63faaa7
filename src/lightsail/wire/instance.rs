//! Instances.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::{Disk, Location, PortInfo, Tag, Time};

/// What is about one instance.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfInstance {
    /// Its name.
    pub instance_name: String,
    /// With how it is.
    #[serde(default)]
    pub include_health_status: Option<bool>,
}

/// `GetInstances`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetInstances {
    /// Where the list goes on.
    pub page_token: Option<String>,
    /// With how they are.
    #[serde(default)]
    pub include_health_status: Option<bool>,
}

/// Instances.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Instances {
    /// Those of this page.
    pub instances: Vec<Instance>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// One instance.
#[derive(Debug, Serialize)]
pub struct OneInstance {
    /// It.
    pub instance: Instance,
}

/// How one instance stands.
#[derive(Debug, Serialize)]
pub struct OneState {
    /// It.
    pub state: State,
}

/// An instance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Its name among all there are.
    pub arn: String,
    /// For whoever is asked about it.
    pub support_code: String,
    /// When it was made.
    pub created_at: Time,
    /// Where it is.
    pub location: Location,
    /// `Instance`.
    pub resource_type: &'static str,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Its blueprint.
    pub blueprint_id: String,
    /// What that is called.
    pub blueprint_name: String,
    /// Its bundle.
    pub bundle_id: String,
    /// Whether its public address is static.
    pub is_static_ip: bool,
    /// Its own address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_ip_address: Option<Ipv4Addr>,
    /// The static address that leads to it; or its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_ip_address: Option<Ipv4Addr>,
    /// Its IPv6 addresses.
    pub ipv6_addresses: Vec<Ipv6Addr>,
    /// Which kinds of addresses it has.
    pub ip_address_type: String,
    /// What it has.
    pub hardware: Hardware,
    /// How it is reached.
    pub networking: Networking,
    /// How it stands.
    pub state: State,
    /// Who logs in.
    pub username: String,
    /// The key pair by which.
    pub ssh_key_name: String,
    /// How its application is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_status: Option<HealthStatus>,
}

/// What an instance has.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hardware {
    /// Virtual CPUs.
    pub cpu_count: u32,
    /// Disks.
    pub disks: Vec<Disk>,
    /// Memory.
    pub ram_size_in_gb: f64,
}

/// How an instance is reached.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Networking {
    /// What it may send and get.
    pub monthly_transfer: MonthlyTransfer,
    /// What is let in.
    pub ports: Vec<PortInfo>,
}

/// What an instance may send and get a month.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MonthlyTransfer {
    /// In GiB.
    pub gb_per_month_allocated: u64,
}

/// How an instance stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct State {
    /// As a number.
    pub code: u8,
    /// As a word.
    pub name: &'static str,
}

/// How something is.
#[derive(Debug, Serialize)]
pub struct HealthStatus {
    /// In a word.
    pub status: &'static str,
}

/// Names.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActiveNames {
    /// Those of this page.
    pub active_names: Vec<String>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
