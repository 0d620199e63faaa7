//! Verifications of snapshots: real libvirt and QEMU. A guest that is one boot sector says nothing by itself; a Debian guest does.

use std::{
    io::Write,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::{
    snapshot::files,
    support::{
        host::{Host, needs_host, text},
        idle::{clean, created, idle_host, run},
    },
};

crate::tests![a_snapshot_is_booted_without_a_network_and_its_machine_goes];

crate::tests![SLOW: a_debian_is_found_whole_and_a_damaged_one_is_not];

/// What the list says of a snapshot: whether it was verified, and why it is not whole.
fn told(host: &Host, name: &str) -> (bool, serde_json::Value) {
    let shown = host.json(&["snapshot", "show", name])["snapshots"][0].clone();
    (!shown["verified_at"].is_null(), shown["verify_failure"].clone())
}

fn a_snapshot_is_booted_without_a_network_and_its_machine_goes() {
    needs_host();
    let (host, name) = (idle_host("imver", 37), "lite-test-imver-a");
    created(&host, name);
    host.ok(&["snapshot", "create", name, "--name", "kept"]);
    assert_eq!(told(&host, "kept"), (false, serde_json::Value::Null));
    let failed = host.fails(1, &["snapshot", "verify", "kept", "--timeout", "2s"]);
    let said = "error: snapshot `kept` was not found whole; the machine it was booted in is gone";
    assert_eq!(failed.lines().find(|line| line.starts_with("error: ")), Some(said), "{failed}");
    let why = "the guest on snapshot `kept` was not up after 2 s: stage `boot`";
    assert_eq!(told(&host, "kept"), (true, why.into()));
    assert_eq!(host.domains(), [name]);
    clean(&host, "not whole");

    // Its guest says that it is up.
    let child = host.command(&["snapshot", "verify", "kept", "--timeout", "60s", "--json"]);
    let child = {
        let mut child = child;
        child.stdout(std::process::Stdio::piped()).spawn().expect("lite runs")
    };
    let end = Instant::now() + Duration::from_secs(60);
    let log: PathBuf = loop {
        let logs = std::fs::read_dir(host.folder.path().join("logs")).expect("a folder");
        let mut logs = logs.map(|entry| entry.expect("read").path());
        let is_report = |path: &PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            name.contains("verify-idle") && name.contains("report")
        };
        match logs.find(is_report) {
            Some(log) => break log,
            None => assert!(Instant::now() < end, "no report log"),
        }
        thread::sleep(Duration::from_millis(50));
    };
    let mut log = std::fs::File::options().append(true).open(log).expect("opened");
    log.write_all(b"{\"event\":\"booted\"}\n").expect("written");
    let out = child.wait_with_output().expect("it ends");
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stdout));
    assert_eq!(told(&host, "kept"), (true, serde_json::Value::Null));
    assert_eq!(host.domains(), [name]);
    clean(&host, "whole");
    host.ok(&["snapshot", "delete", "kept", "--yes"]);
    host.ok(&["delete", name, "--yes"]);
}

fn a_debian_is_found_whole_and_a_damaged_one_is_not() {
    needs_host();
    let (host, name) = (Host::new("imbad", 38), "lite-test-imbad");
    host.debian_13();
    host.ok(&["create", "debian-13", "--name", name, "--bundle", "nano"]);
    host.ok(&["snapshot", "create", name, "--name", "kept"]);
    let changed = host.json(&["snapshot", "verify", "kept", "--timeout", "10m"]);
    let result = changed["changed"][0]["result"].as_str().expect("text").to_owned();
    assert!(result.starts_with("verified: its guest was up after "), "{result}");
    assert_eq!(told(&host, "kept"), (true, serde_json::Value::Null));
    clean(&host, "whole");
    // Its file system begins with nothing.
    let copy = files(&host, "snap-", ".qcow2").remove(0);
    run(Command::new("qemu-io").args(["-f", "qcow2", "-c", "write -P 0 1M 64M"]).arg(&copy));
    host.fails(1, &["snapshot", "verify", "kept", "--timeout", "4m"]);
    let (looked, why) = told(&host, "kept");
    assert!(looked && why.is_string(), "{why}");
    assert_eq!(host.domains(), [name]);
    clean(&host, "damaged");
    host.ok(&["snapshot", "delete", "kept", "--yes"]);
    host.ok(&["delete", name, "--yes"]);
    host.ok(&["image", "remove", "debian-13", "--yes"]);
}
