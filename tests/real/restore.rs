//! Restoring: real libvirt and QEMU, guests that are one boot sector.

use std::path::PathBuf;

use crate::{
    crash::{At, kill},
    snapshot::{backing, files, holds, image, write},
    support::{
        host::{Host, needs_host, virsh},
        idle::{clean, created, idle_host},
    },
};

crate::tests![
    an_instance_has_the_disk_of_its_snapshot_again_and_it_is_its_own,
    a_restore_that_is_killed_leaves_the_disk_of_before_or_that_of_the_snapshot,
];

/// The root disks of an instance.
fn roots(host: &Host, name: &str) -> Vec<PathBuf> {
    files(host, &format!("lite-{name}-"), ".qcow2")
}

fn stop(host: &Host, name: &str) {
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
}

/// An instance that is off, with a snapshot `kept` that has another byte at its place than the disk.
fn prepared(host: &Host, name: &str) {
    created(host, name);
    stop(host, name);
    write(&roots(host, name)[0], 7, "1M");
    host.ok(&["snapshot", "create", name, "--name", "kept"]);
    write(&roots(host, name)[0], 8, "1M");
}

fn an_instance_has_the_disk_of_its_snapshot_again_and_it_is_its_own() {
    needs_host();
    let (host, name) = (idle_host("bkrest", 10), "lite-test-bkrest");
    prepared(&host, name);
    let before = image(&host);
    host.ok(&["start", name, "--no-wait"]);
    let changed = host.json(&["restore", name, "kept", "--force", "--no-wait", "--yes"])["changed"][0].clone();
    assert_eq!((changed["name"].as_str(), changed["result"].as_str()), (Some(name), Some("restored, running")));
    assert_eq!(virsh(&["domstate", name]).trim(), "running");
    clean(&host, "restored");
    let kept = format!("{name}-snap-1");
    host.ok(&["snapshot", "delete", "kept", "--yes"]);
    stop(&host, name);
    let root = roots(&host, name);
    assert_eq!((root.len(), backing(&root[0])), (1, vec![before.0.display().to_string()]));
    assert!(holds(&root[0], 7, "1M"), "the disk is that of the snapshot");
    // Off, it lies on the snapshot until it runs.
    let changed = host.json(&["restore", name, &kept, "--no-keep", "--yes"])["changed"][0].clone();
    let told = format!("restored, stopped; snapshot `{kept}` is in use until it ran");
    assert_eq!(changed["result"].as_str(), Some(&*told));
    assert_eq!(backing(&roots(&host, name)[0]).len(), 2);
    let refused = host.fails(3, &["snapshot", "delete", &kept, "--yes"]);
    let held = format!("error: the disk of instance `{name}` still lies on snapshot `{kept}`");
    assert_eq!(refused.lines().next(), Some(&*held));
    clean(&host, "restored while it is off");
    host.ok(&["start", name, "--no-wait"]);
    // The next changes begin with it, and note its end.
    for _ in 0..50 {
        host.ok(&["repair"]);
        if host.json(&["snapshot", "show", &kept])["snapshots"][0]["used_by"].as_array().is_some_and(Vec::is_empty) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    host.ok(&["snapshot", "delete", &kept, "--yes"]);
    stop(&host, name);
    let root = roots(&host, name);
    assert_eq!((root.len(), backing(&root[0])), (1, vec![before.0.display().to_string()]));
    assert!(holds(&root[0], 8, "1M"), "the disk is that of before");
    assert_eq!(image(&host), before, "the image is as it was");
    clean(&host, "its own");
    host.ok(&["protect", name]);
    host.fails(2, &["restore", name, &kept, "--yes"]);
    host.ok(&["unprotect", name]);
    host.ok(&["delete", name, "--yes"]);
}

fn a_restore_that_is_killed_leaves_the_disk_of_before_or_that_of_the_snapshot() {
    needs_host();
    let (host, name) = (idle_host("bkkill", 11), "lite-test-bkkill");
    prepared(&host, name);
    let ready = || {
        if virsh(&["domstate", name]).trim() != "running" {
            host.ok(&["start", name, "--no-wait"]);
        }
    };
    let command = || host.command(&["restore", name, "kept", "--no-keep", "--force", "--no-wait", "--yes"]);
    let check = |after: &str| {
        host.ok(&["repair"]);
        let root = roots(&host, name);
        assert_eq!((root.len(), virsh(&["domstate", name]).trim()), (1, "running"), "{after}: {root:?}");
        clean(&host, after);
        stop(&host, name);
        let [is_old, is_new] = [8, 7].map(|byte| holds(&root[0], byte, "1M"));
        assert_ne!(is_old, is_new, "{after}");
        // Each begins with a disk that is not the snapshot's.
        write(&root[0], 8, "1M");
    };
    kill(("restore", At::FirstOfEachName), &host, &ready, &command, &check);
    host.ok(&["delete", name, "--yes"]);
}
