//! Virtual networks, the addresses they keep, and the names they answer for.

use crate::model::{DhcpHost, DnsHost, Result};

/// A virtual network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkInfo {
    /// Its name.
    pub name: String,
    /// Started.
    pub active: bool,
    /// Its full XML.
    pub xml: String,
}

/// An address that a network keeps for a hardware address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhcpInfo {
    /// The entry.
    pub host: DhcpHost,
    /// It is in every copy of the network's definition: the stored one and, if the network runs, the running one.
    pub whole: bool,
}

/// Names that a network's DNS server answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsInfo {
    /// The entry.
    pub host: DnsHost,
    /// It is in every copy of the network's definition, as with [`DhcpInfo`].
    pub whole: bool,
}

/// Virtual networks.
pub trait Networks: Send + Sync {
    /// One network by name.
    fn network(&self, name: &str) -> Result<Option<NetworkInfo>>;
    /// Defines and starts a network, with autostart.
    fn ensure_network(&self, name: &str, xml: &str) -> Result<()>;
    /// The definition that a network is started from the next time; none if it is not there.
    fn stored_network(&self, name: &str) -> Result<Option<String>>;
    /// Gives a network another definition, which holds from its next start on.
    fn define_network(&self, name: &str, xml: &str) -> Result<()>;
    /// Stops a network, whose bridge goes with it; content if it is stopped or not there. Guests run on, on no bridge.
    fn stop_network(&self, name: &str) -> Result<()>;
    /// Keeps an address, live and persistent, in place of another kept for the same hardware address. `address_taken` if
    /// it is kept for another one.
    ///
    /// dnsmasq still leases a removed guest's address to its hardware address for up to an hour, and a new guest the
    /// address is kept for then gets another (measured). So give an address out again late, or state it in the seed too.
    fn ensure_dhcp_host(&self, network: &str, host: &DhcpHost) -> Result<()>;
    /// Releases what is kept for the hardware address, live and persistent.
    fn remove_dhcp_host(&self, network: &str, host: &DhcpHost) -> Result<()>;
    /// The addresses a network keeps, live or stored, in the order of the addresses; none if the network is not there.
    /// Entries without a hardware address and an IPv4 address are left out: lite makes none such.
    fn dhcp_hosts(&self, network: &str) -> Result<Vec<DhcpInfo>>;
    /// Has the network's DNS server answer for these names, live and persistent. `name_taken` if another entry has one of
    /// them or the address: libvirt allows one of each.
    fn ensure_dns_host(&self, network: &str, host: &DnsHost) -> Result<()>;
    /// Takes exactly this entry away, live and persistent.
    fn remove_dns_host(&self, network: &str, host: &DnsHost) -> Result<()>;
    /// The names a network answers for, live or stored, in the order of the addresses; none if the network is not there.
    fn dns_hosts(&self, network: &str) -> Result<Vec<DnsInfo>>;
}
