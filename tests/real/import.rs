//! Imports: real libvirt and QEMU, guests that are one boot sector; and a Debian guest that goes from one host to another.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    crash::{At, kill},
    snapshot::{backing, files, roots, write},
    support::{
        host::{Host, needs_host, text, virsh},
        idle::{bare_host, clean, created, idle_host, run},
    },
};

crate::tests![
    an_instance_leaves_its_host_and_is_one_again_on_another,
    an_import_that_is_killed_leaves_an_instance_or_nothing,
    disks_that_an_instance_was_given_leave_with_it,
];

crate::tests![SLOW: an_exported_debian_boots_without_lite_and_where_it_is_imported];

fn exported(host: &Host, name: &str) -> PathBuf {
    let file = host.folder.path().join(format!("{name}.lite"));
    host.ok(&["export", name, file.to_str().expect("a path")]);
    file
}

/// The disk in an export.
fn unpacked(host: &Host, file: &Path) -> PathBuf {
    run(Command::new("tar").arg("xf").arg(file).arg("-C").arg(host.folder.path()));
    host.folder.path().join("disk-0.qcow2")
}

fn an_instance_leaves_its_host_and_is_one_again_on_another() {
    needs_host();
    let (source, name) = (idle_host("imout", 32), "lite-test-imout-a");
    created(&source, name);
    source.ok(&["stop", name, "--force", "--timeout", "1s"]);
    write(&roots(&source, name)[0], 7, "1M");
    source.ok(&["start", name, "--no-wait"]);
    let file = exported(&source, name);
    let disk = unpacked(&source, &file);
    source.ok(&["delete", name, "--now", "--yes"]);

    // No image, no pool and no network is there.
    let (target, other) = (bare_host("imin", 33), "lite-test-imin-a");
    let path = file.to_str().expect("a path");
    let plan = target.json(&["import", path, "--name", other, "--dry-run"]);
    assert_eq!(plan["plan"]["facts"]["name"], other, "{plan}");
    assert_eq!(target.left(), Vec::<String>::new());
    let made = target.json(&["import", path, "--name", other, "--no-wait"]);
    assert_eq!((&made["instance"]["name"], &made["instance"]["bundle"]), (&other.into(), &"tiny".into()));
    assert_eq!(virsh(&["domstate", other]).trim(), "running");
    clean(&target, "imported");
    assert_eq!(target.json(&["image", "list"])["images"], serde_json::json!([]));
    target.ok(&["stop", other, "--force", "--timeout", "1s"]);
    let root = roots(&target, other).remove(0);
    run(Command::new("qemu-img").args(["compare", "-f", "qcow2", "-F", "qcow2"]).args([&disk, &root]));

    // All that instances have it has: a snapshot lies on the same file, and holds it.
    let below = files(&target, "base-lite.import-", ".qcow2");
    assert_eq!(backing(&root), [below[0].display().to_string()]);
    target.ok(&["start", other, "--no-wait"]);
    target.ok(&["snapshot", "create", other, "--name", "then"]);
    let again = exported(&target, other);
    run(Command::new("qemu-img")
        .args(["compare", "-f", "qcow2", "-F", "qcow2"])
        .args([&disk, &unpacked(&target, &again)]));
    // Taken, and told before anything is read.
    let taken = target.fails(2, &["import", again.to_str().expect("a path")]);
    assert_eq!(taken.lines().next(), Some(&*format!("error: the name `{other}` is taken")));
    target.ok(&["delete", other, "--now", "--yes"]);
    assert_eq!(files(&target, "base-lite.import-", ".qcow2"), below);
    target.ok(&["snapshot", "delete", "then", "--yes"]);
    assert_eq!(files(&target, "base-lite.import-", ".qcow2"), Vec::<PathBuf>::new());
    clean(&target, "deleted");

    // With the key of whom it is for, and not with another.
    let key = |name: &str| target.folder.path().join(name);
    for name in ["mine", "other"] {
        run(Command::new("age-keygen").arg("-o").arg(key(name)));
    }
    let public = text(&run(Command::new("age-keygen").arg("-y").arg(key("mine"))).stdout);
    let secret = target.folder.path().join("secret.lite");
    run(Command::new("age").args(["-r", public.trim(), "-o"]).arg(&secret).arg(&file));
    let path = secret.to_str().expect("a path");
    let import = |key: &Path| {
        ["import", path, "--name", other, "--no-wait", "--identity", key.to_str().expect("a path")].map(str::to_owned)
    };
    let run_import = |code: i32, arguments: &[String]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let out = target.lite(&arguments);
        assert_eq!(out.status.code(), Some(code), "{}", text(&out.stderr));
        text(&out.stderr)
    };
    let encrypted = target.fails(2, &["import", path, "--name", other]);
    assert_eq!(encrypted.lines().next(), Some(&*format!("error: `{path}` is encrypted")));
    let wrong = run_import(2, &import(&key("other")));
    let why = "error: not an export that lite can read: age cannot decrypt it with this key, or it was changed";
    assert_eq!(wrong.lines().next(), Some(why));
    run_import(0, &import(&key("mine")));
    target.ok(&["delete", other, "--now", "--yes"]);
    clean(&target, "after all imports");
}

fn an_import_that_is_killed_leaves_an_instance_or_nothing() {
    needs_host();
    let (host, name, other) = (idle_host("imkill", 34), "lite-test-imkill-a", "lite-test-imkill-b");
    created(&host, name);
    let file = exported(&host, name);
    host.ok(&["delete", name, "--now", "--yes"]);
    let there = || host.json(&["list"])["instances"].as_array().is_some_and(|all| !all.is_empty());
    let ready = || {
        if there() {
            host.ok(&["delete", other, "--now", "--yes"]);
        }
    };
    let command = || host.command(&["import", file.to_str().expect("a path"), "--name", other, "--no-wait"]);
    let check = |after: &str| {
        host.ok(&["repair"]);
        clean(&host, after);
        let here = there();
        assert_eq!(files(&host, "base-lite.import-", ".qcow2").len(), usize::from(here), "{after}");
        assert_eq!(files(&host, ".import-", ""), Vec::<PathBuf>::new(), "{after}");
        if here {
            assert_eq!(virsh(&["domstate", other]).trim(), "running", "{after}");
        }
    };
    kill(("import", At::FirstOfEachName), &host, &ready, &command, &check);
    ready();
}

/// Whether a file is a disk that instances are given.
fn is_given(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("disk-"))
}

fn disks_that_an_instance_was_given_leave_with_it() {
    needs_host();
    let (source, name) = (idle_host("expsrc", 77), "lite-test-expsrc-a");
    let (one, two) = ("lite-test-expsrc-d", "lite-test-expsrc-e");
    created(&source, name);
    for disk in [one, two] {
        source.ok(&["disk", "create", disk, "--size", "64MiB"]);
        source.ok(&["disk", "attach", disk, name]);
    }
    source.ok(&["stop", name, "--force", "--timeout", "1s"]);
    let volumes = |instance: &str| {
        let listed = virsh(&["domblklist", instance]);
        let of = |line: &str| line.split_whitespace().last().map(PathBuf::from).filter(|path| is_given(path));
        listed.lines().filter_map(of).collect::<Vec<_>>()
    };
    let held = volumes(name);
    assert_eq!(held.len(), 2);
    for (disk, byte) in held.iter().zip([5, 6]) {
        let command = format!("write -P {byte} 1M 64k");
        run(Command::new("qemu-io").args(["-f", "qcow2", "-c", &command]).arg(disk));
    }
    // Running: of one snapshot, which is gone afterwards. Off: as they are.
    let off = exported(&source, name);
    let listed = |file: &Path| text(&run(Command::new("tar").arg("tf").arg(file)).stdout);
    let members = "lite.json\ndomain.xml\ndisk-0.qcow2\ndisk-1.qcow2\ndisk-2.qcow2\n";
    assert_eq!(listed(&off), members);
    std::fs::rename(&off, off.with_extension("off")).expect("renamed");
    source.ok(&["start", name, "--no-wait"]);
    let file = exported(&source, name);
    assert_eq!(listed(&file), members);
    assert_eq!(source.json(&["snapshot", "list"])["snapshots"], serde_json::json!([]));
    clean(&source, "exported");
    // The snapshot holds them as well.
    source.ok(&["snapshot", "create", name, "--name", "lite-test-expsrc-s"]);
    assert_eq!(listed(&exported(&source, "lite-test-expsrc-s")), members);
    source.ok(&["snapshot", "delete", "lite-test-expsrc-s", "--yes"]);
    source.ok(&["stop", name, "--force", "--timeout", "1s"]);

    let (target, other) = (bare_host("expdst", 78), "lite-test-expdst-a");
    let import = |file: &Path, other: &str| {
        target.ok(&["import", file.to_str().expect("a path"), "--name", other, "--no-wait"]);
        clean(&target, "imported");
        assert_eq!(virsh(&["domstate", other]).trim(), "running");
        volumes(other)
    };
    let first = import(&file, other);
    target.ok(&["stop", other, "--force", "--timeout", "1s"]);
    let same = |disk: &Path, as_before: &Path| {
        run(Command::new("qemu-img").args(["compare", "-f", "qcow2", "-F", "qcow2"]).args([disk, as_before]));
    };
    assert_eq!(first.len(), 2);
    first.iter().zip(&held).for_each(|(disk, before)| same(disk, before));
    for disk in [one, two] {
        assert_eq!(target.json(&["disk", "show", disk])["disks"][0]["instance"], other);
    }
    // Once more, while the names are taken; and they are disks as others are.
    let again = "lite-test-expdst-b";
    let others = import(&off.with_extension("off"), again);
    let second = format!("{two}-2");
    target.ok(&["disk", "resize", &second, "--size", "128MiB"]);
    target.ok(&["disk", "detach", &second, "--force"]);
    target.ok(&["delete", again, "--now", "--yes"]);
    same(&others[0], &held[0]);
    target.ok(&["delete", other, "--now", "--yes"]);
    target.ok(&["disk", "delete", one, two, &format!("{one}-2"), &second, "--yes"]);
    assert_eq!(files(&target, "disk-", ""), Vec::<PathBuf>::new());
    clean(&target, "deleted");
    source.ok(&["delete", name, "--now", "--yes"]);
    source.ok(&["disk", "delete", one, two, "--yes"]);
}

/// A Debian with a file of its own: its exported disk boots by QEMU alone, and by lite on another host.
fn an_exported_debian_boots_without_lite_and_where_it_is_imported() {
    needs_host();
    let (source, name) = (Host::new("imdeb", 35), "lite-test-imdeb");
    source.debian_13();
    source.ok(&["create", "debian-13", "--name", name, "--bundle", "nano"]);
    source.ok(&["ssh", name, "--", "sudo", "sh", "-c", "echo kept >/srv/record; sync"]);
    let file = exported(&source, name);
    source.ok(&["delete", name, "--now", "--yes"]);
    let disk = unpacked(&source, &file);
    boots(&disk);

    let (target, other) = (Host::new("imfar", 36), "lite-test-imfar");
    let made = target.json(&["import", file.to_str().expect("a path"), "--name", other]);
    assert_eq!(made["instance"]["ready"], true, "{made}");
    assert_eq!(target.ok(&["ssh", other, "--", "cat", "/srv/record"]), "kept\n");
    let uuid = made["instance"]["uuid"].as_str().expect("an id").replace('-', "");
    assert_eq!(target.ok(&["ssh", other, "--", "cat", "/etc/machine-id"]).trim(), uuid);
    clean(&target, "imported");
    target.ok(&["delete", other, "--now", "--yes"]);
    clean(&target, "deleted");
    source.ok(&["image", "remove", "debian-13", "--yes"]);
}

/// Waits until the disk, as it is, has booted to its login on the serial line.
fn boots(disk: &Path) {
    let drive = format!("file={},if=virtio,snapshot=on", disk.display());
    let mut qemu = Command::new("qemu-system-x86_64")
        .args(["-m", "512", "-nographic", "-nic", "none", "-no-reboot", "-drive", &drive])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("qemu runs");
    let mut output = BufReader::new(qemu.stdout.take().expect("a pipe"));
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut all = Vec::new();
        // A prompt ends in no line feed.
        while output.by_ref().take(1 << 20).read_until(b':', &mut all).is_ok_and(|count| count > 0) {
            if tell.send(all.ends_with(b"login:")).is_err() {
                return;
            }
        }
    });
    let end = Instant::now() + Duration::from_secs(600);
    let booted =
        std::iter::from_fn(|| told.recv_timeout(end.saturating_duration_since(Instant::now())).ok()).any(|login| login);
    let _ = qemu.kill();
    let _ = qemu.wait();
    assert!(booted, "the disk did not boot to a login in 600 s");
}
