//! Instances.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::{AddOn, AddOnRequest, Disk, Location, PortInfo, Tag, Time};

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

/// `CreateInstances`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateInstances {
    /// Their names.
    pub instance_names: Vec<String>,
    /// Where.
    pub availability_zone: String,
    /// An image of one's own: there are none.
    pub custom_image_name: Option<String>,
    /// The blueprint.
    pub blueprint_id: String,
    /// The bundle.
    pub bundle_id: String,
    /// A script, or cloud-config.
    pub user_data: Option<String>,
    /// The key pair that may log in.
    pub key_pair_name: Option<String>,
    /// Their tags.
    pub tags: Option<Vec<Tag>>,
    /// What lite is to do for them by itself.
    pub add_ons: Option<Vec<AddOnRequest>>,
    /// Which kinds of addresses.
    pub ip_address_type: Option<String>,
}

/// `StartInstance`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartInstance {
    /// Its name.
    pub instance_name: String,
    /// What it is to have then: it keeps what it has.
    pub attribute_updates: Option<serde_json::Value>,
}

/// `StopInstance`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StopInstance {
    /// Its name.
    pub instance_name: String,
    /// Pull the plug if its guest does not go down.
    pub force: Option<bool>,
}

/// `TagResource`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TagResource {
    /// What gets them.
    pub resource_name: String,
    /// The tags.
    pub tags: Vec<Tag>,
}

/// `UntagResource`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UntagResource {
    /// What loses them.
    pub resource_name: String,
    /// Their keys.
    pub tag_keys: Vec<String>,
}

/// `GetInstanceAccessDetails`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetAccess {
    /// Its name.
    pub instance_name: String,
    /// `ssh`.
    pub protocol: Option<String>,
}

/// How to log in.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OneAccess {
    /// It.
    pub access_details: Access,
}

/// How to log in to an instance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// Its name.
    pub instance_name: String,
    /// Its address.
    pub ip_address: Ipv4Addr,
    /// `ssh`.
    pub protocol: &'static str,
    /// Who logs in.
    pub username: String,
    /// The private key that logs in, as OpenSSH writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key: Option<String>,
    /// Its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_key: Option<String>,
    /// When the certificate ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// By which keys it shows itself.
    pub host_keys: Vec<HostKey>,
}

/// A key by which an instance shows itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostKey {
    /// Its kind.
    pub algorithm: String,
    /// The key.
    pub public_key: String,
    /// What tells it from others.
    #[serde(rename = "fingerprintSHA256")]
    pub fingerprint: String,
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
    /// What lite does for it by itself.
    pub add_ons: Vec<AddOn>,
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
