//! libvirt, through the `virt` crate. One file per libvirt object; each call has a deadline.

mod connect;
mod console;
mod dhcp;
mod domain;
mod errors;
mod ffi;
mod filter;
mod host;
mod hung;
mod metadata;
mod network;
mod pool;
mod state;
mod terminal;
mod volume;
mod worker;
mod xml;

use std::net::Ipv4Addr;

use uuid::Uuid;

use super::{DhcpHost, DhcpSeen, DomainSeen, HostInfo, Hypervisor, NetworkSeen, PoolSeen, VolumeSeen};
use crate::model::{Mac, Result};

/// A host behind a libvirt URI. Shared freely between threads; a connection that breaks is opened again by the next call.
pub struct Libvirt {
    link: connect::Link,
}

impl Libvirt {
    /// Connects. `libvirt_unreachable` with how to start it if nobody answers, `libvirt_timeout` if somebody listens and
    /// does not answer within 10 s (30 s over SSH).
    pub fn open(uri: &str) -> Result<Self> {
        Ok(Self { link: connect::Link::open(uri)? })
    }
}

impl std::fmt::Debug for Libvirt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Libvirt").field("uri", &self.link.uri()).finish_non_exhaustive()
    }
}

impl Hypervisor for Libvirt {
    fn host(&self) -> Result<HostInfo> {
        host::get(&self.link)
    }
    fn domains(&self) -> Result<Vec<DomainSeen>> {
        domain::all(&self.link)
    }
    fn domain(&self, uuid: Uuid) -> Result<Option<DomainSeen>> {
        domain::get(&self.link, uuid)
    }
    fn domain_by_name(&self, name: &str) -> Result<Option<DomainSeen>> {
        domain::get_by_name(&self.link, name)
    }
    fn domain_xml(&self, uuid: Uuid) -> Result<Option<String>> {
        domain::xml(&self.link, uuid)
    }
    fn domain_metadata(&self, uuid: Uuid, uri: &str) -> Result<Option<String>> {
        metadata::get(&self.link, uuid, uri)
    }
    fn set_domain_metadata(&self, uuid: Uuid, uri: &str, prefix: &str, xml: &str) -> Result<()> {
        metadata::set(&self.link, uuid, uri, prefix, xml)
    }
    fn ensure_domain(&self, xml: &str) -> Result<()> {
        domain::ensure(&self.link, xml)
    }
    fn rename_domain(&self, uuid: Uuid, name: &str) -> Result<()> {
        domain::rename(&self.link, uuid, name)
    }
    fn remove_domain(&self, uuid: Uuid) -> Result<()> {
        domain::remove(&self.link, uuid)
    }
    fn start(&self, uuid: Uuid) -> Result<()> {
        domain::start(&self.link, uuid)
    }
    fn launch(&self, uuid: Uuid, xml: &str) -> Result<()> {
        domain::launch(&self.link, uuid, xml)
    }
    fn update_interface(&self, uuid: Uuid, xml: &str) -> Result<()> {
        domain::update_interface(&self.link, uuid, xml)
    }
    fn shutdown(&self, uuid: Uuid) -> Result<()> {
        domain::shutdown(&self.link, uuid)
    }
    fn reboot(&self, uuid: Uuid) -> Result<()> {
        domain::reboot(&self.link, uuid)
    }
    fn reset(&self, uuid: Uuid) -> Result<()> {
        domain::reset(&self.link, uuid)
    }
    fn destroy(&self, uuid: Uuid) -> Result<()> {
        domain::destroy(&self.link, uuid)
    }
    fn guest_address(&self, uuid: Uuid, mac: Mac) -> Result<Option<Ipv4Addr>> {
        domain::guest_address(&self.link, uuid, mac)
    }
    fn console(&self, uuid: Uuid) -> Result<()> {
        console::run(&self.link, uuid)
    }
    fn pool(&self, name: &str) -> Result<Option<PoolSeen>> {
        pool::get(&self.link, name)
    }
    fn ensure_pool(&self, name: &str, xml: &str) -> Result<()> {
        pool::ensure(&self.link, name, xml)
    }
    fn remove_pool(&self, name: &str) -> Result<()> {
        pool::remove(&self.link, name)
    }
    fn refresh_pool(&self, name: &str) -> Result<()> {
        pool::refresh(&self.link, name)
    }
    fn volumes(&self, pool: &str) -> Result<Vec<VolumeSeen>> {
        volume::all(&self.link, pool)
    }
    fn volume(&self, pool: &str, name: &str) -> Result<Option<VolumeSeen>> {
        volume::get(&self.link, pool, name)
    }
    fn ensure_volume(&self, pool: &str, name: &str, xml: &str) -> Result<()> {
        volume::ensure(&self.link, pool, name, xml)
    }
    fn upload(&self, pool: &str, volume: &str, bytes: &[u8]) -> Result<()> {
        volume::upload(&self.link, pool, volume, bytes)
    }
    fn remove_volume(&self, pool: &str, name: &str) -> Result<()> {
        volume::remove(&self.link, pool, name)
    }
    fn networks(&self) -> Result<Vec<NetworkSeen>> {
        network::all(&self.link)
    }
    fn network(&self, name: &str) -> Result<Option<NetworkSeen>> {
        network::get(&self.link, name)
    }
    fn ensure_network(&self, name: &str, xml: &str) -> Result<()> {
        network::ensure(&self.link, name, xml)
    }
    fn remove_network(&self, name: &str) -> Result<()> {
        network::remove(&self.link, name)
    }
    fn ensure_dhcp_host(&self, network: &str, host: &DhcpHost) -> Result<()> {
        dhcp::ensure(&self.link, network, host)
    }
    fn remove_dhcp_host(&self, network: &str, host: &DhcpHost) -> Result<()> {
        dhcp::remove(&self.link, network, host)
    }
    fn dhcp_hosts(&self, network: &str) -> Result<Vec<DhcpSeen>> {
        dhcp::all(&self.link, network)
    }
    fn filters(&self) -> Result<Vec<String>> {
        filter::all(&self.link)
    }
    fn ensure_filter(&self, name: &str, xml: &str) -> Result<()> {
        filter::ensure(&self.link, name, xml)
    }
    fn filter_xml(&self, name: &str) -> Result<Option<String>> {
        filter::get(&self.link, name)
    }
    fn remove_filter(&self, name: &str) -> Result<()> {
        filter::remove(&self.link, name)
    }
}
