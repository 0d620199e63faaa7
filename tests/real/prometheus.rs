//! What the watcher shows to Prometheus, read by Prometheus's own checker.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use lite::{
    model::{Metric, Point},
    monitor::export::{Line, Shown, text},
};

use crate::support::need;

crate::tests![promtool_accepts_every_metric,];

/// Where `.ci/setup test` puts it: the package would start a server.
const TOOL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/promtool");

fn check(metrics: &str) -> (bool, String) {
    let mut tool = Command::new(TOOL)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    tool.stdin.take().expect("a pipe").write_all(metrics.as_bytes()).expect("written");
    let out = tool.wait_with_output().expect("promtool ends");
    (out.status.success(), String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned())
}

fn promtool_accepts_every_metric() {
    need::programs(&[TOOL]);
    let line = |name: &str| Line {
        instance: name.into(),
        blueprint: "nginx".into(),
        bundle: "nano".into(),
        points: Metric::ALL.iter().map(|m| (*m, Point::of(12.5).expect("finite"))).collect(),
    };
    let shown = text(&Shown { lines: vec![line("shop"), line("a\"\\\n")], look: Duration::from_millis(3) });
    assert_eq!(check(&shown), (true, String::new()), "{shown}");
    assert_eq!(shown.matches("\nlite_instance_").count(), 2 * (Metric::ALL.len() + 1), "{shown}");
    // The checker does find faults.
    assert!(!check(&shown.replace("lite_instance_info{", "lite_instance_info{{")).0);
}
