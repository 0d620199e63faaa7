//! The runner of `cloud-init/lite-guest.py`, run on this host below a folder of its own (`LITE_ROOT`).

use std::{fs, process::Command};

use lite::guest::report::{Report, parse_line};
use serde_json::{Value, json};

use guest_box::{Guest, SECRET, job, ready};

mod guest_box;
mod need;

fn stage(name: &str) -> Value {
    json!({"event": "stage", "stage": name})
}

#[test]
fn a_good_set_up_runs_its_parts_in_order_and_once() {
    if !ready("a_good_set_up_runs_its_parts_in_order_and_once") {
        return;
    }
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
    assert_eq!(events[..2], [stage("install"), stage("configure")]);
    assert_eq!(console, "two web-2 192.168.150.10 It works\nchild:\n");
}

#[test]
fn a_failing_script_is_told_with_its_command_and_code() {
    if !ready("a_failing_script_is_told_with_its_command_and_code") {
        return;
    }
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

#[test]
fn a_failing_item_of_runcmd_is_told() {
    if !ready("a_failing_item_of_runcmd_is_told") {
        return;
    }
    let guest = Guest::new(&job(json!({"runcmd": ["echo a", "false", "echo b"]})));
    let failed =
        json!({"event": "failed", "module": "runcmd", "command": "false", "code": 1, "line": 2, "tail": ["a"]});
    assert_eq!(guest.boot().0, [stage("runcmd"), failed]);
}

#[test]
fn the_users_script_runs_last_by_its_own_interpreter() {
    if !ready("the_users_script_runs_last_by_its_own_interpreter") {
        return;
    }
    let script = "#!/usr/bin/env python3\nimport os, sys\nprint(os.environ['LITE_NAME'], 'LITE_SECRET_ADMIN' in os.environ)\nsys.exit(9)\n";
    let guest = Guest::new(&job(json!({"script": script})));
    guest.write("var/lib/lite/configure.sh", "echo first\n");
    let command = guest.path("var/lib/lite/user-data").display().to_string();
    let failed =
        json!({"event": "failed", "module": "user-data", "command": command, "code": 9, "tail": ["web-1 False"]});
    assert_eq!(guest.boot(), (vec![stage("configure"), stage("user-data"), failed], "first\nweb-1 False\n".to_owned()));
}

#[test]
fn what_cloud_init_hides_is_told_before_anything_runs() {
    if !ready("what_cloud_init_hides_is_told_before_anything_runs") {
        return;
    }
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

    for warning in [
        "Invalid cloud-config provided:",
        "cloud-config failed schema validation! You may run 'sudo cloud-init schema --system'",
    ] {
        let guest = Guest::new(&job(json!({})));
        guest.write("var/log/cloud-init.log", &format!("2026-11-24 12:00:00,000 - schema.py[WARNING]: {warning}\n"));
        let (events, _) = guest.boot();
        assert_eq!((events.len(), &events[0]["event"], &events[0]["module"]), (1, &json!("failed"), &json!("schema")));
    }
}

#[test]
fn a_runner_that_cannot_work_says_so() {
    if !ready("a_runner_that_cannot_work_says_so") {
        return;
    }
    let guest = Guest::new(&job(json!({"params": 5})));
    let (events, _) = guest.boot();
    assert_eq!((events.len(), &events[0]["event"], &events[0]["module"]), (1, &json!("failed"), &json!("lite-guest")));
    fs::remove_file(guest.path("var/lib/lite/instance.json")).expect("there");
    let failed = json!({"event": "failed", "module": "write_files", "command": "", "code": 1, "tail": ["instance.json is missing"]});
    assert_eq!(guest.boot().0, [failed]);
}

#[test]
fn a_set_up_cut_short_is_told() {
    if !ready("a_set_up_cut_short_is_told") {
        return;
    }
    let guest = Guest::new(&job(json!({})));
    guest.write("var/lib/lite/state.json", r#"{"uuid": "u1", "running": "install"}"#);
    let failed = json!({"event": "failed", "module": "install", "command": "", "code": 1, "tail": ["the guest went down while this ran"]});
    assert_eq!(guest.boot().0, [failed]);
}

#[test]
fn a_report_never_grows_beyond_its_line() {
    if !ready("a_report_never_grows_beyond_its_line") {
        return;
    }
    let guest = Guest::new(&job(json!({})));
    guest.write("var/lib/lite/install.sh", "for i in $(seq 200); do printf 'é%.0s' $(seq 3000); echo; done\nfalse\n");
    let (events, _) = guest.boot();
    let line = serde_json::to_vec(&events[1]).expect("JSON");
    let Some(Report::Failed { command, tail, .. }) = parse_line(&line) else { panic!("no failure") };
    assert_eq!((command.as_str(), tail.is_empty()), ("false", false));
}

#[test]
fn a_daemon_left_behind_is_not_waited_for() {
    if !ready("a_daemon_left_behind_is_not_waited_for") {
        return;
    }
    let guest = Guest::new(&job(json!({})));
    guest.write(
        "var/lib/lite/install.sh",
        "sleep 20 &\necho $! >\"$HOME_OF_TEST/pid\"\n"
            .replace("$HOME_OF_TEST", &guest.root.path().display().to_string())
            .as_str(),
    );
    let started = std::time::Instant::now();
    assert_eq!(guest.boot().0[1]["event"], json!("done"));
    assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
    Command::new("kill").arg(guest.read("pid").trim()).status().expect("runs");
}
