//! A `lite watch` that runs, and what it tells.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::host::{Host, text};

/// Seconds of a minute of these watchers: the rules of 60 are held on a clock of the test's own (`it::watch`).
const MINUTE: &str = "12";

/// A running `lite watch`; killed when it is dropped.
pub struct Watch(Child);

impl Watch {
    /// Starts one that dies at a step, if the step is not empty.
    pub fn start(host: &Host, fault: &str) -> Self {
        Self::run(Self::command(host, fault))
    }

    /// The command of such a one.
    pub fn command(host: &Host, fault: &str) -> Command {
        let mut command = host.command(&["watch"]);
        command.env("LITE_LOOPBACK_WEBHOOKS", "yes").env("LITE_KILL", fault).env("LITE_TEST_MINUTE", MINUTE);
        command
    }

    /// Starts this one.
    pub fn run(mut command: Command) -> Self {
        Self(command.stdout(Stdio::null()).spawn().expect("lite runs"))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn end(&mut self) -> std::process::ExitStatus {
        self.0.wait().expect("ended")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Adds the contact `ops`; the secret that its messages are signed with.
pub fn contact(host: &Host, url: &str) -> String {
    let mut command = host.command(&["contact", "add", "ops", "--webhook", url, "--json"]);
    let out = command.env("LITE_LOOPBACK_WEBHOOKS", "yes").output().expect("lite runs");
    assert!(out.status.success(), "{}", text(&out.stderr));
    let added: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
    added["contacts"][0]["secret"].as_str().expect("a secret").to_owned()
}

/// Waits until it is so; how long it took.
pub fn wait_for(what: &str, seconds: u64, mut done: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(seconds), "waited {seconds} s for {what}");
        thread::sleep(Duration::from_millis(100));
    }
    begun.elapsed()
}

/// The events that are stored, oldest first, without those of a create.
pub fn kinds(host: &Host) -> Vec<String> {
    let events = host.json(&["events", "--limit", "1000"]);
    let all = events["events"].as_array().expect("events");
    all.iter().map(|e| e["type"].as_str().unwrap_or_default().to_owned()).filter(|k| k != "instance.created").collect()
}

/// Whether the watcher looked at least once: the first thing it does with an instance is to remember it.
pub fn has_looked(host: &Host) -> bool {
    let db = rusqlite::Connection::open(host.folder.path().join("state/state.db")).expect("a database");
    db.query_row("SELECT count(*) FROM restart_history", [], |r| r.get::<_, i64>(0)).is_ok_and(|n| n > 0)
}
