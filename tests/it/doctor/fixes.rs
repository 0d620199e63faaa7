//! What is gathered over libvirt's test driver, and each fix.

use super::*;

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
    let unnamed = Facts { names: Some(Resolver::Nothing), ..healthy() };
    let undo = "remove the lines from `# BEGIN lite network lite` to `# END lite network lite` from `/etc/hosts`";
    let change = "write the names of instances into `/etc/hosts`, between two lines, from now on";
    assert_eq!(shown(&unnamed), rows(&[["names", change, undo]]));
    let firewall = |obstacles| Facts { firewall: Some(Ok(obstacles)), ..healthy() };
    let change = "let guests' packets pass, until that firewall is loaded anew: `fix x`; `fix y`";
    assert_eq!(
        shown(&firewall(vec![stops("x", true), stops("y", true)])),
        rows(&[["firewall", change, "undo x; undo y"]])
    );
    let learned = Facts { ipv6: Err(NoIpv6::Learned(vec!["eth0".into(), "eth0.7".into()])), ..healthy() };
    let change = "learn IPv6 routes also while forwarding, until the next boot: \
                  `sysctl -w net/ipv6/conf/eth0/accept_ra=2`; `sysctl -w net/ipv6/conf/eth0.7/accept_ra=2`";
    let undo = "sysctl -w net/ipv6/conf/eth0/accept_ra=1; sysctl -w net/ipv6/conf/eth0.7/accept_ra=1";
    assert_eq!(shown(&learned), rows(&[["ipv6", change, undo]]));
    // What is not certain, or is about the host itself, is left to people.
    for other in [stops("x", false), Obstacle { forwards: false, ..stops("x", true) }] {
        assert_eq!(shown(&firewall(vec![other])), rows(&[]));
    }
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
        forward: Some("route".into()),
        ipv6: false,
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
    assert_eq!(checks.len(), 21);
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
    let network_xml = "<network><name>other</name><forward mode='route'/><bridge name='otherbr0'/>\
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
    let network = Network {
        active: true,
        bridge: Some("otherbr0".into()),
        subnet: Some(net("10.150.0.0/24")),
        forward: Some("route".into()),
        ipv6: false,
    };
    assert_eq!(facts.network, Ok(Some(network)));
    let checks = evaluate(&facts, &settings);
    assert_eq!(status(&checks, "network"), Some(Status::Ok));
    assert_ne!(status(&checks, "pool"), Some(Status::Fail));
}
