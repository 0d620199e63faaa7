//! Real QEMU, in seconds: guests of one boot sector on `qemu:///system`.

use std::{
    io::{Read, Write},
    net::Ipv4Addr,
    process::{Command, ExitCode, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crate::support::boot_sector::{CHATTY, ECHO, IDLE, Lab, PANIC, POWER_OFF, SYSTEM, host, run, sector, wait_for};
use crate::support::{need, skip::skip};
use lite::{
    hypervisor::{DhcpHost, DhcpInfo, DomainState, libvirt::Libvirt, prelude::*},
    image::Image,
    model::{Mac, Size},
    plan::overlay_xml,
};
use uuid::Uuid;

crate::tests![
    a_guest_lives,
    a_power_off_and_a_crash_read_differently,
    a_stopped_qemu_does_not_block_the_listing,
    a_filter_guards_a_running_guest,
    an_address_is_kept_live_and_persistent,
    a_volume_holds_what_was_written,
    bytes_go_into_a_volume_out_of_it_and_into_a_copy,
    images_lie_in_a_pool_that_only_libvirt_reaches,
    a_stopped_pool_and_network_are_started,
    the_host_is_described,
    the_console_is_connected_both_ways,
    without_a_terminal_the_console_prints_until_the_guest_stops,
];

fn virsh(arguments: &[&str]) -> String {
    run("virsh", &[&["-c", SYSTEM], arguments].concat())
}

fn a_guest_lives() {
    let mut lab = Lab::new();
    let uuid = lab.guest(IDLE, "");
    assert_eq!(lab.state(uuid), DomainState::Off);
    for _ in 0..2 {
        lab.host.start(uuid).expect("started");
    }
    assert_eq!(lab.state(uuid), DomainState::Running);
    assert_eq!(virsh(&["domstate", &uuid.to_string()]).trim(), "running");
    lab.host.reset(uuid).expect("reset");
    lab.host.reboot(uuid).expect("asked to reboot");
    lab.host.shutdown(uuid).expect("asked; this guest does not listen");
    assert_eq!(lab.host.remove_domain(uuid).map_err(|e| e.code.as_str()), Err("domain_running"));
    lab.host.set_domain_metadata(uuid, "urn:lite-test", "lite", "<r a='1'/>").expect("set while it runs");
    for _ in 0..2 {
        lab.host.destroy(uuid).expect("stopped");
    }
    assert_eq!(lab.state(uuid), DomainState::Off);
    assert_eq!(lab.host.domain_metadata(uuid, "urn:lite-test").map(|m| m.is_some()), Ok(true));
    for _ in 0..2 {
        lab.host.remove_domain(uuid).expect("removed");
    }
    assert_eq!(lab.host.domain(uuid), Ok(None));
}

fn a_power_off_and_a_crash_read_differently() {
    let mut lab = Lab::new();
    let [off, panic, killed] = [POWER_OFF, PANIC, IDLE].map(|code| lab.running(code));
    run("kill", &["-9", &lab.pid(killed)]);
    wait_for("the killed guest to read as crashed", || lab.state(killed) == DomainState::Crashed);
    wait_for("the guest to power off", || lab.state(off) == DomainState::Off);
    wait_for("the guest to panic", || lab.state(panic) == DomainState::Crashed);
    let listed = lab.host.domains().expect("listed");
    let state = |uuid| listed.iter().find(|d| d.uuid == uuid).map(|d| d.state);
    let states = [off, panic, killed].map(state);
    assert_eq!(states, [Some(DomainState::Off), Some(DomainState::Crashed), Some(DomainState::Crashed)]);
}

fn a_stopped_qemu_does_not_block_the_listing() {
    let mut lab = Lab::new();
    let (hung, well) = (lab.running(IDLE), lab.running(IDLE));
    let pid = lab.pid(hung);
    run("kill", &["-STOP", &pid]);
    // Each thread stops when it next sees the signal.
    let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    wait_for("QEMU to be stopped", || stat().rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')));
    let look = |lab: &Lab| {
        let began = Instant::now();
        let listed = lab.host.domains().expect("listed");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let state = |uuid| listed.iter().find(|d| d.uuid == uuid).map(|d| d.state);
        assert_eq!([state(hung), state(well)], [Some(DomainState::Unresponsive), Some(DomainState::Running)]);
    };
    look(&lab);
    let began = Instant::now();
    let asked = lab.host.reset(hung).expect_err("nobody answers");
    assert_eq!((asked.code.as_str(), asked.exit_code()), ("libvirt_timeout", 5));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    look(&lab);
    lab.host.reset(well).expect("the other guest is not held up");
    lab.host.destroy(hung).expect("killed");
    assert_eq!(lab.state(hung), DomainState::Off);
}

fn a_filter_guards_a_running_guest() {
    let mut lab = Lab::new();
    let (network, _) = lab.network();
    let (filter, id) = (lab.name.clone(), Uuid::new_v4());
    lab.owns_filter(&filter);
    let xml = |id: Uuid, port: u16| {
        format!(
            "<filter name='{filter}' chain='root'><uuid>{id}</uuid><filterref filter='clean-traffic'/>\
             <rule action='accept' direction='in'><tcp dstportstart='{port}'/></rule></filter>"
        )
    };
    lab.host.ensure_filter(&filter, &xml(id, 80)).expect("defined");
    assert!(lab.host.filters().expect("listed").contains(&filter));
    assert_eq!(
        lab.host.ensure_filter(&filter, &xml(Uuid::new_v4(), 80)).map_err(|e| e.code.as_str()),
        Err("filter_exists")
    );
    let interface = format!(
        "<interface type='network'><source network='{network}'/><model type='virtio'/><filterref filter='{filter}'/></interface>"
    );
    let uuid = lab.guest(IDLE, &interface);
    lab.host.start(uuid).expect("started");
    lab.host.ensure_filter(&filter, &xml(id, 443)).expect("redefined under a running guest");
    assert!(lab.host.filter_xml(&filter).expect("asked").expect("there").contains("'443'"));
    assert_eq!(lab.host.remove_filter(&filter).map_err(|e| e.code.as_str()), Err("libvirt_in_use"));
    lab.host.destroy(uuid).expect("stopped");
    for _ in 0..2 {
        lab.host.remove_filter(&filter).expect("removed");
    }
    assert_eq!(lab.host.filter_xml(&filter), Ok(None));
}

fn an_address_is_kept_live_and_persistent() {
    let mut lab = Lab::new();
    let (network, subnet) = lab.network();
    let entry = |mac: u8, last: u8| DhcpHost {
        mac: Mac::ours([1, 2, mac]),
        address: Ipv4Addr::new(198, 18, subnet, last),
        name: format!("guest-{mac}"),
    };
    let counts = || {
        let count = |xml: String| xml.matches("<host ").count();
        (count(virsh(&["net-dumpxml", &network])), count(virsh(&["net-dumpxml", &network, "--inactive"])))
    };
    for _ in 0..2 {
        lab.host.ensure_dhcp_host(&network, &entry(1, 10)).expect("kept");
    }
    assert_eq!(counts(), (1, 1));
    let seen = || lab.host.dhcp_hosts(&network).expect("listed");
    assert_eq!(seen(), [DhcpInfo { host: entry(1, 10), whole: true }]);
    assert_eq!(lab.host.ensure_dhcp_host(&network, &entry(2, 10)).map_err(|e| e.code.as_str()), Err("address_taken"));
    lab.host.ensure_dhcp_host(&network, &entry(1, 11)).expect("moved");
    virsh(&[
        "net-update",
        &network,
        "delete",
        "ip-dhcp-host",
        "<host ip='198.18.0.0'/>".replace("0.0", &format!("{subnet}.11")).as_str(),
        "--live",
    ]);
    assert_eq!(counts(), (0, 1), "a crash between the two copies");
    assert_eq!(seen(), [DhcpInfo { host: entry(1, 11), whole: false }]);
    lab.host.ensure_dhcp_host(&network, &entry(1, 11)).expect("mended");
    assert_eq!(counts(), (1, 1));
    for _ in 0..2 {
        lab.host.remove_dhcp_host(&network, &entry(1, 11)).expect("released");
    }
    assert_eq!(counts(), (0, 0));
    assert_eq!((seen(), lab.host.dhcp_hosts("lite-test-absent")), (vec![], Ok(vec![])));
}

fn a_volume_holds_what_was_written() {
    let lab = Lab::new();
    let bytes: Vec<u8> = (0..700_001_u32).map(|n| (n * 31 % 251) as u8).collect();
    let path = lab.volume("v", &bytes);
    let stored = std::fs::read(&path).expect("readable by root");
    assert_eq!((stored.len(), &stored[..bytes.len()] == bytes.as_slice()), (1 << 20, true));
    lab.volume("v", &sector(IDLE));
    assert_eq!(std::fs::read(&path).expect("readable")[..512], sector(IDLE), "written over");
    assert_eq!(
        lab.host.upload(&lab.name, "v", &vec![0; (1 << 20) + 1]).map_err(|e| e.code.as_str()),
        Err("volume_too_small")
    );
    let seen = lab.host.volumes(&lab.name).expect("listed");
    assert_eq!(
        seen.iter().map(|v| (v.name.as_str(), v.path.as_str(), v.capacity)).collect::<Vec<_>>(),
        [("v", path.as_str(), 1 << 20)]
    );
    for _ in 0..2 {
        lab.host.remove_volume(&lab.name, "v").expect("deleted");
    }
    assert!(!std::path::Path::new(&path).exists());
}

fn bytes_go_into_a_volume_out_of_it_and_into_a_copy() {
    let lab = Lab::new();
    crate::support::volume_contract::bytes_go_in_out_and_into_a_copy(&lab.host, &lab.name);
}

fn images_lie_in_a_pool_that_only_libvirt_reaches() {
    need::programs(&["qemu-img"]);
    let lab = Lab::new();
    let disk = |image: &Image| {
        let xml = overlay_xml("root.qcow2", Size::mib(64), &image.path).expect("XML");
        lab.host.ensure_volume(&lab.name, "root.qcow2", &xml).expect("made");
    };
    crate::support::image_contract::images_lie_in_the_pool(Arc::new(host()), &lab.name, &disk);
}

fn a_stopped_pool_and_network_are_started() {
    let mut lab = Lab::new();
    let (network, _) = lab.network();
    virsh(&["net-destroy", &network]);
    virsh(&["pool-destroy", &lab.name]);
    assert_eq!(lab.host.pool(&lab.name).expect("asked").map(|p| p.active), Some(false));
    lab.host.ensure_pool(&lab.name, "<not-read/>").expect("started");
    lab.host.ensure_network(&network, "<not-read/>").expect("started");
    assert_eq!(lab.host.pool(&lab.name).expect("asked").map(|p| p.active), Some(true));
    assert_eq!(lab.host.network(&network).expect("asked").map(|n| n.active), Some(true));
}

fn the_host_is_described() {
    let host = host();
    let facts = host.host().expect("described");
    let version = virsh(&["version"]);
    assert!(version.contains(&format!("libvirt {}\n", facts.libvirt)), "{} in {version}", facts.libvirt);
    assert!(version.contains(&format!("QEMU {}\n", facts.hypervisor)), "{} in {version}", facts.hypervisor);
    assert!(facts.emulator.is_some_and(|e| std::path::Path::new(&e).exists()));
    assert!(facts.memory_free_kib > 0 && facts.memory_free_kib < facts.memory_kib);
    assert_eq!(facts.arch == "x86_64", facts.q35);
}

fn the_console_is_connected_both_ways() {
    if Command::new("script").arg("--version").output().is_err() {
        skip("needs script");
    }
    let mut lab = Lab::new();
    let uuid = lab.running(ECHO);
    // The same program again, on a terminal made by `script`; then what state the terminal was left in.
    let program = std::env::current_exe().expect("this program");
    let line = format!("{}; stty -a", program.display());
    let mut child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("LITE_TEST_CONSOLE", uuid.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script runs");
    let mut keys = child.stdin.take().expect("a pipe");
    let screen = follow(child.stdout.take().expect("a pipe"));
    let screen_has = |wanted: &str| text(&screen).contains(wanted);
    // The guest may not listen yet: type until the echo comes.
    wait_for("the guest's echo", || {
        keys.write_all(b"xyzzy").expect("typed");
        screen_has("xyzzy")
    });
    keys.write_all(b"\x1d").expect("typed");
    wait_for("the terminal's settings after the end", || screen_has("icanon"));
    assert!(!screen_has("-icanon") && !screen_has("-echo "), "the terminal was not restored");
    drop(keys);
    assert!(child.wait().expect("ended").success());
}

/// What a child has printed so far.
type Screen = Arc<Mutex<Vec<u8>>>;

fn follow(mut output: impl Read + Send + 'static) -> Screen {
    let screen = Screen::default();
    let shown = Arc::clone(&screen);
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            shown.lock().expect("not poisoned").extend_from_slice(&buffer[..count]);
        }
    });
    screen
}

fn text(screen: &Screen) -> String {
    String::from_utf8_lossy(&screen.lock().expect("not poisoned")).into_owned()
}

fn without_a_terminal_the_console_prints_until_the_guest_stops() {
    let mut lab = Lab::new();
    let uuid = lab.running(CHATTY);
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .env("LITE_TEST_CONSOLE", uuid.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let screen = follow(child.stdout.take().expect("a pipe"));
    wait_for("what the guest prints", || text(&screen).contains("XXX"));
    assert_eq!(
        lab.host.open_console(uuid).map(drop).map_err(|e| (e.code.as_str(), e.exit_code())),
        Err(("console_busy", 3))
    );
    lab.host.destroy(uuid).expect("stopped");
    wait_for("the console to end with the guest", || child.try_wait().expect("asked").is_some_and(|s| s.success()));
}

/// What this program is instead of tests where it is the other side of the two above.
pub fn child() -> Option<ExitCode> {
    let uuid = std::env::var("LITE_TEST_CONSOLE").ok()?;
    let host = Libvirt::open(SYSTEM).expect("reached");
    let console = host.open_console(Uuid::parse_str(&uuid).expect("a uuid")).expect("opened");
    lite::cli::attach_console(console).expect("connected");
    Some(ExitCode::SUCCESS)
}
