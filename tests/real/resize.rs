//! Other bundles for instances: real libvirt and QEMU, guests that are one boot sector.

use std::process::Command;

use lite::{
    model::{Name, Phase},
    store::Store,
};

use crate::{
    crash::{At, kill},
    support::{
        host::{Host, needs_host, virsh},
        idle::{bundles, clean, create, created, idle_host, run, whole_or_gone},
    },
};

crate::tests![
    an_instance_gets_a_larger_bundle_and_a_smaller_one,
    one_that_does_not_answer_is_as_before,
    killed_at_each_step_of_a_resize,
];

crate::tests![SLOW: a_guest_uses_the_larger_disk];

/// A boot sector hears no power button.
const FORCE: [&str; 4] = ["--yes", "--force", "--stop-timeout", "1s"];

/// A host with the bundles `tiny` and `twice`.
fn host_of_two(tag: &str, third: u8) -> Host {
    let host = idle_host(tag, third);
    let bundle = |id: &str, times: u64| {
        let (memory, disk) = (32 * times, 16 * times);
        format!("  - {{id: {id}, vcpus: 1, memory: {memory} MiB, disk: {disk} MiB, transfer: 1 GiB, price: {times}}}\n")
    };
    let text = format!("currency: USD\nbundles:\n{}{}", bundle("tiny", 1), bundle("twice", 2));
    std::fs::write(host.folder.path().join("blueprints/bundles.yaml"), text).expect("written");
    host
}

fn definition(name: &str) -> String {
    virsh(&["dumpxml", "--inactive", name])
}

/// State and memory of the domain (KiB), and the size of its disk as QEMU sees it.
fn has(name: &str) -> (String, String, u64) {
    let info = virsh(&["dominfo", name]);
    let line = |key: &str| {
        let found = info.lines().find_map(|line| line.strip_prefix(key));
        found.unwrap_or_else(|| panic!("{info}")).trim().to_owned()
    };
    let disks = virsh(&["domblklist", name]);
    let path = disks.lines().filter(|line| line.contains(" vda ")).find_map(|line| line.split_whitespace().nth(1));
    let image = run(Command::new("qemu-img").args(["info", "-U", "--output=json", path.expect("a root disk")])).stdout;
    let image: serde_json::Value = serde_json::from_slice(&image).expect("JSON");
    (line("State:"), line("Max memory:"), image["virtual-size"].as_u64().expect("a size") >> 20)
}

fn resize(host: &Host, name: &str, bundle: &str) -> serde_json::Value {
    let out = run(host.command(&["resize", name, "--bundle", bundle, "--json", "--quiet"]).args(FORCE)).stdout;
    serde_json::from_slice::<serde_json::Value>(&out).expect("JSON")["resized"][0].take()
}

fn an_instance_gets_a_larger_bundle_and_a_smaller_one() {
    needs_host();
    let (host, name) = (host_of_two("szu", 20), "lite-test-szu-a");
    created(&host, name);
    let address = host.json(&["show", name])["instances"][0]["address"].clone();
    let before = definition(name);
    host.fails(2, &["resize", name, "--bundle", "twice"]);
    host.ok(&["resize", name, "--bundle", "twice", "--dry-run"]);
    assert_eq!((definition(name), has(name)), (before, ("running".into(), "32768 KiB".into(), 16)));
    let done = resize(&host, name, "twice");
    assert_eq!(
        (&done["now"]["price"], &done["before"]["price"], &done["restarts"]),
        (&"2.00".into(), &"1.00".into(), &true.into())
    );
    assert_eq!(has(name), ("running".into(), "65536 KiB".into(), 32));
    let shown = host.json(&["show", name])["instances"][0].take();
    assert_eq!((&shown["address"], &shown["price"], &shown["bundle"]), (&address, &"2.00".into(), &"twice".into()));
    clean(&host, "larger");
    resize(&host, name, "tiny");
    assert_eq!(has(name), ("running".into(), "32768 KiB".into(), 32));
    assert_eq!(host.json(&["show", name])["instances"][0]["disk_bytes"], 32 << 20);
    clean(&host, "smaller");
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    resize(&host, name, "twice");
    assert_eq!(has(name), ("shut off".into(), "65536 KiB".into(), 32));
    clean(&host, "stopped");
    host.ok(&["delete", name, "--yes", "--now"]);
}

fn one_that_does_not_answer_is_as_before() {
    needs_host();
    let (host, name) = (host_of_two("szf", 21), "lite-test-szf-a");
    created(&host, name);
    // A boot sector tells nobody that it is there: as one whose application answered once, and does not any more.
    let mut store = Store::open(&host.folder.path().join("state")).expect("the database");
    let uuid = store.require(&Name::parse(name).expect("a name")).expect("there").record.uuid;
    store.set_phase(uuid, Phase::Ready, None).expect("written");
    let (before, shown) = (definition(name), host.json(&["show", name])["instances"][0].take());
    let wait = ["resize", name, "--bundle", "twice", "--timeout", "2s", "--yes", "--force", "--stop-timeout", "1s"];
    let told = host.fails(1, &wait);
    let says = format!(
        "error: could not resize instance `{name}`: it runs as before, with bundle `tiny`; its disk stays at 32 MiB, as disks never shrink"
    );
    assert!(told.lines().any(|line| line == says), "{told}");
    assert_eq!((definition(name), has(name)), (before, ("running".into(), "32768 KiB".into(), 32)));
    let after = host.json(&["show", name])["instances"][0].take();
    for key in ["price", "bundle", "memory_bytes", "address", "state"] {
        assert_eq!(after[key], shown[key], "{key}");
    }
    clean(&host, "as before");
    host.ok(&["delete", name, "--yes", "--now"]);
}

fn killed_at_each_step_of_a_resize() {
    needs_host();
    let (host, name) = (idle_host("szk", 22), "lite-test-szk");
    // Of one disk: it grows once, and each kill is to find the same steps. `tests/it/deaths.rs` has it grow.
    bundles(&host, &[("tiny", 32), ("twice", 64)]);
    assert!(create(&host, name).status().expect("lite runs").success());
    let bundle = || host.json(&["list"])["instances"][0]["bundle"].as_str().expect("a bundle").to_owned();
    let other = || {
        let other = if bundle() == "tiny" { "twice" } else { "tiny" };
        let mut command = host.command(&["resize", name, "--bundle", other]);
        command.args(FORCE);
        command
    };
    let whole = |after: &str| {
        assert!(whole_or_gone(&host, name, after), "{after}: gone");
        let (state, memory, _) = has(name);
        let wanted = if bundle() == "twice" { "65536 KiB" } else { "32768 KiB" };
        assert_eq!((state.as_str(), memory.as_str()), ("running", wanted), "{after}");
    };
    kill(("resize", At::Each), &host, &|| (), &other, &whole);
    host.ok(&["delete", name, "--yes", "--now"]);
}

/// Debian's cloud-init makes the file system as large as the disk at the boot.
fn a_guest_uses_the_larger_disk() {
    needs_host();
    let (host, name) = (Host::new("szg", 23), "lite-test-szg-a");
    host.debian_13();
    host.ok(&["create", "debian-13", "--bundle", "nano", "--name", name]);
    let guest = |command: &str| host.ok(&["ssh", name, "--", command]);
    let root =
        || guest("df --output=size -BG / | tail -n 1").trim().trim_end_matches('G').parse::<u64>().expect("a size");
    let before = root();
    assert!((18..=20).contains(&before), "{before} GiB");
    guest("echo kept | sudo tee /root/word; sync");
    host.ok(&["resize", name, "--bundle", "micro", "--yes"]);
    let memory = guest("awk '/MemTotal/ {print $2}' /proc/meminfo").trim().parse::<u64>().expect("KiB") >> 10;
    assert!((900..=1024).contains(&memory), "{memory} MiB");
    let after = root();
    assert!((37..=40).contains(&after), "{after} GiB");
    assert_eq!(guest("sudo cat /root/word"), "kept\n");
    host.ok(&["resize", name, "--bundle", "nano", "--yes"]);
    assert_eq!(root(), after);
    host.ok(&["delete", name, "--yes", "--now"]);
    assert_eq!(host.left(), Vec::<String>::new());
}
