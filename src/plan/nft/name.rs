//! Words of the language of `nft`.

use std::fmt;

use ipnet::IpNet;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::hex;

/// The name of a network's tables: the network's own where that begins as lite's do, which no word of the language does;
/// any other behind `lite/`, as it is or, if it has other characters than nftables takes, as a digest.
pub(super) fn table_name(network: &str) -> String {
    let plain = network.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    match plain && network.len() <= 100 {
        true if network.starts_with("lite") => network.to_owned(),
        true => format!("lite/{network}"),
        false => format!("lite/{}", hex(&Sha256::digest(network)[..16])),
    }
}

/// The interface on the host of an instance's first network card: 13 of the 15 characters that the kernel takes. libvirt
/// gives names of its own to those that begin with `vnet`, `vif` or `macvtap`.
pub fn port_name(instance: Uuid) -> String {
    let digits = instance.simple().to_string();
    format!("lt-{}", &digits[digits.len() - 10..])
}

/// The name of an interface. The language has no way to write a quote, and no interface of a bridge has one.
pub(super) struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let safe = |c: &char| c.is_ascii_graphic() && *c != '"' && *c != '\\';
        write!(f, "\"{}\"", self.0.chars().filter(safe).collect::<String>())
    }
}

/// From where a packet comes, as a condition.
pub(super) struct From<'a>(pub &'a IpNet);

impl fmt::Display for From<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} saddr {}", if self.0.addr().is_ipv4() { "ip" } else { "ip6" }, self.0)
    }
}
