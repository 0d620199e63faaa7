//! Lost and damaged databases, and domains changed by hand, at the command line: real libvirt, guests of one boot sector,
//! `virsh` as the hand.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{
    host::{Host, needs_host, text},
    idle::{clean, created, idle_host, states, turn},
};

crate::tests![
    a_lost_or_damaged_database_is_refused_and_rebuilt,
    what_is_renamed_edited_or_undefined_by_hand_is_shown_and_never_healed_by_destroying,
];

fn db(host: &Host) -> PathBuf {
    host.folder.path().join("state/state.db")
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

/// Runs `virsh`, which must succeed.
fn by_hand(args: &[&str]) {
    let out = Command::new("virsh").args(["-q", "-c", "qemu:///system"]).args(args).output().expect("virsh runs");
    assert!(out.status.success(), "virsh {args:?}: {}", text(&out.stderr));
}

/// What of an instance a rebuild is to bring back.
fn lasting(host: &Host) -> serde_json::Value {
    let mut shown = host.json(&["show", "lite-test-state-a"]);
    // Only in the database.
    for lost in ["host_key", "health"] {
        shown["instances"][0][lost].take();
    }
    shown
}

/// Writes over the bytes from `from` to `to`, or to the end.
fn overwrite(path: &Path, from: u64, to: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).expect("opened");
    let end = file.metadata().expect("there").len().min(to);
    file.write_all_at(&vec![0xff; usize::try_from(end - from).expect("small")], from).expect("written");
}

fn a_lost_or_damaged_database_is_refused_and_rebuilt() {
    needs_host();
    let _turn = turn();
    let host = idle_host("state", 80);
    let (a, b) = ("lite-test-state-a", "lite-test-state-b");
    created(&host, a);
    created(&host, b);
    host.ok(&["tag", a, "client=acme", "live"]);
    host.ok(&["stop", b, "--force", "--timeout", "1s"]);
    let whole = lasting(&host);
    let pids = || fs::read_to_string(format!("/run/libvirt/qemu/{a}.pid")).expect("a pid");
    let (pid, left) = (pids(), host.left());
    let cut = |to: u64| {
        move |db: &Path| fs::OpenOptions::new().write(true).open(db).expect("opened").set_len(to).expect("cut")
    };
    // Missing, or with only what SQLite keeps beside it.
    let missing = |db: &Path| fs::remove_file(db).expect("removed");
    let leftover = |db: &Path| {
        fs::remove_file(db).expect("removed");
        fs::write(db.with_extension("db-wal"), [7; 5000]).expect("written");
        fs::write(db.with_extension("db-shm"), [7; 32768]).expect("written");
    };
    let folder = |db: &Path| fs::remove_dir_all(db.parent().expect("a folder")).expect("removed");
    type Damage<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, &str, Damage<'_>); 8] = [
        ("cut in the middle", "state_damaged", &cut(24576)),
        ("cut within the header", "state_damaged", &cut(60)),
        ("empty", "state_missing", &cut(0)),
        ("the header overwritten", "state_damaged", &|db| overwrite(db, 0, 4096)),
        ("the rest overwritten", "state_damaged", &|db| overwrite(db, 4096, u64::MAX)),
        ("missing", "state_missing", &missing),
        ("missing, with a log", "state_damaged", &leftover),
        ("its folder missing", "state_missing", &folder),
    ];
    for (what, code, damage) in cases {
        damage(&db(&host));
        let every = [
            &["list"][..],
            &["show", a],
            &["start", b],
            &["stop", a],
            &["delete", a, "--yes"],
            &["create", "idle"],
            &["gc", "--yes"],
            &["repair"],
            &["secrets", a],
            &["tag", a, "x"],
            &["cost"],
            &["operations"],
            &["image", "remove", "idle", "--yes"],
        ];
        // Each verb once for each code, and one for each kind of damage.
        let verbs = if ["the rest overwritten", "missing"].contains(&what) { &every[..] } else { &every[..1] };
        for verb in verbs {
            let out = host.lite(&[*verb, &["--json"]].concat());
            let error: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
            assert_eq!(
                (out.status.code(), error["error"]["code"].as_str()),
                (Some(4), Some(code)),
                "{what}: {verb:?}: {error}"
            );
            assert!(error["error"]["hints"][0].as_str().is_some_and(|h| h.contains("`lite repair --rebuild`")));
        }
        assert_eq!((host.left(), pids()), (left.clone(), pid.clone()), "{what}: nothing was touched");
        let told = host.json(&["repair", "--rebuild", "--yes"]);
        let rebuilt: Vec<&str> =
            told["rebuilt"].as_array().expect("a list").iter().filter_map(|r| r["name"].as_str()).collect();
        assert_eq!(rebuilt.len(), 2, "{what}: {told}");
        assert!(rebuilt.contains(&a) && rebuilt.contains(&b), "{what}: {told}");
        assert_eq!(told["set_aside"].is_string(), code == "state_damaged", "{what}: {told}");
        assert_eq!(lasting(&host), whole, "{what}");
        assert_eq!(states(&host), pairs(&[(a, "running"), (b, "stopped")]), "{what}");
        assert_eq!((host.left(), pids()), (left.clone(), pid.clone()), "{what}: nothing was touched");
    }
    assert_eq!(host.json(&["repair", "--rebuild", "--yes"])["rebuilt"], serde_json::json!([]), "nothing is left to do");
    host.ok(&["start", b, "--no-wait"]);
    host.ok(&["delete", a, b, "--yes"]);
    assert_eq!(host.left(), Vec::<String>::new());
    assert_eq!(host.tables(), Vec::<String>::new());
    clean(&host, "all deleted");
}

fn what_is_renamed_edited_or_undefined_by_hand_is_shown_and_never_healed_by_destroying() {
    needs_host();
    let _turn = turn();
    let host = idle_host("drift", 81);
    let [renamed, edited, lost, off] = ["a", "b", "c", "d"].map(|n| format!("lite-test-drift-{n}"));
    for name in [&renamed, &edited, &lost, &off] {
        created(&host, name);
    }
    let other = format!("{renamed}-x");
    by_hand(&["destroy", &renamed]);
    by_hand(&["domrename", &renamed, &other]);
    by_hand(&["setmaxmem", &edited, "65536", "--config"]);
    by_hand(&["destroy", &lost]);
    by_hand(&["undefine", &lost]);
    by_hand(&["destroy", &off]);
    let left = host.left();
    // Of a running domain a listing asks no QEMU: its edit is for the next start.
    let shown = [(&*renamed, "drifted"), (&edited, "running"), (&lost, "lost"), (&off, "stopped")];
    assert_eq!(states(&host), pairs(&shown));
    let full = host.json(&["show", &renamed, &edited, &lost, &off]);
    let seen = |n: usize| {
        let i = &full["instances"][n];
        (i["state"].as_str().expect("a state"), i["power"].as_str().expect("a state"), i["drift"].clone())
    };
    let name = serde_json::json!([{"what": "name", "recorded": renamed, "now": other}]);
    assert_eq!(seen(0), ("drifted", "stopped", name));
    let memory = serde_json::json!([{"what": "memory", "recorded": "32 MiB", "now": "64 MiB"}]);
    assert_eq!(seen(1), ("drifted", "running", memory));
    assert_eq!(seen(2), ("lost", "lost", serde_json::json!([])));
    assert_eq!(seen(3), ("stopped", "stopped", serde_json::json!([])));
    // Looking, repairing without a name and collecting what nobody owns change nothing of it.
    for verb in [&["repair"][..], &["gc", "--yes"], &["list"]] {
        let said = text(&host.command(verb).output().expect("lite runs").stderr);
        assert!(!said.contains("nothing to repair"), "{said}");
        if *verb == ["repair"] {
            for name in [&renamed, &edited, &lost] {
                assert!(said.contains(&format!("`lite repair {name}`")), "{said}");
            }
        }
        assert_eq!(states(&host), pairs(&shown), "{verb:?}");
        assert_eq!(host.left(), left, "{verb:?}");
    }
    by_hand(&["destroy", &edited]);
    assert_eq!(states(&host)[1], (edited.clone(), "drifted".to_owned()), "off, its size is seen in a listing");

    let said = host.fails(4, &["start", &lost, "--no-wait"]);
    let hint = format!("hint: its disk is there; define it again: `lite repair {lost}`");
    assert!(said.contains(&hint), "{said}");
    let out = host.lite(&["start", &renamed, &edited, "--no-wait"]);
    assert_eq!(out.status.code(), Some(0), "drifted ones start as they are");
    let warning = format!("memory: 64 MiB (recorded: 32 MiB); `lite repair {edited}` puts it back");
    assert!(text(&out.stderr).contains(&warning), "{}", text(&out.stderr));
    assert_eq!(states(&host)[0], (renamed.clone(), "drifted".to_owned()));

    host.fails(2, &["repair", &renamed, "--yes"]);
    host.ok(&["stop", &renamed, "--force", "--timeout", "1s"]);
    host.fails(2, &["repair", &renamed]);
    host.ok(&["repair", &renamed, &edited, &lost, &off, "--yes"]);
    let drift = host.json(&["show", &renamed, &edited, &lost, &off]);
    for instance in drift["instances"].as_array().expect("a list") {
        assert_eq!(instance["drift"], serde_json::json!([]), "{instance}");
    }
    host.ok(&["start", &renamed, &lost, &off, "--no-wait"]);
    let running = [&renamed, &edited, &lost, &off].map(|n| (n.clone(), "running".to_owned()));
    assert_eq!(states(&host), running);
    let mut domains = host.domains();
    domains.sort();
    assert_eq!(domains, [&*renamed, &edited, &lost, &off], "each under its own name again");
    host.ok(&["delete", &renamed, &edited, &lost, &off, "--yes"]);
    assert_eq!(host.left(), Vec::<String>::new());
    assert_eq!(host.tables(), Vec::<String>::new());
    clean(&host, "all deleted");
}
