//! Deleted instances that are kept, on real libvirt: guests that are one boot sector.

use std::process::Command;

use crate::{
    crash::{At, kill},
    support::{
        host::{Host, needs_host, virsh},
        idle::{clean, create, idle_host, whole_or_gone},
    },
};
use lite::{
    model::{HostId, Kept},
    store::{Store, kept},
};

crate::tests![a_deleted_instance_comes_back_and_goes_in_time, killed_at_each_step_of_delete_undelete_and_purge,];

/// A `lite` that keeps what is deleted.
fn keeping(host: &Host, args: &[&str]) -> Command {
    let mut command = host.command(args);
    command.env("LITE_KEEP_DELETED", "24h");
    command
}

fn ok(host: &Host, args: &[&str]) -> String {
    let out = keeping(host, args).output().expect("lite runs");
    let [said, told] = [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(out.status.success(), "lite {args:?}: {told}");
    said
}

/// Makes an instance that is off: its guest hears no power button.
fn stopped(host: &Host, name: &str) {
    assert!(create(host, name).status().expect("lite runs").success());
    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
}

/// Names and ids of the deleted instances.
fn deleted(host: &Host) -> Vec<(String, String)> {
    let all = host.json(&["list", "--deleted"]);
    let word = |row: &serde_json::Value, key: &str| row[key].as_str().expect("a word").to_owned();
    all["deleted"].as_array().expect("a list").iter().map(|row| (word(row, "name"), word(row, "uuid"))).collect()
}

/// How the domain of a deleted instance is; empty: there is none.
fn domstate(id: &str) -> String {
    virsh(&["domstate", &format!("kept-{}", id.replace('-', ""))]).trim().to_owned()
}

/// The time of all that are kept is over.
fn let_time_pass(host: &Host) {
    let mut store = Store::open(&host.folder.path().join("state")).expect("the database");
    for instance in store.kept(&HostId::local()).expect("read") {
        let over = instance.record.kept.map(|kept| Kept { until: jiff::Timestamp::UNIX_EPOCH, ..kept });
        store.write(|t| kept::mark(t, &instance.record, over)).expect("written");
    }
}

/// libvirt writes metadata that was set with another prefix than metadata that was defined.
fn definition_of(name: &str) -> String {
    let xml = virsh(&["dumpxml", "--inactive", name]);
    let set = "<instance xmlns=\"https://lite.example/xmlns/instance/1\" xmlns:lite";
    xml.replace(set, "<lite:instance xmlns:lite").replace("</instance>", "</lite:instance>")
}

fn a_deleted_instance_comes_back_and_goes_in_time() {
    needs_host();
    let (host, name) = (idle_host("kept", 150), "lite-test-kept");
    stopped(&host, name);
    let shown = host.json(&["show", name]);
    let definition = definition_of(name);
    ok(&host, &["delete", name, "--yes"]);
    let (was, id) = deleted(&host).remove(0);
    assert_eq!((was.as_str(), Some(id.as_str())), (name, shown["instances"][0]["uuid"].as_str()));
    assert_eq!((domstate(&id).as_str(), host.domains()), ("shut off", vec![]));
    clean(&host, "deleted");

    // Its name and its address are another's.
    stopped(&host, name);
    assert_eq!(host.json(&["show", name])["instances"][0]["address"], shown["instances"][0]["address"]);
    host.fails(2, &["undelete", name]);
    host.ok(&["delete", name, "--yes"]);

    host.ok(&["undelete", name]);
    assert_eq!(definition_of(name), definition);
    let mut back = host.json(&["show", name]);
    for key in ["desired_state", "state", "power"] {
        back["instances"][0][key] = shown["instances"][0][key].clone();
    }
    assert_eq!(back, shown);
    host.ok(&["start", name, "--no-wait"]);
    assert_eq!(host.json(&["show", name])["instances"][0]["state"], "running");
    clean(&host, "undeleted");

    host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    ok(&host, &["delete", name, "--yes"]);
    let_time_pass(&host);
    // Any change does it.
    host.ok(&["repair"]);
    assert_eq!((deleted(&host), host.left(), domstate(&id)), (vec![], vec![], String::new()));
    clean(&host, "its time is over");
}

fn killed_at_each_step_of_delete_undelete_and_purge() {
    needs_host();
    let (host, name) = (idle_host("kpk", 151), "lite-test-kpk");
    let there = || {
        if host.json(&["list"])["instances"].as_array().is_none_or(Vec::is_empty) {
            match deleted(&host).is_empty() {
                true => stopped(&host, name),
                false => drop(host.ok(&["undelete", name, "--no-start"])),
            }
        }
    };
    let gone = || {
        there();
        ok(&host, &["delete", name, "--yes"]);
    };
    let is_kept = |after: &str| {
        host.ok(&["repair"]);
        clean(&host, after);
        let kept: Vec<String> = deleted(&host).iter().map(|(_, id)| domstate(id)).collect();
        assert_eq!((kept, host.domains()), (vec!["shut off".to_owned()], vec![]), "{after}");
    };
    let whole = |after: &str| assert!(whole_or_gone(&host, name, after), "{after}: gone");
    let absent = |after: &str| assert!(!whole_or_gone(&host, name, after), "{after}: still there");
    let delete = || keeping(&host, &["delete", name, "--yes"]);
    let undelete = || host.command(&["undelete", name, "--no-start"]);
    let purge = || host.command(&["delete", name, "--yes", "--now"]);
    kill(("delete that keeps", At::Each), &host, &there, &delete, &is_kept);
    kill(("undelete", At::Each), &host, &gone, &undelete, &whole);
    kill(("purge", At::FirstOfEachName), &host, &gone, &purge, &absent);
}
