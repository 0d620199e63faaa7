//! Jobs: real libvirt and QEMU. The command itself needs a Debian guest: `SLOW` is run by `make test-guests`.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Stdio},
};

use crate::support::{
    host::{Host, needs_host, text},
    idle::{clean, idle_host, signal},
};

crate::tests![a_job_whose_guest_is_not_ready_in_time_leaves_nothing];

crate::tests![SLOW: commands_run_in_debians_of_their_own];

/// Nothing of a machine is left.
fn gone(host: &Host, after: &str) {
    assert_eq!(host.left(), Vec::<String>::new(), "{after}");
    clean(host, after);
}

/// State and exit code of each job.
fn jobs(host: &Host) -> Vec<(String, Option<u64>)> {
    let listed = host.json(&["run", "--list"])["jobs"].as_array().expect("a list").clone();
    listed.iter().map(|job| (job["state"].as_str().expect("a word").to_owned(), job["exit_code"].as_u64())).collect()
}

fn a_job_whose_guest_is_not_ready_in_time_leaves_nothing() {
    needs_host();
    let host = idle_host("jbidle", 125);
    let said = host.fails(124, &["run", "idle", "--timeout", "6s", "--", "true"]);
    let id = host.json(&["run", "--list"])["jobs"][0]["id"].as_str().expect("an id").to_owned();
    let error = said.lines().find(|line| line.starts_with("error: ")).map(str::to_owned);
    assert_eq!(error, Some(format!("error: job `{id}` did not end within 6 s")), "{said}");
    assert!(!said.contains("job-idle-1 --boot"), "a log that is gone is not led to: {said}");
    gone(&host, "too late");
    assert_eq!(jobs(&host), [("timed-out".to_owned(), None)]);
    let refused = host.lite(&["run", "idel", "--", "true"]);
    let first = text(&refused.stderr).lines().next().map(str::to_owned);
    assert_eq!((refused.status.code(), first.as_deref()), (Some(125), Some("error: there is no blueprint `idel`")));
}

/// A job that runs beside the test, and its first line of stdout, which is there once its command runs.
fn begun(host: &Host, timeout: &str) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut command =
        host.command(&["run", "debian-13", "--timeout", timeout, "--", "sh", "-c", "echo begun; exec sleep 3000"]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("lite runs");
    let out = BufReader::new(child.stdout.take().expect("a pipe"));
    (child, out)
}

/// Its exit code and what it said on stderr.
fn ended(mut child: Child) -> (Option<i32>, String) {
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("read");
    (child.wait().expect("ended").code(), said)
}

fn commands_run_in_debians_of_their_own() {
    needs_host();
    let host = Host::new("jbrun", 126);
    host.debian_13();
    let out = host.folder.path().join("out");
    let script =
        "cat; echo err >&2; id -un; printf '%s' \"$1\" > \"$LITE_OUT/f\"; ln -s /etc/passwd \"$LITE_OUT/l\"; exit 7";
    let words = ["--", "sh", "-c", script, "sh", "a  b;'$HOME"];
    let mut command =
        host.command(&[&["run", "debian-13", "--out", out.to_str().expect("a path")][..], &words].concat());
    let input = host.folder.path().join("input");
    fs::write(&input, "in\n").expect("written");
    let done = command.stdin(fs::File::open(&input).expect("opened")).output().expect("lite runs");
    let said = text(&done.stderr);
    assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(7), "in\ndebian\n"), "{said}");
    assert!(said.lines().any(|line| line == "err"), "{said}");
    assert_eq!(fs::read_to_string(out.join("f")).ok().as_deref(), Some("a  b;'$HOME"));
    assert!(out.join("l").symlink_metadata().is_err());
    gone(&host, "it ended");
    // Two at once: one is cancelled from elsewhere, the other has too little time.
    let (one, mut says) = begun(&host, "30m");
    let mut line = String::new();
    says.read_line(&mut line).expect("read");
    assert_eq!(line, "begun\n");
    let (two, _says) = begun(&host, "20s");
    let running = host.json(&["list"])["instances"].as_array().expect("a list").len();
    assert!((1..=2).contains(&running));
    let (code, said) = ended(two);
    assert_eq!(code, Some(124), "{said}");
    let listed = host.json(&["list"]);
    let [left] = listed["instances"].as_array().expect("a list").as_slice() else { panic!("{listed}") };
    let id = left["job"].as_str().expect("it is a job's").to_owned();
    host.ok(&["run", "--cancel", &id]);
    let (code, said) = ended(one);
    assert_eq!(code, Some(125), "{said}");
    assert!(said.lines().any(|line| line == format!("error: job `{id}` was cancelled")), "{said}");
    gone(&host, "cancelled");
    // Its process is killed: whoever comes next removes the machine.
    let (mut killed, mut says) = begun(&host, "30m");
    line.clear();
    says.read_line(&mut line).expect("read");
    signal("-KILL", &killed.id().to_string());
    killed.wait().expect("it is dead");
    let repaired = host.lite(&["repair"]);
    let told = format!("{}{}", text(&repaired.stdout), text(&repaired.stderr));
    assert!(told.contains("the machine of job `job-"), "{told}");
    gone(&host, "killed");
    let states: Vec<String> = jobs(&host).into_iter().map(|(state, _)| state).collect();
    assert_eq!(states, ["exited", "cancelled", "timed-out", "cut-off"]);
}
