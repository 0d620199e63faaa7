//! The checks of the host: on paper, and gathered over libvirt's test driver.

mod fixes;
mod kvm;
mod network;
mod room;
mod routes;

use std::{os::unix::fs::PermissionsExt, path::Path};

use ipnet::Ipv4Net;
use lite::{
    doctor::{
        Acceleration, Check, Closed, Facts, Fix, Here, Insertion, Kvm, Network, NoIpv6, Obstacle, Repair, Resolver,
        Route, Status, Web, apply, choose_subnet, evaluate, fixes, gather, obstacle, parse_routes, use_kvm,
    },
    hypervisor::{HostInfo, Hypervisor, LocalMachine, PoolInfo, double, prelude::*},
    model::{
        Accel, Acme, DiskUsage, Error, Folders, Host, HostId, Overcommit, Paths, Port, Protocol, Ratio, Serving,
        Settings, Size, Subnet6,
    },
};

fn net(text: &str) -> Ipv4Net {
    text.parse().expect("a subnet")
}

fn route(interface: &str, to: &str) -> Route {
    Route { interface: interface.to_owned(), net: net(to) }
}

fn settings() -> Settings {
    Settings {
        host: Host {
            id: HostId::local(),
            connect: "qemu:///system".to_owned(),
            pool: "lite".to_owned(),
            network: "lite".to_owned(),
            subnet: None,
            subnet6: Subnet6::Auto,
            accel: Accel::Auto,
            overcommit: Overcommit::default(),
            folders: Folders { pool: "/srv/pool".into(), logs: "/var/log/lite".into() },
        },
        mirror: String::new(),
        loopback_webhooks: false,
        keep_deleted: std::time::Duration::ZERO,
        verify_snapshots: false,
        mail: None,
        acme: Acme::default(),
        serve: Serving::default(),
        api: lite::model::Api::default(),
        paths: Paths { state: "/var/lib/lite".into(), blueprints: vec![] },
    }
}

/// A host on which all is well.
fn healthy() -> Facts {
    Facts {
        local: true,
        host: Ok(HostInfo {
            hostname: "host".into(),
            libvirt: "11.3.0".into(),
            hypervisor: "10.0.2".into(),
            arch: "x86_64".into(),
            cpus: 8,
            memory_kib: 16 << 20,
            memory_free_kib: 12 << 20,
            kvm_offered: true,
            q35: true,
            emulator: Some("/usr/bin/qemu-system-x86_64".into()),
        }),
        daemon_runs: true,
        daemon_installed: true,
        systemd: true,
        pool: Ok(Some(PoolInfo { active: true, path: "/srv/pool".into(), capacity: 1 << 40, available: 1 << 39 })),
        closed_folder: None,
        network: Ok(Some(Network {
            active: true,
            bridge: Some("litebr0".into()),
            subnet: Some(net("192.168.150.0/24")),
            forward: Some("route".into()),
            ipv6: true,
        })),
        lacks_csum: false,
        routes: Ok(vec![
            route("eth0", "0.0.0.0/0"),
            route("eth0", "192.0.2.0/24"),
            route("litebr0", "192.168.150.0/24"),
        ]),
        way: Ok(Some("litebr0".into())),
        images: Some(vec!["debian-13".into()]),
        kvm: Kvm::Opens,
        cpu_virtualises: Some(true),
        ip_forward: Some(true),
        ipv6: Ok(vec![]),
        firewall: Some(Ok(vec![])),
        backend: Some("iptables"),
        bridge_nf: Some(false),
        names: Some(Resolver::Resolved),
        haproxy: true,
        web: None,
        restic: false,
        remotes: false,
        nft: true,
        apt: true,
        apparmor: Some(true),
        selinux: None,
        memory: Some(Size::mib(8192)),
        pool_space: Some(Size::mib(512 << 10)),
        disks: None,
        state_space: Some(Size::mib(10240)),
        state_writable: Some(true),
        logs_writable: Some(true),
        root: true,
        in_group: Some(false),
        year: 2026,
        certificates: true,
        missing_tools: vec![],
        ssh: true,
    }
}

fn stops(by: &str, sure: bool) -> Obstacle {
    let fix = Insertion { program: "fix", arguments: vec![by.to_owned()], undo: format!("undo {by}") };
    Obstacle { want: "guests reach nothing outside", by: by.to_owned(), sure, forwards: true, fix }
}

fn told(check: &Check) -> (&str, Status, &str, Option<&str>) {
    (check.id, check.status, &check.sentence, check.fix.as_deref())
}

fn down() -> Error {
    Error::new(lite::model::Code::LibvirtUnreachable, "libvirt cannot be reached at `qemu:///system`")
        .cause("no such socket")
        .hint("start it")
}

/// A host whose libvirt does not answer.
fn silent() -> Facts {
    Facts { host: Err(down()), pool: Err(down()), network: Err(down()), daemon_runs: false, ..healthy() }
}

#[test]
fn a_network_in_mode_nat_is_told_with_the_command_that_moves_it() {
    let mut facts = healthy();
    if let Ok(Some(network)) = &mut facts.network {
        network.forward = Some("nat".into());
    }
    let checks = evaluate(&facts, &settings());
    let check = checks.iter().find(|check| check.id == "network").expect("a check");
    let sentence = "network `lite` is in libvirt's mode `nat`, which refuses what is published to other machines";
    assert_eq!(told(check), ("network", Status::Warn, sentence, Some("lite repair --network route")));
    assert_eq!(check.repair, None);
}

#[test]
fn a_healthy_host() {
    let checks = evaluate(&healthy(), &settings());
    let lines: Vec<_> = checks.iter().map(|c| (c.id, c.sentence.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("libvirt", "libvirt 11.3.0 with QEMU 10.0.2 answers"),
            ("acceleration", "guests run under KVM"),
            ("permissions", "running as root"),
            ("ipv6", "instances on network `lite` have IPv6 too"),
            ("pool", "storage pool `lite` is up in `/srv/pool`"),
            ("network", "network `lite` is up on bridge `litebr0`"),
            ("subnet", "192.168.150.0/24 clashes with no route"),
            ("forwarding", "IP forwarding is on"),
            ("nftables", "`nft` is installed, which loads lite's firewall"),
            ("firewall", "no firewall of this host stops guests; libvirt's rules are in iptables"),
            ("bridge-nf", "instances reach each other's published ports"),
            ("names", "systemd-resolved asks the network for the names of instances"),
            ("web", "HAProxy is installed, which serves published domains"),
            ("confinement", "AppArmor is on, and confines guests"),
            ("memory", "8 GiB of memory is free"),
            ("disk", "512 GiB is free for images and disks in `/srv/pool`"),
            ("clock", "the clock says 2026"),
            ("certificates", "certificates of known authorities are installed"),
            ("ssh", "an SSH client is installed"),
            ("image", "base images: debian-13"),
            ("tools", "what building an image takes is installed"),
        ]
    );
    assert!(checks.iter().all(|c| c.status == Status::Ok && c.fix.is_none() && c.repair.is_none()), "{checks:#?}");
}

/// A change of a host on which all is well, and what is said of it: check, status, sentence and fix.
type Row = (fn(&mut Facts, &mut Settings), &'static str, Status, &'static str, Option<&'static str>);

fn look_at_each(table: &[Row]) {
    for (change, id, status, sentence, fix) in table {
        let (mut facts, mut settings) = (healthy(), settings());
        change(&mut facts, &mut settings);
        let checks = evaluate(&facts, &settings);
        let check = checks.iter().find(|c| c.id == *id).expect("the check");
        assert_eq!((check.status, check.sentence.as_str(), check.fix.as_deref()), (*status, *sentence, *fix), "{id}");
    }
}

#[test]
fn what_is_wrong_is_said_with_one_fix() {
    use Status::{Fail, Ok as Fine, Warn};
    let table: &[Row] = &[
        (|f, _| *f = silent(), "libvirt", Fail, "libvirtd is not running", Some("lite doctor --fix")),
        (
            |f, _| *f = Facts { root: false, ..silent() },
            "libvirt",
            Fail,
            "libvirtd is not running",
            Some("sudo lite doctor --fix"),
        ),
        (
            |f, _| *f = Facts { daemon_installed: false, ..silent() },
            "libvirt",
            Fail,
            "libvirtd is not installed",
            Some("apt-get install libvirt-daemon-system libvirt-clients qemu-system-x86"),
        ),
        (
            |f, _| *f = Facts { daemon_runs: true, ..silent() },
            "libvirt",
            Fail,
            "libvirt cannot be reached at `qemu:///system`: no such socket",
            Some("start it"),
        ),
        (
            |f, _| f.host.as_mut().expect("a host").emulator = None,
            "libvirt",
            Fail,
            "libvirt 11.3.0 answers, and finds no QEMU for `x86_64`",
            Some("apt-get install qemu-system-x86"),
        ),
        (
            |f, _| f.state_writable = Some(false),
            "permissions",
            Fail,
            "the state folder `/var/lib/lite` cannot be written",
            Some("run lite as root (`sudo lite …`), or choose another folder with `LITE_STATE_DIR`"),
        ),
        (
            |f, _| f.logs_writable = None,
            "permissions",
            Fail,
            "the log folder `/var/log/lite` cannot be written",
            Some("run lite as root (`sudo lite …`), or choose another folder with `LITE_LOG_DIR`"),
        ),
        (
            |f, _| *f = Facts { root: false, ..silent() },
            "permissions",
            Fail,
            "this user is not in the group `libvirt`",
            Some("run lite as root, or join the group: `usermod -aG libvirt $USER`, then log in again"),
        ),
        (|f, _| f.root = false, "permissions", Fine, "libvirt serves this user, who can write lite's folders", None),
        (|f, _| f.pool = Ok(None), "pool", Fail, "there is no storage pool `lite`", Some("lite doctor --fix")),
        (
            |f, _| f.pool = Err(Error::new(lite::model::Code::LibvirtFailed, "libvirt could not look")),
            "pool",
            Fail,
            "storage pool `lite` cannot be looked at: libvirt could not look",
            None,
        ),
        (|f, _| *f = silent(), "pool", Warn, "storage pool `lite` is not checked: libvirt does not answer", None),
        (
            |f, _| f.closed_folder = Some("/home/a b".into()),
            "pool",
            Warn,
            "QEMU's user may not be able to reach storage pool `lite` through `/home/a b`",
            Some("chmod o+x '/home/a b'"),
        ),
    ];
    look_at_each(table);
}

#[test]
fn of_another_machine_only_what_libvirt_tells() {
    let settings =
        Settings { host: Host { connect: "qemu+ssh://root@far/system".into(), ..settings().host }, ..settings() };
    let facts = Facts { local: false, closed_folder: Some("/root".into()), ..healthy() };
    let checks = evaluate(&facts, &settings);
    let ids: Vec<_> = checks.iter().map(|c| (c.id, c.status)).collect();
    let all = ["libvirt", "acceleration", "pool", "network", "clock", "certificates", "ssh"].map(|id| (id, Status::Ok));
    assert_eq!(ids, all);
    assert_eq!(
        checks[0].sentence,
        "libvirt 11.3.0 with QEMU 10.0.2 answers on `host`; its other checks are made there alone"
    );
    assert_eq!(fixes(&evaluate(&Facts { local: false, ..silent() }, &settings)), []);
    // This machine's own CPU and `/dev/kvm` say nothing about that one.
    let here = Facts { local: false, kvm: Kvm::Absent, cpu_virtualises: Some(false), ..healthy() };
    assert_eq!(told(&evaluate(&here, &settings)[1]), ("acceleration", Status::Ok, "guests run under KVM", None));
    let host = here.host.clone().map(|h| HostInfo { kvm_offered: false, ..h });
    let emulated = "guests run under TCG, which is slow: libvirt does not offer it";
    assert_eq!(
        told(&evaluate(&Facts { host, ..here }, &settings)[1]),
        ("acceleration", Status::Warn, emulated, Some("run `lite doctor` on that machine"))
    );
}

#[test]
fn a_remote_host_is_judged_by_its_libvirt_alone() {
    for uri in ["qemu+ssh://root@far/system", "qemu+tls://far/system"] {
        let machine = &LocalMachine::of(uri);
        assert_eq!(use_kvm(Accel::Auto, machine, true, "x86_64"), Ok(true));
        assert_eq!(use_kvm(Accel::Kvm, machine, true, "aarch64"), Ok(true));
        assert_eq!(use_kvm(Accel::Auto, machine, false, "x86_64"), Ok(false));
        assert_eq!(use_kvm(Accel::Kvm, machine, false, "x86_64").map_err(|e| e.code.as_str()), Err("no_kvm"));
        assert_eq!(use_kvm(Accel::Tcg, machine, true, "x86_64"), Ok(false));
    }
}
