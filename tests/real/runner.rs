//! The runner of `cloud-init/lite-guest.py`, run on this host below a folder of its own (`LITE_ROOT`).

pub mod bake;
pub mod cloud_init;
pub mod elsewhere;
pub mod status;

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
    a_runner_that_cannot_work_says_so,
    a_set_up_cut_short_is_told,
    a_report_never_grows_beyond_its_line,
    a_daemon_left_behind_is_not_waited_for,
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
