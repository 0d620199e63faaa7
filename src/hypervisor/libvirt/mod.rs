//! libvirt, through the `virt` crate. One file for each trait of `hypervisor`; each call has a deadline.

mod block_jobs;
mod connect;
mod console;
mod copies;
mod dhcp;
mod dns;
mod domain;
mod errors;
mod ffi;
mod filter;
mod guest_agent;
mod host;
mod hung;
mod lifecycle;
mod lookup;
mod metadata;
mod network;
mod pool;
mod samples;
mod state;
#[cfg(feature = "testing")]
mod testing;
mod transfer;
mod volume;
mod worker;
mod xml;

use std::{path::Path, time::Duration};

use super::{Links, PacketFilter, ReverseProxy, haproxy::Haproxy, ip::Ip, nft::Nft};
use crate::model::{LoadedTable, ProxyConfiguration, ProxyServer, ProxyStatistics, Result, Ruleset, Tap};

/// A host behind a libvirt URI. Shared freely between threads; a connection that breaks is opened again by the next call.
pub struct Libvirt {
    link: connect::Link,
    nft: Nft,
    ip: Ip,
    haproxy: Haproxy,
}

impl Libvirt {
    /// Connects. `libvirt_unreachable` with how to start it if nobody answers, `libvirt_timeout` if somebody listens and
    /// does not answer within 10 s (30 s over SSH).
    pub fn open(uri: &str) -> Result<Self> {
        connect::Link::open(uri).map(Self::over)
    }

    /// The same with a deadline of one's own for each attempt to open the connection: for a host among others, which must not
    /// hold these up.
    pub fn open_within(uri: &str, opening: Duration) -> Result<Self> {
        connect::Link::open_within(uri, opening).map(Self::over)
    }

    fn over(link: connect::Link) -> Self {
        let (nft, ip, haproxy) = (Nft::of(link.uri()), Ip::of(link.uri()), Haproxy::of(link.uri()));
        Self { link, nft, ip, haproxy }
    }
}

impl std::fmt::Debug for Libvirt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Libvirt").field("uri", &self.link.uri()).finish_non_exhaustive()
    }
}

impl PacketFilter for Libvirt {
    fn load_rules(&self, ruleset: &Ruleset) -> Result<()> {
        self.nft.load_rules(ruleset)
    }

    fn loaded_rules(&self, table: &str) -> Result<Vec<LoadedTable>> {
        self.nft.loaded_rules(table)
    }
}

impl ReverseProxy for Libvirt {
    fn loaded_proxy(&self, folder: &Path) -> Result<Option<String>> {
        self.haproxy.loaded_proxy(folder)
    }

    fn load_proxy(&self, wanted: &ProxyConfiguration) -> Result<Option<Vec<ProxyStatistics>>> {
        self.haproxy.load_proxy(wanted)
    }

    fn proxy_statistics(&self, folder: &Path, backends: &[String]) -> Result<Vec<ProxyStatistics>> {
        self.haproxy.proxy_statistics(folder, backends)
    }

    fn end_proxy_sessions(&self, folder: &Path, server: &ProxyServer) -> Result<()> {
        self.haproxy.end_proxy_sessions(folder, server)
    }
}

impl Links for Libvirt {
    fn taps(&self) -> Result<Vec<Tap>> {
        self.ip.taps()
    }

    fn links(&self) -> Result<Vec<Tap>> {
        self.ip.links()
    }

    fn attach_tap(&self, tap: &Tap) -> Result<()> {
        self.ip.attach_tap(tap)
    }
}
