//! The checks of the host: on paper, and gathered over libvirt's test driver.

use std::{os::unix::fs::PermissionsExt, path::Path};

use ipnet::Ipv4Net;
use lite::{
    doctor::{
        Acceleration, Check, Facts, Fix, Here, Kvm, Network, Obstacle, Repair, Route, Status, apply, choose_subnet,
        evaluate, fixes, gather, obstacle, parse_routes, use_kvm,
    },
    hypervisor::{HostInfo, Hypervisor, LocalMachine, PoolInfo, double, prelude::*},
    model::{Accel, DiskUsage, Error, Folders, Host, HostId, Overcommit, Paths, Ratio, Settings, Size},
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
            accel: Accel::Auto,
            overcommit: Overcommit::default(),
            folders: Folders { pool: "/srv/pool".into(), logs: "/var/log/lite".into() },
        },
        mirror: String::new(),
        loopback_webhooks: false,
        mail: None,
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
            isolated: false,
        })),
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
        firewall: Some(Ok(vec![])),
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
    Obstacle { want: "guests reach nothing outside", by: by.to_owned(), sure, fix: format!("fix {by}") }
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
fn a_healthy_host() {
    let checks = evaluate(&healthy(), &settings());
    let lines: Vec<_> = checks.iter().map(|c| (c.id, c.sentence.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("libvirt", "libvirt 11.3.0 with QEMU 10.0.2 answers"),
            ("acceleration", "guests run under KVM"),
            ("permissions", "running as root"),
            ("pool", "storage pool `lite` is up in `/srv/pool`"),
            ("network", "network `lite` is up on bridge `litebr0`"),
            ("subnet", "192.168.150.0/24 clashes with no route"),
            ("forwarding", "IP forwarding is on"),
            ("nftables", "`nft` is installed, which loads lite's firewall"),
            ("firewall", "no firewall of this host stops guests"),
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

#[test]
fn what_is_wrong_is_said_with_one_fix() {
    use Status::{Fail, Ok as Fine, Warn};
    type Row = (fn(&mut Facts, &mut Settings), &'static str, Status, &'static str, Option<&'static str>);
    let free = "make room with `lite gc` and `lite image remove`, or put the pool elsewhere with `LITE_POOL_DIR`";
    let firmware =
        "enable virtualisation in the firmware, or nested virtualisation if this is itself a virtual machine";
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
            |_, s| s.host.accel = Accel::Tcg,
            "acceleration",
            Fine,
            "guests run under TCG, as set: slow, and works anywhere",
            None,
        ),
        (
            |f, _| f.cpu_virtualises = Some(false),
            "acceleration",
            Warn,
            "guests run under TCG, which is slow: the CPU shows neither `vmx` nor `svm`",
            Some(firmware),
        ),
        (
            |f, _| f.kvm = Kvm::Absent,
            "acceleration",
            Warn,
            "guests run under TCG, which is slow: there is no `/dev/kvm`",
            Some("load the kernel's module: `modprobe kvm_intel` or `modprobe kvm_amd`"),
        ),
        (
            |f, s| (f.kvm, s.host.accel) = (Kvm::Denied, Accel::Kvm),
            "acceleration",
            Fail,
            "KVM is asked for, and cannot be used: this user may not open `/dev/kvm`",
            Some("run lite as root, or join the group: `usermod -aG kvm $USER`, then log in again"),
        ),
        (
            |f, _| f.host.as_mut().expect("a host").kvm_offered = false,
            "acceleration",
            Warn,
            "guests run under TCG, which is slow: libvirt does not offer it",
            Some("restart libvirtd, which looks for KVM when it starts: `systemctl restart libvirtd`"),
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
        (|f, _| f.network = Ok(None), "network", Fail, "there is no network `lite`", Some("lite doctor --fix")),
        (
            |f, _| f.network.as_mut().expect("asked").as_mut().expect("there").active = false,
            "network",
            Fail,
            "network `lite` is not started",
            Some("lite doctor --fix"),
        ),
        (
            |f, _| f.routes.as_mut().expect("routes").push(route("tun0", "192.168.0.0/16")),
            "subnet",
            Fail,
            "192.168.150.0/24 clashes with the route to 192.168.0.0/16 on `tun0`",
            Some(
                "move the network: name a new one with `LITE_NETWORK` and `LITE_SUBNET=10.150.0.0/24`, then `lite doctor --fix`",
            ),
        ),
        (
            |f, _| f.way = Ok(Some("tun0".into())),
            "subnet",
            Fail,
            "packets for 192.168.150.0/24 leave by `tun0` instead of by bridge `litebr0`: a rule leads there",
            Some(
                "see `ip rule`, and let the bridge go first: `ip rule add to 192.168.150.0/24 lookup main priority 1`",
            ),
        ),
        (
            |f, _| (f.network, f.routes) = (Ok(None), Ok(vec![])),
            "subnet",
            Fine,
            "192.168.150.0/24 is free for network `lite`",
            None,
        ),
        (
            |f, s| (f.network, s.host.subnet) = (Ok(None), Some(net("192.0.2.0/25"))),
            "subnet",
            Fail,
            "subnet 192.0.2.0/25 clashes with this host's route to 192.0.2.0/24",
            Some("use a free one: `LITE_SUBNET=192.168.151.0/24`, or leave it out"),
        ),
        (
            |f, _| f.ip_forward = Some(false),
            "forwarding",
            Fail,
            "IP forwarding is off: guests reach nothing outside",
            Some("lite doctor --fix"),
        ),
        (
            |f, _| f.ip_forward = None,
            "forwarding",
            Warn,
            "IP forwarding cannot be read",
            Some("sysctl net.ipv4.ip_forward"),
        ),
        (
            |f, _| f.firewall = Some(Ok(vec![stops("the policy of x", false), stops("the rule `y`", true)])),
            "firewall",
            Fail,
            "guests reach nothing outside: the rule `y` stops them",
            Some("fix the rule `y`"),
        ),
        (
            |f, _| f.firewall = Some(Ok(vec![stops("the policy of x", false)])),
            "firewall",
            Warn,
            "perhaps guests reach nothing outside: the policy of x may stop them",
            Some("fix the policy of x"),
        ),
        (
            |f, _| f.firewall = None,
            "firewall",
            Warn,
            "what firewalls do with guests is not checked: the network is not up",
            Some("lite doctor --fix"),
        ),
        (
            |f, _| (f.firewall, f.root) = (Some(Err("x".into())), false),
            "firewall",
            Warn,
            "what firewalls do with guests is not checked: only root can read their rules",
            Some("sudo lite doctor"),
        ),
        (
            |f, _| f.firewall = Some(Err("`nft`: x".into())),
            "firewall",
            Warn,
            "the rules of a firewall cannot be read: `nft`: x",
            Some("nft -j list ruleset"),
        ),
        (
            |f, _| f.nft = false,
            "nftables",
            Fail,
            "`nft` is not installed: no instance starts without lite's firewall",
            Some("lite doctor --fix"),
        ),
        (
            |f, _| (f.nft, f.apt) = (false, false),
            "nftables",
            Fail,
            "`nft` is not installed: no instance starts without lite's firewall",
            Some("install the package `nftables`; leave its service off"),
        ),
        (
            |f, _| f.selinux = Some(true),
            "confinement",
            Warn,
            "SELinux enforces, and may keep virtlogd from writing guests' logs in `/var/log/lite`",
            Some("semanage fcontext -a -t virt_log_t '/var/log/lite(/.*)?'; restorecon -R /var/log/lite"),
        ),
        (
            |f, _| f.apparmor = None,
            "confinement",
            Warn,
            "neither AppArmor nor SELinux confines QEMU: a guest that breaks out of it reaches what QEMU's user can",
            Some("switch AppArmor on: `apt-get install apparmor`, and boot with `apparmor=1 security=apparmor`"),
        ),
        (
            |f, _| f.memory = Some(Size::mib(512)),
            "memory",
            Fail,
            "512 MiB of memory is free: at least 640 MiB is needed",
            Some("stop what uses memory, or add some: `free -h` tells"),
        ),
        (|f, _| f.memory = Some(Size::bytes(21_827_316 << 10)), "memory", Fine, "20.8 GiB of memory is free", None),
        (
            |_, s| s.host.overcommit.memory = Ratio::parse("1.5").expect("a ratio"),
            "memory",
            Warn,
            "8 GiB of memory is free, and may be promised 1.5 times (`memory_overcommit`): where all instances use theirs, \
             the kernel kills some",
            Some("set `memory_overcommit` to 1"),
        ),
        (
            |f, _| f.memory = Some(Size::mib(1024)),
            "memory",
            Warn,
            "1 GiB of memory is free: room for very little",
            Some("stop what uses memory, or add some: `free -h` tells"),
        ),
        (|f, _| f.memory = None, "memory", Warn, "free memory cannot be read", Some("mount -t proc proc /proc")),
        (
            |f, _| f.pool_space = Some(Size::mib(1024)),
            "disk",
            Fail,
            "1 GiB is free for images and disks in `/srv/pool`: at least 5 GiB is needed",
            Some(free),
        ),
        (
            |f, _| f.pool_space = Some(Size::mib(5120)),
            "disk",
            Warn,
            "5 GiB is free for images and disks in `/srv/pool`: room for very little",
            Some(free),
        ),
        (
            |f, s| {
                f.pool_space = Some(Size::mib(1024));
                s.host.overcommit.disk_reserve = Some(Size::mib(512));
            },
            "disk",
            Fail,
            "1 GiB is free for images and disks in `/srv/pool`: at least 2 GiB is needed",
            Some(free),
        ),
        (
            |f, _| {
                let [promised, limit, used, free, reserve] = [60, 208, 1, 512, 5].map(|gib| Size::mib(gib << 10));
                f.disks = Some(DiskUsage { promised, limit, used, free, reserve });
            },
            "disk",
            Fine,
            "512 GiB is free for images and disks in `/srv/pool`; 60 GiB promised of at most 208 GiB, 1 GiB used",
            None,
        ),
        (
            |f, _| f.pool_space = None,
            "disk",
            Warn,
            "free space for `/srv/pool` cannot be read",
            Some("df -h /srv/pool"),
        ),
        (
            |f, _| f.state_space = Some(Size::mib(1)),
            "disk",
            Fail,
            "1 MiB is free for the state in `/var/lib/lite`: at least 256 MiB is needed",
            Some("df -h /var/lib/lite"),
        ),
        (
            |f, _| f.year = 1970,
            "clock",
            Fail,
            "the clock says 1970: certificates and signatures will be refused",
            Some("timedatectl set-ntp true"),
        ),
        (
            |f, _| f.certificates = false,
            "certificates",
            Fail,
            "no certificates of known authorities: HTTPS will fail",
            Some("apt-get install ca-certificates"),
        ),
        (
            |f, _| f.ssh = false,
            "ssh",
            Warn,
            "there is no SSH client: nobody can log in to an instance",
            Some("apt-get install openssh-client"),
        ),
        (
            |f, _| f.images = Some(vec![]),
            "image",
            Warn,
            "there is no base image yet",
            Some("lite image build debian-13"),
        ),
        (
            |f, _| f.images = None,
            "image",
            Warn,
            "base images cannot be looked for: the pool's folder does not open",
            Some("sudo lite doctor"),
        ),
        (
            |f, _| f.missing_tools = vec!["extlinux", "mkfs.ext4"],
            "tools",
            Warn,
            "building an image needs extlinux, mkfs.ext4",
            Some("apt-get install extlinux e2fsprogs"),
        ),
    ];
    for (change, id, status, sentence, fix) in table {
        let (mut facts, mut settings) = (healthy(), settings());
        change(&mut facts, &mut settings);
        let checks = evaluate(&facts, &settings);
        let check = checks.iter().find(|c| c.id == *id).expect("the check");
        assert_eq!((check.status, check.sentence.as_str(), check.fix.as_deref()), (*status, *sentence, *fix), "{id}");
    }
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

#[test]
fn the_deepest_obstacle_to_kvm_first() {
    let table = [
        (true, Kvm::Opens, Some(true), None),
        (false, Kvm::Opens, Some(true), Some("libvirt does not offer it")),
        (false, Kvm::Denied, Some(true), Some("this user may not open `/dev/kvm`")),
        (true, Kvm::Absent, Some(true), Some("there is no `/dev/kvm`")),
        (true, Kvm::Broken("busy".into()), Some(true), Some("`/dev/kvm` does not open (busy)")),
        (true, Kvm::Opens, Some(false), Some("the CPU shows neither `vmx` nor `svm`")),
        (true, Kvm::Opens, None, Some("`/proc/cpuinfo` cannot be read")),
    ];
    for (offered, kvm, cpu, why) in table {
        let here = Some(Here { device: &kvm, cpu_virtualises: cpu });
        assert_eq!(obstacle(&Acceleration { offered, arch: "x86_64", here }).as_deref(), why, "{kvm:?}");
    }
}

#[test]
fn arm_has_no_flag_to_show() {
    let table = [
        (true, Kvm::Opens, None),
        (false, Kvm::Opens, Some("libvirt does not offer it")),
        (true, Kvm::Absent, Some("there is no `/dev/kvm`")),
        (true, Kvm::Denied, Some("this user may not open `/dev/kvm`")),
    ];
    for (offered, kvm, why) in table {
        for cpu in [Some(false), None] {
            let here = Some(Here { device: &kvm, cpu_virtualises: cpu });
            assert_eq!(obstacle(&Acceleration { offered, arch: "aarch64", here }).as_deref(), why, "{kvm:?}");
        }
    }
    let arm = |kvm| {
        let host = healthy().host.map(|h| HostInfo { arch: "aarch64".into(), ..h });
        let checks = evaluate(&Facts { host, kvm, cpu_virtualises: Some(false), ..healthy() }, &settings());
        checks.into_iter().find(|c| c.id == "acceleration").expect("the check")
    };
    assert_eq!(told(&arm(Kvm::Opens)), ("acceleration", Status::Ok, "guests run under KVM", None));
    let slow = "guests run under TCG, which is slow: there is no `/dev/kvm`";
    let fix = Some("see why the kernel has none: `dmesg | grep -i kvm`");
    assert_eq!(told(&arm(Kvm::Absent)), ("acceleration", Status::Warn, slow, fix));
}

#[test]
fn every_route_that_a_packet_may_take() {
    let routes = r#"[{"dst":"default","gateway":"192.0.2.1","dev":"eth0","flags":[]},
        {"dst":"192.0.2.0/24","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"192.0.2.2","flags":[]},
        {"type":"blackhole","dst":"10.0.0.0/8","flags":[]},
        {"dst":"172.16.0.0/12","flags":[],"nexthops":[{"gateway":"192.0.2.7","dev":"eth0","weight":1,"flags":[]}]},
        {"dst":"192.168.150.0/24","dev":"wg0","table":"51820","scope":"link","flags":[]},
        {"dst":"192.168.151.0/24","dev":"tun9","table":"77","scope":"link","flags":[]},
        {"type":"local","dst":"192.0.2.2","dev":"eth0","table":"local","scope":"host","flags":[]}]"#;
    let rules = r#"[{"priority":0,"src":"all","table":"local"},{"priority":9,"not":null,"src":"all","fwmark":"0xca6c","table":"51820"},
        {"priority":32766,"src":"all","table":"main"},{"priority":32767,"src":"all","table":"default"}]"#;
    let unused = route("tun9", "192.168.151.0/24");
    let mut wanted = vec![
        route("eth0", "0.0.0.0/0"),
        route("eth0", "192.0.2.0/24"),
        route("*", "10.0.0.0/8"),
        route("*", "172.16.0.0/12"),
        route("wg0", "192.168.150.0/24"),
        route("eth0", "192.0.2.2/32"),
    ];
    assert_eq!(parse_routes(routes, rules), Ok(wanted.clone()));
    // A rule for VRFs names no table.
    let vrf = r#"[{"priority":1000,"src":"all","l3mdev":null}]"#;
    wanted.insert(5, unused);
    assert_eq!(parse_routes(routes, vrf), Ok(wanted));
    assert_eq!(parse_routes("", "[ ]"), Ok(vec![]));
    let error = parse_routes(r#"[{"dst":"10.0.0.0/99"}]"#, rules).expect_err("no destination");
    assert_eq!(error.message, "cannot read the host's routes: `10.0.0.0/99` is no destination");
    let error = parse_routes("default via", rules).expect_err("no JSON");
    assert_eq!(error.message, "cannot read the host's routes: `ip` prints something else");
}

#[test]
fn a_subnet_that_clashes_with_nothing() {
    let chosen = |routes: &[&str], wish: Option<&str>| {
        let routes: Vec<_> = routes.iter().map(|r| net(r)).collect();
        choose_subnet(&routes, wish.map(net)).map(|n| n.to_string()).map_err(|e| e.message)
    };
    let is = |text: &str| Ok(text.to_owned());
    assert_eq!(chosen(&[], None), is("192.168.150.0/24"));
    assert_eq!(chosen(&["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"], None), is("192.168.150.0/24"));
    assert_eq!(chosen(&["192.168.150.128/25", "192.168.151.7/32"], None), is("192.168.152.0/24"));
    assert_eq!(chosen(&["192.168.0.0/16"], None), is("10.150.0.0/24"));
    assert_eq!(chosen(&["192.168.0.0/16", "10.150.0.0/20"], None), is("10.150.16.0/24"));
    assert_eq!(
        chosen(&["192.168.0.0/16", "10.0.0.0/8"], None),
        Err("this host has routes to every subnet lite would choose from".into())
    );
    assert_eq!(chosen(&["192.168.150.0/24"], Some("172.20.0.9/24")), is("172.20.0.0/24"));
    let clash = "subnet 172.20.0.0/24 clashes with this host's route to 172.16.0.0/12".to_owned();
    assert_eq!(chosen(&["0.0.0.0/0", "172.16.0.0/12"], Some("172.20.0.0/24")), Err(clash));
    let error = choose_subnet(&[net("172.16.0.0/12")], Some(net("172.20.0.0/24"))).expect_err("a clash");
    assert_eq!((error.code.as_str(), error.exit_code()), ("subnet_clash", 2));
    assert_eq!(error.hints, ["use a free one: `LITE_SUBNET=192.168.150.0/24`, or leave it out"]);
}

#[test]
fn each_fix_says_what_it_does_and_how_to_undo_it() {
    let shown = |facts: &Facts| {
        let shown = fixes(&evaluate(facts, &settings())).into_iter().map(|f| [f.check.to_owned(), f.change, f.undo]);
        shown.collect::<Vec<_>>()
    };
    let rows = |rows: &[[&str; 3]]| rows.iter().map(|r| r.map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(shown(&healthy()), rows(&[]));
    let by_systemd = "start libvirtd, now and at each boot: `systemctl enable --now libvirtd`";
    assert_eq!(shown(&silent()), rows(&[["libvirt", by_systemd, "systemctl disable --now libvirtd"]]));
    let bare =
        Facts { systemd: false, pool: Ok(None), network: Ok(None), ip_forward: Some(false), nft: false, ..healthy() };
    let bare = Facts { host: Err(down()), daemon_runs: false, ..bare };
    assert_eq!(
        shown(&bare),
        rows(&[
            [
                "libvirt",
                "start virtlogd and libvirtd: `virtlogd -d; libvirtd -d`",
                "kill $(cat /run/libvirtd.pid /run/virtlogd.pid)"
            ],
            [
                "pool",
                "make storage pool `lite` in `/srv/pool`",
                "virsh -c qemu:///system pool-destroy lite; virsh -c qemu:///system pool-undefine lite (its files stay in `/srv/pool`)",
            ],
            [
                "network",
                "make NAT network `lite`",
                "virsh -c qemu:///system net-destroy lite; virsh -c qemu:///system net-undefine lite"
            ],
            [
                "forwarding",
                "switch IP forwarding on until the next boot: `sysctl -w net.ipv4.ip_forward=1`",
                "sysctl -w net.ipv4.ip_forward=0"
            ],
            ["nftables", "install the package `nftables`: `apt-get install nftables`", "apt-get remove nftables"],
        ])
    );
}

struct World {
    hypervisor: double::Double,
    settings: Settings,
    folder: tempfile::TempDir,
}

fn world() -> World {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let host = Host {
        connect: "test:///default".into(),
        accel: Accel::Tcg,
        overcommit: Overcommit::default(),
        folders: Folders { pool: at("pool"), logs: at("logs") },
        ..settings().host
    };
    let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/node.xml");
    let settings = Settings { host, paths: Paths { state: at("state"), blueprints: vec![] }, ..settings() };
    World { hypervisor: double::open(&node).expect("the test driver"), settings, folder }
}

#[test]
fn gathers_from_libvirt_and_the_machine() {
    let World { hypervisor, mut settings, folder } = world();
    let facts = gather(&settings, &LocalMachine::of(&settings.host.connect), Ok(&hypervisor));
    let told = hypervisor.pool("lite").expect("asked").expect("there").available;
    assert!(facts.pool_space.is_some_and(|s| s <= Size::bytes(told)), "{:?}", facts.pool_space);
    assert_eq!(facts.host, hypervisor.host());
    assert!(facts.local);
    let pool = facts.pool.expect("asked").expect("there");
    assert_eq!((pool.active, pool.path.as_str()), (true, "/var/lib/libvirt/images/lite"));
    let network = Network {
        active: true,
        bridge: Some("virbr-lite".into()),
        subnet: Some(net("192.168.150.0/24")),
        isolated: false,
    };
    assert_eq!(facts.network, Ok(Some(network)));
    assert_eq!((facts.state_writable, facts.logs_writable), (Some(true), Some(true)));
    assert!(
        facts.routes.is_ok()
            && facts.memory.is_some()
            && facts.state_space.is_some()
            && facts.cpu_virtualises.is_some()
    );

    (settings.host.pool, settings.host.network) = ("other".into(), "other".into());
    std::fs::create_dir(&settings.host.folders.pool).expect("a folder");
    std::fs::write(folder.path().join("pool/base-debian-13.json"), "{}").expect("written");
    let facts = gather(&settings, &LocalMachine::of(&settings.host.connect), Ok(&hypervisor));
    assert_eq!((facts.pool, facts.network, facts.images), (Ok(None), Ok(None), Some(vec!["debian-13".to_owned()])));

    let mode = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).expect("changed");
    mode(0o700);
    let closed = gather(&settings, &LocalMachine::of(&settings.host.connect), Ok(&hypervisor))
        .closed_folder
        .expect("a closed folder");
    assert!(folder.path().starts_with(&closed), "{closed:?}");
}

#[test]
fn gathers_without_libvirt() {
    let World { settings, .. } = world();
    let facts = gather(&settings, &LocalMachine::of(&settings.host.connect), Err(&down()));
    assert_eq!(
        (facts.host.clone(), facts.pool.clone(), facts.network.clone()),
        (Err(down()), Err(down()), Err(down()))
    );
    let checks = evaluate(&facts, &settings);
    assert_eq!(checks.len(), 17);
    assert_eq!(checks[0].sentence, "libvirt cannot be reached at `qemu:///system`: no such socket");
    assert!(checks[0].repair.is_none(), "a test connection is not libvirtd's");
}

#[test]
fn makes_the_pool_and_the_network_twice() {
    let World { hypervisor, mut settings, .. } = world();
    (settings.host.pool, settings.host.network) = ("other".into(), "other".into());
    let pool_xml = format!(
        "<pool type='dir'><name>other</name><target><path>{}</path></target></pool>",
        settings.host.folders.pool.display()
    );
    let network_xml = "<network><name>other</name><forward mode='nat'/><bridge name='otherbr0'/>\
                       <ip address='10.150.0.1' prefix='24'/></network>";
    let make = |fix: &Fix, h: Option<&dyn Hypervisor>| {
        apply(fix, &settings, &LocalMachine::of("test:///default"), h, &pool_xml, || Ok(network_xml.to_owned()))
    };
    let status = |checks: &[Check], id: &str| checks.iter().find(|c| c.id == id).map(|c| c.status);

    let checks = evaluate(&gather(&settings, &LocalMachine::of(&settings.host.connect), Ok(&hypervisor)), &settings);
    let todo: Vec<_> = fixes(&checks).into_iter().filter(|f| !matches!(f.repair, Repair::Forwarding)).collect();
    assert_eq!(todo.iter().map(|f| f.check).collect::<Vec<_>>(), ["pool", "network"]);
    for fix in todo.iter().chain(&todo) {
        assert_eq!(make(fix, None).map_err(|e| e.code.as_str()), Err("libvirt_first"));
        assert_eq!(make(fix, Some(&hypervisor)), Ok(()), "{fix:?}");
    }
    let facts = gather(&settings, &LocalMachine::of(&settings.host.connect), Ok(&hypervisor));
    let network =
        Network { active: true, bridge: Some("otherbr0".into()), subnet: Some(net("10.150.0.0/24")), isolated: false };
    assert_eq!(facts.network, Ok(Some(network)));
    let checks = evaluate(&facts, &settings);
    assert_eq!(status(&checks, "network"), Some(Status::Ok));
    assert_ne!(status(&checks, "pool"), Some(Status::Fail));
}
