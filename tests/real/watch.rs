//! The watcher over real libvirt and boot-sector guests: QEMU killed, guests that power off, one that hangs, a watcher
//! that dies at each of its steps, a receiver that is away.
use std::{collections::BTreeSet, net::TcpListener, process::Command, time::Duration};

use crate::support::{
    host::{Host, needs_host, virsh},
    idle::{beside, blueprint, create, create_of, idle_host, image, pid, signal, turn},
    points::points_in,
    receiver::{OK, receiver, receiver_at, say, within},
    watch::{Watch, contact, has_looked, kinds, wait_for},
};

crate::tests![
    a_killed_qemu_runs_again_with_one_message_and_a_stopped_instance_stays_down,
    a_guest_that_powers_off_is_stopped_and_a_destroyed_one_too,
    a_watcher_that_dies_anywhere_loses_nothing,
    a_receiver_that_is_away_gets_the_message_once,
    a_hung_guest_costs_the_others_no_sample,
];

/// Powers off after 2 s.
const POWER_OFF: &[u8] = &[
    0xB4, 0x86, 0xB9, 0x1E, 0x00, 0xBA, 0x80, 0x84, 0xCD, 0x15, 0xBA, 0x04, 0x06, 0xB8, 0x00, 0x20, 0xEF, 0xF4, 0xEB,
    0xFD,
];

fn domain_state(name: &str) -> String {
    virsh(&["domstate", name]).trim().to_owned()
}

/// Runs a command that must succeed. A libvirtd that has no time for it on a busy machine (exit 5) is asked again.
fn make(mut command: Command) {
    for _ in 0..10 {
        match command.status().expect("lite runs").code() {
            Some(0) => return,
            Some(5) => {}
            code => panic!("{command:?}: {code:?}"),
        }
    }
    panic!("{command:?}: libvirt never answered");
}

fn lite(host: &Host, args: &[&str]) {
    make(host.command(args));
}

/// What the user wants an instance to be, as it is stored.
fn wanted(host: &Host, name: &str) -> String {
    let db = rusqlite::Connection::open(host.folder.path().join("state/state.db")).expect("a database");
    db.query_row("SELECT desired_state FROM instance WHERE name = ?1", [name], |r| r.get(0)).expect("an instance")
}

fn a_killed_qemu_runs_again_with_one_message_and_a_stopped_instance_stays_down() {
    needs_host();
    let _beside = beside();
    let host = idle_host("wkill", 91);
    let name = "lite-test-wkill";
    make(create(&host, name));
    let (url, messages) = receiver(|_, stream| say(stream, OK));
    contact(&host, &url);
    let _watch = Watch::start(&host, "");
    wait_for("the first look", 60, || has_looked(&host));
    let second = host.lite(&["watch"]);
    assert_eq!(second.status.code(), Some(3), "one at a time: {}", String::from_utf8_lossy(&second.stderr));
    let old = pid(name);
    signal("-9", &old);
    let took = wait_for("QEMU again", 60, || {
        domain_state(name) == "running"
            && std::fs::read_to_string(format!("/run/libvirt/qemu/{name}.pid")).is_ok_and(|p| p.trim() != old)
    });
    println!("running again after {:.1} s", took.as_secs_f32());
    let got = within(&messages, Duration::from_secs(25));
    let told: Vec<String> = got.iter().flat_map(|m| m.kinds()).collect();
    assert_eq!(told, ["instance.crashed", "instance.restarted"]);
    // What happens within ten seconds goes out together; on a busy machine the restart may take longer.
    assert!(got.len() == 1 || took > Duration::from_secs(9), "{} messages, again after {took:?}", got.len());
    // The same instance, stopped by the user.
    lite(&host, &["stop", name, "--force"]);
    let got = within(&messages, Duration::from_secs(25));
    assert_eq!((got.len(), domain_state(name).as_str()), (0, "shut off"), "{got:?}");
    lite(&host, &["start", name, "--no-wait"]);
    assert_eq!(domain_state(name), "running");
    lite(&host, &["delete", name, "--yes"]);
}

fn a_guest_that_powers_off_is_stopped_and_a_destroyed_one_too() {
    needs_host();
    let _beside = beside();
    let host = idle_host("woff", 92);
    blueprint(&host, "off");
    let path = image(&host, "off", POWER_OFF);
    host.ok(&["image", "import", &path]);
    let (off, plug) = ("lite-test-woff-1", "lite-test-woff-2");
    make(create(&host, plug));
    let _watch = Watch::start(&host, "");
    wait_for("the first look", 60, || has_looked(&host));
    make(create_of(&host, off, "off", "tiny"));
    let wanted = |name: &str| wanted(&host, name);
    wait_for("the guest to be taken for stopped", 60, || wanted(off) == "stopped");
    virsh(&["destroy", plug]);
    wait_for("the other one too", 60, || wanted(plug) == "stopped");
    assert_eq!(kinds(&host), ["instance.external_stop", "instance.external_stop"]);
    assert_eq!((domain_state(off), domain_state(plug)), ("shut off".into(), "shut off".into()));
    lite(&host, &["delete", off, plug, "--yes"]);
}

/// Runs a watcher that dies at a step; the place in the source where it did.
fn place_of_death(host: &Host, step: &str) -> String {
    let log = host.folder.path().join("points");
    let _ = std::fs::remove_file(&log);
    let mut command = Watch::command(host, step);
    command.env("LITE_KILL_LOG", &log);
    let status = Watch::run(command).end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{step}");
    let (name, _) = step.split_once(':').expect("a name and a number");
    let passed = std::fs::read_to_string(&log).expect("points");
    // Threads beside it may have passed others since.
    let last = passed.lines().rev().find_map(|line| line.strip_prefix(name)).expect("the point");
    last.trim().to_owned()
}

fn a_watcher_that_dies_anywhere_loses_nothing() {
    needs_host();
    let _beside = beside();
    let host = idle_host("wdie", 93);
    let name = "lite-test-wdie";
    make(create(&host, name));
    let (url, messages) = receiver(|_, stream| say(stream, OK));
    contact(&host, &url);
    {
        let _watch = Watch::start(&host, "");
        wait_for("the first look", 60, || has_looked(&host));
    }
    let mut ids = std::collections::BTreeMap::<String, Vec<String>>::new();
    let mut deaths = BTreeSet::new();
    // While nothing happens a minute ends.
    for step in ["minute:1", "stored:1"] {
        deaths.insert(place_of_death(&host, step));
    }
    let steps = [
        "detected:1",
        "planned:2",
        "told:1",
        "acted:1",
        "grouped:1",
        "grouped:30",
        "sending:1",
        "sent:1",
        "recorded:1",
    ];
    for (done, step) in steps.into_iter().enumerate() {
        signal("-9", &pid(name));
        wait_for("the crash", 30, || domain_state(name) == "shut off");
        deaths.insert(place_of_death(&host, step));
        {
            let _again = Watch::start(&host, "");
            wait_for("QEMU again", 60, || domain_state(name) == "running");
            let restarts = || kinds(&host).iter().filter(|k| *k == "instance.restarted").count();
            wait_for(&format!("the event after {step}"), 60, || restarts() == done + 1);
            let waiting = || host.json(&["contact", "list"])["contacts"][0]["waiting"].clone();
            wait_for(&format!("an empty outbox after {step}"), 60, || waiting() == 0);
            for message in messages.try_iter() {
                let kinds = message.kinds();
                let before = ids.entry(message.id()).or_insert_with(|| kinds.clone());
                assert_eq!(*before, kinds, "{step}: one id, one content");
            }
        }
        // Somebody acts, so that no crash loop is counted; counts are tested elsewhere.
        lite(&host, &["start", name, "--no-wait"]);
    }
    println!("a watcher dead at {} places", deaths.len());
    let mut known = points_in("src/monitor");
    // What is promised of this host never became too much.
    let line = |place: &String| place.rsplit(':').next().and_then(|n| n.parse::<u32>().ok());
    let capacity = points_in("src/monitor/watcher/minutes.rs").into_iter().max_by_key(line).expect("a point");
    assert!(known.remove(&capacity) && !deaths.contains(&capacity));
    assert_eq!(deaths, known);
    let mut told: Vec<String> = ids.values().flatten().cloned().collect();
    let mut stored = kinds(&host);
    told.sort();
    stored.sort();
    assert_eq!(told, stored, "each event that was stored came, and none twice under another id");
    let count = |kind: &str| told.iter().filter(|k| *k == kind).count();
    assert_eq!(count("instance.restarted"), steps.len(), "{told:?}");
    // One that dies between the decision and the start tells of the crash again.
    assert!(count("instance.crashed") >= steps.len(), "{told:?}");
    lite(&host, &["delete", name, "--yes"]);
}

fn a_receiver_that_is_away_gets_the_message_once() {
    needs_host();
    let _beside = beside();
    let host = idle_host("waway", 94);
    let name = "lite-test-waway";
    make(create(&host, name));
    let port = TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("bound").port();
    contact(&host, &format!("http://127.0.0.1:{port}/"));
    let _watch = Watch::start(&host, "");
    wait_for("the first look", 60, || has_looked(&host));
    virsh(&["destroy", name]);
    let tried =
        |n: u64| host.json(&["contact", "deliveries"])["deliveries"][0]["attempts"].as_u64().is_some_and(|a| a >= n);
    wait_for("two attempts", 60, || tried(2));
    let (_, messages) = receiver_at(port, |_, stream| say(stream, OK));
    let got = within(&messages, Duration::from_secs(40));
    assert_eq!(got.iter().map(|m| m.kinds().join(" ")).collect::<Vec<_>>(), ["instance.external_stop"]);
    assert_eq!(host.json(&["contact", "deliveries"])["deliveries"][0]["state"], "delivered");
    lite(&host, &["delete", name, "--yes"]);
}

fn a_hung_guest_costs_the_others_no_sample() {
    needs_host();
    let _turn = turn();
    let host = idle_host("whung", 95);
    let (hung, well) = ("lite-test-whung-1", "lite-test-whung-2");
    make(create(&host, hung));
    make(create(&host, well));
    let _watch = Watch::start(&host, "");
    wait_for("the first look", 60, || has_looked(&host));
    let stopped = pid(hung);
    signal("-STOP", &stopped);
    wait_for("the event", 120, || kinds(&host) == ["instance.unresponsive"]);
    let points = |name: &str| {
        let all = host.json(&["metrics", name, "--metric", "CPUUtilization", "--since", "10m"]);
        all["points"].as_array().map_or(0, Vec::len)
    };
    let before = points(well);
    wait_for("two more minutes of the other", 180, || points(well) >= before + 2);
    signal("-CONT", &stopped);
    lite(&host, &["delete", hung, well, "--yes"]);
}
