//! What is let in.

use serde::{Deserialize, Serialize};

/// `GetInstancePortStates`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortStates {
    /// What is open.
    pub port_states: Vec<PortState>,
}

/// Open ports.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortState {
    /// The lowest; of ICMP the type, -1 for any.
    pub from_port: i32,
    /// The highest; of ICMP the code.
    pub to_port: i32,
    /// The protocol.
    pub protocol: String,
    /// `open`.
    pub state: &'static str,
    /// From where, as it was asked for.
    pub cidrs: Vec<String>,
    /// From where by IPv6, as it was asked for. Where both are empty: from anywhere.
    pub ipv6_cidrs: Vec<String>,
    /// Names of such networks: there are none.
    pub cidr_list_aliases: [&'static str; 0],
}

/// The same, as a part of an instance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortInfo {
    /// The lowest.
    pub from_port: i32,
    /// The highest.
    pub to_port: i32,
    /// The protocol.
    pub protocol: String,
    /// From where, in words.
    pub access_from: String,
    /// `Public`.
    pub access_type: &'static str,
    /// What it is called.
    pub common_name: String,
    /// `inbound`.
    pub access_direction: &'static str,
    /// From where, as it was asked for.
    pub cidrs: Vec<String>,
    /// From where by IPv6.
    pub ipv6_cidrs: Vec<String>,
    /// Names of such networks: there are none.
    pub cidr_list_aliases: [&'static str; 0],
}

/// Ports as they are asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskedPorts {
    /// The lowest.
    pub from_port: Option<i64>,
    /// The highest.
    pub to_port: Option<i64>,
    /// The protocol.
    pub protocol: Option<String>,
    /// From where.
    pub cidrs: Option<Vec<String>>,
    /// From where by IPv6.
    pub ipv6_cidrs: Option<Vec<String>>,
    /// Names of such networks: there are none.
    pub cidr_list_aliases: Option<Vec<String>>,
}

/// `OpenInstancePublicPorts` and `CloseInstancePublicPorts`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangePorts {
    /// The instance.
    pub instance_name: String,
    /// The ports.
    pub port_info: AskedPorts,
}

/// `PutInstancePublicPorts`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutPorts {
    /// The instance.
    pub instance_name: String,
    /// All that is to be open.
    pub port_infos: Vec<AskedPorts>,
}
