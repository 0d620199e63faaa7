//! Data under accidents: a pool that runs full, a libvirtd that is killed, and a guest that writes all the time. Real libvirt and QEMU;
//! guests are one boot sector but in `SLOW` (`make test-storage`).

mod soak;

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use crate::{
    snapshot::{backing, files, roots},
    support::{
        daemon::Daemon,
        host::{Host, needs_host, text, virsh, virsh_on},
        idle::{IDLE, bare_host, clean, created, idle_host_on, image, run},
    },
};

crate::tests![
    a_pool_that_is_full_makes_nothing_and_the_guest_runs,
    a_libvirtd_that_is_killed_leaves_instances_and_disks_whole,
];

crate::tests![SLOW: a_guest_that_writes_all_the_time_has_whole_snapshots];

/// A small file system, which goes with this value.
pub struct Small(pub PathBuf);

impl Small {
    /// One of 400 MiB as the folder of a pool.
    pub fn mount(host: &Host) -> Self {
        let (file, folder) = (host.folder.path().join("small"), host.pool_dir());
        std::fs::File::create(&file).and_then(|file| file.set_len(400 << 20)).expect("a file");
        std::fs::create_dir(&folder).expect("a folder");
        run(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&file));
        run(Command::new("mount").args(["-o", "loop"]).arg(&file).arg(&folder));
        run(Command::new("chmod").arg("0711").arg(&folder));
        Self(folder)
    }

    /// One of 1 MiB in memory.
    pub fn memory(folder: PathBuf) -> Self {
        std::fs::create_dir(&folder).expect("a folder");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(&folder));
        Self(folder)
    }

    /// Takes all room once a command has made a file of such a name.
    fn fill_when(&self, host: &Host, command: &mut Child, (begin, end): (&str, &str)) -> PathBuf {
        while files(host, begin, end).is_empty() {
            assert_eq!(command.try_wait().expect("asked"), None, "it made no `{begin}…{end}`");
            thread::sleep(Duration::from_millis(1));
        }
        self.fill()
    }

    /// Takes all room.
    pub fn fill(&self) -> PathBuf {
        let filler = self.0.join("filler");
        let free = run(Command::new("stat").args(["-f", "-c", "%a %S"]).arg(&self.0)).stdout;
        let free: Vec<u64> = text(&free).split_whitespace().map(|word| word.parse().expect("a number")).collect();
        // Some blocks may go meanwhile; what is left is less than anything that is copied.
        let bytes = (free[0] * free[1]).saturating_sub(4 << 20).to_string();
        let _ = Command::new("fallocate").args(["-l", &bytes]).arg(&filler).output();
        filler
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

fn a_pool_that_is_full_makes_nothing_and_the_guest_runs() {
    needs_host();
    let (host, name, disk) = (bare_host("ctf", 49), "lite-test-ctf-a", "lite-test-ctf-d");
    let small = Small::mount(&host);
    let config = host.folder.path().join("config.toml");
    std::fs::write(config, "subnet6 = \"no\"\ndisk_reserve = \"1 MiB\"\ndisk_overcommit = 4\n").expect("written");
    host.ok(&["image", "import", &image(&host, "idle", IDLE)]);
    created(&host, name);
    host.ok(&["disk", "create", disk, "--size", "256MiB"]);
    let data = files(&host, "disk-", ".qcow2").remove(0);
    run(Command::new("qemu-io").args(["-f", "qcow2", "-c", "write -P 5 0 90M"]).arg(&data));
    host.ok(&["disk", "attach", disk, name]);
    let as_before = |after: &str, snapshots: usize| {
        assert_eq!(virsh(&["domstate", name]).trim(), "running", "{after}");
        let listed = host.json(&["snapshot", "list"])["snapshots"].as_array().expect("snapshots").len();
        assert_eq!((listed, files(&host, "disk-", "").len()), (snapshots, 1), "{after}");
        // A sidecar and two copies each.
        assert_eq!(files(&host, "snap-", "").len(), 3 * snapshots, "{after}");
        assert!(!virsh(&["dumpxml", name]).contains("<mirror"), "{after}: a copy goes on");
        clean(&host, after);
    };
    let cut_off = |args: &[&str], file: (&str, &str)| {
        let mut command = host.command(args);
        let mut command = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("lite runs");
        let filler = small.fill_when(&host, &mut command, file);
        let out = command.wait_with_output().expect("ended");
        std::fs::remove_file(filler).expect("it was filled");
        let said = text(&out.stderr);
        eprintln!("{args:?}: {said}");
        assert_eq!(out.status.code(), Some(1), "{said}");
        said.lines().find(|line| line.starts_with("error: ")).expect("an error").to_owned()
    };
    // In the copy: the second one is under way.
    let said = cut_off(&["snapshot", "create", name, "--name", "full"], ("snap-", &format!(".{}", id_of(&data))));
    assert_eq!(said, "error: could not make snapshot `full`; nothing of it is left");
    as_before("full in the copy", 0);
    host.ok(&["snapshot", "create", name, "--name", "kept"]);
    // No room for another one: refused before anything is made.
    let filler = small.fill();
    let said = host.fails(2, &["snapshot", "create", name]);
    assert!(said.starts_with(&format!("error: a snapshot of instance `{name}` takes ")), "{said}");
    std::fs::remove_file(filler).expect("it was filled");
    as_before("no room for a copy", 1);
    // In a restore, while the disk's new volume is made.
    let restore = ["restore", name, "kept", "--no-keep", "--force", "--no-wait", "--yes"];
    let said = cut_off(&restore, ("disk-", ".2.qcow2"));
    assert_eq!(said, format!("error: restored nothing; instance `{name}` runs as before"));
    as_before("full in a restore", 1);
    host.ok(&["snapshot", "delete", "kept", "--yes"]);
    host.ok(&["delete", name, "--yes"]);
    host.ok(&["disk", "delete", disk, "--yes"]);
    clean(&host, "deleted");
}

/// `ID.qcow2` of `disk-ID.qcow2`.
fn id_of(disk: &Path) -> &str {
    disk.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("disk-")).expect("a disk")
}

/// How many points a command passes before its libvirtd is killed: each, or one in the middle.
fn moments(passed: usize) -> Vec<usize> {
    if soak::length() == Some("hours") { (1..=passed).collect() } else { vec![passed.div_ceil(2)] }
}

fn a_libvirtd_that_is_killed_leaves_instances_and_disks_whole() {
    needs_host();
    let mut daemon = Daemon::start();
    let host = idle_host_on(&daemon.uri(), "ctd", 50);
    let (name, disk, other) = ("lite-test-ctd-a", "lite-test-ctd-d", "lite-test-ctd-e");
    created(&host, name);
    for disk in [disk, other] {
        host.ok(&["disk", "create", disk, "--size", "64MiB"]);
    }
    host.ok(&["disk", "attach", disk, name]);
    let bundle = "  - {id: tiny, vcpus: 1, memory: 32 MiB, disk: 16 MiB, transfer: 1 GiB, price: 1}\n";
    let twice = bundle.replace("tiny", "twice").replace("32 MiB", "64 MiB");
    let text = format!("currency: USD\nbundles:\n{bundle}{twice}");
    std::fs::write(host.folder.path().join("blueprints/bundles.yaml"), text).expect("written");
    host.ok(&["snapshot", "create", name, "--name", "kept"]);
    let bundle_of = || host.json(&["show", name])["instances"][0]["bundle"].as_str().expect("text").to_owned();
    let resize = || {
        let to = if bundle_of() == "tiny" { "twice" } else { "tiny" };
        vec!["resize", name, "--bundle", to, "--yes", "--force", "--stop-timeout", "1s", "--no-wait"]
    };
    let snapshot = || vec!["snapshot", "create", name, "--name", "cut"];
    let restore = || vec!["restore", name, "kept", "--no-keep", "--force", "--no-wait", "--yes"];
    let attach = || vec!["disk", "attach", other, name];
    let nothing = || ();
    let operations: [soak::Operation<'_>; 4] = [
        ("snapshot", &nothing, &snapshot),
        ("restore", &nothing, &restore),
        ("resize", &nothing, &resize),
        ("attach", &nothing, &attach),
    ];
    for (what, _, command) in operations {
        let passed = cut_after(&host, &mut daemon, &command(), (usize::MAX, Duration::ZERO));
        in_order(&host, name, other, &format!("{what}, whole"));
        for n in moments(passed) {
            let when = format!("{what}, libvirtd killed after {n} of {passed} points");
            cut_after(&host, &mut daemon, &command(), (n, Duration::ZERO));
            in_order(&host, name, other, &when);
        }
    }
    if soak::length().is_some() {
        soak::more(&host, &mut daemon, [name, disk, other], &operations);
    }
    host.ok(&["delete", name, "--yes"]);
    host.ok(&["snapshot", "delete", "kept", "--yes"]);
    host.ok(&["disk", "delete", disk, other, "--yes"]);
    clean(&host, "deleted");
}

/// Runs a command whose libvirtd is killed a while after it has passed so many points, and is there again then. How many it passed.
fn cut_after(host: &Host, daemon: &mut Daemon, args: &[&str], (n, pause): (usize, Duration)) -> usize {
    let log = host.folder.path().join("points");
    let _ = std::fs::remove_file(&log);
    let passed = || std::fs::read_to_string(&log).unwrap_or_default().lines().count();
    let mut command = host.command(args);
    let mut command =
        command.env("LITE_KILL_LOG", &log).env("LITE_KEEP_DELETED", "24h").stderr(Stdio::piped()).stdout(Stdio::null());
    command = command.stdin(Stdio::null());
    let mut child = command.spawn().expect("lite runs");
    let mut killed = false;
    while child.try_wait().expect("asked").is_none() {
        if !killed && passed() >= n {
            thread::sleep(pause);
            daemon.kill();
            daemon.launch();
            killed = true;
        }
        thread::sleep(Duration::from_millis(1));
    }
    let out = child.wait_with_output().expect("ended");
    let said = text(&out.stderr);
    assert!(out.status.code().is_some_and(|code| code <= 5) && !said.contains("panicked"), "{args:?}: {said}");
    assert_eq!(killed, n != usize::MAX, "{args:?}: the fault was not hit: {said}");
    if !killed {
        assert_eq!(out.status.code(), Some(0), "{args:?}: {said}");
    }
    passed()
}

/// What the next command leaves: nothing goes on, nothing is left over, and the instance runs. The disk is free again, and the snapshot gone.
fn in_order(host: &Host, name: &str, disk: &str, when: &str) {
    host.ok(&["repair"]);
    let live = virsh_on(&host.connect, &["dumpxml", name]);
    assert!(!live.contains("<mirror"), "{when}: a copy goes on");
    assert_eq!(virsh_on(&host.connect, &["domstate", name]).trim(), "running", "{when}");
    clean(host, when);
    let names: Vec<String> = host.json(&["snapshot", "list"])["snapshots"]
        .as_array()
        .expect("snapshots")
        .iter()
        .map(|one| one["name"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(files(host, "snap-", "").len(), 3 * names.len(), "{when}");
    let own = |begin: &str| files(host, begin, ".qcow2").len();
    assert_eq!((own(&format!("lite-{name}-")), own("disk-")), (1, 2), "{when}");
    if names.iter().any(|name| name == "cut") {
        host.ok(&["snapshot", "delete", "cut", "--yes"]);
    }
    if !host.json(&["disk", "show", disk])["disks"][0]["instance"].is_null() {
        host.ok(&["disk", "detach", disk, "--force"]);
    }
}

/// What the guest runs: each record goes to the one disk, then to the other, and is told once both have it.
const WRITER: &str = r#"
import os, zlib
one, two = (os.open(path + "/records", os.O_WRONLY | os.O_CREAT | os.O_APPEND) for path in ("/srv/one", "/srv/two"))
n = 0
while True:
    body = n.to_bytes(8, "big") * 511
    record = body + zlib.crc32(body).to_bytes(8, "big")
    for file in (one, two):
        os.write(file, record)
        os.fsync(file)
    print(n, flush=True)
    n += 1
"#;

/// The numbers of a file of records, which are whole and without a gap.
fn records(file: &Path) -> u64 {
    let script = r#"
import sys, zlib
data = open(sys.argv[1], "rb").read()
for n in range(len(data) // 4096):
    record = data[n * 4096:(n + 1) * 4096]
    assert record[:4088] == n.to_bytes(8, "big") * 511, n
    assert int.from_bytes(record[4088:], "big") == zlib.crc32(record[:4088]), n
print(len(data) // 4096)
"#;
    let out = run(Command::new("python3").args(["-c", script]).arg(file)).stdout;
    text(&out).trim().parse().expect("a number")
}

/// The file system of a copy, checked as after a boot, and what its file of records holds. One that was not frozen is as after a power cut:
/// the sum of its free blocks is in no journal, and each mount makes it anew. `e2fsck -p` does that too, and refuses what may be damage.
fn checked(host: &Host, copy: &Path, path: &str, is_frozen: bool) -> u64 {
    let raw = host.folder.path().join("raw");
    run(Command::new("qemu-img").args(["convert", "-O", "raw"]).arg(copy).arg(&raw));
    let table = Command::new("sfdisk").arg("--json").arg(&raw).output().expect("sfdisk runs");
    let table: serde_json::Value = serde_json::from_slice(&table.stdout).unwrap_or_default();
    // The root file system is in the largest partition; a given disk has none.
    let parts = table["partitiontable"]["partitions"].as_array().cloned().unwrap_or_default();
    let system = match parts.iter().max_by_key(|part| part["size"].as_u64()) {
        Some(part) => cut_out(&raw, part),
        None => raw.clone(),
    };
    // The journal first, as a boot does it.
    run(Command::new("e2fsck").args(["-E", "journal_only", "-p"]).arg(&system));
    if !is_frozen {
        let out = Command::new("e2fsck").arg("-fp").arg(&system).output().expect("e2fsck runs");
        // 1: put right, and nothing of anybody's was touched.
        assert!(matches!(out.status.code(), Some(0 | 1)), "{}", text(&out.stdout));
    }
    run(Command::new("e2fsck").arg("-fn").arg(&system));
    let dumped = host.folder.path().join("records");
    run(Command::new("debugfs").args(["-R", &format!("dump {path} {}", dumped.display())]).arg(&system));
    let found = records(&dumped);
    for file in [raw, system].iter().filter(|file| file.exists()) {
        std::fs::remove_file(file).expect("removed");
    }
    found
}

/// A partition as a file of its own: once it has played a journal back, e2fsck opens what it was given again, without the offset.
fn cut_out(raw: &Path, part: &serde_json::Value) -> PathBuf {
    let bytes = |key: &str| part[key].as_u64().expect("sectors") * 512;
    let file = serde_json::json!({"driver": "file", "filename": raw});
    let source = serde_json::json!({"driver": "raw", "offset": bytes("start"), "size": bytes("size"), "file": file});
    let own = raw.with_extension("part");
    run(Command::new("qemu-img").args(["convert", "-O", "raw", &format!("json:{source}")]).arg(&own));
    own
}

/// A command that ends with the test, also with one that fails: who reads what it says waits for its end.
struct Writer(Child);

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// S1, S2 and S14: three snapshots of a guest that writes to two disks and tells what is there; the last one without its agent.
fn a_guest_that_writes_all_the_time_has_whole_snapshots() {
    needs_host();
    let (host, name, disk) = (Host::new("ctg", 51), "lite-test-ctg-a", "lite-test-ctg-d");
    host.debian_13();
    host.ok(&["create", "debian-13", "--name", name, "--bundle", "nano"]);
    host.ok(&["disk", "create", disk, "--size", "1GiB"]);
    host.ok(&["disk", "attach", disk, name, "--mount", "/srv/two"]);
    let guest = |script: &str| host.ok(&["ssh", name, "--", "sudo", "sh", "-c", script]);
    guest("mkdir /srv/one && head -c 64M /dev/urandom >/srv/one/some && sync");
    let command = ["ssh", name, "--", "sudo", "python3", "-c", WRITER];
    let mut writer = host.command(&command).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("lite runs");
    let (told, lines) = (AtomicU64::new(0), BufReader::new(writer.stdout.take().expect("piped")).lines());
    thread::scope(|scope| {
        let _writer = Writer(writer);
        scope.spawn(|| {
            for _ in lines.map_while(Result::ok) {
                told.fetch_add(1, Ordering::SeqCst);
            }
        });
        for n in 1..=10 {
            let consistency = if n <= 7 { "frozen" } else { "crash-consistent" };
            if n == 8 {
                guest("systemctl stop qemu-guest-agent");
            }
            let enough = told.load(Ordering::SeqCst) + 50;
            while told.load(Ordering::SeqCst) < enough {
                thread::sleep(Duration::from_millis(100));
            }
            let before = told.load(Ordering::SeqCst);
            let taken =
                roots(&host, name)[0].metadata().map(|file| std::os::unix::fs::MetadataExt::blocks(&file) * 512);
            let made = host.json(&["snapshot", "create", name, "--name", &format!("lite-test-ctg-{n}")]);
            let made = &made["snapshots"][0];
            assert_eq!(made["consistency"], consistency);
            let copies = files(&host, "snap-", ".qcow2");
            let (root, given) = copies.iter().partition::<Vec<_>, _>(|copy| !backing(copy).is_empty());
            assert_eq!((root.len(), given.len()), (1, 1));
            let size = std::os::unix::fs::MetadataExt::blocks(&root[0].metadata().expect("there")) * 512;
            // What was written meanwhile, and the tables of a qcow2.
            assert!(size * 100 <= taken.expect("there") * 105 + (8 << 20) * 100, "{size} bytes");
            let is_frozen = consistency == "frozen";
            let (one, two) = (
                checked(&host, root[0], "/srv/one/records", is_frozen),
                checked(&host, given[0], "/records", is_frozen),
            );
            assert!(one >= before && two >= before, "{n}: {one} and {two} records of {before} that were told");
            assert!(one >= two && one <= two + 1, "{n}: of one moment: {one} and {two}");
            host.ok(&["snapshot", "delete", &format!("lite-test-ctg-{n}"), "--yes"]);
            clean(&host, "a snapshot under a guest that writes");
        }
    });
    host.ok(&["delete", name, "--yes"]);
    host.ok(&["disk", "delete", disk, "--yes"]);
    host.ok(&["image", "remove", "debian-13", "--yes"]);
}
