//! What `make soak` adds: libvirtd killed in what else is done with data, and at random times in all of it. `LITE_TEST_SOAK=short` takes one
//! moment of each, and a few random ones.

use super::*;

/// An instance that is off, and is deleted and brought back.
const STOPPED: &str = "lite-test-ctd-b";
/// What is made of a snapshot, and of a file.
const COPY: &str = "lite-test-ctd-c";

/// How long a soak is; none: nobody asked for one.
pub fn length() -> Option<&'static str> {
    match std::env::var("LITE_TEST_SOAK").ok()?.as_str() {
        "1" => Some("hours"),
        "short" => Some("short"),
        _ => None,
    }
}

/// An operation: what it is called, what has to be there before, and the command.
pub type Operation<'a> = (&'static str, &'a dyn Fn(), &'a dyn Fn() -> Vec<&'static str>);

/// Kills the libvirtd of a host with the running instance `name`, which has `disk`, and the snapshot `kept`. `known` are operations of it that
/// were each killed at their points.
pub fn more(host: &Host, daemon: &mut Daemon, [name, disk, other]: [&'static str; 3], known: &[Operation<'_>]) {
    let at = |file: &str| host.folder.path().join(file).to_str().expect("a path").to_owned().leak() as &'static str;
    let (file, new) = (at("ctd.lite"), at("new.lite"));
    created(host, STOPPED);
    host.ok(&["stop", STOPPED, "--force", "--timeout", "1s"]);
    host.ok(&["export", STOPPED, file]);
    let nothing = || ();
    let deleted = || {
        let out = host.command(&["delete", STOPPED, "--yes"]).env("LITE_KEEP_DELETED", "24h").output();
        assert!(out.expect("lite runs").status.success(), "a delete");
    };
    let copy = || vec!["create", "--from-snapshot", "kept", "--name", COPY, "--bundle", "tiny", "--no-wait"];
    let detach = || vec!["disk", "detach", disk, "--force"];
    let delete = || vec!["delete", STOPPED, "--yes"];
    let undelete = || vec!["undelete", STOPPED, "--no-start"];
    let export = || vec!["export", name, new];
    let import = || vec!["import", file, "--name", COPY, "--no-wait"];
    let others: [Operation<'_>; 6] = [
        ("new from snapshot", &nothing, &copy),
        ("detach", &nothing, &detach),
        ("delete", &nothing, &delete),
        ("undelete", &deleted, &undelete),
        ("export", &nothing, &export),
        ("import", &nothing, &import),
    ];
    let settle = |when: &str| {
        host.ok(&["repair"]);
        as_before(host, [name, disk, other], when);
        assert!(!Path::new(&format!("{new}.part")).exists(), "{when}");
        let _ = std::fs::remove_file(new);
        in_order(host, name, other, when);
    };
    let mut all: Vec<(Operation<'_>, usize)> = Vec::new();
    for one in others {
        let (what, ready, command) = one;
        ready();
        let passed = cut_after(host, daemon, &command(), (usize::MAX, Duration::ZERO));
        settle(&format!("{what}, whole"));
        for n in moments(passed) {
            ready();
            cut_after(host, daemon, &command(), (n, Duration::ZERO));
            settle(&format!("{what}, libvirtd killed after {n} of {passed} points"));
        }
        println!("{what}: {passed} points");
        all.push((one, passed));
    }
    for one in known {
        (one.1)();
        let passed = cut_after(host, daemon, &(one.2)(), (usize::MAX, Duration::ZERO));
        settle(&format!("{}, whole", one.0));
        all.push((*one, passed));
    }
    let kills = if length() == Some("short") { 5 } else { 50 };
    for kill in 0..kills {
        let ((what, ready, command), passed) = all[rand::random_range(..all.len())];
        let (n, pause) = (rand::random_range(1..=passed), Duration::from_millis(rand::random_range(..100)));
        ready();
        cut_after(host, daemon, &command(), (n, pause));
        settle(&format!("{what}, random kill {kill}: {pause:?} after {n} of {passed} points"));
    }
    println!("{kills} kills at random times");
    host.ok(&["delete", STOPPED, "--now", "--yes"]);
}

/// Puts back what a command did, or what one that was cut off left: whole things alone.
fn as_before(host: &Host, [name, disk, other]: [&str; 3], when: &str) {
    let names = |args: &[&str], key: &str| -> Vec<String> {
        let all = host.json(args)[key].as_array().expect("a list").clone();
        all.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
    };
    let there = names(&["list"], "instances");
    if there.iter().any(|one| one == COPY) {
        host.ok(&["delete", COPY, "--now", "--yes"]);
    }
    // One that was deleted is kept, whole, until it comes back.
    if !there.iter().any(|one| one == STOPPED) {
        assert_eq!(names(&["list", "--deleted"], "deleted"), [STOPPED], "{when}");
        host.ok(&["undelete", STOPPED, "--no-start"]);
    }
    let snapshots = names(&["snapshot", "list"], "snapshots");
    for one in snapshots.iter().filter(|one| *one != "kept" && *one != "cut") {
        host.ok(&["snapshot", "delete", one, "--yes"]);
    }
    for one in names(&["disk", "list"], "disks").iter().filter(|one| *one != disk && *one != other) {
        host.ok(&["disk", "delete", one, "--yes"]);
    }
    if host.json(&["disk", "show", disk])["disks"][0]["instance"].is_null() {
        host.ok(&["disk", "attach", disk, name]);
    }
}
