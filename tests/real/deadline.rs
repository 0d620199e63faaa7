//! A QEMU that is stopped: `list` answers in two seconds and says so, and no other instance is held up. Real libvirt,
//! guests of one boot sector.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::support::{
    host::{Host, needs_host},
    idle::{created, idle_host, pid, signal, states},
};

crate::tests![one_stopped_qemu_is_unresponsive_and_holds_up_nobody,];

/// What the issue promises of `list`.
const LIST: Duration = Duration::from_secs(2);

/// A stopped process that goes on when this is dropped, so that a failed test can be cleaned up.
struct Stopped(String);

impl Stopped {
    fn new(domain: &str) -> Self {
        let pid = pid(domain);
        signal("-STOP", &pid);
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may be gone by now.
        let _ = Command::new("kill").args(["-CONT", &self.0]).output();
    }
}

/// The states, and how long `lite list` took.
fn listed(host: &Host) -> (Vec<(String, String)>, Duration) {
    let began = Instant::now();
    let states = states(host);
    (states, began.elapsed())
}

fn one_stopped_qemu_is_unresponsive_and_holds_up_nobody() {
    needs_host();
    let host = idle_host("hung", 82);
    let [a, b, c] = ["a", "b", "c"].map(|n| format!("lite-test-hung-{n}"));
    for name in [&a, &b, &c] {
        created(&host, name);
    }
    host.ok(&["stop", &c, "--force", "--timeout", "1s"]);
    let stopped = Stopped::new(&a);
    let expected = [(&a, "unresponsive"), (&b, "running"), (&c, "stopped")].map(|(n, s)| (n.clone(), s.to_owned()));
    let look = |when: &str| {
        // The machine may be busy once; whoever waits for the hung QEMU is late each time.
        let mut all = (0..3).map(|_| {
            let (states, took) = listed(&host);
            assert_eq!(states, expected, "{when}");
            println!("list {when}: {took:?}");
            took
        });
        assert!(all.any(|took| took < LIST), "{when}");
    };
    look("first");
    // A second client asks the hung monitor, and the call stays there: nobody waits behind it.
    let mut asking = Command::new("virsh")
        .args(["-q", "-c", "qemu:///system", "domstats", "--balloon", &a])
        .spawn()
        .expect("virsh runs");
    look("while a call hangs");
    let shown = host.json(&["show", &a, &b]);
    assert_eq!(
        (shown["instances"][0]["state"].as_str(), shown["instances"][1]["state"].as_str()),
        (Some("unresponsive"), Some("running"))
    );
    host.ok(&["start", &c, "--no-wait"]);
    host.ok(&["stop", &c, "--force", "--timeout", "1s"]);
    for verb in [&["stop", &a][..], &["start", &a], &["repair", &a, "--yes"]] {
        let said = host.fails(1, verb);
        assert!(said.contains(&format!("hint: pull the plug: `lite stop {a} --force`")), "{said}");
    }
    look("after all that");
    host.ok(&["stop", &a, "--force"]);
    drop(stopped);
    asking.wait().expect("ended with the guest");
    let expected = [(&a, "stopped"), (&b, "running"), (&c, "stopped")].map(|(n, s)| (n.clone(), s.to_owned()));
    assert_eq!(states(&host), expected);
    host.ok(&["delete", &a, &b, &c, "--yes"]);
    assert_eq!(host.left(), Vec::<String>::new());
}
