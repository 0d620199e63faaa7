//! A folder that stands for a guest, and the runner run in it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
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
        for dir in ["var/lib/lite", "var/log", "run/cloud-init", "dev/virtio-ports"] {
            fs::create_dir_all(guest.path(dir)).expect("a folder");
        }
        fs::write(guest.path("dev/virtio-ports/org.lite.report"), "").expect("writes");
        guest.write(
            "run/cloud-init/status.json",
            r#"{"v1":{"stage":null,"init":{"errors":[]},"modules-final":{"errors":[],"finished":1.0}}}"#,
        );
        guest.write("run/cloud-init/result.json", r#"{"v1":{"datasource":"NoCloud","errors":[]}}"#);
        guest.write("var/lib/lite/instance.json", &job.to_string());
        guest
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    pub fn write(&self, below: &str, text: &str) {
        fs::write(self.path(below), text).expect("writes");
    }

    pub fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).expect("reads")
    }

    /// Boots: runs the runner and gives the lines it reported, and what it printed.
    pub fn boot(&self) -> (Vec<Value>, String) {
        // Appends, as the port does: the runner opens it once per line.
        let port = self.path("dev/virtio-ports/org.lite.report");
        let fifo = Command::new("rm")
            .arg("-f")
            .arg(&port)
            .status()
            .and_then(|_| Command::new("mkfifo").arg(&port).status())
            .expect("runs");
        assert!(fifo.success());
        let reader = {
            let port = port.clone();
            std::thread::spawn(move || {
                // A fifo ends for the reader whenever the writer closes it; holding it open for writing as well avoids that.
                let mut held = fs::OpenOptions::new().read(true).write(true).open(port).expect("opens");
                let mut lines = Vec::new();
                let mut line = Vec::new();
                loop {
                    let mut byte = [0];
                    std::io::Read::read_exact(&mut held, &mut byte).expect("reads");
                    if byte[0] != b'\n' {
                        line.push(byte[0]);
                    } else if line == b"end" {
                        return lines;
                    } else {
                        lines.push(std::mem::take(&mut line));
                    }
                }
            })
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("cloud-init/lite-guest.py");
        let output =
            Command::new("python3").arg("-IS").arg(script).env("LITE_ROOT", self.root.path()).output().expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::OpenOptions::new()
            .write(true)
            .open(&port)
            .and_then(|mut f| std::io::Write::write_all(&mut f, b"end\n"))
            .expect("writes");
        let lines = reader.join().expect("ends");
        assert!(lines.iter().all(|l| l.len() < 16 * 1024 && parse_line(l).is_some()), "the host reads every line");
        (
            lines.iter().map(|l| serde_json::from_slice(l).expect("JSON")).collect(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    }
}

pub fn job(extra: Value) -> Value {
    let mut job = json!({
        "version": 1, "uuid": "u1", "name": "web-1", "address": "192.168.150.10",
        "params": {"title": "It works"}, "secrets": {"admin": SECRET}, "runcmd": [], "script": null,
    });
    if let (Value::Object(job), Value::Object(extra)) = (&mut job, extra) {
        job.extend(extra);
    }
    job
}

pub fn ready(test: &str) -> bool {
    need::programs(test, &["python3", "/bin/bash", "mkfifo"])
}
