//! What a guest that is up reports each minute.

use super::*;

crate::tests![
    after_each_boot_systemd_is_asked_to_watch,
    a_watch_tells_the_answer_of_the_health_check_and_the_disk,
    a_watch_tells_the_operating_system_and_whether_it_waits_for_a_reboot,
    a_health_check_that_hangs_or_dies_is_ended_with_all_it_started,
    a_watch_after_a_failed_set_up_says_where_it_failed_and_asks_nothing
];

fn after_each_boot_systemd_is_asked_to_watch() {
    ready();
    let guest = Guest::new(&job(json!({})));
    guest.program("systemd-run", "printf '%s\\n' \"$@\" >>\"${0%/usr/bin/*}/asked\"\n");
    let runner = guest.path("var/lib/lite/lite-guest.py").display().to_string();
    let asked = format!(
        "--no-block\n--collect\n--quiet\n--unit=lite-status\n--property=Restart=always\n--property=RestartSec=30\n\
         /usr/bin/python3\n-IS\n{runner}\nwatch\n"
    );
    guest.boot();
    assert_eq!(guest.read("asked"), asked);
    guest.boot();
    assert_eq!(guest.read("asked"), asked.repeat(2));
}

fn a_watch_tells_the_answer_of_the_health_check_and_the_disk() {
    ready();
    let health = "echo asked >>\"$LITE_PARAM_FILE\"\nif [ \"$(grep -c . \"$LITE_PARAM_FILE\")\" -lt 2 ]; then\n\
                  echo noise; echo \"no $LITE_SECRET_ADMIN yet\" >&2; echo; exit 3\nfi\n";
    let file = tempfile::NamedTempFile::new().expect("a file");
    let guest = Guest::new(&job(json!({
        "health": {"run": health, "timeout": 10}, "params": {"file": file.path().display().to_string()},
    })));
    guest.write(
        "proc/self/mounts",
        "proc /proc proc rw 0 0\n/dev/vda1 /sub\\040folder ext4 rw 0 0\n/dev/loop0 / squashfs ro 0 0\n",
    );
    fs::create_dir(guest.path("sub folder")).expect("a folder");
    assert_eq!(guest.boot().0.len(), 1);
    let seen = guest.watch(2);
    let answers: Vec<_> = seen.iter().map(|line| line["health"].clone()).collect();
    assert_eq!(answers, ["exit 3: no [secret] yet", "ok"]);
    let used = Command::new("df").arg("--output=pcent").arg(guest.root.path()).output().expect("df");
    let used: i64 = String::from_utf8_lossy(&used.stdout)
        .trim_start_matches("Use%")
        .trim()
        .trim_end_matches('%')
        .parse()
        .expect("a number");
    let told = seen[0]["disk"].as_i64().expect("a number");
    assert!((used - told).abs() <= 1, "df says {used}, the guest {told}");
    assert_eq!((&seen[0]["disk_path"], &seen[0]["failed"]), (&json!("/sub folder"), &Value::Null));
}

fn a_watch_tells_the_operating_system_and_whether_it_waits_for_a_reboot() {
    ready();
    let guest = Guest::new(&job(json!({})));
    guest.boot();
    let told = || guest.watch(1)[0].clone();
    fs::create_dir_all(guest.path("etc")).expect("a folder");
    guest.write("etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nNAME=\"Debian\"\n");
    let event =
        |required: bool| json!({"event": "status", "os": "Debian GNU/Linux 13 (trixie)", "reboot_required": required});
    assert_eq!(told(), event(false));
    let link = |kernel: &str| {
        let _ = fs::remove_file(guest.path("vmlinuz"));
        std::os::unix::fs::symlink(format!("boot/vmlinuz-{kernel}"), guest.path("vmlinuz")).expect("a link");
    };
    let running = fs::read_to_string("/proc/sys/kernel/osrelease").expect("Linux");
    link(running.trim());
    assert_eq!(told(), event(false));
    link("99.0-newer");
    assert_eq!(told(), event(true));
    link(running.trim());
    guest.write("run/reboot-required", "");
    assert_eq!(told(), event(true));
}

fn a_health_check_that_hangs_or_dies_is_ended_with_all_it_started() {
    ready();
    let cases = [
        ("sleep 600 & echo $! >\"$LITE_PARAM_FILE\"; echo waiting; wait", "no answer within 1 s"),
        ("sleep 600 & echo $! >\"$LITE_PARAM_FILE\"; echo all is well", "ok"),
        ("sleep 600 & echo $! >\"$LITE_PARAM_FILE\"; while :; do echo y; done", "no answer within 1 s"),
        ("sleep 600 & echo $! >\"$LITE_PARAM_FILE\"; echo bye; kill -9 $$", "killed by signal 9: bye"),
        (
            "sleep 600 & echo $! >\"$LITE_PARAM_FILE\"; echo $nothing",
            "exit 1: /bin/bash: line 1: nothing: unbound variable",
        ),
        ("sleep 600 & echo $! >\"$LITE_PARAM_FILE\"; false | true", "exit 1"),
    ];
    for (run, answer) in cases {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let guest = Guest::new(&job(json!({
            "health": {"run": run, "timeout": 1}, "params": {"file": file.path().display().to_string()},
        })));
        guest.boot();
        assert_eq!(guest.watch(1)[0]["health"], json!(answer), "{run}");
        let left = fs::read_to_string(file.path()).expect("the pid");
        // Ended, or about to; nobody may have collected it yet.
        let deadline = Instant::now() + Duration::from_secs(20);
        let lives = || {
            let state = fs::read_to_string(format!("/proc/{}/stat", left.trim())).unwrap_or_default();
            !state.is_empty() && !state.contains(") Z ")
        };
        while lives() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert!(!lives(), "{run}");
    }
}

fn a_watch_after_a_failed_set_up_says_where_it_failed_and_asks_nothing() {
    ready();
    let guest = Guest::new(&job(json!({"health": {"run": "true", "timeout": 1}})));
    guest.write("var/lib/lite/install.sh", "false\n");
    guest.boot();
    assert_eq!(guest.watch(1), [json!({"event": "status", "failed": "install", "reboot_required": false})]);
    fs::remove_file(guest.path("var/lib/lite/state.json")).expect("there");
    assert_eq!(guest.watch(1), [json!({"event": "status", "failed": "lite-guest", "reboot_required": false})]);
}
