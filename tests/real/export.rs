//! Exports: real libvirt and QEMU, guests that are one boot sector. What is written is unpacked by `tar` and read by QEMU's own tools.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
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
    an_export_is_the_disk_of_its_instance_and_lies_on_nothing,
    an_export_that_is_killed_leaves_no_export_and_nothing_in_the_pool,
];

fn disk_of(host: &Host, name: &str) -> PathBuf {
    let begin = format!("lite-{name}-");
    let all = std::fs::read_dir(host.pool_dir()).expect("a folder").map(|entry| entry.expect("read").path());
    let is_root = |path: &PathBuf| {
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        file.starts_with(&begin) && file.ends_with(".qcow2")
    };
    all.into_iter().find(is_root).expect("a disk")
}

fn write(disk: &Path, byte: u8) {
    let command = format!("write -P {byte} 1M 64k");
    run(Command::new("qemu-io").args(["-f", "qcow2", "-c", &command]).arg(disk));
}

/// Unpacks an export into a folder of its own; what its first member says.
fn unpacked(host: &Host, file: &Path) -> (PathBuf, serde_json::Value) {
    assert_eq!(file.metadata().expect("written").mode() & 0o7777, 0o600);
    let folder = host.folder.path().join(format!("{}-unpacked", file.file_name().expect("a name").to_string_lossy()));
    std::fs::create_dir(&folder).expect("a folder");
    let listed = run(Command::new("tar").arg("tf").arg(file));
    assert_eq!(text(&listed.stdout), "lite.json\ndomain.xml\ndisk-0.qcow2\n");
    run(Command::new("tar").arg("xf").arg(file).arg("-C").arg(&folder));
    let manifest = std::fs::read_to_string(folder.join("lite.json")).expect("read");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    for (key, member) in [("domain", "domain.xml"), ("disk", "disk-0.qcow2")] {
        let sum = run(Command::new("sha256sum").arg(folder.join(member)));
        assert_eq!(text(&sum.stdout).split(' ').next(), manifest[key]["sha256"].as_str(), "{member}");
    }
    let disk = folder.join("disk-0.qcow2");
    run(Command::new("qemu-img").args(["check", "-f", "qcow2"]).arg(&disk));
    let info = run(Command::new("qemu-img").args(["info", "--output=json"]).arg(&disk));
    let info: serde_json::Value = serde_json::from_slice(&info.stdout).expect("JSON");
    assert_eq!(info.get("backing-filename"), None, "{info}");
    assert_eq!(info["format-specific"]["data"]["compression-type"], "zstd");
    (disk, manifest)
}

fn an_export_is_the_disk_of_its_instance_and_lies_on_nothing() {
    needs_host();
    let (host, name) = (idle_host("auex", 30), "lite-test-auex-a");
    created(&host, name);
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    let root = disk_of(&host, name);
    write(&root, 7);
    let file = |of: &str| host.folder.path().join(format!("{of}.lite"));
    let export = |of: &str, to: &str| host.ok(&["export", of, file(to).to_str().expect("a path")]);
    // Off: its disk as it is.
    export(name, "off");
    let (disk, manifest) = unpacked(&host, &file("off"));
    run(Command::new("qemu-img").args(["compare", "-f", "qcow2", "-F", "qcow2"]).args([&root, &disk]));
    assert_eq!((&manifest["record"]["name"], &manifest["consistency"]), (&name.into(), &"stopped".into()));
    assert_eq!(manifest.get("secrets"), None);
    // A libvirt takes the definition once the disk's path is whole.
    let (definition, path) = (disk.with_file_name("domain.xml"), disk.to_str().expect("a path"));
    let xml = std::fs::read_to_string(&definition).expect("read");
    assert_eq!(xml.matches("disk-0.qcow2").count(), 1);
    std::fs::write(&definition, xml.replace("disk-0.qcow2", path)).expect("written");
    run(Command::new("virt-xml-validate").arg(&definition).arg("domain"));

    // Running: from a snapshot, which is gone afterwards.
    host.ok(&["start", name, "--no-wait"]);
    export(name, "running");
    assert_eq!(virsh(&["domstate", name]).trim(), "running");
    assert_eq!(host.json(&["snapshot", "list"])["snapshots"], serde_json::json!([]));
    let (running, manifest) = unpacked(&host, &file("running"));
    assert_eq!(manifest["consistency"], "crash-consistent");
    run(Command::new("qemu-img").args(["compare", "-f", "qcow2", "-F", "qcow2"]).args([&disk, &running]));
    clean(&host, "after an export of a running one");

    // A snapshot, when its instance has gone on.
    host.ok(&["snapshot", "create", name, "--name", "then"]);
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    write(&root, 9);
    export("then", "then");
    let (then, _) = unpacked(&host, &file("then"));
    run(Command::new("qemu-img").args(["compare", "-f", "qcow2", "-F", "qcow2"]).args([&disk, &then]));

    // What is there is not written over.
    let before = std::fs::read(file("then")).expect("read");
    let again = host.fails(2, &["export", name, file("then").to_str().expect("a path")]);
    assert_eq!(again.lines().next(), Some(&*format!("error: `{}` is there already", file("then").display())));
    assert_eq!(std::fs::read(file("then")).expect("read"), before);
    host.fails(2, &["export", name, file("secret").to_str().expect("a path"), "--with-secrets"]);
    host.fails(2, &["export", "nobody", file("nobody").to_str().expect("a path")]);
    host.fails(2, &["export", name, "/nowhere/at/all"]);
    // Nor a file that has another name, nor one of somebody else's.
    let (victim, part) = (host.folder.path().join("victim"), host.folder.path().join("linked.lite.part"));
    std::fs::write(&victim, "mine").expect("written");
    std::fs::hard_link(&victim, &part).expect("linked");
    host.fails(2, &["export", name, file("linked").to_str().expect("a path")]);
    assert_eq!(std::fs::read_to_string(&victim).expect("read"), "mine");
    std::fs::remove_file(&victim).expect("removed");
    std::os::unix::fs::chown(&part, Some(65534), None).expect("given away");
    host.fails(2, &["export", name, file("linked").to_str().expect("a path")]);
    assert_eq!(std::fs::read_to_string(&part).expect("read"), "mine");
    std::fs::remove_file(&part).expect("removed");
    assert!(!file("secret").exists() && !file("nobody").exists());
    // With a key, nobody else reads it: not even what it is.
    let key = host.folder.path().join("key");
    run(Command::new("age-keygen").arg("-o").arg(&key));
    let public = text(&run(Command::new("age-keygen").arg("-y").arg(&key)).stdout);
    let to = file("encrypted");
    let shown = to.to_str().expect("a path");
    host.ok(&["export", "then", shown, "--encrypt", public.trim(), "--with-secrets"]);
    let bytes = std::fs::read(&to).expect("read");
    assert!(bytes.starts_with(b"age-encryption.org/v1\n") && !bytes.windows(9).any(|part| part == b"lite.json"));
    let plain = host.folder.path().join("decrypted.lite");
    run(Command::new("age").args(["-d", "-i"]).arg(&key).arg("-o").arg(&plain).arg(&to));
    std::fs::set_permissions(&plain, std::fs::Permissions::from_mode(0o600)).expect("changed");
    let (decrypted, _) = unpacked(&host, &plain);
    run(Command::new("qemu-img").args(["compare", "-f", "qcow2", "-F", "qcow2"]).args([&disk, &decrypted]));
    host.ok(&["snapshot", "delete", "then", "--yes"]);
    clean(&host, "after all exports");
    host.ok(&["delete", name, "--yes"]);
}

fn an_export_that_is_killed_leaves_no_export_and_nothing_in_the_pool() {
    needs_host();
    let (host, name) = (idle_host("auxk", 31), "lite-test-auxk-a");
    created(&host, name);
    let file = host.folder.path().join("killed.lite");
    let to = file.to_str().expect("a path");
    let all = || host.json(&["snapshot", "list"])["snapshots"].as_array().expect("snapshots").clone();
    let ready = || {
        let _ = std::fs::remove_file(&file);
        for snapshot in all() {
            host.ok(&["snapshot", "delete", snapshot["name"].as_str().expect("a name"), "--yes"]);
        }
    };
    let command = || host.command(&["export", name, to]);
    let check = |after: &str| {
        host.ok(&["repair"]);
        assert_eq!(virsh(&["domstate", name]).trim(), "running", "{after}");
        // Only when it was whole it has its name.
        if file.exists() {
            run(Command::new("tar").arg("tf").arg(&file));
        }
        let left = std::fs::read_dir(host.pool_dir()).expect("a folder").map(|entry| entry.expect("read").file_name());
        let left: Vec<String> = left.map(|name| name.to_string_lossy().into_owned()).collect();
        assert!(!left.iter().any(|name| name.starts_with(".export-")), "{after}: {left:?}");
        clean(&host, after);
    };
    kill(("export", At::FirstOfEachName), &host, &ready, &command, &check);
    ready();
    host.ok(&["delete", name, "--yes"]);
}
