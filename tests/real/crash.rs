//! `kill -9` before and after every kind of step, and at random times: real libvirt, guests that are one boot sector. `make soak`
//! kills at every point and at 2,000 times; in process, `tests/it/deaths.rs` does at every point of every operation.

pub mod at_random;
pub mod bake;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    host::{Host, needs_host, text, virsh},
    https::{Reply, Server},
    idle::{POWER_OFF_BY_KEY, bare_host, clean, create, idle_host, image, whole_or_gone},
    points::points_in,
};
use lite::{
    image::sums::{self, Algorithm},
    model::{HostId, Name, OperationKind, Requester, ResourceRef, Via},
    store::{Operation, OperationState, Store},
};

crate::tests![
    killed_before_and_after_every_kind_of_step,
    killed_while_it_cleans_up_or_repairs,
    killed_while_it_prepares_the_host_or_works_on_an_image,
    killed_while_it_downloads_an_image,
];

const SIGKILL: i32 = 9;

/// The points a command passes.
struct Passed {
    /// How often each is, by its name.
    names: BTreeMap<String, usize>,
    /// Where they stand in the source, as `FILE:LINE`.
    places: BTreeSet<String>,
}

/// Runs a command to its end and gives the points it passes.
fn points(host: &Host, mut command: Command) -> Passed {
    let log = host.folder.path().join("points");
    let out = command.env("LITE_KILL_LOG", &log).output().expect("lite runs");
    assert!(out.status.success(), "{command:?}: {}", text(&out.stderr));
    let mut passed = Passed { names: BTreeMap::new(), places: BTreeSet::new() };
    for line in std::fs::read_to_string(&log).unwrap_or_default().lines() {
        let (name, place) = line.split_once(' ').expect("a name and a place");
        *passed.names.entry(name.to_owned()).or_default() += 1;
        passed.places.insert(place.to_owned());
    }
    let _ = std::fs::remove_file(log);
    passed
}

/// At which points of an operation a process is killed. `make soak` takes all of all; `tests/it/deaths.rs` does, in process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Each: before and after every kind of step.
    Each,
    /// The first of each name.
    FirstOfEachName,
}

/// Runs a command that has to die at the N-th pass of a point.
fn dies(mut command: Command, point: &str, n: usize) {
    let out = command.env("LITE_KILL", format!("{point}:{n}")).output().expect("lite runs");
    assert_eq!(out.status.signal(), Some(SIGKILL), "{command:?} at {point}:{n}: {}", text(&out.stderr));
}

/// Kills an operation at its points: `ready` puts the host in order before, `check` looks after it. How often it was killed,
/// and the places that it passes.
pub fn kill(
    (what, at): (&str, At),
    host: &Host,
    ready: &dyn Fn(),
    command: &dyn Fn() -> Command,
    check: &dyn Fn(&str),
) -> (usize, BTreeSet<String>) {
    ready();
    let passed = points(host, command());
    assert!(!passed.names.is_empty(), "{what} passes no point");
    let all = at == At::Each || std::env::var_os("LITE_TEST_SOAK").is_some_and(|v| v == "1");
    let mut kills = 0;
    for (point, count) in &passed.names {
        for n in 1..=if all { *count } else { 1 } {
            ready();
            dies(command(), point, n);
            check(&format!("{what} killed at {point}:{n}"));
            kills += 1;
        }
    }
    let sum: usize = passed.names.values().sum();
    println!("{what}: killed {kills} times; {sum} points at {} places", passed.places.len());
    (kills, passed.places)
}

fn killed_before_and_after_every_kind_of_step() {
    needs_host();
    let host = idle_host("kill", 62);
    let name = "lite-test-kill";
    let delete = || host.command(&["delete", name, "--yes"]);
    let exists = || host.json(&["list"])["instances"].as_array().is_some_and(|i| !i.is_empty());
    let gone = || {
        if exists() {
            host.ok(&["delete", name, "--yes"]);
        }
    };
    let there = || {
        if !exists() {
            assert!(create(&host, name).status().expect("lite runs").success());
        }
    };
    let running = || {
        there();
        host.ok(&["start", name, "--no-wait"]);
    };
    let stopped = || {
        there();
        host.ok(&["stop", name, "--force", "--timeout", "1s"]);
    };
    let whole = |after: &str| assert!(whole_or_gone(&host, name, after), "{after}: gone");
    let either = |after: &str| {
        whole_or_gone(&host, name, after);
    };
    let absent = |after: &str| assert!(!whole_or_gone(&host, name, after), "{after}: still there");
    // The first create makes the network too: points of its own, see below.
    there();
    let mut all = vec![
        ("create", kill(("create", At::Each), &host, &gone, &|| create(&host, name), &either)),
        ("delete", kill(("delete", At::Each), &host, &there, &delete, &absent)),
    ];
    let start = || host.command(&["start", name, "--no-wait"]);
    let stop = || host.command(&["stop", name, "--force", "--timeout", "1s"]);
    let reboot = || host.command(&["reboot", name, "--force"]);
    let tag = || host.command(&["tag", name, "a=b"]);
    all.push(("start", kill(("start", At::FirstOfEachName), &host, &stopped, &start, &whole)));
    all.push(("stop", kill(("stop", At::FirstOfEachName), &host, &running, &stop, &whole)));
    all.push(("reboot", kill(("reboot", At::FirstOfEachName), &host, &running, &reboot, &whole)));
    let tagged = |after: &str| {
        whole(after);
        // The database and the record in libvirt agree.
        let metadata = virsh(&["metadata", name, "https://lite.example/xmlns/instance/1", "--config"]);
        assert!(metadata.contains(r#""tags":[{"key":"a","value":"b"}]"#), "{after}: {metadata}");
    };
    let untagged = || {
        there();
        host.lite(&["tag", name, "--remove", "a"]);
    };
    all.push(("tag", kill(("tag", At::FirstOfEachName), &host, &untagged, &tag, &tagged)));
    let open = || host.command(&["firewall", name, "open", "8080"]);
    let opened = |after: &str| {
        whole(after);
        // The database, the packet filter and the record in libvirt agree.
        assert!(host.ok(&["firewall", name]).contains("\n8080/tcp  anywhere\n"), "{after}");
        let metadata = virsh(&["metadata", name, "https://lite.example/xmlns/instance/1", "--config"]);
        assert!(metadata.contains(r#""firewall":["22/tcp","8080/tcp","icmp"]"#), "{after}: {metadata}");
    };
    let closed = || {
        there();
        host.lite(&["firewall", name, "close", "8080"]);
    };
    all.push(("firewall", kill(("firewall", At::Each), &host, &closed, &open, &opened)));
    // The undo of a create that died with everything made, done by another command.
    let half_made = || {
        gone();
        dies(create(&host, name), "effect", 5);
    };
    let repair = || host.command(&["repair"]);
    all.push(("undo", kill(("undo", At::FirstOfEachName), &host, &half_made, &repair, &absent)));
    let kills: usize = all.iter().map(|(_, (kills, _))| kills).sum();
    let places: BTreeSet<String> = all.into_iter().flat_map(|(_, (_, places))| places).collect();
    println!("{kills} kills, {} places", places.len());
    assert!(places.is_superset(&points_in("src/engine/journal.rs")), "{places:?}");
    gone();
}

/// Takes the row of an instance away, as if its delete had left all there is.
fn orphan(host: &Host, name: &str) {
    let mut store = Store::open(&host.folder.path().join("state")).expect("the database");
    let instance = store.require(&Name::parse(name).expect("a name")).expect("stored");
    let uuid = instance.record.uuid;
    let now = jiff::Timestamp::now();
    let started = Operation::started(
        OperationKind::Delete,
        ResourceRef::instance(&instance.record),
        HostId::local(),
        Requester::root(Via::Cli),
        now,
    );
    let delete = Operation { state: OperationState::Succeeded, ended_at: Some(now), ..started };
    store.insert_operation(&delete).expect("written");
    store.forget(uuid).expect("forgotten");
}

fn killed_while_it_cleans_up_or_repairs() {
    needs_host();
    let host = idle_host("mend", 57);
    let name = "lite-test-mend";
    let there = || {
        if host.json(&["list"])["instances"].as_array().is_none_or(Vec::is_empty) {
            assert!(create(&host, name).status().expect("lite runs").success());
        }
    };
    let orphaned = || {
        there();
        orphan(&host, name);
    };
    let gc = || host.command(&["gc", "--now", "--yes"]);
    // What a killed collector left is collected by the next.
    let collected = |after: &str| {
        host.ok(&["gc", "--now", "--yes"]);
        assert!(!whole_or_gone(&host, name, after), "{after}: still there");
    };
    kill(("gc", At::FirstOfEachName), &host, &orphaned, &gc, &collected);
    collected("gc without a kill");

    let whole = |after: &str| assert!(whole_or_gone(&host, name, after), "{after}: gone");
    let undefined = || {
        there();
        virsh(&["destroy", name]);
        virsh(&["undefine", name]);
    };
    let repair = || host.command(&["repair", name]);
    let defined = |after: &str| {
        host.ok(&["repair", name]);
        whole(after);
    };
    kill(("repair", At::FirstOfEachName), &host, &undefined, &repair, &defined);

    let lost = || {
        there();
        for file in ["state.db", "state.db-wal", "state.db-shm"] {
            let _ = std::fs::remove_file(host.folder.path().join("state").join(file));
        }
    };
    let rebuild = || host.command(&["repair", "--rebuild", "--yes"]);
    let rebuilt = |after: &str| {
        host.ok(&["repair", "--rebuild", "--yes"]);
        whole(after);
    };
    kill(("rebuild", At::FirstOfEachName), &host, &lost, &rebuild, &rebuilt);
    host.ok(&["delete", name, "--yes"]);
}

fn killed_while_it_prepares_the_host_or_works_on_an_image() {
    needs_host();
    let host = bare_host("prep", 61);
    let file = image(&host, "idle", crate::support::idle::IDLE);
    let unfinished = || {
        let entries = std::fs::read_dir(host.pool_dir()).map(Iterator::flatten).into_iter().flatten();
        let names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.filter(|n| !n.starts_with(".lock-")).collect();
        names.sort();
        names
    };
    let import = || host.command(&["image", "import", &file, "--quiet"]);
    let remove = || host.command(&["image", "remove", "idle", "--yes"]);
    let whole_or_no_image = |after: &str| {
        host.ok(&["repair"]);
        let listed = host.json(&["image", "list"]);
        let images = listed["images"].as_array().expect("images").len();
        assert_eq!(unfinished().len(), images * 2, "{after}: {:?}", unfinished());
        clean(&host, after);
    };
    let no_image = || {
        if !unfinished().is_empty() {
            host.ok(&["image", "remove", "idle", "--yes"]);
        }
    };
    let imported = || drop(host.ok(&["image", "import", &file, "--quiet"]));
    kill(("import", At::FirstOfEachName), &host, &no_image, &import, &whole_or_no_image);
    kill(("remove", At::FirstOfEachName), &host, &imported, &remove, &whole_or_no_image);
    imported();
    let name = "lite-test-prep";
    let without = || {
        for verb in ["net-destroy", "net-undefine", "pool-destroy", "pool-undefine"] {
            virsh(&[verb, &host.tag]);
        }
    };
    for n in 1..=2 {
        for point in ["intent", "effect"] {
            without();
            dies(create(&host, name), point, n);
            assert!(create(&host, name).status().expect("lite runs").success());
            assert!(whole_or_gone(&host, name, &format!("first create killed at {point}:{n}")));
            host.ok(&["delete", name, "--yes"]);
        }
    }
}

fn killed_while_it_downloads_an_image() {
    needs_host();
    let host = bare_host("pull", 55);
    let body = std::fs::read(image(&host, "idle", crate::support::idle::IDLE)).expect("the image");
    let digest =
        format!("sha256:{}", sums::digest(&body[..], Algorithm::Sha256, &AtomicBool::new(false)).expect("a digest"));
    let (server, half, etag) = (Server::start(), body.len() / 2, "\"a\"");
    let ca = host.folder.path().join("ca.pem");
    std::fs::write(&ca, &server.ca).expect("written");
    server
        .on("/cut", [Reply::Stall { body: body.clone(), etag, after: half }, Reply::File { body: body.clone(), etag }]);
    server.on("/whole", [Reply::File { body, etag }]);
    let pull = |path: &str| {
        let mut command =
            host.command(&["image", "pull", "idle", "--url", &server.url(path), "--digest", &digest, "--quiet"]);
        command.env("SSL_CERT_FILE", &ca);
        command
    };
    let images = || host.json(&["image", "list"])["images"].as_array().expect("images").len();
    // What has arrived stays, for the next pull to go on with; nothing else does.
    let whole_or_no_image = |after: &str| {
        host.ok(&["repair"]);
        let images = images();
        let entries = std::fs::read_dir(host.pool_dir()).map(Iterator::flatten).into_iter().flatten();
        let names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
        let names: Vec<String> = names.filter(|n| !n.starts_with(".lock-") && !n.starts_with(".pull-idle.")).collect();
        assert_eq!(names.len(), images * 2, "{after}: {names:?}");
        clean(&host, after);
    };
    let no_image = || {
        if images() > 0 {
            host.ok(&["image", "remove", "idle", "--yes"]);
        }
    };

    let mut child = pull("/cut").spawn().expect("lite runs");
    let part = host.pool_dir().join(".pull-idle.part");
    let end = Instant::now() + Duration::from_secs(60);
    while std::fs::metadata(&part).map_or(0, |m| m.len()) < half as u64 {
        assert!(Instant::now() < end, "half of it has not arrived within a minute");
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("killed");
    assert_eq!(child.wait().expect("waited").signal(), Some(SIGKILL));
    whole_or_no_image("a pull killed half-way");
    assert!(pull("/cut").status().expect("lite runs").success());
    let asked = server.asked();
    assert_eq!(asked[1].range, Some(format!("bytes={half}-")), "the second went on where the first was");
    assert_eq!(images(), 1);

    kill(("pull", At::FirstOfEachName), &host, &no_image, &|| pull("/whole"), &whole_or_no_image);
}
