//! What one look of `lite watch` over many running guests costs: numbers to read, printed by `cargo test --release --test bench
//! -- --ignored --nocapture`, as root. The guests are QEMUs that halt at once; memory of the host is what limits their number
//! (`BENCH_GUESTS=10,50,200`).

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    rows::{record, store},
    watch::Watch,
};

const NETWORK: &str = "lite-test-bench";
/// `cli; hlt`: sleeps for ever.
const ASLEEP: [u8; 2] = [0xFA, 0xF4];
/// How long is measured: six looks, and one minute that closes.
const MEASURED: Duration = Duration::from_secs(60);

/// The network and the guests; gone when it is dropped.
struct Guests {
    folder: tempfile::TempDir,
    running: u8,
}

impl Guests {
    fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("lite-test-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()
            .expect("a folder");
        let mut sector = ASLEEP.to_vec();
        sector.resize(510, 0);
        sector.extend([0x55, 0xAA]);
        std::fs::write(folder.path().join("asleep.raw"), sector).expect("written");
        let network = format!("<network><name>{NETWORK}</name><bridge name='lite-bench0'/></network>");
        let at = folder.path().join("network.xml");
        std::fs::write(&at, network).expect("written");
        virsh(&format!("net-create {}\n", at.display()));
        Self { folder, running: 0 }
    }

    /// Has so many running.
    fn up_to(&mut self, count: u8) {
        let disk = self.folder.path().join("asleep.raw");
        let mut commands = String::new();
        for n in self.running + 1..=count {
            let record = record(n);
            let domain = format!(
                "<domain type='qemu'><name>lite-test-bench-{n}</name><uuid>{}</uuid><memory unit='MiB'>32</memory>\
                 <vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>\
                 <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{}'/>\
                 <target dev='vda' bus='virtio'/><readonly/><shareable/></disk>\
                 <interface type='network'><mac address='{}'/><source network='{NETWORK}'/><model type='virtio'/></interface>\
                 <memballoon model='virtio'><stats period='10'/></memballoon></devices></domain>",
                record.uuid,
                disk.display(),
                record.mac,
            );
            let at = self.folder.path().join(format!("{n}.xml"));
            std::fs::write(&at, domain).expect("written");
            commands += &format!("create {}\n", at.display());
        }
        virsh(&commands);
        self.running = count;
    }
}

impl Drop for Guests {
    fn drop(&mut self) {
        let all: String = (1..=self.running).map(|n| format!("destroy lite-test-bench-{n}\n")).collect();
        virsh(&all);
        virsh(&format!("net-destroy {NETWORK}\n"));
    }
}

/// Runs virsh with these commands; a failure is told, and its consequence shows.
fn virsh(commands: &str) {
    let mut virsh =
        Command::new("virsh").arg("-q").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("virsh runs");
    virsh.stdin.take().expect("a pipe").write_all(commands.as_bytes()).expect("written");
    let status = virsh.wait().expect("virsh ends");
    if !status.success() {
        eprintln!("virsh: {status}");
    }
}

/// A database of these guests, set up and wanted up, their health unchecked: a check waits for a guest, on other threads.
fn database(dir: &Path, count: u8) {
    drop(store(dir, count, true));
    let db = rusqlite::Connection::open(dir.join("state.db")).expect("a database");
    db.execute("UPDATE instance SET phase = 'ready', blueprint = json_set(blueprint, '$.health', json('null'))", [])
        .expect("updated");
}

fn watch(dir: &Path, port: u16, log: Option<&Path>) -> Watch {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lite"));
    command.args(["watch", "--metrics-listen", &format!("127.0.0.1:{port}")]);
    command.env("LITE_STATE_DIR", dir).env("LITE_LOG_DIR", dir).env("LITE_POOL_DIR", dir).env("LITE_NETWORK", NETWORK);
    if let Some(log) = log {
        command.env("LIBVIRT_DEBUG", "1").env("LIBVIRT_LOG_OUTPUTS", format!("1:file:{}", log.display()));
    }
    Watch::run(command)
}

/// Seconds of processor time of a process.
fn cpu(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks: f64 = [11, 12].iter().map(|n| fields[*n].parse::<f64>().expect("a number")).sum();
    // USER_HZ is 100 on every Linux that Rust runs on.
    ticks / 100.0
}

/// The highest resident memory of a process so far, in MiB.
fn peak(pid: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).expect("a peak");
    line.split_whitespace().next().and_then(|k| k.parse::<f64>().ok()).expect("a number") / 1024.0
}

fn libvirtd() -> String {
    let out = Command::new("pgrep").args(["-xo", "libvirtd|virtqemud"]).output().expect("pgrep runs");
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

/// Seconds the last look took, and how many guests have a value of this minute.
fn scrape(port: u16) -> Option<(f64, usize)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let look = text.lines().find_map(|l| l.strip_prefix("lite_watch_look_seconds "))?.parse().ok()?;
    Some((look, text.matches("\nlite_instance_cpu_utilization_ratio{").count()))
}

#[test]
#[ignore = "minutes of work on a real libvirt: a bench"]
fn a_look_over_many_guests() {
    let counts = std::env::var("BENCH_GUESTS").unwrap_or_else(|_| "10,50,200".to_owned());
    let mut guests = Guests::new();
    println!(
        "| guests | a look, median | `virsh domstats`, the same figures | ratio | watcher's CPU per look | libvirtd's CPU per look | bulk calls per look | watcher's peak memory (at most 60 MiB) |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|");
    for count in counts.split(',').map(|n| n.parse::<u8>().expect("a number up to 200")) {
        guests.up_to(count);
        // So that firmware is through and nobody starts any more.
        thread::sleep(Duration::from_secs(20));
        let dir = tempfile::tempdir().expect("a folder");
        database(dir.path(), count);
        let port = TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("bound").port();
        let running = watch(dir.path(), port, None);
        let (pid, daemon) = (running.id().to_string(), libvirtd());
        thread::sleep(Duration::from_secs(75));
        let (ours, theirs, begun) = (cpu(&pid), cpu(&daemon), Instant::now());
        let mut looks = Vec::new();
        while begun.elapsed() < MEASURED {
            thread::sleep(Duration::from_secs(10));
            looks.push(scrape(port).expect("metrics").0);
        }
        let each = begun.elapsed().as_secs_f64() / 10.0;
        let (ours, theirs) = ((cpu(&pid) - ours) / each, (cpu(&daemon) - theirs) / each);
        assert_eq!(scrape(port).expect("metrics").1, usize::from(count), "each guest has a value");
        let memory = peak(&pid);
        drop(running);
        let (look, peer) = (median(looks), peer());
        println!(
            "| {count} | {:.0} ms | {:.0} ms | {:.2} | {:.0} ms | {:.0} ms | {:.1} | {memory:.1} MiB |",
            look * 1000.0,
            peer * 1000.0,
            look / peer,
            ours * 1000.0,
            theirs * 1000.0,
            calls(dir.path(), port)
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Seconds that another client of libvirt's takes for the same figures of the same guests; its start is in it.
fn peer() -> f64 {
    let figures = ["-q", "domstats", "--nowait", "--state", "--cpu-total", "--balloon", "--interface", "--block"];
    let times = (0..6).map(|_| {
        thread::sleep(Duration::from_secs(3));
        let begun = Instant::now();
        let done = Command::new("virsh").args(figures).stdout(Stdio::null()).status().expect("virsh runs");
        assert!(done.success(), "virsh: {done}");
        begun.elapsed().as_secs_f64()
    });
    median(times.collect())
}

/// Bulk calls to libvirt per look, as libvirt's own library logs them.
fn calls(dir: &Path, port: u16) -> f64 {
    let log = dir.join("libvirt.log");
    let running = watch(dir, port, Some(&log));
    thread::sleep(Duration::from_secs(45));
    drop(running);
    let text = String::from_utf8_lossy(&std::fs::read(&log).expect("a log")).into_owned();
    let bulk = text.matches("virConnectGetAllDomainStats:").count() as f64;
    bulk / 5.0
}
