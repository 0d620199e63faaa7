//! The calls of each trait, written down once, for types that pass them on to another hypervisor.

/// Expands `$make! { TRAIT { fn call(argument: Type) -> Answer; … } }` for one trait.
macro_rules! calls_of {
    (Node, $make:ident) => {
        $make! { Node {
            fn host() -> HostInfo;
        } }
    };
    (Domains, $make:ident) => {
        $make! { Domains {
            fn domains() -> Vec<DomainInfo>;
            fn samples() -> Vec<DomainSample>;
            fn domain(uuid: Uuid) -> Option<DomainInfo>;
            fn domain_xml(uuid: Uuid) -> Option<String>;
            fn domain_metadata(uuid: Uuid, uri: &str) -> Option<String>;
            fn set_domain_metadata(uuid: Uuid, uri: &str, prefix: &str, xml: &str) -> ();
            fn ensure_domain(xml: &str) -> ();
            fn rename_domain(uuid: Uuid, name: &str) -> ();
            fn remove_domain(uuid: Uuid) -> ();
            fn guest_addresses(uuid: Uuid, mac: Mac) -> Vec<Ipv4Addr>;
        } }
    };
    (Lifecycle, $make:ident) => {
        $make! { Lifecycle {
            fn start(uuid: Uuid) -> ();
            fn start_paused(uuid: Uuid, xml: &str) -> ();
            fn shutdown(uuid: Uuid) -> ();
            fn reboot(uuid: Uuid) -> ();
            fn suspend(uuid: Uuid) -> ();
            fn resume(uuid: Uuid) -> ();
            fn reset(uuid: Uuid) -> ();
            fn attach_device(uuid: Uuid, xml: &str) -> ();
            fn update_device(uuid: Uuid, xml: &str) -> ();
            fn detach_device(uuid: Uuid, xml: &str) -> ();
            fn resize_disk(uuid: Uuid, device: &str, bytes: u64) -> ();
            fn save_memory(uuid: Uuid, path: &str) -> ();
            fn restore_memory(path: &str) -> ();
            fn destroy(uuid: Uuid) -> ();
        } }
    };
    (BlockJobs, $make:ident) => {
        $make! { BlockJobs {
            fn live_definition(uuid: Uuid) -> Option<LiveDefinition>;
            fn copy_disk(uuid: Uuid, device: &str, xml: &str) -> ();
            fn pull_disk(uuid: Uuid, device: &str, base: &str) -> ();
            fn block_job(uuid: Uuid, device: &str) -> Option<BlockJob>;
            fn abort_block_job(uuid: Uuid, device: &str) -> ();
        } }
    };
    (GuestAgent, $make:ident) => {
        $make! { GuestAgent {
            fn freeze(uuid: Uuid) -> ();
            fn thaw(uuid: Uuid) -> ();
            fn is_frozen(uuid: Uuid) -> bool;
            fn run_in_guest(uuid: Uuid, program: &str, arguments: &[&str], input: &[u8]) -> i64;
        } }
    };
    (Console, $make:ident) => {
        $make! { Console {
            fn open_console(uuid: Uuid) -> ConsoleStream;
            fn open_channel(uuid: Uuid, name: &str) -> ConsoleStream;
        } }
    };
    (Pools, $make:ident) => {
        $make! { Pools {
            fn pool(name: &str) -> Option<PoolInfo>;
            fn ensure_pool(name: &str, xml: &str) -> ();
        } }
    };
    (Volumes, $make:ident) => {
        $make! { Volumes {
            fn volumes(pool: &str) -> Vec<VolumeInfo>;
            fn volume(pool: &str, name: &str) -> Option<VolumeInfo>;
            fn ensure_volume(pool: &str, name: &str, xml: &str) -> ();
            fn upload(pool: &str, volume: &str, bytes: &[u8]) -> ();
            fn upload_from(pool: &str, volume: &str, upload: Upload<'_>) -> ();
            fn download(pool: &str, volume: &str) -> Box<dyn Read + Send>;
            fn clone_volume(pool: &str, source: &str, name: &str, xml: &str) -> ();
            fn resize_volume(pool: &str, name: &str, bytes: u64) -> ();
            fn remove_volume(pool: &str, name: &str) -> ();
        } }
    };
    (Networks, $make:ident) => {
        $make! { Networks {
            fn network(name: &str) -> Option<NetworkInfo>;
            fn ensure_network(name: &str, xml: &str) -> ();
            fn stored_network(name: &str) -> Option<String>;
            fn define_network(name: &str, xml: &str) -> ();
            fn stop_network(name: &str) -> ();
            fn ensure_dhcp_host(network: &str, host: &DhcpHost) -> ();
            fn remove_dhcp_host(network: &str, host: &DhcpHost) -> ();
            fn dhcp_hosts(network: &str) -> Vec<DhcpInfo>;
            fn ensure_dns_host(network: &str, host: &DnsHost) -> ();
            fn remove_dns_host(network: &str, host: &DnsHost) -> ();
            fn dns_hosts(network: &str) -> Vec<DnsInfo>;
        } }
    };
    (Filters, $make:ident) => {
        $make! { Filters {
            fn filters() -> Vec<String>;
            fn ensure_filter(name: &str, xml: &str) -> ();
            fn filter_xml(name: &str) -> Option<String>;
            fn remove_filter(name: &str) -> ();
        } }
    };
    (Links, $make:ident) => {
        $make! { Links {
            fn taps() -> Vec<Tap>;
            fn links() -> Vec<Tap>;
            fn attach_tap(tap: &Tap) -> ();
        } }
    };
    (ReverseProxy, $make:ident) => {
        $make! { ReverseProxy {
            fn loaded_proxy(folder: &Path) -> Option<String>;
            fn load_proxy(wanted: &ProxyConfiguration) -> Option<Vec<ProxyStatistics>>;
            fn proxy_statistics(folder: &Path, backends: &[String]) -> Vec<ProxyStatistics>;
            fn end_proxy_sessions(folder: &Path, server: &ProxyServer) -> ();
        } }
    };
    (PacketFilter, $make:ident) => {
        $make! { PacketFilter {
            fn load_rules(ruleset: &Ruleset) -> ();
            fn loaded_rules(table: &str) -> Vec<LoadedTable>;
        } }
    };
}
pub(super) use calls_of;

/// Expands `$make!` for every trait of [`Hypervisor`](super::Hypervisor).
macro_rules! calls_of_all {
    ($make:ident) => {
        calls_of!(Node, $make);
        calls_of!(Domains, $make);
        calls_of!(Lifecycle, $make);
        calls_of!(BlockJobs, $make);
        calls_of!(GuestAgent, $make);
        calls_of!(Console, $make);
        calls_of!(Pools, $make);
        calls_of!(Volumes, $make);
        calls_of!(Networks, $make);
        calls_of!(Filters, $make);
        calls_of!(PacketFilter, $make);
        calls_of!(Links, $make);
        calls_of!(ReverseProxy, $make);
    };
}
pub(super) use calls_of_all;
