//! Everything the checks need to know, gathered at the edge.

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use ipnet::{Ipv4Net, Ipv6Net};

use super::{
    checksum::lacks_csum,
    firewall::{self, Closed, Obstacle, Ruleset, Way},
    ipv6::{self, NoIpv6},
    local::{self, Kvm},
    routes::{self, Route},
};
use crate::{
    clock::{Clock, SystemClock},
    hypervisor::{HostInfo, Hypervisor, Machine, NetworkInfo, PoolInfo, is_local},
    model::{Action, DiskUsage, Error, IpDefinition, NetworkDefinition, Port, Settings, Size, Verb, hosts_file},
};

/// Programs `lite image build` runs, with Debian's package of each.
pub const TOOLS: [(&str, &str); 5] = [
    ("mmdebstrap", "mmdebstrap"),
    ("extlinux", "extlinux"),
    ("sfdisk", "fdisk"),
    ("mkfs.ext4", "e2fsprogs"),
    ("qemu-img", "qemu-utils"),
];
/// Where distributions keep the certificates of known authorities.
const CERTIFICATES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// libvirtd's socket.
pub const LIBVIRT_SOCKET: &str = "/run/libvirt/libvirt-sock";

/// lite's network as libvirt has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Started.
    pub active: bool,
    /// Its bridge.
    pub bridge: Option<String>,
    /// Its IPv4 subnet.
    pub subnet: Option<Ipv4Net>,
    /// How it forwards packets, in libvirt's word; none: it leads to the host alone.
    pub forward: Option<String>,
    /// It has an IPv6 subnet too.
    pub ipv6: bool,
}

/// By what a machine knows the names of the instances on its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolver {
    /// systemd-resolved asks the network's own server.
    Resolved,
    /// lite writes them into the hosts file.
    HostsFile,
    /// By nothing.
    Nothing,
}

/// The web front of a host with published domains or load balancers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Web {
    /// HAProxy does not run.
    Ended,
    /// A port of it is not reached from outside, and by what.
    Closed(Port, Closed),
    /// How far it is reached cannot be told, in words.
    Unknown(String),
    /// It is reached from a network namespace.
    Reached,
}

/// What is known of the host. `None`, and `Err` with the reason, mean unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// libvirt runs the guests of this machine, not of another.
    pub local: bool,
    /// libvirt's facts, or why it does not answer.
    pub host: Result<HostInfo, Error>,
    /// `libvirtd` takes connections.
    pub daemon_runs: bool,
    /// `libvirtd` is installed.
    pub daemon_installed: bool,
    /// systemd runs this machine.
    pub systemd: bool,
    /// The storage pool.
    pub pool: Result<Option<PoolInfo>, Error>,
    /// A folder on the way to the pool that QEMU's user may not pass through.
    pub closed_folder: Option<PathBuf>,
    /// The network.
    pub network: Result<Option<Network>, Error>,
    /// The network is not up, and libvirt cannot start it: its nftables backend lacks the action `csum` of the kernel.
    pub lacks_csum: bool,
    /// The host's routes.
    pub routes: Result<Vec<Route>, Error>,
    /// The interface by which packets leave for the network's guests; none if there is no such network, or no way.
    pub way: Result<Option<String>, Error>,
    /// Names of the base images in the pool.
    pub images: Option<Vec<String>>,
    /// What opening `/dev/kvm` gives.
    pub kvm: Kvm,
    /// The CPU shows `vmx` or `svm`.
    pub cpu_virtualises: Option<bool>,
    /// Packets are passed on between interfaces.
    pub ip_forward: Option<bool>,
    /// Destinations of the host's IPv6 routes, or why a network cannot have IPv6 here.
    pub ipv6: Result<Vec<Ipv6Net>, NoIpv6>,
    /// `nft` is installed.
    pub nft: bool,
    /// `apt-get` is.
    pub apt: bool,
    /// What the host's firewalls stop of the guests' packets, or why that cannot be told; none while there is no network.
    pub firewall: Option<Result<Vec<Obstacle>, String>>,
    /// The firewall that libvirt's own rules for the network are written in.
    pub backend: Option<&'static str>,
    /// `haproxy` is installed.
    pub haproxy: bool,
    /// How the web front stands; none while no domain is published.
    pub web: Option<Web>,
    /// `restic` is installed.
    pub restic: bool,
    /// There are remotes.
    pub remotes: bool,
    /// What is sent on a bridge passes the rules for what is routed too.
    pub bridge_nf: Option<bool>,
    /// By what this machine knows the names of instances; none while there is no network.
    pub names: Option<Resolver>,
    /// AppArmor is on.
    pub apparmor: Option<bool>,
    /// SELinux enforces.
    pub selinux: Option<bool>,
    /// Memory not in use.
    pub memory: Option<Size>,
    /// Space left for the pool.
    pub pool_space: Option<Size>,
    /// What is promised of the pool, and what is used; none where that is not known.
    pub disks: Option<DiskUsage>,
    /// Space left for the state.
    pub state_space: Option<Size>,
    /// The state folder can be written.
    pub state_writable: Option<bool>,
    /// The log folder can be written.
    pub logs_writable: Option<bool>,
    /// Running as root.
    pub root: bool,
    /// In the group `libvirt`; none if there is no such group, or it cannot be told.
    pub in_group: Option<bool>,
    /// The year.
    pub year: i16,
    /// There is a file of known certificate authorities.
    pub certificates: bool,
    /// Programs of [`TOOLS`] that are not installed.
    pub missing_tools: Vec<&'static str>,
    /// There is an SSH client.
    pub ssh: bool,
}

/// The command that makes the changes.
pub fn doctor_fix(root_needed: bool, facts: &Facts) -> Action {
    let fix = Action::new(Verb::Doctor, &[&"--fix"]);
    if root_needed && !facts.root { fix.as_root() } else { fix }
}

/// Gathers the facts; `machine` is the one this process runs on, `hypervisor` is the open connection, or why there is none.
/// What only the database knows is left out.
pub fn gather(settings: &Settings, machine: &dyn Machine, hypervisor: Result<&dyn Hypervisor, &Error>) -> Facts {
    let ask = hypervisor.map_err(Clone::clone);
    let host = ask.clone().and_then(|h| h.host());
    let pool = ask.clone().and_then(|h| h.pool(&settings.host.pool));
    let network = ask.and_then(|h| h.network(&settings.host.network)).map(|n| n.as_ref().map(network_of));
    let seen = pool.as_ref().ok().and_then(Option::as_ref);
    let folder = seen.map_or(settings.host.folders.pool.clone(), |p| PathBuf::from(&p.path));
    let local = is_local(&settings.host.connect);
    let routes = routes::read(machine);
    // libvirt counts what is kept for root too, which QEMU cannot use (measured: 207 GiB told, 46 GiB usable).
    let told = seen.filter(|p| p.active).map(|p| Size::bytes(p.available));
    let usable = if local { local::space(machine, &folder) } else { None };
    let pool_space = [told, usable].into_iter().flatten().min();
    let judged =
        network.as_ref().ok().and_then(Option::as_ref).and_then(|n| rules_on_way(machine, settings, n, &routes));
    let memory = machine.text("/proc/meminfo").ok().and_then(|t| local::available(&t));
    Facts {
        local,
        daemon_runs: machine.answers(Path::new(LIBVIRT_SOCKET)),
        daemon_installed: machine.program("libvirtd").is_some(),
        systemd: local::is_folder(machine, Path::new("/run/systemd/system")),
        closed_folder: local::closed(machine, &folder),
        images: images(machine, &folder),
        kvm: local::kvm(machine),
        cpu_virtualises: local::cpu_virtualises(machine),
        ip_forward: local::switch(machine, "/proc/sys/net/ipv4/ip_forward"),
        ipv6: ipv6::ipv6(machine),
        nft: machine.program("nft").is_some(),
        apt: machine.program("apt-get").is_some(),
        lacks_csum: matches!(&network, Ok(n) if !n.as_ref().is_some_and(|n| n.active)) && lacks_csum(machine),
        apparmor: local::switch(machine, "/sys/module/apparmor/parameters/enabled"),
        selinux: local::switch(machine, "/sys/fs/selinux/enforce"),
        names: network.as_ref().ok().and_then(Option::as_ref).map(|_| resolver(machine, settings)),
        backend: judged.as_ref().and_then(|(rules, way)| firewall::backend(rules.as_ref().ok()?, &way.bridge)),
        firewall: judged.map(|(rules, way)| rules.map(|rules| firewall::judge(&rules, &way))),
        bridge_nf: local::switch(machine, "/proc/sys/net/bridge/bridge-nf-call-iptables"),
        routes,
        way: way(machine, &network),
        memory,
        pool_space,
        disks: None,
        haproxy: machine.program("haproxy").is_some(),
        web: None,
        restic: machine.program("restic").is_some(),
        remotes: false,
        state_space: local::space(machine, &settings.paths.state),
        state_writable: local::writable(machine, &settings.paths.state),
        logs_writable: local::writable(machine, &settings.host.folders.logs),
        root: rustix::process::geteuid().is_root(),
        in_group: in_group(machine),
        year: year(),
        certificates: CERTIFICATES.iter().any(|f| machine.target_info(f.as_ref()).is_ok_and(|i| i.length > 0)),
        missing_tools: TOOLS.iter().map(|(tool, _)| *tool).filter(|t| machine.program(t).is_none()).collect(),
        ssh: machine.program("ssh").is_some(),
        host,
        pool,
        network,
    }
}

fn resolver(machine: &dyn Machine, settings: &Settings) -> Resolver {
    let hosts = || machine.read(Path::new(hosts_file::HOSTS)).map(|text| String::from_utf8_lossy(&text).into_owned());
    match hosts() {
        _ if machine.has_resolved() => Resolver::Resolved,
        Ok(text) if hosts_file::has_block(&text, &settings.host.network) => Resolver::HostsFile,
        _ => Resolver::Nothing,
    }
}

/// How packets leave for the last address of an active network's subnet.
fn way(machine: &dyn Machine, network: &Result<Option<Network>, Error>) -> Result<Option<String>, Error> {
    let active = network.as_ref().ok().and_then(Option::as_ref).filter(|n| n.active);
    match active.and_then(|n| n.subnet?.hosts().last()) {
        Some(guest) => routes::way(machine, guest),
        None => Ok(None),
    }
}

/// The rules in force on the way of guests on an active network, or why they cannot be read.
fn rules_on_way(
    machine: &dyn Machine,
    settings: &Settings,
    network: &Network,
    routes: &Result<Vec<Route>, Error>,
) -> Option<(Result<Ruleset, String>, Way)> {
    let way = guests_way(network, routes)?;
    Some((firewall::read(machine, &settings.host.network), way))
}

/// Which way packets go of guests on an active network.
fn guests_way(network: &Network, routes: &Result<Vec<Route>, Error>) -> Option<Way> {
    let network = Some(network).filter(|n| n.active)?;
    let uplink = routes.iter().flatten().find(|r| r.net.prefix_len() == 0).map(|r| r.interface.clone());
    Some(Way { bridge: network.bridge.clone()?, subnet: network.subnet?, isolated: network.forward.is_none(), uplink })
}

/// What stops the guests of lite's network, as far as that can be told: none if it is not up.
pub fn obstacles(settings: &Settings, machine: &dyn Machine, network: &NetworkInfo) -> Vec<Obstacle> {
    match rules_on_way(machine, settings, &network_of(network), &routes::read(machine)) {
        Some((Ok(rules), way)) => firewall::judge(&rules, &way),
        _ => Vec::new(),
    }
}

/// What stops a connection from the world to a port of a guest on lite's network, as far as that can be told.
pub fn inward_obstacle(
    settings: &Settings,
    machine: &dyn Machine,
    network: &NetworkInfo,
    to: (Ipv4Addr, Port),
) -> Option<Closed> {
    let (rules, way) = rules_on_way(machine, settings, &network_of(network), &routes::read(machine))?;
    firewall::judge_inward(&rules.ok()?, &way, to)
}

/// What stops a connection from the world to a port of the web front at this address of the host, as far as that can be told.
pub fn web_obstacle(
    settings: &Settings,
    machine: &dyn Machine,
    network: &NetworkInfo,
    to: (Ipv4Addr, u16),
) -> Option<Closed> {
    let (rules, way) = rules_on_way(machine, settings, &network_of(network), &routes::read(machine))?;
    firewall::judge_web(&rules.ok()?, &way, to)
}

/// Bridge and IPv4 subnet of a network; unknown if its XML cannot be read.
fn network_of(seen: &NetworkInfo) -> Network {
    let network = NetworkDefinition::parse(&seen.xml).ok();
    let subnets = network.iter().flat_map(|n| &n.ips);
    let subnet = |ip: &IpDefinition| Ipv4Net::new(ip.address?, ip.prefix?).ok().map(|n| n.trunc());
    Network {
        active: seen.active,
        subnet: subnets.filter_map(subnet).next(),
        // Not known: as lite makes it.
        forward: network.as_ref().map_or_else(|| Some("route".to_owned()), |n| n.forward.clone()),
        ipv6: network.as_ref().is_some_and(|n| !n.ips6.is_empty()),
        bridge: network.and_then(|n| n.bridge),
    }
}

/// Names of the base images in a folder; a folder that is not there has none.
fn images(machine: &dyn Machine, folder: &Path) -> Option<Vec<String>> {
    match machine.entries(folder) {
        Ok(entries) => {
            Some(local::base_images(entries.iter().filter_map(|e| e.file_name()?.to_str().map(str::to_owned))))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Some(Vec::new()),
        Err(_) => None,
    }
}

fn in_group(machine: &dyn Machine) -> Option<bool> {
    let group = local::group_id(&machine.text("/etc/group").ok()?, "libvirt")?;
    let mut ours = rustix::process::getgroups().ok()?;
    ours.push(rustix::process::getegid());
    Some(ours.iter().any(|g| g.as_raw() == group))
}

fn year() -> i16 {
    SystemClock.now().to_zoned_datetime(jiff::tz::TimeZone::UTC).year()
}
