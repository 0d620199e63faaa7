//! File systems that are full just when something is written to them: the pool, and where an export goes. Real libvirt and QEMU; guests are
//! one boot sector.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use crate::{
    snapshot::{files, roots},
    storage::Small,
    support::{
        host::{Host, needs_host, text, virsh},
        idle::{IDLE, bare_host, clean, created, image, run, signal},
    },
};

crate::tests![what_runs_full_is_told_with_its_numbers_and_leaves_nothing];

/// Takes the last byte too; the file that has it.
fn fill_whole(small: &Small) -> PathBuf {
    let filler = small.fill();
    let to = format!("of={}", filler.display());
    // What a file system kept back for what was not written out yet is free once it is.
    for _ in 0..3 {
        let out = Command::new("dd").args(["if=/dev/zero", "bs=512", "oflag=append", "conv=notrunc", &to]).output();
        assert!(text(&out.expect("dd runs").stderr).contains("No space left on device"), "it is not full");
        run(Command::new("sync").arg("-f").arg(&filler));
    }
    filler
}

/// Runs a command that is stopped at a point, and goes on when `meanwhile` is done.
fn stopped_at(host: &Host, args: &[&str], point: &str, meanwhile: impl FnOnce()) -> Output {
    let mut command = host.command(args);
    let command = command.env("LITE_STOP", point).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("lite runs");
    let stat = format!("/proc/{}/stat", child.id());
    let is_stopped =
        || std::fs::read_to_string(&stat).expect("read").rsplit_once(") ").expect("a state").1.starts_with('T');
    while !is_stopped() {
        assert_eq!(child.try_wait().expect("asked"), None, "{args:?}: `{point}` was not reached");
        thread::sleep(Duration::from_millis(5));
    }
    meanwhile();
    signal("-CONT", &child.id().to_string());
    child.wait_with_output().expect("ended")
}

/// What a command said that failed, first its error.
fn failed(out: &Output, error: &str) -> String {
    let said = text(&out.stderr);
    eprintln!("{said}");
    assert_eq!(out.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().find(|line| line.starts_with("error: ")), Some(error), "{said}");
    said
}

/// The place, and both numbers.
fn tells_of_pool(said: &str, small: &Small) {
    let place = format!("in `{}` has ", small.0.display());
    let line = said.lines().find(|line| line.contains(&place)).unwrap_or_else(|| panic!("no `{place}`: {said}"));
    let numbers = line.split_once(&place).expect("found").1;
    assert!(numbers.contains(" free, and up to ") && numbers.ends_with(" are needed"), "{line}");
}

/// Hands an export to an import but for its last 3 MiB, and those once all room is taken.
fn import_into_full(host: &Host, small: &Small, file: &Path, name: &str) -> Output {
    let bytes = std::fs::read(file).expect("read");
    let (first, last) = bytes.split_at(bytes.len() - (3 << 20));
    let mut command = host.command(&["import", "-", "--name", name, "--no-wait"]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child: Child = command.spawn().expect("lite runs");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(first).expect("taken");
    while files(host, ".import-", "").is_empty() {
        assert_eq!(child.try_wait().expect("asked"), None, "it received nothing");
        thread::sleep(Duration::from_millis(5));
    }
    let filler = fill_whole(small);
    // It may have ended by now.
    let _ = input.write_all(last);
    drop(input);
    let out = child.wait_with_output().expect("ended");
    std::fs::remove_file(filler).expect("it was filled");
    out
}

fn what_runs_full_is_told_with_its_numbers_and_leaves_nothing() {
    needs_host();
    let (host, name, other) = (bare_host("expfull", 79), "lite-test-expfull-a", "lite-test-expfull-b");
    let small = Small::mount(&host);
    let at = |file: &str| host.folder.path().join(file);
    std::fs::write(at("config.toml"), "subnet6 = \"no\"\ndisk_reserve = \"1 MiB\"\ndisk_overcommit = 4\n")
        .expect("written");
    host.ok(&["image", "import", &image(&host, "idle", IDLE)]);
    created(&host, name);
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    // What no compression makes small.
    let random: Vec<u8> = (0..8 << 17).flat_map(|_| rand::random::<u64>().to_le_bytes()).collect();
    std::fs::write(at("random"), random).expect("written");
    let write = format!("write -s {} 1M 8M", at("random").display());
    run(Command::new("qemu-io").args(["-f", "qcow2", "-c", &write]).arg(&roots(&host, name)[0]));
    host.ok(&["start", name, "--no-wait"]);
    let volumes = || {
        let mut all: Vec<_> = files(&host, "", "").into_iter().filter(|file| !file.ends_with("lost+found")).collect();
        all.retain(|file| !file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".lock-")));
        all
    };
    let before = volumes();
    let as_before = |after: &str| {
        assert_eq!(virsh(&["domstate", name]).trim(), "running", "{after}");
        assert_eq!(host.json(&["snapshot", "list"])["snapshots"], serde_json::json!([]), "{after}");
        assert_eq!(host.json(&["list"])["instances"].as_array().expect("instances").len(), 1, "{after}");
        assert_eq!(volumes(), before, "{after}");
        clean(&host, after);
    };
    let full_at = |args: &[&str], point: &str| {
        let filler = small.0.join("filler");
        let out = stopped_at(&host, args, point, || drop(fill_whole(&small)));
        std::fs::remove_file(filler).expect("it was filled");
        tells_of_pool(&text(&out.stderr), &small);
        as_before(&format!("{args:?}"));
        out
    };

    // A snapshot: its disk, the copy, its end, and then the sidecar.
    let snapshot = ["snapshot", "create", name, "--name", "full"];
    failed(&full_at(&snapshot, "intent:4"), "error: could not make snapshot `full`; nothing of it is left");
    // An export packs behind the snapshot that it makes.
    let (file, good) = (at("full.lite"), at("good.lite"));
    let (file, good) = (file.to_str().expect("a path"), good.to_str().expect("a path"));
    let out = full_at(&["export", name, file], "intent:5");
    let said = text(&out.stderr);
    let shortage = said.lines().find_map(|line| line.strip_prefix("error: no room for the export: ")).expect("a head");
    tells_of_pool(shortage, &small);
    failed(&out, &format!("error: no room for the export: {shortage}"));
    assert!(!at("full.lite").exists() && !at("full.lite.part").exists());

    // Where it goes is full.
    let target = Small::memory(at("target"));
    run(Command::new("age-keygen").arg("-o").arg(at("key")));
    let public = text(&run(Command::new("age-keygen").arg("-y").arg(at("key"))).stdout);
    let to = target.0.join("full.lite");
    let to = to.to_str().expect("a path");
    for more in [&[][..], &["--encrypt", public.trim()]] {
        let out = host.lite(&[&["export", name, to], more].concat());
        let said = failed(&out, &format!("error: cannot write `{to}`: 0 B are free there"));
        // And the tables of its disk.
        assert!(said.contains("an export of 8.") && said.contains(" MiB was not written"), "{said}");
        assert_eq!(std::fs::read_dir(&target.0).expect("a folder").count(), 0);
        as_before("nowhere to write to");
    }
    drop(target);

    // An import, while it receives the disk.
    host.ok(&["export", name, good]);
    let out = import_into_full(&host, &small, Path::new(good), other);
    let said =
        failed(&out, &format!("error: could not create instance `{other}`; everything was undone, nothing is left"));
    tells_of_pool(&said, &small);
    as_before("an import into a full pool");
    host.ok(&["delete", name, "--now", "--yes"]);
    clean(&host, "deleted");
}
