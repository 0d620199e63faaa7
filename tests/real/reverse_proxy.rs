//! HAProxy's processes, on a configuration that listens on a socket of its folder alone.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::unix::{
        net::{UnixDatagram, UnixStream},
        process::ExitStatusExt,
    },
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use lite::{
    hypervisor::{Haproxy, ReverseProxy},
    model::{Domain, ProxyConfiguration, ProxyCounters, ProxyFile, ProxyStatistics, Site},
    plan,
};

use crate::support::need;

crate::tests![
    loads_that_follow_each_other_at_once_are_all_served,
    no_request_is_lost_to_the_counters_over_a_reload,
    the_unit_of_the_package_runs_what_lite_reloads,
    systemd_knows_each_line_of_the_units_of_the_package,
    a_domain_from_a_hundred_networks_alone_is_no_fault,
];

const PACKAGING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging");
const PROXY_UNIT: &str = include_str!("../../packaging/lite.lite-proxy.service");

/// What answers its digest to every request.
fn configuration(folder: &Path, digest: Option<&str>) -> ProxyConfiguration {
    let told = digest.unwrap_or_default();
    let text = format!(
        "global\n\tdescription {told}\n\tstats socket unix@worker.sock mode 600 level admin\n\
         defaults\n\tmode http\n\ttimeout connect 1s\n\ttimeout client 5s\n\ttimeout server 5s\n\
         frontend web\n\tbind unix@web.sock\n\thttp-request return status 200 content-type text/plain string {told}\n"
    );
    let file = |name, text| ProxyFile { name, text };
    ProxyConfiguration {
        folder: folder.to_owned(),
        digest: digest.map(str::to_owned),
        fixed: vec![file("haproxy.cfg", text)],
        maps: Vec::new(),
        servers: Vec::new(),
        counted: Vec::new(),
        certificates: file("certificates.list", String::new()),
    }
}

/// The body that is served.
fn asked(folder: &Path) -> String {
    let mut stream = UnixStream::connect(folder.join("web.sock")).expect("somebody listens");
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read");
    answer.rsplit_once("\r\n\r\n").expect("a body").1.to_owned()
}

/// After a reload the master's socket refuses for a moment; a load or an end that comes then waits for it.
fn loads_that_follow_each_other_at_once_are_all_served() {
    need::programs(&["haproxy"]);
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let haproxy = Haproxy::of("qemu:///system");
    let load = |digest: Option<&str>| haproxy.load_proxy(&configuration(folder, digest));
    for number in 0..20 {
        let digest = format!("d{number}");
        assert_eq!(load(Some(&digest)), Ok(None), "{digest}");
        assert_eq!(asked(folder), digest);
        assert_eq!(haproxy.loaded_proxy(folder), Ok(Some(digest)));
        if number % 5 == 4 {
            assert_eq!(load(None), Ok(None), "ended after {number}");
            assert_eq!(haproxy.loaded_proxy(folder), Ok(None));
            // HAProxy leaves the socket that the test had it listen on.
            let left = fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").file_name());
            assert_eq!(left.collect::<Vec<_>>(), ["web.sock"]);
        }
    }
}

/// Each worker counts anew: what the one before had counted, until its last connection ended, is told by the reload.
fn no_request_is_lost_to_the_counters_over_a_reload() {
    need::programs(&["haproxy"]);
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let haproxy = Haproxy::of("qemu:///system");
    let backend = "lb:shop".to_owned();
    let load = |number: u32| {
        let mut wanted = configuration(folder, Some(&format!("d{number}")));
        wanted.fixed[0].text = wanted.fixed[0]
            .text
            .replace("http-request return", "default_backend lb:shop\nbackend lb:shop\n\thttp-request return");
        wanted.counted = vec![backend.clone()];
        haproxy.load_proxy(&wanted).expect("loaded")
    };
    let requests = |lines: &[ProxyStatistics]| ProxyCounters::of(lines).expect("its own line").requests;
    assert_eq!(load(0), None, "nobody was replaced");
    let (done, sent, mut counted) = (AtomicBool::new(false), AtomicU64::new(0), 0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!(asked(folder).starts_with('d'));
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for number in 1..=5 {
            while sent.load(Ordering::Relaxed) < u64::from(number) * 50 {
                std::thread::yield_now();
            }
            counted += requests(&load(number).expect("a worker was replaced"));
        }
        done.store(true, Ordering::Relaxed);
    });
    counted += requests(&haproxy.proxy_statistics(folder, std::slice::from_ref(&backend)).expect("asked"));
    assert_eq!(counted, sent.into_inner());
    haproxy.load_proxy(&configuration(folder, None)).expect("ended");
}

/// The command of lite-proxy.service, in another folder, tells systemd that it is ready, and is reloaded by lite.
fn the_unit_of_the_package_runs_what_lite_reloads() {
    need::programs(&["haproxy"]);
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let haproxy = Haproxy::of("qemu:///system");
    fs::write(folder.join("haproxy.cfg"), &configuration(folder, Some("first")).fixed[0].text).expect("written");
    let systemd = UnixDatagram::bind(folder.join("notify")).expect("a socket");
    systemd.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    let own = PROXY_UNIT.replace("/var/lib/lite/proxy", &folder.display().to_string());
    let line = own.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command");
    let (program, arguments) = line.split_once(' ').expect("arguments");
    // In the place of systemd, whose word lite takes for what runs: the lock of a process that lite starts.
    let log = File::create(folder.join("haproxy.log")).expect("a file");
    log.lock().expect("a lock");
    let mut command = Command::new(program);
    command.args(arguments.split(' ')).env("NOTIFY_SOCKET", folder.join("notify")).stdout(log);
    let mut child = command.spawn().expect("it runs");
    drop(command);
    let mut said = [0; 256];
    let ready = (0..3).any(|_| {
        let length = systemd.recv(&mut said).expect("told");
        String::from_utf8_lossy(&said[..length]).contains("READY=1")
    });
    assert!(ready);
    assert_eq!(haproxy.load_proxy(&configuration(folder, Some("second"))), Ok(None));
    assert_eq!(asked(folder), "second");
    assert_eq!(haproxy.load_proxy(&configuration(folder, None)), Ok(None));
    let ended = child.wait().expect("ended");
    // One that is just running its program anew dies by the signal itself, which systemd takes for a good end too.
    let is_good = matches!(ended.code(), Some(0 | 143)) || ended.signal() == Some(15);
    assert!(is_good, "{ended:?}: SuccessExitStatus");
}

fn systemd_knows_each_line_of_the_units_of_the_package() {
    need::programs(&["systemd-analyze"]);
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["lite-watch", "lite-proxy"] {
        let unit = fs::read_to_string(format!("{PACKAGING}/lite.{name}.service")).expect("a unit");
        let file = folder.path().join(format!("{name}.service"));
        // Its programs may not be installed.
        let unit = unit.replace("=/usr/bin/lite ", "=/bin/true ").replace("=/usr/sbin/haproxy ", "=/bin/true ");
        fs::write(&file, unit).expect("written");
        let out = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&file).output().expect("it runs");
        assert_eq!((out.status.code(), String::from_utf8_lossy(&out.stderr).trim()), (Some(0), ""), "{name}");
    }
}

/// HAProxy reads what lite writes for it, without listening to anybody.
fn a_domain_from_a_hundred_networks_alone_is_no_fault() {
    need::programs(&["haproxy"]);
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let domain = Domain::parse("shop.example.org").expect("a domain");
    let sources = (0..100).map(|n| format!("192.0.{n}.0/24").parse().expect("a network")).collect();
    let site = (Site { domain, guest_port: 80, sources }, [192, 168, 150, 10].into());
    let wanted = plan::proxy(folder, &[site], &[], &[], true);
    for ProxyFile { name, text } in wanted.fixed.iter().chain(&wanted.maps).chain([&wanted.certificates]) {
        fs::write(folder.join(name), text).expect("written");
    }
    let out = Command::new("haproxy").args(["-c", "-C"]).arg(folder).args(["-f", "haproxy.cfg"]).output();
    let out = out.expect("it runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}
