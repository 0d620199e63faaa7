//! A libvirtd that hangs, and one that is killed and started again under load, at the command line: a libvirtd of the
//! test's own, with guests of one boot sector under it.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::{Output, Stdio},
    sync::mpsc::channel,
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    daemon::Daemon,
    host::{Host, text, virsh_on},
    idle::{clean, created, idle_host_on, signal, states, turn},
    watch::{Watch, has_looked, kinds, wait_for},
};

crate::tests![
    every_command_fails_clearly_within_ten_seconds_when_libvirtd_hangs,
    a_command_under_way_fails_within_ten_seconds_when_libvirtd_hangs,
    libvirtd_killed_and_restarted_under_load_costs_no_guest_and_commands_recover,
    the_watcher_outlives_a_libvirtd_that_hangs_and_one_that_is_killed,
];

/// What the issue promises of every command whose libvirtd hangs.
const PROMISE: Duration = Duration::from_secs(10);

/// Whether a process is there and no zombie.
fn lives(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')))
}

/// Runs `lite ARGS` to its end, and how long that took.
fn timed(host: &Host, args: &[&str]) -> (Output, Duration) {
    let began = Instant::now();
    let out = host.command(args).stdin(Stdio::null()).output().expect("lite runs");
    (out, began.elapsed())
}

fn finish(host: &Host) {
    let names: Vec<String> = states(host).into_iter().map(|(name, _)| name).collect();
    let all: Vec<&str> = ["delete", "--yes"].into_iter().chain(names.iter().map(String::as_str)).collect();
    if !names.is_empty() {
        host.ok(&all);
    }
    assert_eq!(host.left(), Vec::<String>::new());
    clean(host, "all deleted");
}

fn every_command_fails_clearly_within_ten_seconds_when_libvirtd_hangs() {
    let _turn = turn();
    let daemon = Daemon::start();
    let host = idle_host_on(&daemon.uri(), "hang", 83);
    let (a, b) = ("lite-test-hang-a", "lite-test-hang-b");
    created(&host, a);
    created(&host, b);
    host.ok(&["stop", b, "--force", "--timeout", "1s"]);
    let before = (host.left(), daemon.guest(a));
    // 5: the host cannot be reached. 0: needs no libvirt. `doctor` has an exit code of its own: a check failed.
    let table: &[(&[&str], i32)] = &[
        (&["create", "idle", "--name", "lite-test-hang-c", "--no-wait"], 5),
        (&["list"], 5),
        (&["show", a], 5),
        (&["start", b], 5),
        (&["stop", a], 5),
        (&["stop", a, "--force"], 5),
        (&["reboot", a], 5),
        (&["resize", a, "--bundle", "tiny", "--yes"], 5),
        (&["delete", a, "--yes"], 5),
        (&["undelete", a], 5),
        (&["restore", a, "none", "--yes"], 5),
        (&["upgrade", a, "--yes"], 5),
        // Its exit codes are those of the command but one.
        (&["run", "idle", "--", "true"], 125),
        (&["run", "--list"], 0),
        (&["ssh", a, "--", "true"], 5),
        (&["cp", "/etc/hostname", &format!("{a}:/tmp/")], 5),
        (&["console", a], 5),
        (&["logs", a], 0),
        (&["tag", a], 0),
        (&["secrets", a], 0),
        (&["tag", a, "x"], 5),
        (&["firewall", a], 0),
        (&["firewall", a, "open", "8080"], 5),
        (&["publish", a, "22:2222"], 5),
        (&["unpublish", a], 5),
        (&["ip", "list"], 0),
        (&["ip", "allocate", "site"], 5),
        (&["disk", "list"], 0),
        (&["disk", "create", "data", "--size", "1GiB"], 5),
        (&["disk", "resize", "data", "--size", "2GiB"], 5),
        (&["disk", "snapshot", "data"], 5),
        (&["snapshot", "list"], 0),
        (&["snapshot", "create", a], 5),
        (&["snapshot", "auto", "on", a], 5),
        (&["snapshot", "verify", "nothing"], 5),
        (&["export", a, "/tmp/lite-test-hang.lite"], 5),
        (&["import", "/tmp/lite-test-hang.lite"], 2),
        (&["remote", "list"], 0),
        (&["remote", "add", "far", "/mnt"], 5),
        (&["snapshot", "push", a, "far"], 5),
        (&["remote", "restore", "far", a], 5),
        (&["remote", "delete", "far", a, "--yes"], 5),
        (&["lb", "list"], 0),
        (&["lb", "create", "shop", "--listen", "8128"], 5),
        (&["protect", a], 5),
        (&["unprotect", a], 5),
        (&["cost"], 0),
        (&["blueprints"], 0),
        (&["bundles"], 0),
        (&["image", "list"], 0),
        (&["image", "remove", "nothing", "--yes"], 2),
        (&["operations"], 0),
        (&["audit"], 0),
        (&["serve", "--listen", "0.0.0.0:8480"], 2),
        (&["login"], 0),
        (&["user", "list"], 0),
        (&["key", "list"], 0),
        (&["repair"], 5),
        (&["repair", a, "--yes"], 5),
        (&["repair", "--rebuild", "--yes"], 5),
        (&["gc", "--yes"], 5),
        (&["doctor"], 1),
        (&["doctor", "--fix"], 1),
        (&["doctor", "--audit"], 5),
        (&["metrics", a], 0),
        (&["alarm", "list"], 0),
        (&["contact", "list"], 0),
        (&["events"], 0),
        (&["completion", "bash"], 0),
        (&["man"], 0),
    ];
    // The watcher alone does not end: it waits for libvirt to answer again.
    let tried: BTreeSet<&str> = table.iter().map(|(args, _)| args[0]).chain(["watch"]).collect();
    let command = lite::cli::command(80);
    let all: BTreeSet<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    assert_eq!(tried, all, "a verb is missing in the table, or is no more");
    daemon.signal("-STOP");
    // So many at once that they wait together, and so few that what is told is libvirt's time and not the machine's.
    let at_once = |part: &[(&[&str], i32)]| -> Vec<_> {
        thread::scope(|scope| {
            let run: Vec<_> = part.iter().map(|(args, _)| scope.spawn(|| timed(&host, args))).collect();
            run.into_iter().map(|r| r.join().expect("joined")).collect()
        })
    };
    let results: Vec<_> = table.chunks(12).flat_map(at_once).collect();
    daemon.signal("-CONT");
    let mut slowest = Duration::ZERO;
    for ((args, code), (out, took)) in table.iter().zip(results) {
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(*code), "lite {}: {said}{}", args.join(" "), text(&out.stdout));
        assert!(took < PROMISE, "lite {} took {took:?}", args.join(" "));
        if *code == 5 && args[0] != "doctor" {
            let clear = said.contains("error: libvirt does not answer at") && said.contains("hint: restart it");
            assert!(clear, "lite {}: {said}", args.join(" "));
        }
        slowest = slowest.max(took);
    }
    println!("{} commands, the slowest {slowest:?}", table.len());
    assert_eq!(states(&host), [(a, "running"), (b, "stopped")].map(|(n, s)| (n.to_owned(), s.to_owned())));
    assert_eq!((host.left(), daemon.guest(a)), before, "nothing was changed");
    finish(&host);
}

fn a_command_under_way_fails_within_ten_seconds_when_libvirtd_hangs() {
    let _turn = turn();
    let daemon = Daemon::start();
    let host = idle_host_on(&daemon.uri(), "midway", 84);
    created(&host, "lite-test-midway-a");
    let pid = daemon.guest("lite-test-midway-a");
    // Each is stopped in the middle of its disk stage, or close to that: the image stage has just ended.
    let names = ["b", "c", "d", "e"].map(|n| format!("lite-test-midway-{n}"));
    let (told, stages) = channel();
    let ends: Vec<_> = thread::scope(|scope| {
        let run: Vec<_> = names
            .iter()
            .map(|name| {
                let told = told.clone();
                let host = &host;
                scope.spawn(move || {
                    let mut child = host
                        .command(&["create", "idle", "--bundle", "tiny", "--name", name, "--no-wait"])
                        .stdout(Stdio::null())
                        .stderr(Stdio::piped())
                        .spawn()
                        .expect("lite runs");
                    let mut said = String::new();
                    for line in BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok) {
                        if line.contains("image") {
                            told.send(()).expect("somebody listens");
                        }
                        said.push_str(&line);
                        said.push('\n');
                    }
                    (child.wait().expect("ended").code(), said, Instant::now())
                })
            })
            .collect();
        stages.recv().expect("one came to its disk stage");
        daemon.signal("-STOP");
        let stopped = Instant::now();
        let ends = run.into_iter().map(|r| r.join().expect("joined"));
        ends.map(|(code, said, end)| (code, said, end.saturating_duration_since(stopped))).collect()
    });
    daemon.signal("-CONT");
    for (code, said, took) in &ends {
        assert!([Some(0), Some(1), Some(4), Some(5)].contains(code), "{code:?}: {said}");
        assert!(*took < PROMISE, "{took:?}: {said}");
    }
    assert!(ends.iter().any(|(code, ..)| *code != Some(0)), "none was cut off: {ends:?}");
    println!("ended with {:?}", ends.iter().map(|(code, _, took)| (code, took)).collect::<Vec<_>>());
    host.ok(&["repair"]);
    clean(&host, "repaired");
    for (name, state) in states(&host) {
        assert_eq!(state, "running", "{name} is whole or gone");
    }
    assert_eq!(daemon.guest("lite-test-midway-a"), pid);
    finish(&host);
}

/// The life of one instance, over and over; the codes its commands ended with.
fn live(host: &Host, name: &str, rounds: usize, done: &std::sync::mpsc::Sender<()>) -> Vec<(String, i32, String)> {
    let mut codes = Vec::new();
    for _ in 0..rounds {
        for args in [
            &["create", "idle", "--bundle", "tiny", "--name", name, "--no-wait", "--quiet"][..],
            &["list"],
            &["stop", name, "--force", "--timeout", "1s"],
            &["start", name, "--no-wait"],
            &["show", name],
            &["delete", name, "--yes"],
        ] {
            // Again while libvirtd is away, so that the load lasts as long as the kills do.
            loop {
                let (out, _) = timed(host, args);
                let code = out.status.code().unwrap_or_else(|| panic!("lite {args:?} was killed: {:?}", out.status));
                codes.push((args[0].to_owned(), code, text(&out.stderr)));
                if code != 5 {
                    break;
                }
                thread::sleep(Duration::from_millis(200));
            }
            let _ = done.send(());
        }
    }
    codes
}

fn libvirtd_killed_and_restarted_under_load_costs_no_guest_and_commands_recover() {
    const WORKERS: usize = 4;
    const KILLS: usize = 5;
    let _turn = turn();
    let mut daemon = Daemon::start();
    let host = idle_host_on(&daemon.uri(), "load", 85);
    let bystanders = ["lite-test-load-x", "lite-test-load-y"];
    bystanders.iter().for_each(|name| created(&host, name));
    let pids = bystanders.map(|name| daemon.guest(name));
    let (done, ended) = channel();
    let results: Vec<_> = thread::scope(|scope| {
        let host = &host;
        let run: Vec<_> = (0..WORKERS)
            .map(|n| {
                let done = done.clone();
                scope.spawn(move || live(host, &format!("lite-test-load-{n}"), 2, &done))
            })
            .collect();
        drop(done);
        // The moments are drawn by the load: each kill after some more commands have ended.
        for _ in 0..KILLS {
            for _ in 0..8 {
                let _ = ended.recv();
            }
            daemon.kill();
            assert!(pids.iter().all(|pid| lives(pid)), "a guest died with libvirtd");
            daemon.launch();
        }
        run.into_iter().flat_map(|r| r.join().expect("joined")).collect()
    });
    let count = |wanted: i32| results.iter().filter(|(_, code, _)| *code == wanted).count();
    println!("{} commands; ended with 0 to 5: {:?}", results.len(), [0, 1, 2, 3, 4, 5].map(count));
    for (verb, code, said) in &results {
        // 2: the create before failed, so there is no such instance; or the delete did, and the name is taken.
        assert!((0..=5).contains(code), "{verb}: {code}: {said}");
        assert!(*code == 0 || said.contains("error: "), "{verb}: {code}: {said}");
        assert!(!said.contains("panicked"), "{verb}: {said}");
    }
    assert!(results.iter().any(|(_, code, _)| *code == 5), "no command met a dead libvirtd");
    // Whatever was cut off is finished now.
    host.ok(&["repair"]);
    clean(&host, "repaired");
    for (name, state) in states(&host) {
        let real = virsh_on(&host.connect, &["domstate", &name]);
        let real = if real.trim() == "running" { "running" } else { "stopped" };
        assert_eq!(state, real, "{name}");
    }
    assert_eq!(bystanders.map(|name| daemon.guest(name)), pids);
    assert!(pids.iter().all(|pid| lives(pid)));
    finish(&host);
    // And all is as if nothing had been.
    let codes: Vec<i32> =
        live(&host, "lite-test-load-z", 1, &channel().0).into_iter().map(|(_, code, _)| code).collect();
    assert_eq!(codes, [0; 6]);
    finish(&host);
}

fn the_watcher_outlives_a_libvirtd_that_hangs_and_one_that_is_killed() {
    let _turn = turn();
    let mut daemon = Daemon::start();
    let host = idle_host_on(&daemon.uri(), "eye", 86);
    let name = "lite-test-eye-a";
    created(&host, name);
    let watch = Watch::start(&host, "");
    wait_for("the first look", 60, || has_looked(&host));
    let running = || virsh_on(&host.connect, &["domstate", name]).trim() == "running";

    // Each time the guest dies while nobody can see it; two looks find no libvirt.
    daemon.signal("-STOP");
    signal("-9", &daemon.guest(name));
    thread::sleep(Duration::from_secs(25));
    assert_eq!(kinds(&host), Vec::<String>::new(), "judged without libvirt");
    daemon.signal("-CONT");
    wait_for("QEMU again", 90, || kinds(&host).len() == 2 && running());

    let pid = daemon.guest(name);
    daemon.kill();
    signal("-9", &pid);
    thread::sleep(Duration::from_secs(25));
    daemon.launch();
    wait_for("QEMU again", 90, || kinds(&host).len() == 4 && running());
    assert_eq!(kinds(&host), ["instance.crashed", "instance.restarted"].repeat(2));
    assert_ne!(daemon.guest(name), pid);
    drop(watch);
    finish(&host);
}
