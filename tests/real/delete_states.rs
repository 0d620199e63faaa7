//! delete works from every state an instance can be in: real libvirt, guests that are one boot sector.
use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    host::{Host, needs_host, virsh},
    idle::{bare_host, blueprint, create, create_of, idle_host, image, pid, run, signal, turn, whole_or_gone},
};

crate::tests![
    delete_works_from_every_state,
    delete_works_after_a_panic_and_with_a_full_disk,
    a_full_disk_is_named_and_nothing_stays,
    a_full_disk_of_the_state_or_of_the_logs_is_named_and_nothing_stays,
];

const NAME: &str = "lite-test-state";

/// Writes 32 KiB after 32 KiB to its disk (INT 13h, AH=43h), from the second sector on.
const WRITER: &[u8] = &[
    0x31, 0xC0, 0x8E, 0xD8, 0xBE, 0x17, 0x7C, 0xB8, 0x00, 0x43, 0xCD, 0x13, 0x66, 0x81, 0x06, 0x1F, 0x7C, 0x40, 0x00,
    0x00, 0x00, 0xEB, 0xED, 0x10, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x10, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00,
];

fn wait_for(what: &str, state: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while virsh(&["domstate", NAME, "--reason"]).trim() != state {
        assert!(Instant::now() < end, "{what}: {}", virsh(&["domstate", NAME, "--reason"]));
        thread::sleep(Duration::from_millis(50));
    }
}

/// The path of the instance's root disk.
fn root_disk() -> PathBuf {
    let disks = virsh(&["domblklist", NAME, "--inactive"]);
    let path = disks.split_whitespace().find(|w| w.ends_with(".qcow2")).expect("a root disk");
    PathBuf::from(path)
}

/// Gives the stopped domain firmware variables, as a person who edits it would; where they lie.
fn with_nvram(host: &Host) -> PathBuf {
    let file = host.folder.path().join("vars.fd");
    std::fs::write(&file, [0; 4096]).expect("written");
    let xml = virsh(&["dumpxml", "--inactive", NAME]);
    let firmware = format!(
        "<loader readonly='yes' type='pflash'>{}</loader><nvram>{}</nvram></os>",
        host.folder.path().join("idle.raw").display(),
        file.display()
    );
    let edited = host.folder.path().join("edited.xml");
    std::fs::write(&edited, xml.replacen("</os>", &firmware, 1)).expect("written");
    run(Command::new("virsh").args(["-q", "-c", "qemu:///system", "define"]).arg(&edited));
    file
}

fn delete_and_look(host: &Host, state: &str) {
    host.ok(&["delete", NAME, "--yes"]);
    assert!(!whole_or_gone(host, NAME, &format!("deleted while {state}")), "{state}: still there");
    let again = host.command(&["delete", NAME, "--yes"]).output().expect("lite runs");
    assert_eq!(again.status.code(), Some(0), "{state}: twice");
    assert_eq!(String::from_utf8_lossy(&again.stderr), format!("instance `{NAME}` is deleted already\n"), "{state}");
}

fn delete_works_from_every_state() {
    needs_host();
    let _turn = turn();
    let host = idle_host("state", 103);
    let made = || assert!(create(&host, NAME).status().expect("lite runs").success());
    let stopped = || {
        made();
        virsh(&["destroy", NAME]);
    };
    let dies = |mut command: Command, at: &str| {
        let out = command.env("LITE_KILL", at).output().expect("lite runs");
        assert_eq!(out.status.code(), None, "killed at {at}");
    };

    made();
    delete_and_look(&host, "running");

    stopped();
    delete_and_look(&host, "stopped");

    made();
    virsh(&["suspend", NAME]);
    wait_for("suspended", "paused (user)");
    delete_and_look(&host, "paused");

    made();
    signal("-KILL", &pid(NAME));
    wait_for("killed", "shut off (crashed)");
    delete_and_look(&host, "crashed");

    made();
    signal("-STOP", &pid(NAME));
    delete_and_look(&host, "hung");

    made();
    run(Command::new("virsh").args(["-q", "-c", "qemu:///system", "managedsave", NAME]));
    wait_for("saved", "shut off (saved)");
    delete_and_look(&host, "saved");

    stopped();
    run(Command::new("virsh").args(["-q", "-c", "qemu:///system", "snapshot-create-as", NAME, "by-hand"]).args([
        "--diskspec",
        "vda,snapshot=internal",
        "--diskspec",
        "vdb,snapshot=no",
    ]));
    delete_and_look(&host, "a snapshot made by hand");

    stopped();
    let variables = with_nvram(&host);
    delete_and_look(&host, "firmware variables");
    assert!(!variables.exists(), "the firmware variables stayed");

    stopped();
    std::fs::remove_file(root_disk()).expect("removed");
    delete_and_look(&host, "without its disk");

    stopped();
    virsh(&["undefine", NAME]);
    delete_and_look(&host, "without its domain");

    dies(create(&host, NAME), "effect:4");
    host.ok(&["delete", NAME, "--yes"]);
    assert!(!whole_or_gone(&host, NAME, "deleted in the middle of its create"));

    made();
    dies(host.command(&["delete", NAME, "--yes"]), "effect:3");
    host.ok(&["delete", NAME, "--yes"]);
    assert!(!whole_or_gone(&host, NAME, "deleted in the middle of its delete"));
}

fn delete_works_after_a_panic_and_with_a_full_disk() {
    needs_host();
    let _turn = turn();
    let host = bare_host("state", 59);
    // So small that the guest's disk does not fit, though there is room when it is made.
    let pool = Mounted::new(&host.pool_dir(), "size=17600k");
    for (id, code) in [("writer", WRITER), ("panic", crate::support::idle::PANIC)] {
        blueprint(&host, id);
        let file = image(&host, id, code);
        host.ok(&["image", "import", &file]);
    }
    assert!(create_of(&host, NAME, "panic", "tiny").status().expect("lite runs").success());
    wait_for("panicked", "shut off (crashed)");
    delete_and_look(&host, "panicked");
    host.ok(&["image", "remove", "panic", "--yes"]);
    assert!(create_of(&host, NAME, "writer", "tiny").status().expect("lite runs").success());
    wait_for("no space", "paused (I/O error)");
    delete_and_look(&host, "paused by an I/O error");
    drop(host);
    drop(pool);
}

/// A create that finds no space for one of its files says which, and leaves nothing.
fn a_full_disk_is_named_and_nothing_stays() {
    needs_host();
    let _turn = turn();
    let host = bare_host("full", 58);
    // Room for the bytes, but not for the files: image, sidecar and two locks take four, the folder one.
    let mut said = Vec::new();
    for files in [5, 6] {
        let pool = Mounted::new(&host.pool_dir(), "size=64m,nr_inodes=64");
        let file = image(&host, "idle", crate::support::idle::IDLE);
        host.ok(&["image", "import", &file]);
        run(Command::new("mount").args(["-o", &format!("remount,nr_inodes={files}")]).arg(&pool.0));
        let out = create(&host, NAME).output().expect("lite runs");
        assert_eq!(out.status.code(), Some(1), "{files} files: {}", String::from_utf8_lossy(&out.stderr));
        said.push(String::from_utf8_lossy(&out.stderr).into_owned());
        run(Command::new("mount").args(["-o", "remount,nr_inodes=64"]).arg(&pool.0));
        assert!(!whole_or_gone(&host, NAME, &format!("{files} files")));
        virsh(&["pool-destroy", &host.tag]);
    }
    for (text, subject) in said.iter().zip(["root disk `lite-", "seed `lite-"]) {
        assert!(text.contains(&format!("caused by: {subject}")) && text.contains("No space left on device"), "{text}");
        assert!(text.contains(&format!("could not create instance `{NAME}`; everything was undone")), "{text}");
    }
}

/// The same where the state, or the logs, lie on a disk of their own.
fn a_full_disk_of_the_state_or_of_the_logs_is_named_and_nothing_stays() {
    needs_host();
    let _turn = turn();
    let host = bare_host("fullst", 104);
    let (state, logs) = (host.folder.path().join("state"), host.folder.path().join("logs"));
    let disks = [&state, &logs].map(|at| (at, Mounted::new(at, "size=8m,nr_inodes=64")));
    let file = image(&host, "idle", crate::support::idle::IDLE);
    host.ok(&["image", "import", &file]);
    let inodes = |disk: &Mounted, n: u64| {
        run(Command::new("mount").args(["-o", &format!("remount,size=8m,nr_inodes={n}")]).arg(&disk.0));
    };
    // Once, so that nothing but the files of the instance is missing.
    assert!(create(&host, NAME).status().expect("lite runs").success());
    delete_and_look(&host, "running");
    for (at, disk) in &disks {
        let filler = fill(at);
        // An empty log takes no room, but a file.
        if *at == &logs {
            let all = rustix::fs::statvfs(at.as_path()).expect("a file system");
            inodes(disk, all.f_files - all.f_ffree);
        }
        let out = create(&host, NAME).output().expect("lite runs");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        inodes(disk, 64);
        std::fs::remove_file(&filler).expect("removed");
        assert_eq!(out.status.code(), Some(1), "{}: {said}", at.display());
        let full = ["No space left on device", "the state database cannot be written: its disk is full"]
            .iter()
            .any(|words| said.contains(words));
        assert!(full, "{}: {said}", at.display());
        assert!(!whole_or_gone(&host, NAME, &format!("{} was full", at.display())));
    }
    drop(host);
    drop(disks);
}

/// Takes all the room that is left on a disk; the file that holds it.
fn fill(at: &Path) -> PathBuf {
    let path = at.join("filler");
    let mut file = std::fs::File::create(&path).expect("a file");
    for size in [1 << 16, 1 << 12, 1] {
        while std::io::Write::write_all(&mut file, &vec![0; size]).is_ok() {}
    }
    path
}

/// A tmpfs that goes with the value.
struct Mounted(PathBuf);

impl Mounted {
    fn new(at: &Path, options: &str) -> Self {
        std::fs::create_dir_all(at).expect("a folder");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &format!("{options},mode=0711"), "lite-test"]).arg(at));
        Self(at.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
