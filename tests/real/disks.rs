//! Disks that instances are given: real libvirt and QEMU, guests that are one boot sector.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use crate::snapshot::{files, holds, write};
use crate::support::{
    host::{Host, needs_host, text, virsh},
    idle::{clean, created, idle_host},
};

crate::tests![
    disks_come_and_go_while_a_guest_runs,
    a_disk_that_something_else_has_open_is_not_given,
    a_disk_gets_larger_while_it_is_used,
    a_disk_is_kept_as_it_is_while_it_is_used,
];

/// The files of disks that the run of a domain has, or its definition.
fn disks(domain: &str, how: &[&str]) -> Vec<String> {
    let all = virsh(&[&["domblklist", "--details", domain], how].concat());
    let paths = all.lines().filter_map(|line| line.split_whitespace().nth(3));
    let names = paths.filter_map(|path| path.rsplit('/').next()).filter(|name| name.starts_with("disk-"));
    names.map(str::to_owned).collect()
}

/// A boot sector has no agent that could be asked.
fn detach(host: &Host, disk: &str) {
    host.ok(&["disk", "detach", disk, "--force"]);
}

fn disks_come_and_go_while_a_guest_runs() {
    needs_host();
    let (host, name) = (idle_host("dsk", 155), "lite-test-dsk-a");
    created(&host, name);
    for n in 1..=4 {
        host.ok(&["disk", "create", &format!("lite-test-d{n}"), "--size", "64MiB"]);
        host.ok(&["disk", "attach", &format!("lite-test-d{n}"), name]);
        assert_eq!((disks(name, &[]).len(), disks(name, &["--inactive"])), (n, disks(name, &[])), "{n} attached");
    }
    clean(&host, "four attached");
    let live = virsh(&["dumpxml", name]);
    assert_eq!(live.matches("<controller type='scsi'").count(), 1);
    detach(&host, "lite-test-d2");
    assert_eq!((disks(name, &[]).len(), disks(name, &["--inactive"])), (3, disks(name, &[])));
    // The unit that is free is given again.
    host.ok(&["disk", "attach", "lite-test-d2", name]);
    let before = disks(name, &["--inactive"]);
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    host.ok(&["start", name, "--no-wait"]);
    assert_eq!((disks(name, &[]), before.len()), (before, 4), "after a start");
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    detach(&host, "lite-test-d1");
    host.ok(&["start", name, "--no-wait"]);
    assert_eq!(disks(name, &[]).len(), 3);
    clean(&host, "started with three");
    let refused = host.fails(2, &["disk", "delete", "lite-test-d3", "--yes"]);
    assert_eq!(refused.lines().next(), Some(&*format!("error: instance `{name}` has disk `lite-test-d3`")));
    host.ok(&["delete", name, "--yes"]);
    let all: Vec<String> = (1..=4).map(|n| format!("lite-test-d{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    host.ok(&[&["disk", "delete"], all.as_slice(), &["--yes"]].concat());
    clean(&host, "deleted");
}

/// The disk stays nobody's, and the instance has what it had.
fn a_disk_that_something_else_has_open_is_not_given() {
    needs_host();
    let (host, one, other) = (idle_host("dsl", 156), "lite-test-dsl-a", "lite-test-dsl-b");
    created(&host, one);
    created(&host, other);
    host.ok(&["disk", "create", "lite-test-held", "--size", "64MiB"]);
    host.ok(&["disk", "attach", "lite-test-held", one]);
    let taken = host.fails(2, &["disk", "attach", "lite-test-held", other]);
    assert_eq!(taken.lines().next(), Some(&*format!("error: instance `{one}` has disk `lite-test-held`")));
    let path = virsh(&["domblklist", one]);
    let path = path.lines().filter_map(|line| line.split_whitespace().nth(1)).find(|path| path.contains("/disk-"));
    let path = path.expect("a path").to_owned();
    detach(&host, "lite-test-held");
    // A program that lite knows nothing of, with QEMU's lock on the file; it says so once it has it.
    let mut holder = Command::new("stdbuf")
        .args(["-oL", "qemu-io", "-f", "qcow2", "-c", "write 0 512", "-c", "sleep 600000", &path])
        .stdout(Stdio::piped())
        .spawn()
        .expect("stdbuf runs");
    let mut said = String::new();
    BufReader::new(holder.stdout.as_mut().expect("piped")).read_line(&mut said).expect("a line");
    assert!(said.starts_with("wrote 512/512 bytes"), "{said}");
    let out = host.lite(&["disk", "attach", "lite-test-held", other]);
    let held = holder.try_wait().expect("asked").map_or_else(|| "held".to_owned(), |ended| ended.to_string());
    assert_eq!((out.status.code(), &*held), (Some(1), "held"), "{}", text(&out.stderr));
    assert!(text(&out.stderr).contains("lock"), "{}", text(&out.stderr));
    assert_eq!(disks(other, &["--inactive"]), Vec::<String>::new());
    assert_eq!(host.json(&["disk", "show", "lite-test-held"])["disks"][0]["instance"], serde_json::Value::Null);
    holder.kill().and_then(|()| holder.wait()).expect("ended");
    host.ok(&["delete", one, "--yes"]);
    host.ok(&["disk", "attach", "lite-test-held", other]);
    host.ok(&["delete", other, "--yes"]);
    host.ok(&["disk", "delete", "lite-test-held", "--yes"]);
    clean(&host, "deleted");
}

/// While a guest runs with it, while its instance is off, and while nobody has it.
fn a_disk_gets_larger_while_it_is_used() {
    needs_host();
    let (host, name, disk) = (idle_host("szd", 24), "lite-test-szd-a", "lite-test-szd");
    created(&host, name);
    host.ok(&["disk", "create", disk, "--size", "64MiB"]);
    host.ok(&["disk", "attach", disk, name]);
    let resize = |size: &str| host.ok(&["disk", "resize", disk, "--size", size]);
    let seen = |how: &[&str]| {
        let all = virsh(&[&["domblkinfo", name, "sda"], how].concat());
        let capacity = all.lines().find_map(|line| line.strip_prefix("Capacity:")).expect("a size");
        capacity.trim().parse::<u64>().expect("bytes") >> 20
    };
    resize("128MiB");
    assert_eq!(seen(&[]), 128);
    let smaller = host.fails(2, &["disk", "resize", disk, "--size", "64MiB"]);
    let says = format!("error: disk `{disk}` has 128 MiB, and cannot get smaller (64 MiB)");
    assert_eq!((smaller.lines().next(), seen(&[])), (Some(&*says), 128));
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    resize("192MiB");
    assert_eq!(host.json(&["disk", "show", disk])["disks"][0]["size_bytes"], 192 << 20);
    host.ok(&["start", name, "--no-wait"]);
    assert_eq!(seen(&[]), 192);
    detach(&host, disk);
    resize("256MiB");
    host.ok(&["disk", "attach", disk, name]);
    assert_eq!(seen(&[]), 256);
    clean(&host, "larger");
    host.ok(&["delete", name, "--yes"]);
    host.ok(&["disk", "delete", disk, "--yes"]);
    clean(&host, "deleted");
}

/// While nobody has it, while a guest runs with it, and while its instance is off; a disk made of each copy holds what it held then.
fn a_disk_is_kept_as_it_is_while_it_is_used() {
    needs_host();
    let (host, name, disk) = (idle_host("cutd", 58), "lite-test-cutd-a", "lite-test-cutd");
    created(&host, name);
    host.ok(&["disk", "create", disk, "--size", "64MiB"]);
    let file = files(&host, "disk-", ".qcow2").remove(0);
    let keep = |byte: u8| {
        let kept = format!("{disk}-s{byte}");
        let made = host.json(&["disk", "snapshot", disk, "--name", &kept]);
        made["snapshots"][0]["consistency"].as_str().map(str::to_owned)
    };
    let mut how = Vec::new();
    write(&file, 1, "0");
    how.push(keep(1));
    write(&file, 2, "0");
    host.ok(&["disk", "attach", disk, name]);
    how.push(keep(2));
    assert!(!virsh(&["dumpxml", name]).contains("<mirror"));
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    write(&file, 3, "0");
    how.push(keep(3));
    assert_eq!(how, ["stopped", "crash-consistent", "stopped"].map(|one| Some(one.to_owned())));
    clean(&host, "kept");
    write(&file, 4, "0");
    for byte in 1..=3 {
        let (new, kept) = (format!("{disk}-d{byte}"), format!("{disk}-s{byte}"));
        let before = files(&host, "disk-", ".qcow2");
        host.ok(&["disk", "create", &new, "--from-snapshot", &kept]);
        let made = files(&host, "disk-", ".qcow2").into_iter().find(|path| !before.contains(path)).expect("a file");
        assert!(holds(&made, byte, "0"), "{kept}");
        host.ok(&["snapshot", "delete", &kept, "--yes"]);
        host.ok(&["disk", "delete", &new, "--yes"]);
    }
    host.ok(&["delete", name, "--yes"]);
    host.ok(&["disk", "delete", disk, "--yes"]);
    clean(&host, "deleted");
    assert_eq!(files(&host, "snap-", ""), Vec::<std::path::PathBuf>::new());
}
