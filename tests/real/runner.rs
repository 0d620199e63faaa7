//! The runner of `cloud-init/lite-guest.py`, run on this host below a folder of its own (`LITE_ROOT`).

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use lite::guest::report::{Report, parse_line};
use serde_json::{Value, json};

use crate::support::guest_box::{Guest, SECRET, job, ready};

crate::tests![
    a_good_set_up_runs_its_parts_in_order_and_once,
    a_failing_script_is_told_with_its_command_and_code,
    runcmd_goes_on_after_an_item_that_fails_and_the_last_ones_code_counts,
    a_step_that_reboots_is_no_fault_and_the_next_boot_goes_on,
    a_shutdown_for_soon_is_waited_for_and_one_that_is_taken_back_is_not,
    power_state_comes_last_where_its_condition_holds,
    the_users_script_runs_last_by_its_own_interpreter,
    a_login_that_will_not_work_is_told_with_the_set_up,
    what_cloud_init_hides_is_told_before_anything_runs,
    what_breaks_cloud_inits_schema_is_a_warning,
    a_runner_that_cannot_work_says_so,
    a_set_up_cut_short_is_told,
    a_report_never_grows_beyond_its_line,
    a_daemon_left_behind_is_not_waited_for,
    a_guest_without_a_network_says_so_before_anything_runs,
    after_each_boot_systemd_is_asked_to_watch,
    a_watch_tells_the_answer_of_the_health_check_and_the_disk,
    a_watch_tells_the_operating_system_and_whether_it_waits_for_a_reboot,
    a_health_check_that_hangs_or_dies_is_ended_with_all_it_started,
    a_watch_after_a_failed_set_up_says_where_it_failed_and_asks_nothing,
    a_guest_that_bakes_takes_off_its_disk_what_is_one_machines_own,
    a_disk_that_cannot_be_sealed_is_no_image,
    a_private_key_that_no_blueprint_named_is_not_baked,
];

fn stage(name: &str) -> Value {
    json!({"event": "stage", "stage": name})
}

fn a_good_set_up_runs_its_parts_in_order_and_once() {
    ready();
    let guest = Guest::new(&job(
        json!({"runcmd": ["echo three", ["echo", "a  b", "$HOME"], "false || true", "unset x; echo \"<$x>\""]}),
    ));
    guest.write("var/lib/lite/install.sh", "echo one\n");
    guest.write(
        "var/lib/lite/configure.sh",
        "echo \"two $LITE_NAME $LITE_ADDRESS $LITE_PARAM_TITLE\"\nbash -c 'echo \"child:$LITE_SECRET_ADMIN\"'\n",
    );
    let (events, console) = guest.boot();
    assert_eq!(events[..3], [stage("install"), stage("configure"), stage("runcmd")]);
    assert_eq!((events.len(), &events[3]["event"]), (4, &json!("done")));
    assert_eq!(console, "one\ntwo web-1 192.168.150.10 It works\nchild:\nthree\na  b $HOME\n<>\n");
    assert_eq!(guest.read("var/log/lite-install.log"), "one\n");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(guest.path("var/lib/lite/env")).expect("there").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);

    assert_eq!(guest.boot(), (vec![json!({"event": "booted"})], String::new()));

    // A clone of the disk with a new identity: installed already, configured anew.
    guest.write("var/lib/lite/instance.json", &job(json!({"uuid": "u2", "name": "web-2"})).to_string());
    let (events, console) = guest.boot();
    assert_eq!((events.len(), &events[0]), (2, &stage("configure")));
    assert_eq!(console, "two web-2 192.168.150.10 It works\nchild:\n");
}

fn a_login_that_will_not_work_is_told_with_the_set_up() {
    ready();
    let passwd = |shell: &str| format!("root:x:0:0::/root:/bin/bash\ndebian:x:1000:1000::/home/debian:{shell}\n");
    let good = (passwd("/bin/bash"), "debian:!:20000:0:99999:7:::", "# a\nssh-ed25519 AAAA lite\n", "");
    let sshd = |said: &str| format!("#!/bin/sh\nprintf '%s\\n' 'authorizedkeysfile .ssh/authorized_keys' {said}\n");
    let cases = [
        (good.clone(), None),
        ((String::new(), good.1, good.2, ""), Some("there is no account `debian`")),
        ((passwd("/usr/sbin/nologin"), good.1, good.2, ""), Some("the shell of `debian` is `/usr/sbin/nologin`")),
        (
            (good.0.clone(), "debian:!:0:0:99999:7:::", good.2, ""),
            Some("the password of `debian` has expired and has to be changed first (`chpasswd: {expire: false}`)"),
        ),
        ((good.0.clone(), "debian:!:20000:0:99999:7::1:", good.2, ""), Some("the account `debian` has expired")),
        ((good.0.clone(), good.1, "ssh-ed25519 BBBB\n", ""), Some("lite's key is not among those of `debian`")),
        (
            (good.0.clone(), good.1, good.2, "'pubkeyauthentication no'"),
            Some("sshd takes no keys (PubkeyAuthentication)"),
        ),
        ((good.0.clone(), good.1, good.2, "'allowusers ada d*@10.0.0.1'"), None),
        ((good.0.clone(), good.1, good.2, "'allowusers ada'"), Some("sshd refuses `debian` (AllowUsers, DenyUsers)")),
        ((good.0.clone(), good.1, good.2, "'denyusers debian'"), Some("sshd refuses `debian` (AllowUsers, DenyUsers)")),
    ];
    for ((passwd, shadow, keys, said), login) in cases {
        let guest = Guest::new(&job(json!({"login": {"user": "debian", "key": "ssh-ed25519 AAAA"}})));
        for folder in ["etc", "home/debian/.ssh", "usr/sbin"] {
            fs::create_dir_all(guest.path(folder)).expect("made");
        }
        guest.write("etc/passwd", &passwd);
        guest.write("etc/shadow", shadow);
        guest.write("home/debian/.ssh/authorized_keys", keys);
        guest.write("usr/sbin/sshd", &sshd(said));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(guest.path("usr/sbin/sshd"), mode).expect("set");
        let (events, _) = guest.boot();
        assert_eq!(events.last().map(|e| e["login"].as_str()), Some(login), "{said} {passwd}");
    }
}

fn a_failing_script_is_told_with_its_command_and_code() {
    ready();
    let many: String = (0..100).map(|i| format!("echo line {i}\n")).collect();
    let cases = [
        ("echo a\nfalse\necho b\n".to_owned(), "false", 1, 2, vec!["a"]),
        ("(exit 100) | cat\necho b\n".to_owned(), "cat", 100, 1, vec![]),
        ("x=$(echo no >&2; exit 3)\n".to_owned(), "x=$(echo no 1>&2; exit 3)", 3, 1, vec!["no"]),
        (
            "f() { ls /does/not/exist; }\nf\n".to_owned(),
            "ls /does/not/exist",
            2,
            1,
            vec!["ls: cannot access '/does/not/exist': No such file or directory"],
        ),
        (
            format!("{many}kill -9 $BASHPID\n"),
            "",
            137,
            0,
            (80..100).map(|i| Box::leak(format!("line {i}").into_boxed_str()) as &str).collect(),
        ),
        (
            format!("echo pw=$LITE_SECRET_ADMIN\nmysql -p{SECRET}\n"),
            "mysql -p[secret]",
            127,
            2,
            vec!["pw=[secret]", "@: line 2: mysql: command not found"],
        ),
        ("echo $nothing\n".to_owned(), "", 1, 0, vec!["@: line 1: nothing: unbound variable"]),
        ("exit 7\n".to_owned(), "", 7, 0, vec![]),
        // The last failure seen is not the one that ended the script.
        ("x=$(false; echo fine)\nexit 7\n".to_owned(), "", 7, 0, vec![]),
    ];
    for (script, command, code, line, tail) in cases {
        let guest = Guest::new(&job(json!({})));
        guest.write("var/lib/lite/install.sh", &script);
        guest.write("var/lib/lite/configure.sh", "echo never\n");
        let (events, console) = guest.boot();
        let file = guest.path("var/lib/lite/install.sh").display().to_string();
        let tail: Vec<String> = tail.iter().map(|l| l.replace('@', &file)).collect();
        let command = if command.is_empty() { format!("/bin/bash {file}") } else { command.to_owned() };
        let mut expected =
            json!({"event": "failed", "module": "install", "command": command, "code": code, "tail": tail});
        if line > 0 {
            expected["line"] = json!(line);
        }
        assert_eq!(events, [stage("install"), expected.clone()], "{script}");
        assert!(
            !console.contains("never")
                && !console.contains(SECRET)
                && !guest.read("var/log/lite-install.log").contains(SECRET)
        );
        assert_eq!(guest.boot().0, [expected], "told again on the next boot");
    }
}

fn runcmd_goes_on_after_an_item_that_fails_and_the_last_ones_code_counts() {
    ready();
    let guest =
        Guest::new(&job(json!({"runcmd": ["echo $0", "false", "no-such-program", "echo \"b $LITE_SECRET_ADMIN\""]})));
    let (events, console) = guest.boot();
    let script = guest.path("var/lib/lite/runcmd.sh").display().to_string();
    assert_eq!((events.len(), &events[1]["event"]), (2, &json!("done")));
    assert_eq!(console, format!("{script}\n{script}: 4: no-such-program: not found\nb [secret]\n"));
    for runcmd in [json!(["echo a", "exit 3"]), json!(["set -e", "echo a", ["sh", "-c", "exit 3"], "echo b"])] {
        let guest = Guest::new(&job(json!({"runcmd": runcmd})));
        let command = format!("/bin/sh {}", guest.path("var/lib/lite/runcmd.sh").display());
        let failed = json!({"event": "failed", "module": "runcmd", "command": command, "code": 3, "tail": ["a"]});
        assert_eq!(guest.boot().0, [stage("runcmd"), failed]);
    }
}

/// `systemctl` of a guest in which a file `down` names the way down. A second look at it ends the runner, as systemd does.
const SYSTEMCTL: &str = "root=${0%/usr/bin/*}\n[ -e $root/down ] || exit 0\nprintf 'Id=halt.target\\n\\nJob=7\\nId=%s\\n' $(cat $root/down)\n\
                         [ -e $root/looked ] && { rm $root/down $root/looked; kill $PPID; }\n: >$root/looked\n";

fn a_step_that_reboots_is_no_fault_and_the_next_boot_goes_on() {
    ready();
    for (unit, way) in [("reboot.target", "reboot"), ("poweroff.target", "poweroff")] {
        let guest = Guest::new(&job(json!({"scripts": ["#!/bin/sh\necho last\n"]})));
        guest.program("systemctl", SYSTEMCTL);
        guest.write("var/lib/lite/configure.sh", "echo first\n");
        let down = guest.path("down").display().to_string();
        // systemd asks the runner to go while the step still ends.
        let reboot = format!("echo {unit} >{down}; kill $PPID; sleep 0.2");
        guest.write(
            "var/lib/lite/instance.json",
            &job(json!({"runcmd": [reboot], "scripts": ["#!/bin/sh\necho last\n"]})).to_string(),
        );
        let (ended_by, events, console) = guest.run();
        assert_eq!((ended_by, console.as_str()), (None, "first\n"), "what systemd asked before is heeded at once");
        assert_eq!(events, [stage("configure"), stage("runcmd"), stage(way)]);
        for file in ["down", "looked"] {
            fs::remove_file(guest.path(file)).expect("there");
        }
        let (events, console) = guest.boot();
        assert_eq!((&events[0], console.as_str()), (&stage("user-data"), "last\n"));
        let steps = events[1]["seconds"].as_object().map(|s| s.keys().cloned().collect::<Vec<_>>());
        assert_eq!(
            (&events[1]["event"], steps.unwrap_or_default()),
            (&json!("done"), ["configure", "runcmd", "user-data"].map(str::to_owned).to_vec())
        );
        assert_eq!(guest.boot(), (vec![json!({"event": "booted"})], String::new()));
    }
    // A machine that goes down before anything was judged is left alone.
    let guest = Guest::new(&job(json!({"runcmd": ["echo one"]})));
    guest.program("systemctl", SYSTEMCTL);
    guest.write("down", "reboot.target");
    assert_eq!(guest.run(), (Some(15), vec![stage("reboot")], String::new()));
    assert_eq!(guest.boot().1, "one\n");
}

fn a_shutdown_for_soon_is_waited_for_and_one_that_is_taken_back_is_not() {
    ready();
    let in_seconds = |seconds: u64| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        format!("USEC={}\nWARN_WALL=1\nMODE=reboot\n", (now + Duration::from_secs(seconds)).as_micros())
    };
    for (seconds, events) in [(3600, vec![]), (60, vec![stage("reboot")])] {
        let guest = Guest::new(&job(json!({})));
        fs::create_dir_all(guest.path("run/systemd/shutdown")).expect("a folder");
        guest.write("run/systemd/shutdown/scheduled", &in_seconds(seconds));
        // The first look is before the plan is read; at the second somebody has taken it back.
        guest.program("systemctl", "root=${0%/usr/bin/*}\n[ -e $root/looked ] && rm -f $root/run/systemd/shutdown/scheduled\n: >$root/looked\n");
        let done = json!({"event": "done", "seconds": {}});
        assert_eq!(guest.boot().0, [events, vec![done]].concat(), "{seconds}");
    }
}

fn power_state_comes_last_where_its_condition_holds() {
    ready();
    let cases = [
        (json!({"mode": "reboot"}), "-r now\n"),
        (
            json!({"mode": "poweroff", "delay": "+5", "message": "so long", "condition": "test $(id -u) -ge 0"}),
            "-P +5 so long\n",
        ),
        (json!({"mode": "reboot", "delay": 30, "condition": ["test", "a b", "=", "a b"]}), "-r +30\n"),
        (json!({"mode": "reboot", "condition": false}), ""),
        (json!({"mode": "reboot", "condition": "exit 1"}), ""),
    ];
    for (wanted, asked) in cases {
        let guest = Guest::new(&job(json!({"power_state": wanted, "scripts": ["#!/bin/sh\necho a\n"]})));
        fs::create_dir_all(guest.path("usr/sbin")).expect("a folder");
        guest.write("asked", "");
        guest.program("../sbin/shutdown", "echo \"$@\" >>\"${0%/usr/*}/asked\"\n");
        let (events, _) = guest.boot();
        assert_eq!(
            (events[..2].to_vec(), &events[2]["event"]),
            (vec![stage("user-data"), stage("power_state")], &json!("done"))
        );
        assert_eq!(guest.read("asked"), asked);
    }
}

fn the_users_script_runs_last_by_its_own_interpreter() {
    ready();
    let script = "#!/usr/bin/env python3\nimport os, sys\nprint(os.environ['LITE_NAME'], 'LITE_SECRET_ADMIN' in os.environ)\nsys.exit(9)\n";
    let guest = Guest::new(&job(json!({"scripts": [script]})));
    guest.write("var/lib/lite/configure.sh", "echo first\n");
    let command = guest.path("var/lib/lite/user-data").display().to_string();
    let failed =
        json!({"event": "failed", "module": "user-data", "command": command, "code": 9, "tail": ["web-1 False"]});
    assert_eq!(guest.boot(), (vec![stage("configure"), stage("user-data"), failed], "first\nweb-1 False\n".to_owned()));
}

fn what_cloud_init_hides_is_told_before_anything_runs() {
    ready();
    let error = "('package_update_upgrade_install', ProcessExecutionError(\"Unexpected error while running command.\\nCommand: ['apt-get', \
                 'install', 'foo']\\nExit code: 100\\nReason: -\\nStdout: -\\nStderr: -\"))";
    let guest = Guest::new(&job(json!({})));
    guest.write("var/lib/lite/configure.sh", "echo never\n");
    guest.write(
        "run/cloud-init/status.json",
        &json!({"v1": {"stage": null, "modules-final": {"errors": [error.replace('\n', "\\n")]}}}).to_string(),
    );
    guest.write("var/log/cloud-init-output.log", "E: Unable to locate package foo\n");
    let failed = json!({"event": "failed", "module": "package_update_upgrade_install", "command": "['apt-get', 'install', 'foo']", "code": 100,
        "tail": ["E: Unable to locate package foo"]});
    assert_eq!(guest.boot(), (vec![failed], String::new()));

    // Newer ones raise an error of their own, and print much that tells nothing.
    let error = "('package_update_upgrade_install', PackageInstallerError(\"Failed to install the following packages: {'foo'}. See logs.\"))";
    let guest = Guest::new(&job(json!({})));
    guest.write("run/cloud-init/status.json", &json!({"v1": {"modules-final": {"errors": [error]}}}).to_string());
    let printed = "ci-info: | 1 |\nRunning as unit: lite-guest.service\nCloud-init v. 25.1.4 running\nGet:1 http://m/debian x\nHit:2 http://m/debian x\n\
                   Err:3 http://m/debian x\n2026-11-24 [WARNING]: Failure when attempting to install packages: ['foo']\n\
                   2026-11-24 log_util.py[WARNING]: Running module x failed\n";
    guest.write("var/log/cloud-init-output.log", printed);
    let failed = json!({"event": "failed", "module": "package_update_upgrade_install", "command": "", "code": 1,
        "tail": ["Err:3 http://m/debian x", "2026-11-24 [WARNING]: Failure when attempting to install packages: ['foo']",
        "Failed to install the following packages: {'foo'}. See logs."]});
    assert_eq!(guest.boot().0, [failed]);
}

fn what_breaks_cloud_inits_schema_is_a_warning() {
    ready();
    let done = |guest: &Guest| guest.boot().0.pop().map(|event| (event["event"].clone(), event["warnings"].clone()));
    for (line, warnings) in [
        ("schema.py[WARNING]: Invalid cloud-config provided:", json!(["it is [secret]"])),
        ("schema.py[WARNING]: cloud-config failed schema validation! You may run x", json!(["it is [secret]"])),
        ("schema.py[WARNING]: Deprecated cloud-config provided:", Value::Null),
        ("schema.py[DEBUG]: cloud-config failed schema validation!", Value::Null),
    ] {
        let guest = Guest::new(&job(json!({})));
        guest.program("cloud-init", &format!("echo it is {SECRET}; exit 1\n"));
        guest.write("var/log/cloud-init.log", &format!("2026-11-24 12:00:00,000 - {line}\n"));
        assert_eq!(done(&guest), Some((json!("done"), warnings)), "{line}");
    }
    let guest = Guest::new(&job(json!({"own": {"write_files": 4, "users": 1}})));
    guest.write("var/log/cloud-init.log", "schema.py[WARNING]: cloud-config failed schema validation!\n");
    let says = "echo Found cloud-config data types\necho '  Error: Cloud config schema errors: ntp: 5, write_files.4: no, \
                write_files.3: no, users.10.name: no, runcmd.2: no'\necho Valid schema network-config\nexit 1\n";
    guest.program("cloud-init", says);
    let said = "ntp: 5, write_files.0: no, write_files.3: no, users.9.name: no, runcmd.2: no";
    assert_eq!(done(&guest), Some((json!("done"), json!([said]))));
}

fn a_runner_that_cannot_work_says_so() {
    ready();
    let guest = Guest::new(&job(json!({"params": 5})));
    let (events, _) = guest.boot();
    assert_eq!((events.len(), &events[0]["event"], &events[0]["module"]), (1, &json!("failed"), &json!("lite-guest")));
    fs::remove_file(guest.path("var/lib/lite/instance.json")).expect("there");
    let failed = json!({"event": "failed", "module": "write_files", "command": "", "code": 1, "tail": ["instance.json is missing"]});
    assert_eq!(guest.boot().0, [failed]);
}

fn a_set_up_cut_short_is_told() {
    ready();
    let guest = Guest::new(&job(json!({})));
    guest.write("var/lib/lite/state.json", r#"{"uuid": "u1", "running": "install"}"#);
    let failed = json!({"event": "failed", "module": "install", "command": "", "code": 1, "tail": ["the guest went down while this ran"]});
    assert_eq!(guest.boot().0, [failed]);
}

fn a_report_never_grows_beyond_its_line() {
    ready();
    let guest = Guest::new(&job(json!({})));
    guest.write("var/lib/lite/install.sh", "for i in $(seq 200); do printf 'é%.0s' $(seq 3000); echo; done\nfalse\n");
    let (events, _) = guest.boot();
    let line = serde_json::to_vec(&events[1]).expect("JSON");
    let Some(Report::Failed { command, tail, .. }) = parse_line(&line) else { panic!("no failure") };
    assert_eq!((command.as_str(), tail.is_empty()), ("false", false));
}

fn a_daemon_left_behind_is_not_waited_for() {
    ready();
    let guest = Guest::new(&job(json!({})));
    guest.write(
        "var/lib/lite/install.sh",
        "sleep 20 &\necho $! >\"$HOME_OF_TEST/pid\"\n"
            .replace("$HOME_OF_TEST", &guest.root.path().display().to_string())
            .as_str(),
    );
    let started = Instant::now();
    assert_eq!(guest.boot().0[1]["event"], json!("done"));
    assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
    Command::new("kill").arg(guest.read("pid").trim()).status().expect("runs");
}

fn a_guest_without_a_network_says_so_before_anything_runs() {
    ready();
    let network = |guest: &Guest| {
        let events = guest.boot().0;
        let [event] = &events[..] else { panic!("{events:?}") };
        assert_eq!((&event["event"], &event["module"]), (&json!("failed"), &json!("network")));
        (event["command"].clone(), event["code"].clone(), event["tail"].as_array().cloned().unwrap_or_default())
    };
    let guest = Guest::new(&job(json!({})));
    guest.write("var/lib/lite/configure.sh", "echo never\n");
    guest.write("proc/net/route", "Iface\tDestination\nlo\t0000007F\n");
    guest.write("proc/net/if_inet6", "fe800000000000005054 02 40 20 80 eth0\n00000000000000000001 01 80 10 80 lo\n");
    let (command, code, tail) = network(&guest);
    assert_eq!((command, code), (json!("ip -brief address"), json!(1)));
    assert_eq!(tail[..2], ["no interface has an address", "# ip -brief address"]);

    // An address, but the mirror refuses.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("binds");
    let at = listener.local_addr().expect("bound");
    let guest = Guest::new(&job(json!({})));
    guest.write("proc/net/route", "");
    guest.write("proc/net/if_inet6", "2001db8000000000 02 40 00 80 eth0\n");
    guest.write("var/lib/lite/install.sh", "apt-get() { echo got; }\napt-get update\n");
    fs::create_dir_all(guest.path("etc/apt/sources.list.d")).expect("a folder");
    guest.write("etc/apt/sources.list", "# deb http://192.0.2.1/old x main\n");
    guest.write("etc/apt/sources.list.d/a.sources", &format!("Types: deb\nURIs: http://{at}/debian\nSuites: x\n"));
    drop(listener);
    let (command, code, tail) = network(&guest);
    assert_eq!((command, code), (json!(format!("/bin/bash -c 'exec 3<>/dev/tcp/127.0.0.1/{}'", at.port())), json!(1)));
    assert!(tail[0].as_str().is_some_and(|l| l.ends_with("Connection refused")), "{tail:?}");

    // The mirror answers; a proxy is asked instead; nothing is fetched at all.
    let done = |guest: &Guest| assert_eq!(guest.boot().0.last().expect("one")["event"], json!("done"));
    let again = |change: &dyn Fn(&Guest)| {
        fs::remove_file(guest.path("var/lib/lite/state.json")).expect("there");
        let _ = fs::remove_file(guest.path("var/lib/lite/installed.json"));
        change(&guest);
        done(&guest);
    };
    let listener = std::net::TcpListener::bind(at).expect("binds again");
    again(&|_| {});
    drop(listener);
    again(&|guest| guest.write("etc/apt/apt.conf", "Acquire::http::Proxy \"http://proxy:3142\";\n"));
    fs::remove_file(guest.path("etc/apt/apt.conf")).expect("there");
    again(&|guest| guest.write("var/lib/lite/install.sh", "echo adapt install\n"));
}

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

fn a_guest_that_bakes_takes_off_its_disk_what_is_one_machines_own() {
    ready();
    let guest = Guest::new(&job(json!({"seal": {"paths": ["/etc/app/*.key", "/var/lib/app/id"]}, "uuid": "u1"})));
    for (file, text) in [
        ("etc/machine-id", "0123\n"),
        ("etc/hostname", "bake-nginx-1\n"),
        ("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 bake-nginx-1\n::1 localhost\n"),
        ("etc/ssh/ssh_host_ed25519_key", "key"),
        ("etc/ssh/sshd_config", "stays"),
        ("etc/netplan/50-cloud-init.yaml", "network"),
        ("home/debian/.ssh/authorized_keys", "ssh-ed25519 AAAA"),
        ("root/.bash_history", "ls"),
        ("var/lib/cloud/instances/u1/user-data.txt", "secret"),
        ("var/lib/apt/lists/deb.debian.org_main", "list"),
        ("var/lib/dbus/machine-id", "0123\n"),
        ("var/lib/dhcp/dhclient.leases", "lease"),
        ("var/lib/systemd/random-seed", "seed"),
        ("var/log/journal/0123/system.journal", "journal"),
        ("var/log/nginx/access.log", "GET /"),
        ("var/log/dpkg.log.1.gz", "old"),
        ("var/lib/app/data", "stays"),
        ("var/lib/app/id", "one machine's"),
        ("etc/app/tls.key", "-----BEGIN PRIVATE KEY-----"),
        ("tmp/left", "x"),
        ("var/tmp/systemd-private-1/x", "x"),
    ] {
        fs::create_dir_all(guest.path(file).parent().expect("a folder")).expect("a folder");
        guest.write(file, text);
    }
    let done = guest.path("done");
    guest.program("systemctl", &format!("[ $1 = show ] || echo \"$*\" >>{}\n", done.display()));
    guest.write("var/lib/lite/install.sh", "echo one >/dev/null\n");
    let (events, _) = guest.boot();
    assert_eq!(events, [stage("install"), stage("seal"), json!({"event": "sealed"})]);
    assert_eq!(guest.read("done"), "stop systemd-random-seed.service\npoweroff --no-block\n");

    let there = |file: &str| fs::symlink_metadata(guest.path(file)).is_ok();
    for gone in [
        "etc/hostname",
        "etc/ssh/ssh_host_ed25519_key",
        "etc/netplan/50-cloud-init.yaml",
        "home/debian/.ssh/authorized_keys",
        "root/.bash_history",
        "var/lib/cloud/instances",
        "var/lib/apt/lists/deb.debian.org_main",
        "var/lib/dbus/machine-id",
        "var/lib/dhcp/dhclient.leases",
        "var/lib/systemd/random-seed",
        "var/log/journal/0123",
        "var/log/dpkg.log.1.gz",
        "tmp/left",
        "var/lib/lite/install.sh",
        "var/lib/lite/instance.json",
        "var/lib/lite/state.json",
        "var/lib/lite/env",
        "var/lib/app/id",
        "etc/app/tls.key",
    ] {
        assert!(!there(gone), "{gone} is still there");
    }
    for kept in ["etc/ssh/sshd_config", "var/lib/app/data", "var/lib/cloud", "var/tmp/systemd-private-1/x"] {
        assert!(there(kept), "{kept} is gone");
    }
    assert_eq!(guest.read("etc/machine-id"), "");
    assert_eq!(guest.read("etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n");
    assert_eq!(
        (guest.read("var/log/nginx/access.log"), guest.read("var/log/lite-install.log")),
        (String::new(), String::new())
    );
    assert!(there("etc/.updated") && there("var/.updated"));
    let left: Vec<_> =
        fs::read_dir(guest.path("var/lib/lite")).expect("a folder").map(|e| e.expect("read").file_name()).collect();
    assert_eq!(left, ["installed.json"]);

    // An instance of it: the same install part is behind it, a certificate's key is made again.
    guest.write("var/lib/lite/instance.json", &job(json!({"uuid": "u2"})).to_string());
    guest.write("var/lib/lite/install.sh", "echo one >/dev/null\n");
    fs::create_dir_all(guest.path("etc/ssl/private")).expect("a folder");
    fs::create_dir_all(guest.path("usr/sbin")).expect("a folder");
    guest.write("etc/ssl/private/ssl-cert-snakeoil.key", "baked");
    guest.program(
        "../sbin/make-ssl-cert",
        &format!("echo new >{}\n", guest.path("etc/ssl/private/ssl-cert-snakeoil.key").display()),
    );
    let (events, _) = guest.boot();
    assert_eq!((events.len(), &events[0], &events[1]["event"]), (2, &stage("renew"), &json!("done")));
    assert_eq!(guest.read("etc/ssl/private/ssl-cert-snakeoil.key"), "new\n");
}

fn a_private_key_that_no_blueprint_named_is_not_baked() {
    ready();
    let end = |paths: &[&str], made: &str| {
        let guest = Guest::new(&job(json!({"seal": {"paths": paths}})));
        for folder in ["etc", "opt/panel/conf"] {
            fs::create_dir_all(guest.path(folder)).expect("a folder");
        }
        guest.write("etc/hosts", "");
        guest.write("var/lib/lite/install.sh", "true\n");
        guest.write("opt/panel/conf/httpsd.pem", &format!("x\n-----BEGIN {made}-----\n"));
        let (mut events, _) = guest.boot();
        (events.pop().expect("an event"), fs::exists(guest.path("opt/panel/conf/httpsd.pem")).expect("seen"))
    };
    let told = "the install part made private keys: /opt/panel/conf/httpsd.pem; make them in the configure part, or name them \
                under `seal`";
    let refused = json!({"event": "failed", "module": "seal", "command": "", "code": 1, "tail": [told]});
    for key in ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY"] {
        assert_eq!(end(&[], key), (refused.clone(), true), "{key}");
    }
    let sealed = json!({"event": "sealed"});
    assert_eq!(end(&["/opt/panel/conf/*.pem"], "PRIVATE KEY"), (sealed.clone(), false));
    assert_eq!(end(&[], "CERTIFICATE"), (sealed, true));
}

fn a_disk_that_cannot_be_sealed_is_no_image() {
    ready();
    let guest = Guest::new(&job(json!({"seal": {"paths": []}})));
    guest.write("var/lib/lite/install.sh", "true\n");
    // There is no /etc: the machine id cannot be emptied.
    let (events, _) = guest.boot();
    let end = events.last().expect("an event");
    assert_eq!((&end["event"], &end["module"]), (&json!("failed"), &json!("seal")));
    // An install part that fails is told as ever, and nothing is sealed.
    let guest = Guest::new(&job(json!({"seal": {"paths": []}})));
    guest.write("var/lib/lite/install.sh", "exit 7\n");
    let (events, _) = guest.boot();
    assert_eq!((events.len(), &events[1]["module"]), (2, &json!("install")));
    assert!(fs::exists(guest.path("var/lib/lite/instance.json")).expect("seen"));
}
