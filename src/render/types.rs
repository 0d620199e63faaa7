//! What a seed is made from, and what comes out.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use ipnet::Ipv4Net;
use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    catalog::Blueprint,
    model::{Code, Domain, Error, Mac, Name, Record, Result, is_machines},
};

/// An address that is the guest's alone, and the way out.
///
/// Not by DHCP: dnsmasq keeps a removed guest's lease for an hour, and a new guest on that address then gets another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticAddress {
    /// The address.
    pub address: Ipv4Addr,
    /// Length of the network's prefix.
    pub prefix: u8,
    /// Router and name server: the host, or the router of a LAN.
    pub gateway: Ipv4Addr,
    /// The domain in which a name alone is looked for; none on a LAN, where names are the LAN's.
    pub search: Option<&'static str>,
    /// IPv6 beside it; none: the guest has no IPv6 at all.
    pub ipv6: Option<StaticAddress6>,
}

/// An IPv6 address that is the guest's alone, with a prefix of 128: all others are behind the gateway. On a bridge whose ports
/// are isolated nobody would answer where it asks for a neighbour's hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticAddress6 {
    /// The address.
    pub address: Ipv6Addr,
    /// Router: the host.
    pub gateway: Ipv6Addr,
}

impl StaticAddress {
    /// An address of a LAN, with its prefix, and the LAN's router.
    ///
    /// # Errors
    /// Refused where no machine of that network can have the address, or the router is not on it.
    pub fn on_lan(net: Ipv4Net, gateway: Ipv4Addr) -> Result<Self> {
        let (address, prefix) = (net.addr(), net.prefix_len());
        let refuse = |what: Ipv4Addr, why: &str| {
            Err(Error::new(Code::InvalidAddress, format!("`{what}` {why}")).hint(
                "state an address with the prefix of its network, and the router of that network: \
                 `--address 192.168.1.50/24 --gateway 192.168.1.1`",
            ))
        };
        let is_hosts = |a: Ipv4Addr| is_machines(a) && net.contains(&a) && a != net.network() && a != net.broadcast();
        if !is_hosts(address) || !(8..=30).contains(&prefix) {
            return refuse(address, &format!("is no address of a machine in the network `{}`", net.trunc()));
        }
        if !is_hosts(gateway) || gateway == address {
            return refuse(gateway, &format!("is no router of a machine with the address `{net}`"));
        }
        Ok(Self { address, prefix, gateway, search: None, ipv6: None })
    }
}

/// The name that an instance is published under, as its guest is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Where the world reaches it: `https://shop.example.org/`.
    pub url: String,
    /// The name alone: `shop.example.org`.
    pub domain: Domain,
    /// The address that the web front's requests come from. Of it alone may the guest believe who the client is.
    pub proxy: Ipv4Addr,
}

impl Published {
    /// As the guest's runner reads it.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({"url": self.url, "domain": self.domain.as_str(), "proxy": self.proxy})
    }
}

/// What an instance was called, and where it was, whose disk another one has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// Its name.
    pub name: Name,
    /// Its address; none: it got one by itself.
    pub address: Option<Ipv4Addr>,
}

/// An instance that came back with another address, as its guest is told.
#[derive(Debug)]
pub struct Move<'a> {
    /// The instance.
    pub uuid: Uuid,
    /// What it is called now, and where it is.
    pub now: Former,
    /// What it was called, and where it was.
    pub former: Former,
    /// The blueprint's part `moved`; empty: it has none.
    pub script: &'a str,
}

impl From<&Record> for Former {
    fn from(record: &Record) -> Self {
        Self { name: record.name.clone(), address: record.address }
    }
}

/// Everything a seed is made from; drawn and checked before.
#[derive(Debug)]
pub struct SeedInput<'a> {
    /// The blueprint.
    pub blueprint: &'a Blueprint,
    /// Instance name; the guest's host name.
    pub name: &'a Name,
    /// Instance id; cloud-init's `instance-id`.
    pub uuid: Uuid,
    /// Hardware address the network configuration matches on.
    pub mac: Mac,
    /// Its own address, which the guest sets by itself; none: DHCP.
    pub address: Option<StaticAddress>,
    /// Every parameter of the blueprint with its value.
    pub params: &'a BTreeMap<String, String>,
    /// Every secret of the blueprint with its value.
    pub secrets: &'a BTreeMap<String, SecretString>,
    /// Public keys allowed to log in, checked, one line each, without comment. The last is lite's own.
    pub ssh_keys: &'a [String],
    /// The guest's ed25519 host key.
    pub host_key: &'a HostKey,
    /// The user's own user-data, checked.
    pub user_data: Option<&'a UserData>,
    /// The instance whose disk it has, as that was called then: nothing is installed or configured anew. None: a disk of its own.
    pub copied: Option<Former>,
    /// The guest bakes an image: after the install part it seals its disk and goes down.
    pub seal: bool,
    /// The guest is a template: it puts away what belongs to one machine and waits to be told who it is.
    pub is_template: bool,
}

/// An SSH host key, made on the host and injected.
#[derive(Debug)]
pub struct HostKey {
    /// OpenSSH private key file.
    pub private: SecretString,
    /// `ssh-ed25519 AAAA…`.
    pub public: String,
}

/// The user's own user-data, merged after the blueprint's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserData {
    /// Keys of `#cloud-config`.
    pub cloud_config: serde_json::Map<String, serde_json::Value>,
    /// Scripts with `#!`, run in this order after the blueprint's.
    pub scripts: Vec<String>,
}

/// Whose user-data a file is: what lite sets for that instance may be said again.
#[derive(Debug, Clone, Copy)]
pub struct UserDataFor<'a> {
    /// Its name; none: lite chooses it.
    pub name: Option<&'a Name>,
    /// The account of the first login.
    pub account: &'a str,
}

/// The three documents of a NoCloud seed, and what user-data becomes after the first success
/// (<https://docs.cloud-init.io/en/latest/reference/datasources/nocloud.html>).
#[derive(Debug)]
pub struct Seed {
    /// `user-data`: one `#cloud-config` document. Holds secrets.
    pub user_data: SecretString,
    /// `user-data` for every later boot: same instance, no secrets, no host key.
    pub user_data_scrubbed: String,
    /// `meta-data`.
    pub meta_data: String,
    /// `network-config`, version 2.
    pub network_config: String,
}

#[cfg(test)]
mod tests {
    use super::StaticAddress;

    fn stated(net: &str, gateway: &str) -> Result<StaticAddress, String> {
        let (net, gateway) = (net.parse().expect("a network"), gateway.parse().expect("an address"));
        StaticAddress::on_lan(net, gateway).map_err(|e| e.message)
    }

    #[test]
    fn a_stated_address_is_one_of_a_machine_beside_its_router() {
        let right = StaticAddress {
            address: [192, 168, 1, 50].into(),
            prefix: 24,
            gateway: [192, 168, 1, 1].into(),
            search: None,
            ipv6: None,
        };
        assert_eq!(stated("192.168.1.50/24", "192.168.1.1"), Ok(right));
        for (net, of) in [
            ("192.168.1.0/24", "192.168.1.0/24"),
            ("192.168.1.255/24", "192.168.1.0/24"),
            ("192.168.1.50/32", "192.168.1.50/32"),
            ("127.0.0.5/8", "127.0.0.0/8"),
            ("169.254.169.254/16", "169.254.0.0/16"),
            ("224.0.0.5/24", "224.0.0.0/24"),
        ] {
            let address = net.split_once('/').expect("a prefix").0;
            let said = format!("`{address}` is no address of a machine in the network `{of}`");
            assert_eq!(stated(net, "192.168.1.1"), Err(said));
        }
        for gateway in ["192.168.2.1", "192.168.1.50", "192.168.1.0", "0.0.0.0"] {
            let said = format!("`{gateway}` is no router of a machine with the address `192.168.1.50/24`");
            assert_eq!(stated("192.168.1.50/24", gateway), Err(said));
        }
    }
}
