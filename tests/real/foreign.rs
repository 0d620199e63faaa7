//! Foreign things stay untouched, whatever lite does beside them: real libvirt, guests that are one boot sector.
use std::{os::unix::process::ExitStatusExt, process::Command};

use crate::support::{
    foreign::Foreign,
    host::{Host, needs_host, text},
    idle,
};
use lite::{
    model::{HostId, OperationKind, OperationState, Requester, ResourceRef, Via},
    store::{Operation, Store},
};

crate::tests![what_is_not_ours_stays_as_it_is,];

const SIGKILL: i32 = 9;
const THIRD: u8 = 176;

/// Creates an instance.
fn create(host: &Host, name: &str) {
    assert!(idle::create(host, name).status().expect("lite runs").success(), "create {name}");
}

/// Runs a command that is to die at the N-th pass of a point.
fn dies(mut command: Command, point: &str, n: usize) {
    let out = command.env("LITE_KILL", format!("{point}:{n}")).output().expect("lite runs");
    assert_eq!(out.status.signal(), Some(SIGKILL), "{point}:{n}: {}", text(&out.stderr));
}

/// Takes the row of an instance away, as if the delete that the journal tells of had left all there is.
fn orphan(host: &Host, name: &str) {
    let mut store = Store::open(&host.folder.path().join("state")).expect("the database");
    let record = store.require(&lite::model::Name::parse(name).expect("a name")).expect("stored").record;
    let now = jiff::Timestamp::now();
    let started = Operation::started(
        OperationKind::Delete,
        ResourceRef::instance(&record),
        HostId::local(),
        Requester::root(Via::Cli),
        now,
    );
    let delete = Operation { state: OperationState::Succeeded, ended_at: Some(now), ..started };
    store.insert_operation(&delete).expect("written");
    store.forget(record.uuid).expect("forgotten");
}

/// What the audit says of five foreign volumes that are named nearly as lite's: that it does not know what they are.
const STRANGE: [&str; 5] = ["unknown-volume"; 5];

fn kinds(found: &serde_json::Value) -> Vec<&str> {
    found["findings"].as_array().expect("findings").iter().filter_map(|f| f["kind"].as_str()).collect()
}

/// How many things each receipt of `gc` says it removed and kept.
fn counts(gc: &serde_json::Value) -> Vec<(usize, usize)> {
    let count = |receipt: &serde_json::Value, key: &str| receipt[key].as_array().map_or(0, Vec::len);
    gc["receipts"].as_array().expect("receipts").iter().map(|r| (count(r, "removed"), count(r, "kept"))).collect()
}

/// The audit finds nothing beside those.
fn clean(host: &Host, after: &str) {
    let (found, code) = idle::audit(host);
    assert_eq!((kinds(&found), code), (STRANGE.to_vec(), Some(1)), "{after}: {found:#}");
}

fn what_is_not_ours_stays_as_it_is() {
    needs_host();
    let host = idle::idle_host("foreign", THIRD);
    let (web, other) = ("lite-test-foreign-web", "lite-test-foreign-other");
    create(&host, web);
    idle::clean(&host, "one instance");
    let foreign = Foreign::new(&host, web, THIRD);
    clean(&host, "foreign things are no findings, but volumes named nearly as ours");

    create(&host, other);
    foreign.assert_untouched("create");
    clean(&host, "create");
    for args in [
        &["stop", other, "--force", "--timeout", "1s"][..],
        &["start", other],
        &["reboot", other],
        &["list"],
        &["repair"],
    ] {
        host.ok(args);
        foreign.assert_untouched(&args.join(" "));
    }
    host.ok(&["delete", other, "--yes"]);
    foreign.assert_untouched("delete");
    clean(&host, "delete");

    let mut deaths = 0;
    for (point, n) in [("allocated", 1), ("effect", 2), ("effect", 5), ("intent", 4)] {
        dies(idle::create(&host, other), point, n);
        host.ok(&["repair"]);
        foreign.assert_untouched(&format!("create killed at {point}:{n}"));
        clean(&host, &format!("create killed at {point}:{n}"));
        deaths += 1;
    }
    for (point, n) in [("intent", 1), ("effect", 2), ("forgotten", 1)] {
        create(&host, other);
        dies(host.command(&["delete", other, "--yes"]), point, n);
        host.ok(&["repair"]);
        foreign.assert_untouched(&format!("delete killed at {point}:{n}"));
        clean(&host, &format!("delete killed at {point}:{n}"));
        deaths += 1;
    }
    assert_eq!(deaths, 7);

    host.ok(&["gc", "--now", "--yes"]);
    foreign.assert_untouched("gc --now with nothing to collect");
    create(&host, other);
    orphan(&host, other);
    let (found, code) = idle::audit(&host);
    assert_eq!(code, Some(1), "{found:#}");
    // Domain, root disk, seed, name, two logs and the lock file; and its rules are loaded still, which collecting puts right.
    assert_eq!(kinds(&found), [["orphan"; 7].as_slice(), &["missing"], &STRANGE].concat(), "{found:#}");
    let first = host.json(&["gc", "--yes"]);
    // The lock file went before: its owner is dead, and that needs no second look.
    assert_eq!(counts(&first), [(0, 6 + STRANGE.len())], "{first:#}");
    let all = host.json(&["gc", "--now", "--yes"]);
    assert_eq!(counts(&all), [(6, STRANGE.len())], "{all:#}");
    foreign.assert_untouched("gc --now");
    clean(&host, "gc --now");

    host.ok(&["delete", web, "--yes"]);
    foreign.assert_untouched("the last delete");
    clean(&host, "nothing of ours is left");
    let last = host.json(&["gc", "--now", "--yes"]);
    assert_eq!(counts(&last), [(0, STRANGE.len())], "{last:#}");
    foreign.assert_untouched("the end");
}
