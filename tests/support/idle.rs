//! A host whose one blueprint is a boot sector: instances of 32 MiB that run within a second.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    path::Path,
    process::{Command, Output},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    thread,
    time::{Duration, Instant},
};

use super::host::{Host, text, virsh};

/// Does nothing, for ever: `sti; hlt; jmp`.
pub const IDLE: &[u8] = &[0xFB, 0xF4, 0xEB, 0xFD];
/// Powers off once a key is pressed.
pub const POWER_OFF_BY_KEY: &[u8] =
    &[0xB4, 0x00, 0xCD, 0x16, 0xBA, 0x04, 0x06, 0xB8, 0x00, 0x20, 0xEF, 0xF4, 0xEB, 0xFD];
/// Panics after 2 s, through the `isa` panic device.
pub const PANIC: &[u8] =
    &[0xB4, 0x86, 0xB9, 0x1E, 0x00, 0xBA, 0x80, 0x84, 0xCD, 0x15, 0xBA, 0x05, 0x05, 0xB0, 0x01, 0xEE, 0xF4, 0xEB, 0xFD];

/// What a create without trouble says on stderr.
pub const CREATED: &str = "warning: no KVM on this host: the virtual machine is emulated, which is slow\n";

/// Some tests of a binary hold up libvirt for the others, or compare what a host has before and after.
static TURN: RwLock<()> = RwLock::new(());

/// Waits for the other tests of this binary, and is alone.
pub fn turn() -> RwLockWriteGuard<'static, ()> {
    TURN.write().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for those that are alone.
pub fn beside() -> RwLockReadGuard<'static, ()> {
    TURN.read().unwrap_or_else(PoisonError::into_inner)
}

/// A host with the blueprint `idle`, its image, and the bundle `tiny`.
pub fn idle_host(tag: &str, third: u8) -> Host {
    let host = bare_host(tag, third);
    bring_image(&host);
    host
}

/// The same on another libvirt.
pub fn idle_host_on(connect: &str, tag: &str, third: u8) -> Host {
    let host = furnished(Host::on(connect, tag, third));
    bring_image(&host);
    host
}

fn bring_image(host: &Host) {
    let image = image(host, "idle", IDLE);
    host.ok(&["image", "import", &image]);
}

/// The same without the image, pool and network.
pub fn bare_host(tag: &str, third: u8) -> Host {
    furnished(Host::new(tag, third))
}

fn furnished(host: Host) -> Host {
    let blueprints = host.folder.path().join("blueprints");
    std::fs::create_dir(&blueprints).expect("a folder");
    blueprint(&host, "idle");
    bundles(&host, &[("tiny", 32)]);
    host
}

/// Writes a blueprint that is the image of the same name.
pub fn blueprint(host: &Host, id: &str) {
    let os = format!(
        "id: {id}\ntitle: Idle\ndescription: Does nothing.\ngroup: os\nversion: \"1\"\nbases: [{id}]\n\
         minimum: {{memory: 32 MiB, disk: 1 MiB}}\nports: [22/tcp]\nuser: nobody\n"
    );
    std::fs::write(host.folder.path().join(format!("blueprints/{id}.yaml")), os).expect("written");
}

/// Writes the bundles: name and memory in MiB.
pub fn bundles(host: &Host, all: &[(&str, u64)]) {
    let mut text = "currency: USD\nbundles:\n".to_owned();
    for (id, memory) in all {
        text += &format!("  - {{id: {id}, vcpus: 1, memory: {memory} MiB, disk: 16 MiB, transfer: 1 GiB, price: 1}}\n");
    }
    std::fs::write(host.folder.path().join("blueprints/bundles.yaml"), text).expect("written");
}

/// Makes a qcow2 image of a boot sector; its path.
pub fn image(host: &Host, id: &str, code: &[u8]) -> String {
    let mut sector = code.to_vec();
    sector.resize(510, 0);
    sector.extend([0x55, 0xAA]);
    let raw = host.folder.path().join(format!("{id}.raw"));
    let image = host.folder.path().join(format!("{id}.qcow2"));
    std::fs::write(&raw, sector).expect("written");
    run(Command::new("qemu-img").args(["convert", "-f", "raw", "-O", "qcow2"]).args([&raw, &image]));
    image.to_str().expect("a path").to_owned()
}

/// Runs a command that must succeed.
pub fn run(command: &mut Command) -> Output {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(out.status.success(), "{command:?}: {}{}", text(&out.stderr), text(&out.stdout));
    out
}

/// `lite create idle` that does not wait.
pub fn create(host: &Host, name: &str) -> Command {
    create_of(host, name, "idle", "tiny")
}

/// `lite create` of a blueprint with a bundle, that does not wait.
pub fn create_of(host: &Host, name: &str, blueprint: &str, bundle: &str) -> Command {
    host.command(&["create", blueprint, "--bundle", bundle, "--name", name, "--no-wait", "--quiet"])
}

/// After a `lite` command that finishes what was cut off the instance is whole (true) or gone, and nothing else of ours is there.
pub fn whole_or_gone(host: &Host, name: &str, after: &str) -> bool {
    host.ok(&["repair"]);
    let listed = host.json(&["list"]);
    let instances = listed["instances"].as_array().expect("instances").clone();
    clean(host, after);
    if instances.is_empty() {
        assert_eq!(host.left(), Vec::<String>::new(), "{after}");
        assert_eq!(host.tables(), Vec::<String>::new(), "{after}: tables of the firewall");
        return false;
    }
    assert_eq!(
        (instances.len(), instances[0]["name"].as_str(), host.domains()),
        (1, Some(name), vec![name.to_owned()]),
        "{after}: {listed}"
    );
    assert_eq!(host.tables(), ["bridge", "inet"], "{after}");
    let real = virsh(&["domstate", name]);
    let state = if real.trim() == "running" { "running" } else { "stopped" };
    assert_eq!(instances[0]["state"].as_str(), Some(state), "{after}: {listed}");
    true
}

/// What the audit says, and its exit code. A foreign domain that is just being started or hangs makes it say that it does not
/// know, which tells nothing of this host: then it is asked again.
pub fn audit(host: &Host) -> (serde_json::Value, Option<i32>) {
    let ask = || {
        let out = host.lite(&["doctor", "--audit", "--json"]);
        (serde_json::from_slice::<serde_json::Value>(&out.stdout).expect("JSON"), out.status.code())
    };
    (0..4).map(|_| ask()).find(|(found, _)| found["verdict"] != "unknown").unwrap_or_else(ask)
}

/// The audit finds nothing.
pub fn clean(host: &Host, after: &str) {
    let (found, code) = audit(host);
    assert_eq!((&found["findings"], code), (&serde_json::json!([]), Some(0)), "{after}: {found}");
}

/// The pid of a domain's QEMU.
pub fn pid(name: &str) -> String {
    let file = Path::new("/run/libvirt/qemu").join(format!("{name}.pid"));
    std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display())).trim().to_owned()
}

/// Sends a signal to a process. One that is to stop has stopped then: on a busy machine it runs on for a moment.
pub fn signal(signal: &str, pid: &str) {
    run(Command::new("kill").args([signal, pid]));
    let stat = || std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let begun = Instant::now();
    while signal == "-STOP" && !stat().rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')) {
        assert!(begun.elapsed() < Duration::from_secs(30), "process {pid} does not stop");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Makes an idle guest.
pub fn created(host: &Host, name: &str) {
    run(&mut create(host, name));
}

/// Name and state of each instance, as `list` tells them.
pub fn states(host: &Host) -> Vec<(String, String)> {
    let listed = host.json(&["list"]);
    let word = |i: &serde_json::Value, key: &str| i[key].as_str().expect("a word").to_owned();
    listed["instances"].as_array().expect("a list").iter().map(|i| (word(i, "name"), word(i, "state"))).collect()
}
