//! From facts to checks. Pure; in this file what hangs on libvirt.

use super::{
    accel::{self, Acceleration, Here},
    check::{Check, Repair, Status, word},
    checksum,
    facts::{Facts, doctor_fix},
    host,
    ipv6::NoIpv6,
    local::Kvm,
    subnet,
};
use ipnet::Ipv4Net;

use crate::model::{Accel, Action, Error, ForwardMode, Hint, Settings, Subnet6, Verb, escaped};

/// The checks, always in the same order. Of another machine only what libvirt tells of it is checked, and what this one
/// needs to work with it.
pub fn evaluate(facts: &Facts, settings: &Settings) -> Vec<Check> {
    let libvirt = [libvirt(facts, settings)];
    let guests = [pool(facts, settings), network(facts, settings)];
    if !facts.local {
        let acceleration = facts.host.is_ok().then(|| acceleration(facts, settings));
        return libvirt.into_iter().chain(acceleration).chain(guests).chain(host::client(facts)).collect();
    }
    libvirt
        .into_iter()
        .chain([acceleration(facts, settings), host::permissions(facts, settings), ipv6(facts, settings)])
        .chain(guests)
        .chain([subnet_check(facts, settings)])
        .chain(host::server(facts, settings))
        .chain(host::client(facts))
        .chain(host::remotes(facts))
        .chain(host::building(facts))
        .collect()
}

fn libvirt(facts: &Facts, settings: &Settings) -> Check {
    const ID: &str = "libvirt";
    let error = match &facts.host {
        Ok(host) if host.emulator.is_none() => {
            return Check::fail(
                ID,
                format!("libvirt {} answers, and finds no QEMU for `{}`", escaped(&host.libvirt), escaped(&host.arch)),
            )
            .fix("apt-get install qemu-system-x86");
        }
        Ok(host) if facts.local => {
            return Check::ok(ID, format!("libvirt {}{} answers", escaped(&host.libvirt), qemu(&host.hypervisor)));
        }
        Ok(host) => {
            let versions = format!("libvirt {}{}", escaped(&host.libvirt), qemu(&host.hypervisor));
            return Check::ok(
                ID,
                format!("{versions} answers on `{}`; its other checks are made there alone", escaped(&host.hostname)),
            );
        }
        Err(error) => error,
    };
    let system = facts.local && settings.host.connect.contains(":///system");
    if !system || facts.daemon_runs {
        let check = Check::fail(ID, error.to_string());
        return match error.hints.first() {
            Some(hint) => check.fix(hint.clone()),
            None => check,
        };
    }
    if !facts.daemon_installed {
        return Check::fail(ID, "libvirtd is not installed")
            .fix("apt-get install libvirt-daemon-system libvirt-clients qemu-system-x86");
    }
    Check::fail(ID, "libvirtd is not running")
        .fix(doctor_fix(true, facts))
        .repair(Repair::Daemon { systemd: facts.systemd })
}

fn qemu(version: &str) -> String {
    if version.is_empty() { String::new() } else { format!(" with QEMU {}", escaped(version)) }
}

fn acceleration(facts: &Facts, settings: &Settings) -> Check {
    const ID: &str = "acceleration";
    if settings.host.accel == Accel::Tcg {
        return Check::ok(ID, "guests run under TCG, as set: slow, and works anywhere");
    }
    // What libvirt offers is unknown while it does not answer.
    let (offered, arch) =
        facts.host.as_ref().map_or((true, std::env::consts::ARCH), |h| (h.kvm_offered, h.arch.as_str()));
    let here = Here { device: &facts.kvm, cpu_virtualises: facts.cpu_virtualises };
    let Some(why) = accel::obstacle(&Acceleration { offered, arch, here: facts.local.then_some(here) }) else {
        return Check::ok(ID, "guests run under KVM");
    };
    let check = match settings.host.accel {
        Accel::Kvm => Check::fail(ID, format!("KVM is asked for, and cannot be used: {why}")),
        Accel::Auto | Accel::Tcg => Check::warn(ID, format!("guests run under TCG, which is slow: {why}")),
    };
    if !facts.local {
        return check.fix(Hint::from("run ").run(Verb::Doctor).text(" on that machine"));
    }
    let flags = if accel::has_flags(arch) { facts.cpu_virtualises } else { Some(true) };
    check.fix(match (flags, &facts.kvm) {
        (None, _) => "mount -t proc proc /proc",
        (Some(false), _) => {
            "enable virtualisation in the firmware, or nested virtualisation if this is itself a virtual machine"
        }
        (_, Kvm::Absent) if accel::has_flags(arch) => {
            "load the kernel's module: `modprobe kvm_intel` or `modprobe kvm_amd`"
        }
        (_, Kvm::Absent) => "see why the kernel has none: `dmesg | grep -i kvm`",
        (_, Kvm::Denied) => "run lite as root, or join the group: `usermod -aG kvm $USER`, then log in again",
        (_, Kvm::Broken(_)) => "see what the kernel says: `dmesg | grep -i kvm`",
        (_, Kvm::Opens) => "restart libvirtd, which looks for KVM when it starts: `systemctl restart libvirtd`",
    })
}

fn unknown(id: &'static str, what: &str, error: &Error, facts: &Facts) -> Check {
    match &facts.host {
        Err(_) => Check::warn(id, format!("{what} is not checked: libvirt does not answer")),
        Ok(_) => Check::fail(id, format!("{what} cannot be looked at: {error}")),
    }
}

fn pool(facts: &Facts, settings: &Settings) -> Check {
    const ID: &str = "pool";
    let name = escaped(&settings.host.pool);
    let repair = |defined| Repair::Pool {
        defined,
        connect: settings.host.connect.clone(),
        name: settings.host.pool.clone(),
        folder: settings.host.folders.pool.clone(),
    };
    let pool = match &facts.pool {
        Err(error) => return unknown(ID, &format!("storage pool `{name}`"), error, facts),
        Ok(None) => {
            return Check::fail(ID, format!("there is no storage pool `{name}`"))
                .fix(doctor_fix(false, facts))
                .repair(repair(false));
        }
        Ok(Some(pool)) => pool,
    };
    if !pool.active {
        return Check::fail(ID, format!("storage pool `{name}` is not started"))
            .fix(doctor_fix(false, facts))
            .repair(repair(true));
    }
    match facts.closed_folder.as_ref().filter(|_| facts.local) {
        Some(folder) => {
            let shown = escaped(&folder.display().to_string());
            Check::warn(ID, format!("QEMU's user may not be able to reach storage pool `{name}` through `{shown}`"))
                .fix(format!("chmod o+x {}", word(folder)))
        }
        None => Check::ok(ID, format!("storage pool `{name}` is up in `{}`", escaped(&pool.path))),
    }
}

fn network(facts: &Facts, settings: &Settings) -> Check {
    const ID: &str = "network";
    let name = escaped(&settings.host.network);
    let repair = |defined| Repair::Network {
        defined,
        connect: settings.host.connect.clone(),
        name: settings.host.network.clone(),
    };
    match &facts.network {
        Err(error) => unknown(ID, &format!("network `{name}`"), error, facts),
        Ok(_) if facts.lacks_csum => Check::fail(
            ID,
            format!(
                "libvirt cannot start network `{name}`: it writes its rules in nftables, for which this kernel lacks the action \
                 `csum` of traffic control"
            ),
        )
        .fix(checksum::FIX),
        Ok(None) => {
            Check::fail(ID, format!("there is no network `{name}`")).fix(doctor_fix(false, facts)).repair(repair(false))
        }
        Ok(Some(n)) if !n.active => Check::fail(ID, format!("network `{name}` is not started"))
            .fix(doctor_fix(false, facts))
            .repair(repair(true)),
        Ok(Some(n)) if n.forward.as_deref() == Some(ForwardMode::Nat.as_str()) => Check::warn(
            ID,
            format!("network `{name}` is in libvirt's mode `nat`, which refuses what is published to other machines"),
        )
        .fix(Action::new(Verb::Repair, &[&"--network", &"route"])),
        Ok(Some(n)) => match &n.bridge {
            Some(bridge) => Check::ok(ID, format!("network `{name}` is up on bridge `{}`", escaped(bridge))),
            None => Check::ok(ID, format!("network `{name}` is up")),
        },
    }
}

/// Before the network, which is made without IPv6 where the host cannot have it.
fn ipv6(facts: &Facts, settings: &Settings) -> Check {
    const ID: &str = "ipv6";
    let name = escaped(&settings.host.network);
    let network = match &facts.network {
        Err(error) => return unknown(ID, &format!("IPv6 of network `{name}`"), error, facts),
        Ok(network) => network.as_ref(),
    };
    let alone = format!("instances on network `{name}` have IPv4 alone");
    match (&facts.ipv6, network) {
        (_, Some(network)) if !network.ipv6 => Check::ok(ID, alone),
        (_, None) if settings.host.subnet6 == Subnet6::No => Check::ok(ID, format!("{alone}, as set")),
        (Ok(_), _) => Check::ok(ID, format!("instances on network `{name}` have IPv6 too")),
        (Err(why @ NoIpv6::Learned(interfaces)), network) => {
            let status = if network.is_some() { Status::Fail } else { Status::Warn };
            let hurts = match network {
                Some(_) => format!("libvirt does not start network `{name}`, which has IPv6, again"),
                None => alone,
            };
            let check = Check::new(ID, status, format!("{hurts}: {why}")).fix(doctor_fix(true, facts));
            check.repair(Repair::AcceptRa(interfaces.clone()))
        }
        (Err(why), Some(_)) => Check::warn(ID, format!("network `{name}` has IPv6, and {why}"))
            .fix("sysctl net.ipv6.conf.all.disable_ipv6"),
        (Err(why), None) => Check::ok(ID, format!("{alone}: {why}")),
    }
}

fn subnet_check(facts: &Facts, settings: &Settings) -> Check {
    const ID: &str = "subnet";
    let routes = match &facts.routes {
        Ok(routes) => routes,
        Err(error) => return Check::warn(ID, error.to_string()).fix("apt-get install iproute2"),
    };
    let network = match &facts.network {
        Err(error) => {
            return unknown(ID, &format!("the subnet of network `{}`", escaped(&settings.host.network)), error, facts);
        }
        Ok(network) => network.as_ref(),
    };
    let bridge = network.and_then(|n| n.bridge.as_deref());
    let others: Vec<_> = routes.iter().filter(|r| Some(r.interface.as_str()) != bridge).collect();
    let nets: Vec<_> = others.iter().map(|r| r.net).collect();
    let Some(network) = network else {
        return match subnet::choose_subnet(&nets, settings.host.subnet) {
            Ok(free) => Check::ok(ID, format!("{free} is free for network `{}`", escaped(&settings.host.network))),
            Err(error) => Check { fix: error.hints.first().cloned(), ..Check::fail(ID, error.message) },
        };
    };
    let Some(ours) = network.subnet else {
        return Check::fail(ID, format!("network `{}` has no IPv4 subnet", escaped(&settings.host.network))).fix(
            Hint::from("name another network with `LITE_NETWORK`; ")
                .run_with(Verb::Doctor, &[&"--fix"])
                .text(" makes it"),
        );
    };
    let Some(clash) = others.iter().find(|r| subnet::clash(ours, &[r.net]).is_some()) else {
        return match (&facts.way, bridge.filter(|_| network.active)) {
            (Ok(Some(way)), Some(bridge)) if way != bridge => led_away(ours, way, bridge),
            _ => Check::ok(ID, format!("{ours} clashes with no route")),
        };
    };
    let sentence = format!("{ours} clashes with the route to {} on `{}`", clash.net, escaped(&clash.interface));
    Check::fail(ID, sentence).fix(match subnet::choose_subnet(&nets, None) {
        Ok(free) => {
            Hint::from(format!("move the network: name a new one with `LITE_NETWORK` and `LITE_SUBNET={free}`, then "))
                .run_with(Verb::Doctor, &[&"--fix"])
        }
        Err(_) => Hint::from("remove the route, or move the network to a subnet that no route leads to"),
    })
}

/// No route is more exact than the bridge's, so that a rule must have led elsewhere before it was looked at.
fn led_away(ours: Ipv4Net, way: &str, bridge: &str) -> Check {
    let (way, bridge) = (escaped(way), escaped(bridge));
    Check::fail(
        "subnet",
        format!("packets for {ours} leave by `{way}` instead of by bridge `{bridge}`: a rule leads there"),
    )
    .fix(format!("see `ip rule`, and let the bridge go first: `ip rule add to {ours} lookup main priority 1`"))
}
