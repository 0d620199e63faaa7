//! `kill -9` at every step, and many processes at once: real libvirt, guests that are one boot sector.
//!
//! Needs the feature `fault`, which puts the points of death into the binary of the tests.
#![cfg(feature = "fault")]

mod support {
    pub mod host;
}

use std::{
    os::unix::process::ExitStatusExt,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use support::host::{Host, skip_reason, text, virsh};

const SIGKILL: i32 = 9;

/// The tests compare the host's filters before and after, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A host with a blueprint that is one boot sector, and a bundle that is tiny.
fn host(tag: &str, third: u8) -> Host {
    let host = Host::new(tag, third);
    let blueprints = host.folder.path().join("blueprints");
    std::fs::create_dir(&blueprints).expect("a folder");
    let os = "id: idle\ntitle: Idle\ndescription: Does nothing.\ngroup: os\nversion: \"1\"\nbases: [idle]\n\
              minimum: {memory: 32 MiB, disk: 1 MiB}\nports: [22/tcp]\nuser: nobody\n";
    std::fs::write(blueprints.join("idle.yaml"), os).expect("written");
    let bundle =
        "currency: USD\nbundles:\n  - {id: tiny, vcpus: 1, memory: 32 MiB, disk: 16 MiB, transfer: 1 GiB, price: 1}\n";
    std::fs::write(blueprints.join("bundles.yaml"), bundle).expect("written");
    let mut sector = vec![0xFB, 0xF4, 0xEB, 0xFD];
    sector.resize(510, 0);
    sector.extend([0x55, 0xAA]);
    let raw = host.folder.path().join("idle.raw");
    let image = host.folder.path().join("idle.qcow2");
    std::fs::write(&raw, sector).expect("written");
    let converted = Command::new("qemu-img")
        .args(["convert", "-f", "raw", "-O", "qcow2"])
        .args([&raw, &image])
        .status()
        .expect("qemu-img runs");
    assert!(converted.success());
    host.ok(&["image", "import", image.to_str().expect("a path")]);
    host
}

fn create(host: &Host, name: &str) -> Command {
    host.command(&["create", "idle", "--bundle", "tiny", "--name", name, "--no-wait", "--quiet"])
}

/// Runs a command that is to die at the N-th pass of a point; whether it did.
fn dies(mut command: Command, point: &str, n: usize) -> bool {
    let out = command.env("LITE_FAULT", format!("{point}:{n}")).output().expect("lite runs");
    match out.status.signal() {
        Some(SIGKILL) => true,
        None if out.status.success() => false,
        _ => panic!("{point}:{n}: {:?}\n{}", out.status, text(&out.stderr)),
    }
}

/// After any `lite` command the instance is whole or gone.
fn whole_or_gone(host: &Host, name: &str, after: &str) -> bool {
    let listed = host.json(&["list"]);
    let instances = listed["instances"].as_array().expect("instances").clone();
    if instances.is_empty() {
        assert_eq!(host.left(), Vec::<String>::new(), "{after}");
        let kept = virsh(&["net-dumpxml", &host.tag]).matches("<host ").count();
        assert_eq!(kept, 0, "{after}: an address is still kept");
        assert_eq!(virsh(&["nwfilter-list"]), host.filters, "{after}: a filter is left");
        return false;
    }
    assert_eq!(instances.len(), 1, "{after}");
    assert_eq!(
        (instances[0]["name"].as_str(), instances[0]["state"].as_str()),
        (Some(name), Some("running")),
        "{after}"
    );
    assert_eq!(host.domains(), [name], "{after}");
    true
}

#[test]
fn killed_at_every_step_of_create_and_delete() {
    if skip_reason().is_some() {
        return;
    }
    let _turn = turn();
    let host = host("kill", 73);
    let name = "lite-test-kill";
    let mut hit = 0;
    for point in ["allocated", "intent", "effect"] {
        for n in 1.. {
            if !dies(create(&host, name), point, n) {
                host.ok(&["delete", name, "--yes"]);
                break;
            }
            hit += 1;
            if whole_or_gone(&host, name, &format!("create killed at {point}:{n}")) {
                host.ok(&["delete", name, "--yes"]);
            }
        }
    }
    // Filter, root disk, seed, domain, launch, address, connect: two points each, and one after the allocation.
    assert_eq!(hit, 15, "points of create");
    let mut undone = 0;
    for n in 1.. {
        assert!(dies(create(&host, name), "effect", 6), "create dies with its domain launched");
        if !dies(host.command(&["list"]), "undo", n) {
            break;
        }
        undone += 1;
        assert!(!whole_or_gone(&host, name, &format!("undo killed at {n}")));
    }
    assert_eq!(undone, 6, "points of the undo");
    let mut deleted = 0;
    for point in ["intent", "effect", "forgotten"] {
        for n in 1.. {
            assert!(create(&host, name).status().expect("lite runs").success());
            if !dies(host.command(&["delete", name, "--yes"]), point, n) {
                break;
            }
            deleted += 1;
            assert!(!whole_or_gone(&host, name, &format!("delete killed at {point}:{n}")));
        }
    }
    // Power, domain, address, filter, seed, root disk, logs: two points each, and one after the row is gone.
    assert_eq!(deleted, 15, "points of delete");
    println!("{} points of death, each hit", hit + undone + deleted);
}

#[test]
fn one_name_wanted_by_many_is_given_once() {
    if skip_reason().is_some() {
        return;
    }
    let _turn = turn();
    let host = host("race", 74);
    let codes: Vec<Option<i32>> = thread::scope(|scope| {
        let tries: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| create(&host, "lite-test-race").output().expect("lite runs").status.code()))
            .collect();
        tries.into_iter().map(|t| t.join().expect("joined")).collect()
    });
    assert_eq!(codes.iter().filter(|c| **c == Some(0)).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|c| **c == Some(2)).count(), 11, "{codes:?}");
    assert!(whole_or_gone(&host, "lite-test-race", "a race"));
    host.ok(&["delete", "lite-test-race", "--yes"]);
    assert_eq!(host.left(), Vec::<String>::new());
}

#[test]
fn many_at_once_get_what_is_theirs() {
    if skip_reason().is_some() {
        return;
    }
    let _turn = turn();
    let host = host("many", 75);
    let names: Vec<String> = (0..8).map(|n| format!("lite-test-many-{n}")).collect();
    thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| assert_eq!(text(&create(&host, name).output().expect("lite runs").stderr), CREATED));
        }
    });
    let listed = host.json(&["list"]);
    let instances = listed["instances"].as_array().expect("instances");
    let mut addresses: Vec<&str> = instances.iter().filter_map(|i| i["address"].as_str()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), names.len(), "{listed}");
    let all: Vec<&str> = ["delete", "--yes"].into_iter().chain(names.iter().map(String::as_str)).collect();
    host.ok(&all);
    assert_eq!(host.left(), Vec::<String>::new());
}

/// What a create without trouble says on stderr.
const CREATED: &str = "warning: no KVM on this host: the virtual machine is emulated, which is slow\n";
