//! A folder that stands for a guest, and the runner run in it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    time::Duration,
};

use lite::guest::report::parse_line;
use serde_json::{Value, json};

use super::need;

pub const SECRET: &str = "correct-horse-battery";

/// A guest's file system, as far as the runner looks at it.
pub struct Guest {
    pub root: tempfile::TempDir,
}

impl Guest {
    pub fn new(job: &Value) -> Self {
        let guest = Self { root: tempfile::tempdir().expect("a folder") };
        for dir in ["var/lib/lite", "var/log", "run/cloud-init", "dev/virtio-ports", "proc/net", "proc/self", "usr/bin"]
        {
            fs::create_dir_all(guest.path(dir)).expect("a folder");
        }
        fs::write(guest.path("dev/virtio-ports/org.lite.report"), "").expect("writes");
        guest.write(
            "run/cloud-init/status.json",
            r#"{"v1":{"stage":null,"init":{"errors":[]},"modules-final":{"errors":[],"finished":1.0}}}"#,
        );
        guest.write("run/cloud-init/result.json", r#"{"v1":{"datasource":"NoCloud","errors":[]}}"#);
        guest.write("proc/net/route", "Iface\tDestination\nlo\t0000007F\neth0\t00000000\n");
        guest.write("var/lib/lite/instance.json", &job.to_string());
        guest
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    pub fn write(&self, below: &str, text: &str) {
        fs::write(self.path(below), text).expect("writes");
    }

    /// A program of the guest's, which the runner finds first.
    pub fn program(&self, name: &str, script: &str) {
        let path = self.path("usr/bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}")).expect("writes");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("may run");
    }

    pub fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).expect("reads")
    }

    /// Boots: runs the runner and gives the lines it reported, and what it printed.
    pub fn boot(&self) -> (Vec<Value>, String) {
        let (ended_by, lines, console) = self.run();
        assert_eq!(ended_by, None);
        (lines, console)
    }

    /// Boots: the signal that ended the runner, if one did, what it reported and printed.
    pub fn run(&self) -> (Option<i32>, Vec<Value>, String) {
        let lines = self.port();
        let output = self.runner(&[]).output().expect("runs");
        let ended_by = std::os::unix::process::ExitStatusExt::signal(&output.status);
        assert!(output.status.success() || ended_by.is_some(), "{}", String::from_utf8_lossy(&output.stderr));
        self.say_end();
        let mut lines: Vec<Value> = lines.iter().collect();
        assert_eq!(lines.pop(), Some(json!("end")), "the reader of the port failed");
        (ended_by, lines, String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What lite runs by SSH: the exit code, and what it prints.
    pub fn tell(&self, values: &str) -> (Option<i32>, String) {
        let output = self.runner(&["published", values]).output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs the part `upgrade` that lies in a folder, as lite has it run: the lines it reported, and what it printed.
    pub fn upgrade(&self, folder: &str) -> (Vec<Value>, String) {
        let lines = self.port();
        let output = self.runner(&["upgrade", &self.path(folder).display().to_string()]).output().expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.say_end();
        let mut lines: Vec<Value> = lines.iter().collect();
        assert_eq!(lines.pop(), Some(json!("end")), "the reader of the port failed");
        (lines, String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Watches until it has reported `count` lines, which are given.
    pub fn watch(&self, count: usize) -> Vec<Value> {
        let lines = self.port();
        let mut child = self.runner(&["watch"]).spawn().expect("runs");
        let seen = (0..count).map(|_| lines.recv_timeout(Duration::from_secs(60)).expect("a report")).collect();
        child.kill().and_then(|()| child.wait()).expect("ended");
        self.say_end();
        seen
    }

    fn runner(&self, args: &[&str]) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("cloud-init/lite-guest.py");
        let mut command = Command::new("python3");
        command.arg("-IS").arg(script).args(args).env("LITE_ROOT", self.root.path()).env("LITE_NETWORK_WAIT", "0");
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.path("usr/bin").display()));
        command
    }

    /// Ends the thread that reads the port.
    fn say_end(&self) {
        let port = self.path("dev/virtio-ports/org.lite.report");
        let end = fs::OpenOptions::new().write(true).open(port).and_then(|mut f| f.write_all(b"\"end\"\n"));
        end.expect("writes");
    }

    /// Makes the port a fifo, which is written to as the port is: opened once per line. The host understands each line.
    fn port(&self) -> mpsc::Receiver<Value> {
        let port = self.path("dev/virtio-ports/org.lite.report");
        let fifo = Command::new("rm")
            .arg("-f")
            .arg(&port)
            .status()
            .and_then(|_| Command::new("mkfifo").arg(&port).status())
            .expect("runs");
        assert!(fifo.success());
        // A fifo ends for the reader whenever the writer closes it; holding it open for writing as well avoids that.
        let held = fs::OpenOptions::new().read(true).write(true).open(port).expect("opens");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(held).split(b'\n').map(|l| l.expect("reads")) {
                let end = line == b"\"end\"";
                assert!(end || line.len() < 16 * 1024 && parse_line(&line).is_some(), "the host reads every line");
                let heard = sender.send(serde_json::from_slice(&line).expect("JSON"));
                if end || heard.is_err() {
                    return;
                }
            }
        });
        receiver
    }
}

pub fn job(extra: Value) -> Value {
    let mut job = json!({
        "version": 1, "uuid": "u1", "name": "web-1", "address": "192.168.150.10",
        "params": {"title": "It works"}, "secrets": {"admin": SECRET}, "runcmd": [], "scripts": [],
    });
    if let (Value::Object(job), Value::Object(extra)) = (&mut job, extra) {
        job.extend(extra);
    }
    job
}

/// Skips the test where the guest's runner cannot run.
pub fn ready() {
    need::programs(&["python3", "/bin/bash", "mkfifo"]);
}
