//! All calls of the trait, written down once, for types that pass them on to another hypervisor.

use std::{net::Ipv4Addr, sync::Arc};

use uuid::Uuid;

use super::{DhcpHost, DhcpSeen, DomainSample, DomainSeen, HostInfo, Hypervisor, NetworkSeen, PoolSeen, VolumeSeen};
use crate::model::{Mac, Result};

/// Expands `$make!` with every call of [`Hypervisor`].
macro_rules! every_call {
    ($make:ident) => {
        $make! {
            fn host() -> HostInfo;
            fn domains() -> Vec<DomainSeen>;
            fn samples() -> Vec<DomainSample>;
            fn domain(uuid: Uuid) -> Option<DomainSeen>;
            fn domain_by_name(name: &str) -> Option<DomainSeen>;
            fn domain_xml(uuid: Uuid) -> Option<String>;
            fn domain_metadata(uuid: Uuid, uri: &str) -> Option<String>;
            fn set_domain_metadata(uuid: Uuid, uri: &str, prefix: &str, xml: &str) -> ();
            fn ensure_domain(xml: &str) -> ();
            fn rename_domain(uuid: Uuid, name: &str) -> ();
            fn remove_domain(uuid: Uuid) -> ();
            fn start(uuid: Uuid) -> ();
            fn launch(uuid: Uuid, xml: &str) -> ();
            fn update_interface(uuid: Uuid, xml: &str) -> ();
            fn shutdown(uuid: Uuid) -> ();
            fn reboot(uuid: Uuid) -> ();
            fn resume(uuid: Uuid) -> ();
            fn reset(uuid: Uuid) -> ();
            fn destroy(uuid: Uuid) -> ();
            fn guest_address(uuid: Uuid, mac: Mac) -> Option<Ipv4Addr>;
            fn console(uuid: Uuid) -> ();
            fn pool(name: &str) -> Option<PoolSeen>;
            fn ensure_pool(name: &str, xml: &str) -> ();
            fn remove_pool(name: &str) -> ();
            fn refresh_pool(name: &str) -> ();
            fn volumes(pool: &str) -> Vec<VolumeSeen>;
            fn volume(pool: &str, name: &str) -> Option<VolumeSeen>;
            fn ensure_volume(pool: &str, name: &str, xml: &str) -> ();
            fn upload(pool: &str, volume: &str, bytes: &[u8]) -> ();
            fn remove_volume(pool: &str, name: &str) -> ();
            fn networks() -> Vec<NetworkSeen>;
            fn network(name: &str) -> Option<NetworkSeen>;
            fn ensure_network(name: &str, xml: &str) -> ();
            fn remove_network(name: &str) -> ();
            fn ensure_dhcp_host(network: &str, host: &DhcpHost) -> ();
            fn remove_dhcp_host(network: &str, host: &DhcpHost) -> ();
            fn dhcp_hosts(network: &str) -> Vec<DhcpSeen>;
            fn filters() -> Vec<String>;
            fn ensure_filter(name: &str, xml: &str) -> ();
            fn filter_xml(name: &str) -> Option<String>;
            fn remove_filter(name: &str) -> ();
        }
    };
}
#[cfg(feature = "testing")]
pub(super) use every_call;

macro_rules! shared {
    ($(fn $call:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {
        impl<H: Hypervisor + ?Sized> Hypervisor for Arc<H> {
            $(fn $call(&self, $($arg: $type),*) -> Result<$answer> {
                (**self).$call($($arg),*)
            })*
        }
    };
}
every_call!(shared);
