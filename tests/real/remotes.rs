//! Remotes on another machine: real libvirt, restic and OpenSSH, and a server of their protocol on loopback.

use std::{
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{
    host::{Host, needs_host, text, virsh},
    idle::{bare_host, clean, created, idle_host, run},
    s3::{self, Bucket},
    sftp::{Sftp, Way},
};

crate::tests![
    a_remote_by_sftp_is_opened_by_lites_own_key_and_no_other_machine_is_taken_for_it,
    a_push_that_is_cut_is_not_there_and_the_next_comes_back_on_another_host,
];
crate::tests![SLOW: a_push_that_is_cut_ten_times_is_not_there, a_snapshot_goes_to_a_bucket_and_comes_back];

/// A key that nobody has.
const NOBODY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEv9Goc6PHJK1YNVwNSIFmKuzpagF1KgNu228VxP0VE3";

/// lite's public key, which an add that is not let in tells.
fn public(refused: &str) -> String {
    let at = refused.find("ssh-ed25519 ").expect("a key");
    refused[at..].lines().next().expect("a line").trim_end_matches('`').to_owned()
}

fn address(port: u16, folder: &str) -> String {
    format!("sftp://backup@127.0.0.1:{port}{folder}")
}

/// Adds a remote, and puts lite's key there first.
fn far(host: &Host, folder: &Path) -> (Sftp, Way) {
    let closed = Sftp::start(folder, NOBODY, 0);
    let key = public(&host.fails(2, &["remote", "add", "far", &address(closed.port, "/lite")]));
    assert_eq!(host.json(&["remote", "list"])["remotes"], serde_json::json!([]));
    let port = closed.port;
    drop(closed);
    let server = Sftp::start(folder, &key, port);
    let way = Way::to(port);
    (server, way)
}

fn a_remote_by_sftp_is_opened_by_lites_own_key_and_no_other_machine_is_taken_for_it() {
    needs_host();
    let host = idle_host("rmsf", 160);
    let folder = host.folder.path().join("far");
    let (server, way) = far(&host, &folder);
    let at = address(way.port, "/lite");
    let added = host.json(&["remote", "add", "far", &at]);
    let password = added["secrets"][0]["value"].as_str().expect("a password").to_owned();
    assert_eq!((password.len(), &added["remote"]["location"]), (32, &at.as_str().into()));
    let key = added["remote"]["host_keys"][0].as_str().expect("a key");
    assert!(key.starts_with("ssh-ed25519 SHA256:"), "{key}");
    assert!(server.folder.join("lite/config").exists());
    host.ok(&["remote", "check", "far", "--read-data"]);
    let shown = host.ok(&["remote", "show", "far"]);
    assert!(!shown.contains(&password) && shown.contains(key), "{shown}");
    assert!(host.ok(&["remote", "show", "far", "--secrets"]).contains(&password));

    // Something else is there.
    std::fs::create_dir(server.folder.join("full")).expect("made");
    std::fs::write(server.folder.join("full/thesis"), "").expect("written");
    host.fails(2, &["remote", "add", "full", &address(way.port, "/full")]);
    // Cut while the repository is made: nothing of it is left here, and it is made the next time.
    way.cut_after(6000);
    host.fails(2, &["remote", "add", "cut", &address(way.port, "/cut")]);
    assert!(way.mend(), "it was not cut");
    host.ok(&["remote", "add", "cut", &address(way.port, "/cut")]);
    host.ok(&["remote", "remove", "cut", "--yes"]);

    // Not there, and then another in its place: nothing is said to it.
    let port = server.port;
    drop(server);
    let away = host.fails(2, &["remote", "check", "far"]);
    assert!(away.starts_with("error: `127.0.0.1` shows no SSH host key at port "), "{away}");
    for file in ["host_key", "host_key.pub"] {
        std::fs::remove_file(folder.join(file)).expect("removed");
    }
    let _other = Sftp::start(&folder, NOBODY, port);
    let other = host.fails(2, &["remote", "check", "far"]);
    let wanted = "error: `127.0.0.1` shows another SSH host key than when the remote was added";
    assert_eq!(other.lines().next(), Some(wanted));
    host.ok(&["remote", "remove", "far", "--yes"]);
    assert_eq!(std::fs::read_dir(host.folder.path().join("state/remotes")).expect("a folder").count(), 0);
    clean(&host, "after its remotes");
}

/// A host with an instance that is off, whose disk holds what cannot be made smaller, and a snapshot of it.
fn source(tag: &str, third: u8) -> Host {
    let host = idle_host(tag, third);
    let name = format!("lite-test-{tag}-a");
    created(&host, &name);
    host.ok(&["stop", &name, "--force", "--timeout", "1s"]);
    let random = host.folder.path().join("random");
    let bytes: Vec<u8> = (0..3 << 20).map(|_| rand::random::<u8>()).collect();
    std::fs::write(&random, bytes).expect("written");
    let command = format!("write -s {} 1M 3M", random.display());
    run(Command::new("qemu-io").args(["-f", "qcow2", "-c", &command]).arg(disk_of(&host, &format!("lite-{name}-"))));
    // And a disk that it was given.
    host.ok(&["disk", "create", "data", "--size", "64MiB"]);
    host.ok(&["disk", "attach", "data", &name]);
    run(Command::new("qemu-io").args(["-f", "qcow2", "-c", "write -P 7 1M 64k"]).arg(disk_of(&host, "disk-")));
    host.ok(&["snapshot", "create", &name, "--name", "then"]);
    host
}

fn disk_of(host: &Host, begin: &str) -> PathBuf {
    let all = std::fs::read_dir(host.pool_dir()).expect("a folder").map(|entry| entry.expect("read").path());
    let is_it = |path: &PathBuf| {
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        file.starts_with(begin) && file.ends_with(".qcow2")
    };
    all.into_iter().find(is_it).expect("a disk")
}

/// The copy of the root disk in the one snapshot of a host: its name has one id.
fn root_in_snapshot(host: &Host) -> PathBuf {
    let snapshot = host.json(&["snapshot", "show", "then"])["snapshots"][0].clone();
    assert_eq!(snapshot["disks"].as_array().map(Vec::len), Some(1), "{snapshot}");
    let is_root = |path: &PathBuf| {
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        file.starts_with("snap-") && file.ends_with(".qcow2") && file.matches('.').count() == 1
    };
    let all = std::fs::read_dir(host.pool_dir()).expect("a folder").map(|entry| entry.expect("read").path());
    all.into_iter().find(is_root).expect("a copy")
}

fn same(one: &Path, other: &Path) {
    run(Command::new("qemu-img").args(["compare", "-f", "qcow2", "-F", "qcow2"]).args([one, other]));
}

/// The password of a remote, in a file.
fn password(host: &Host, added: &serde_json::Value) -> PathBuf {
    let file = host.folder.path().join("password");
    std::fs::write(&file, added["secrets"][0]["value"].as_str().expect("a password")).expect("written");
    file
}

fn snapshots(host: &Host) -> serde_json::Value {
    host.json(&["remote", "snapshots", "far"])["snapshots"].clone()
}

fn a_push_that_is_cut_is_not_there_and_the_next_comes_back_on_another_host() {
    needs_host();
    cut_and_back((source("rmpu", 161), "lite-test-rmpu-a"), (bare_host("rmpo", 162), "lite-test-rmpo-b"), 2);
}

fn a_push_that_is_cut_ten_times_is_not_there() {
    needs_host();
    cut_and_back((source("rmte", 163), "lite-test-rmte-a"), (bare_host("rmto", 164), "lite-test-rmto-b"), 10);
}

fn a_snapshot_goes_to_a_bucket_and_comes_back() {
    needs_host();
    let bucket = Bucket::start();
    let host = source("rembk", 74);
    let keys = host.folder.path().join("keys");
    std::fs::write(&keys, s3::KEYS).expect("written");
    let at = format!("s3://127.0.0.1:{}/lite-test/far", bucket.port);
    let add = ["remote", "add", "far", &at, "--credentials-file", keys.to_str().expect("a path")];
    let added = host.json(&add);
    assert_eq!((&added["remote"]["kind"], &added["remote"]["location"]), (&"s3".into(), &at.as_str().into()));
    host.ok(&["snapshot", "push", "then", "far"]);
    host.ok(&["remote", "check", "far", "--read-data"]);
    host.ok(&["snapshot", "delete", "then", "--yes"]);
    // Forgotten, it is opened by its password alone.
    host.ok(&["remote", "remove", "far", "--yes"]);
    host.fails(2, &add);
    let password = password(&host, &added);
    host.ok(&[&add[..], &["--password-file", password.to_str().expect("a path")]].concat());
    host.ok(&["remote", "restore", "far", "then"]);
    same(&root_in_snapshot(&host), &disk_of(&host, "lite-lite-test-rembk-a-"));
    host.ok(&["remote", "delete", "far", "then", "--yes"]);
    assert_eq!(snapshots(&host), serde_json::json!([]));
    host.ok(&["remote", "check", "far", "--read-data"]);
    host.ok(&["delete", "lite-test-rembk-a", "--yes"]);
    host.ok(&["snapshot", "delete", "then", "--yes"]);
    host.ok(&["disk", "delete", "data", "--yes"]);
    host.ok(&["remote", "remove", "far", "--yes"]);
    host.ok(&["repair"]);
    clean(&host, "after a bucket");
}

/// A push is cut at so many random places; then it comes back on a host that knows nothing.
fn cut_and_back((host, name): (Host, &str), (other, copy): (Host, &str), cuts: usize) {
    let (server, way) = far(&host, &host.folder.path().join("far"));
    let at = address(way.port, "/lite");
    let added = host.json(&["remote", "add", "far", &at]);
    let push = ["snapshot", "push", "then", "far"];
    // All that goes there is some 3 MiB, and a hundred KiB are said before.
    for _ in 0..cuts {
        let after = rand::random_range(1..3_000_000);
        way.cut_after(after);
        let out = host.lite(&push);
        assert!([Some(1), Some(2)].contains(&out.status.code()), "cut after {after}: {}", text(&out.stderr));
        assert!(way.mend(), "it was not cut after {after} bytes");
        assert_eq!(snapshots(&host), serde_json::json!([]), "cut after {after}");
    }
    host.ok(&push);
    assert_eq!(snapshots(&host)[0]["name"], "then");
    assert_eq!(host.json(&push)["changed"][0]["result"], "is there already in `far`");
    host.ok(&["remote", "check", "far", "--read-data"]);
    // Nothing of the cut ones is left: no lock, no copy.
    let left = |part: &str| std::fs::read_dir(server.folder.join("lite").join(part)).expect("a folder").count();
    assert_eq!((left("locks"), left("snapshots")), (0, 4));
    clean(&host, "after a push");

    // The host is gone, its keys with it; another has the place and the password.
    let (_server, way) = far(&other, &host.folder.path().join("far"));
    let at = address(way.port, "/lite");
    let file = password(&host, &added);
    other.ok(&["remote", "add", "far", &at, "--password-file", file.to_str().expect("a path")]);
    // Cut while it comes back: nothing is left of it.
    for point in ["intent:1", "effect:1", "effect:3"] {
        let mut command = other.command(&["remote", "restore", "far", "then"]);
        assert_eq!(command.env("LITE_KILL", point).output().expect("lite runs").status.signal(), Some(9), "{point}");
        other.ok(&["repair"]);
        assert_eq!(other.json(&["snapshot", "list"])["snapshots"], serde_json::json!([]));
        clean(&other, point);
    }
    other.ok(&["remote", "restore", "far", "then"]);
    same(&root_in_snapshot(&host), &root_in_snapshot(&other));
    clean(&other, "after a restore");
    other.ok(&["disk", "create", "back", "--from-snapshot", "then"]);
    same(&disk_of(&host, "disk-"), &disk_of(&other, "disk-"));
    other.ok(&["create", "--from-snapshot", "then", "--name", copy, "--no-wait"]);
    assert_eq!(virsh(&["domstate", copy]).trim(), "running");
    other.ok(&["stop", copy, "--force", "--timeout", "1s"]);
    same(&root_in_snapshot(&host), &disk_of(&other, &format!("lite-{copy}-")));
    other.ok(&["disk", "attach", "back", copy]);
    for (host, name) in [(&host, name), (&other, copy)] {
        host.ok(&["delete", name, "--yes"]);
        host.ok(&["snapshot", "delete", "then", "--yes"]);
    }
    host.ok(&["disk", "delete", "data", "--yes"]);
    other.ok(&["disk", "delete", "back", "--yes"]);
    // The image that came along goes with the next command.
    other.ok(&["repair"]);
    clean(&other, "after all of it is gone");
}
