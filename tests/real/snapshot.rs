//! Snapshots: real libvirt and QEMU, guests that are one boot sector.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    crash::{At, kill},
    support::{
        host::{Host, needs_host, text, virsh},
        idle::{clean, created, idle_host, run},
    },
};

crate::tests![
    a_snapshot_holds_the_disk_of_a_running_guest_and_lies_on_the_image_alone,
    a_snapshot_of_a_stopped_instance_is_its_disk_and_it_stays_stopped,
    a_snapshot_that_is_killed_leaves_nothing_and_its_guest_runs,
    the_disks_of_an_instance_are_in_its_snapshot,
];

/// Writes 64 KiB of a byte into a disk that nobody has open.
pub fn write(disk: &Path, byte: u8, at: &str) {
    let command = format!("write -P {byte} {at} 64k");
    run(Command::new("qemu-io").args(["-f", "qcow2", "-c", &command]).arg(disk));
}

/// Whether 64 KiB of a disk that nobody has open are this byte.
pub fn holds(disk: &Path, byte: u8, at: &str) -> bool {
    let command = format!("read -P {byte} {at} 64k");
    let out =
        Command::new("qemu-io").args(["-r", "-f", "qcow2", "-c", &command]).arg(disk).output().expect("qemu-io runs");
    !text(&out.stdout).contains("Pattern verification failed")
}

/// The files of the pool whose names begin and end so.
pub fn files(host: &Host, begin: &str, end: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(host.pool_dir()).expect("a folder").map(|entry| entry.expect("read").path());
    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut found: Vec<PathBuf> =
        all.filter(|path| name(path).starts_with(begin) && name(path).ends_with(end)).collect();
    found.sort();
    found
}

/// The files that a disk lies on.
pub fn backing(disk: &Path) -> Vec<String> {
    let out = run(Command::new("qemu-img").args(["info", "--backing-chain", "--output=json"]).arg(disk));
    let chain: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let names = chain.as_array().expect("a chain").iter().skip(1);
    names.map(|file| file["filename"].as_str().expect("a name").to_owned()).collect()
}

/// What must not change of the image: its bytes, its owner and its mode.
pub fn image(host: &Host) -> (PathBuf, Vec<u8>, (u32, u32, u32)) {
    let image = files(host, "base-", ".qcow2").remove(0);
    let seen = image.metadata().expect("it is there");
    let bytes = std::fs::read(&image).expect("read");
    (image, bytes, (seen.uid(), seen.gid(), seen.mode()))
}

/// The root disks of an instance, `lite-NAME-ID.qcow2` and `lite-NAME-ID.2.qcow2` …: what has more between the name and the id is
/// another instance's, as its copies are.
pub fn roots(host: &Host, name: &str) -> Vec<PathBuf> {
    let begin = format!("lite-{name}-");
    let is_own = |path: &PathBuf| {
        let file = path.file_name().expect("a name").to_string_lossy();
        file.strip_prefix(&begin).is_some_and(|id| !id.contains('-'))
    };
    files(host, &begin, ".qcow2").into_iter().filter(is_own).collect()
}

fn a_snapshot_holds_the_disk_of_a_running_guest_and_lies_on_the_image_alone() {
    needs_host();
    let (host, name) = (idle_host("snr", 145), "lite-test-snr-a");
    created(&host, name);
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    let (disk, before) = (roots(&host, name).remove(0), image(&host));
    for (n, byte) in [(1, 7), (2, 8), (3, 9)] {
        write(&disk, byte, &format!("{n}M"));
        host.ok(&["start", name, "--no-wait"]);
        let made = host.json(&["snapshot", "create", name])["snapshots"][0].clone();
        let told = ["name", "instance", "state", "consistency"].map(|key| made[key].as_str().expect("text").to_owned());
        assert_eq!(told, [&format!("{name}-snap-{n}"), name, "available", "crash-consistent"]);
        assert_eq!(virsh(&["domstate", name]).trim(), "running");
        assert!(!virsh(&["dumpxml", name]).contains("<mirror"), "a copy goes on");
        clean(&host, "after a snapshot");
        host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    }
    let copies: Vec<PathBuf> = (1..=3)
        .map(|n| {
            let shown = host.json(&["snapshot", "show", &format!("{name}-snap-{n}")])["snapshots"][0].clone();
            assert!(shown["size_bytes"].as_u64().expect("a size") < 16 << 20, "{shown}");
            let sidecar = format!("\"name\": \"{name}-snap-{n}\"");
            let of = |path: &PathBuf| std::fs::read_to_string(path).expect("read").contains(&sidecar);
            files(&host, "snap-", ".json").into_iter().find(of).expect("a sidecar").with_extension("qcow2")
        })
        .collect();
    for (n, copy) in (1..).zip(&copies) {
        assert_eq!(backing(copy), [before.0.display().to_string()]);
        let held = [(7, "1M"), (8, "2M"), (9, "3M")].map(|(byte, at)| holds(copy, byte, at));
        assert_eq!(held, [true, n >= 2, n >= 3], "copy {n}");
    }
    assert_eq!(image(&host), before, "the image is as it was");
    // What an image is needed for holds it.
    host.ok(&["delete", name, "--yes"]);
    let refused = host.fails(2, &["image", "remove", "idle", "--yes"]);
    let users: Vec<String> = (1..=3).map(|n| format!("snapshot {name}-snap-{n}")).collect();
    assert_eq!(refused.lines().next(), Some(&*format!("error: image `idle` is in use by {}", users.join(", "))));
    for n in 1..=3 {
        host.ok(&["snapshot", "delete", &format!("{name}-snap-{n}"), "--yes"]);
    }
    assert_eq!(files(&host, "snap-", ""), Vec::<PathBuf>::new());
    clean(&host, "after the delete");
}

fn a_snapshot_of_a_stopped_instance_is_its_disk_and_it_stays_stopped() {
    needs_host();
    let (host, name) = (idle_host("sns", 146), "lite-test-sns-a");
    created(&host, name);
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    let (disk, before) = (roots(&host, name).remove(0), image(&host));
    write(&disk, 7, "1M");
    let definition = virsh(&["dumpxml", name, "--inactive"]);
    let made = host.json(&["snapshot", "create", name, "--name", "off"])["snapshots"][0].clone();
    assert_eq!((made["name"].as_str(), made["consistency"].as_str()), (Some("off"), Some("stopped")));
    assert_eq!(host.json(&["list"])["instances"][0]["state"], "stopped");
    assert_eq!(virsh(&["dumpxml", name, "--inactive"]), definition);
    let copy = files(&host, "snap-", ".qcow2").remove(0);
    run(Command::new("qemu-img").args(["compare", "-f", "qcow2", "-F", "qcow2"]).args([&disk, &copy]));
    assert_eq!((backing(&copy), image(&host)), (vec![before.0.display().to_string()], before));
    host.ok(&["start", name, "--no-wait"]);
    clean(&host, "started again");
    host.ok(&["snapshot", "delete", "off", "--yes"]);
    host.ok(&["delete", name, "--yes"]);
}

/// Running and stopped: no copy goes on, no volume is left, and the instance is as it was.
fn a_snapshot_that_is_killed_leaves_nothing_and_its_guest_runs() {
    needs_host();
    let (host, name) = (idle_host("snk", 147), "lite-test-snk-a");
    created(&host, name);
    let all = || host.json(&["snapshot", "list"])["snapshots"].as_array().expect("snapshots").clone();
    let ready = || {
        for snapshot in all() {
            host.ok(&["snapshot", "delete", snapshot["name"].as_str().expect("a name"), "--yes"]);
        }
    };
    let command = || host.command(&["snapshot", "create", name]);
    for state in ["running", "shut off"] {
        if state == "shut off" {
            host.ok(&["stop", name, "--force", "--timeout", "1s"]);
        }
        let check = |after: &str| {
            host.ok(&["repair"]);
            assert_eq!((all(), files(&host, "snap-", "")), (vec![], vec![]), "{after}");
            assert_eq!(virsh(&["domstate", name]).trim(), state, "{after}");
            assert!(!virsh(&["dumpxml", name]).contains("<mirror"), "{after}: a copy goes on");
            clean(&host, after);
        };
        kill(("snapshot", At::FirstOfEachName), &host, &ready, &command, &check);
        ready();
    }
    host.ok(&["delete", name, "--yes"]);
}

/// Off and running: each copy is its disk, that of a given disk lies on nothing, and takes no more than what was written.
fn the_disks_of_an_instance_are_in_its_snapshot() {
    needs_host();
    let (host, name) = (idle_host("cta", 48), "lite-test-cta-a");
    let disks = ["lite-test-cta-d1", "lite-test-cta-d2"];
    created(&host, name);
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    for disk in disks {
        host.ok(&["disk", "create", disk, "--size", "1GiB"]);
        host.ok(&["disk", "attach", disk, name]);
    }
    write(&roots(&host, name)[0], 7, "1M");
    // By their units: libvirt tells them in order.
    let listed = virsh(&["domblklist", name, "--inactive"]);
    let given = |device: &str| {
        let mut words = listed.lines().map(str::split_whitespace).map(|mut line| (line.next(), line.next()));
        PathBuf::from(words.find(|(seen, _)| *seen == Some(device)).and_then(|(_, path)| path).expect("a path"))
    };
    let (one, two) = (given("sda"), given("sdb"));
    write(&one, 8, "100M");
    write(&two, 9, "900M");
    for state in ["shut off", "running"] {
        if state == "running" {
            host.ok(&["start", name, "--no-wait"]);
        }
        let made = host.json(&["snapshot", "create", name, "--name", "lite-test-cta-s"])["snapshots"][0].clone();
        let told = |n: usize| made["disks"][n]["name"].as_str().expect("a name").to_owned();
        assert_eq!([told(0), told(1)], disks);
        assert!(made["size_bytes"].as_u64().expect("a size") < 8 << 20, "{made}");
        assert_eq!(virsh(&["domstate", name]).trim(), state);
        assert!(!virsh(&["dumpxml", name]).contains("<mirror"), "a copy goes on");
        clean(&host, "with a snapshot");
        if state == "running" {
            host.ok(&["stop", name, "--force", "--timeout", "1s"]);
        }
        let copy = |disk: &Path| {
            let id = disk.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("disk-"));
            files(&host, "snap-", &format!(".{}", id.expect("a name"))).remove(0)
        };
        for disk in [&one, &two] {
            let copy = copy(disk);
            run(Command::new("qemu-img").args(["compare", "-f", "qcow2", "-F", "qcow2"]).args([disk, &copy]));
            assert_eq!(backing(&copy), Vec::<String>::new());
        }
        assert_eq!((holds(&copy(&one), 8, "100M"), holds(&copy(&two), 9, "900M")), (true, true));
        host.ok(&["snapshot", "delete", "lite-test-cta-s", "--yes"]);
        assert_eq!(files(&host, "snap-", ""), Vec::<PathBuf>::new());
    }
    host.ok(&["delete", name, "--yes"]);
    host.ok(&["disk", "delete", disks[0], disks[1], "--yes"]);
    clean(&host, "deleted");
}
