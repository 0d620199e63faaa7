//! Restoring: real libvirt and QEMU, guests that are one boot sector.

use crate::{
    crash::{At, kill},
    snapshot::{backing, holds, image, roots, write},
    support::{
        host::{Host, needs_host, virsh},
        idle::{clean, created, idle_host},
    },
};

crate::tests![
    an_instance_has_the_disk_of_its_snapshot_again_and_it_is_its_own,
    a_restore_that_is_killed_leaves_the_disk_of_before_or_that_of_the_snapshot,
    new_instances_have_the_disk_of_a_snapshot,
];

crate::tests![SLOW: a_guest_goes_back_and_a_copy_of_it_is_a_machine_of_its_own];

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
    free(&host, &kept);
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

/// Two at once, one of which is off while the other's disk becomes its own, and both outlive the snapshot.
fn new_instances_have_the_disk_of_a_snapshot() {
    needs_host();
    let (host, name) = (idle_host("bkcopy", 13), "lite-test-bkcopy");
    prepared(&host, name);
    let before = image(&host);
    let copies = ["lite-test-bkcopy-a", "lite-test-bkcopy-b"];
    for copy in copies {
        host.ok(&["create", "--from-snapshot", "kept", "--name", copy, "--no-wait", "--quiet"]);
        clean(&host, copy);
    }
    stop(&host, copies[1]);
    let held = host.fails(3, &["snapshot", "delete", "kept", "--yes"]);
    assert!(held.starts_with("error: the disk of instance "), "{held}");
    assert!(held.lines().next().is_some_and(|line| line.contains(&format!("`{}`", copies[1]))), "{held}");
    host.ok(&["start", copies[1], "--no-wait"]);
    free(&host, "kept");
    host.ok(&["snapshot", "delete", "kept", "--yes"]);
    for copy in copies {
        stop(&host, copy);
        let root = roots(&host, copy);
        assert_eq!((root.len(), backing(&root[0])), (1, vec![before.0.display().to_string()]), "{copy}");
        assert!(holds(&root[0], 7, "1M"), "{copy}: the disk is that of the snapshot");
    }
    assert!(holds(&roots(&host, name)[0], 8, "1M"), "the source is as it was");
    assert_eq!(image(&host), before, "the image is as it was");
    clean(&host, "copied");
    for each in [name, copies[0], copies[1]] {
        host.ok(&["delete", each, "--yes"]);
    }
}

/// Waits until no disk lies on a snapshot: each change begins with that, and notes its end.
fn free(host: &Host, snapshot: &str) {
    for _ in 0..100 {
        host.ok(&["repair"]);
        if host.json(&["snapshot", "show", snapshot])["snapshots"][0]["used_by"].as_array().is_some_and(Vec::is_empty) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    panic!("disks lie on snapshot `{snapshot}`");
}

/// A web server whose page was edited by hand: the disk of the snapshot, the way back where the application does not answer, and
/// a larger copy that is another machine.
fn a_guest_goes_back_and_a_copy_of_it_is_a_machine_of_its_own() {
    needs_host();
    let (host, name, copy) = (Host::new("bkguest", 12), "lite-test-bkguest", "lite-test-bkguest-copy");
    host.debian_13();
    let told = |created: serde_json::Value, key: &str| created["instance"][key].as_str().expect("text").to_owned();
    let address = told(host.json(&["create", "nginx", "--name", name, "--bundle", "nano"]), "address");
    let run = |of: &str, script: &str| host.ok(&["ssh", of, "--", "sudo", "sh", "-c", script]);
    run(name, "echo by hand >>/var/www/html/index.html; echo one >/srv/records; sync");
    let page = |address: &str| crate::support::http::get(address, "/");
    assert!(page(&address).contains("by hand"), "{}", page(&address));
    let made = host.json(&["snapshot", "create", name, "--name", "kept"]);
    assert_eq!(made["snapshots"][0]["consistency"], "frozen");
    run(name, "echo two >>/srv/records; sync");
    let identity =
        "cat /etc/machine-id; cat /etc/ssh/ssh_host_ed25519_key.pub; hostname; cat /sys/class/net/eth0/address";
    let source = run(name, identity);

    // The snapshot's nginx is broken on purpose: the disk of before runs again, with its newest record.
    run(name, "systemctl disable --now nginx; sync");
    host.ok(&["snapshot", "create", name, "--name", "broken"]);
    run(name, "systemctl enable --now nginx; sync");
    let failed = host.fails(1, &["restore", name, "broken", "--no-keep", "--timeout", "5m", "--yes"]);
    let said = format!("error: restored nothing; instance `{name}` runs as before");
    assert_eq!(failed.lines().find(|line| line.starts_with("error: ")), Some(&*said), "{failed}");
    answers(&host, name);
    assert_eq!(run(name, "cat /srv/records"), "one\ntwo\n");

    let changed = host.json(&["restore", name, "kept", "--no-keep", "--yes"]);
    assert_eq!(changed["changed"][0]["result"], "restored, running");
    assert_eq!(run(name, "cat /srv/records"), "one\n");
    assert_eq!(run(name, identity), source, "it is the same machine");
    clean(&host, "restored");

    let created = host.json(&["create", "--from-snapshot", "kept", "--name", copy, "--bundle", "micro"]);
    let at = told(created, "address");
    assert!(page(&at).contains("by hand"), "configure ran: {}", page(&at));
    assert_eq!(run(copy, "cat /srv/records"), "one\n");
    let other = run(copy, identity);
    for (ours, theirs) in other.lines().zip(source.lines()) {
        assert_ne!(ours, theirs);
    }
    let uuid = host.json(&["show", copy])["instances"][0]["uuid"].as_str().expect("an id").replace('-', "");
    assert_eq!(other.lines().next(), Some(&*uuid));
    let size = |of: &str| run(of, "df --output=size -B1G / | tail -n 1").trim().parse::<u64>().expect("a number");
    assert!(size(copy) > size(name), "{} {}", size(copy), size(name));
    assert_eq!(
        run(copy, "ls /var/lib/cloud/instances"),
        format!("{}\n", host.json(&["show", copy])["instances"][0]["uuid"].as_str().expect("an id"))
    );
    assert!(page(&address).contains("by hand"), "the source answers");
    free(&host, "kept");
    clean(&host, "copied");
    for each in [name, copy] {
        host.ok(&["delete", each, "--yes"]);
    }
    for snapshot in ["kept", "broken"] {
        host.ok(&["snapshot", "delete", snapshot, "--yes"]);
    }
    host.ok(&["image", "remove", "debian-13", "--yes"]);
}

/// Waits until a guest that was just started lets one in.
fn answers(host: &Host, name: &str) {
    let there = || host.lite(&["ssh", name, "--", "true"]).status.success();
    for _ in 0..60 {
        if there() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_secs(5));
    }
    panic!("`{name}` does not answer");
}
