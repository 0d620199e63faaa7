//! Many processes at once: real libvirt, guests that are one boot sector.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    host::{Host, needs_host, text, virsh},
    idle::{CREATED, bundles, clean, create, create_of, idle_host, turn, whole_or_gone},
};

crate::tests![
    one_name_wanted_by_thirty_is_given_once,
    thirty_at_once_get_what_is_theirs,
    four_addresses_serve_four,
    only_what_fits_into_the_memory_is_made,
    a_second_command_says_who_is_at_work_or_waits,
    a_request_asked_by_ten_is_made_once,
];

/// Runs commands at the same time; their outputs, in order.
fn at_once(commands: Vec<Command>) -> Vec<Output> {
    thread::scope(|scope| {
        let running: Vec<_> =
            commands.into_iter().map(|mut c| scope.spawn(move || c.output().expect("lite runs"))).collect();
        running.into_iter().map(|r| r.join().expect("joined")).collect()
    })
}

/// How often each exit code came.
fn codes(outputs: &[Output]) -> BTreeMap<i32, usize> {
    let mut codes = BTreeMap::new();
    for out in outputs {
        *codes.entry(out.status.code().expect("not killed")).or_default() += 1;
    }
    codes
}

fn errors(outputs: &[Output]) -> BTreeSet<String> {
    let failed = outputs.iter().filter(|o| !o.status.success());
    failed.map(|o| text(&o.stderr).lines().find(|l| l.starts_with("error:")).unwrap_or_default().to_owned()).collect()
}

/// One value of each instance.
fn column(host: &Host, key: &str) -> Vec<String> {
    let listed = host.json(&["list"]);
    let instances = listed["instances"].as_array().expect("instances");
    instances.iter().map(|i| i[key].as_str().unwrap_or_default().to_owned()).collect()
}

fn delete_all(host: &Host) {
    let names = column(host, "name");
    let all: Vec<&str> = ["delete", "--yes", "--quiet"].into_iter().chain(names.iter().map(String::as_str)).collect();
    host.ok(&all);
    assert_eq!(host.left(), Vec::<String>::new());
    clean(host, "everything deleted");
}

fn one_name_wanted_by_thirty_is_given_once() {
    needs_host();
    let _turn = turn();
    let host = idle_host("race", 65);
    let name = "lite-test-race";
    let outputs = at_once((0..30).map(|_| create(&host, name)).collect());
    assert_eq!(codes(&outputs), BTreeMap::from([(0, 1), (2, 29)]));
    assert_eq!(errors(&outputs), BTreeSet::from([format!("error: the name `{name}` is taken")]));
    assert!(whole_or_gone(&host, name, "a race"));
    delete_all(&host);
}

fn thirty_at_once_get_what_is_theirs() {
    needs_host();
    let _turn = turn();
    let host = idle_host("many", 66);
    let names: Vec<String> = (0..30).map(|n| format!("lite-test-many-{n:02}")).collect();
    let outputs = at_once(names.iter().map(|n| create(&host, n)).collect());
    assert_eq!(outputs.iter().map(|o| text(&o.stderr)).collect::<BTreeSet<_>>(), BTreeSet::from([CREATED.to_owned()]));
    assert_eq!(column(&host, "name"), names);
    let addresses: BTreeSet<String> = column(&host, "address").into_iter().collect();
    assert_eq!(addresses.len(), names.len(), "{addresses:?}");
    let (mut macs, mut disks) = (BTreeSet::new(), BTreeSet::new());
    for name in &names {
        let interfaces = virsh(&["domiflist", name, "--inactive"]);
        macs.extend(interfaces.split_whitespace().last().map(str::to_owned));
        let blocks = virsh(&["domblklist", name, "--inactive"]);
        disks.extend(blocks.split_whitespace().filter(|w| w.starts_with('/')).map(str::to_owned));
    }
    assert_eq!((macs.len(), disks.len()), (names.len(), names.len() * 2));
    clean(&host, "thirty at once");
    delete_all(&host);
}

fn four_addresses_serve_four() {
    needs_host();
    let _turn = turn();
    let mut host = idle_host("four", 67);
    // The addresses .10 to .13; .14 is for others, by DHCP.
    host.subnet = "10.171.67.0/28".to_owned();
    let outputs = at_once((0..8).map(|n| create(&host, &format!("lite-test-four-{n}"))).collect());
    assert_eq!(codes(&outputs), BTreeMap::from([(0, 4), (2, 4)]), "{:?}", errors(&outputs));
    assert_eq!(
        errors(&outputs),
        BTreeSet::from(["error: network `lite-test-four` has no free address: all 4 are taken".to_owned()])
    );
    assert_eq!(column(&host, "address").into_iter().collect::<BTreeSet<_>>().len(), 4);
    clean(&host, "four of eight");
    delete_all(&host);
}

fn only_what_fits_into_the_memory_is_made() {
    needs_host();
    let _turn = turn();
    let host = idle_host("fit", 68);
    let meminfo = std::fs::read_to_string("/proc/meminfo").expect("read");
    let available = meminfo.lines().find_map(|l| l.strip_prefix("MemAvailable:")).expect("a line");
    let kib: u64 = available.trim().trim_end_matches(" kB").parse().expect("a number");
    bundles(&host, &[("tiny", 32), ("quarter", kib / 1024 / 4)]);
    let outputs =
        at_once((0..20).map(|n| create_of(&host, &format!("lite-test-fit-{n}"), "idle", "quarter")).collect());
    let made = codes(&outputs).get(&0).copied().unwrap_or_default();
    // What other processes use meanwhile may take the fourth.
    assert!((3..=4).contains(&made), "{made} made");
    assert_eq!(codes(&outputs), BTreeMap::from([(0, made), (2, 20 - made)]));
    let refused = errors(&outputs);
    assert!(
        refused.iter().all(|e| e.starts_with("error: bundle `quarter` does not fit on this host: ")),
        "{refused:?}"
    );
    clean(&host, "twenty quarters");
    delete_all(&host);
}

fn a_second_command_says_who_is_at_work_or_waits() {
    needs_host();
    let _turn = turn();
    let host = idle_host("busy", 69);
    let name = "lite-test-busy";
    assert!(create(&host, name).status().expect("lite runs").success());
    // The guest does not listen to its power button, so this holds the lock.
    let mut stop = host
        .command(&["stop", name, "--timeout", "20s", "--force"])
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("lite runs");
    let pid = stop.id();
    let locks = host.folder.path().join("state/locks");
    let held = || {
        let files = std::fs::read_dir(&locks).into_iter().flatten().flatten();
        files
            .map(|f| std::fs::read_to_string(f.path()).unwrap_or_default())
            .any(|t| t.contains(&format!("\"pid\":{pid}")))
    };
    let end = Instant::now() + Duration::from_secs(60);
    while !held() {
        assert!(Instant::now() < end, "the stop never took its lock");
        thread::sleep(Duration::from_millis(10));
    }
    let begun = Instant::now();
    let said = host.fails(3, &["reboot", name, "--force"]);
    let told = begun.elapsed();
    let expected = format!("error: instance `{name}` is busy: `stop` by process {pid} since ");
    assert!(said.starts_with(&expected), "{said}");
    assert!(told < Duration::from_secs(10), "it did not wait for the stop: {told:?}");
    println!("busy was told after {told:?}");
    assert!(stop.try_wait().expect("asked").is_none(), "the stop was still at work");
    // This one waits for the stop, and starts what it stopped.
    let waited = host.command(&["start", name, "--no-wait", "--wait"]).output().expect("lite runs");
    assert_eq!(waited.status.code(), Some(0), "{}", text(&waited.stderr));
    assert_eq!(stop.wait().expect("waited").code(), Some(0));
    assert!(whole_or_gone(&host, name, "stop and start"));
    delete_all(&host);
}

fn a_request_asked_by_ten_is_made_once() {
    needs_host();
    let _turn = turn();
    let host = idle_host("asked", 70);
    let name = "lite-test-asked";
    let ask = |tag: &str| {
        let all =
            ["create", "idle", "--bundle", "tiny", "--name", name, "--no-wait", "--request-id", "r-1", "--tag", tag];
        host.command(&all)
    };
    let outputs = at_once((0..10).map(|_| ask("a=1")).collect());
    let seen = codes(&outputs);
    // The first makes it; who asks meanwhile hears that it is at work, who asks later gets its result.
    assert!(seen.keys().all(|code| [0, 3].contains(code)), "{seen:?} {:?}", errors(&outputs));
    assert!(errors(&outputs).iter().all(|e| e == "error: the first request of this id is still at work"));
    assert!(whole_or_gone(&host, name, "one request"));
    let first = ask("a=1").output().expect("lite runs");
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert!(outputs.iter().filter(|o| o.status.success()).all(|o| o.stdout == first.stdout));
    let other = ask("a=2").output().expect("lite runs");
    assert_eq!(other.status.code(), Some(2));
    assert_eq!(text(&other.stderr).lines().next(), Some("error: this request id was used for another request"));
    delete_all(&host);
}
