//! What the watcher shows to Prometheus, read by Prometheus's own checker.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use lite::{
    model::{Metric, Point},
    monitor::export::{BalancerLine, Line, Shown, text},
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
    let points = |of_load_balancers| {
        Metric::all_of(of_load_balancers).map(|m| (m, Point::of(12.5).expect("finite"))).collect::<Vec<_>>()
    };
    let line = |name: &str| Line {
        instance: name.into(),
        blueprint: "nginx".into(),
        bundle: "nano".into(),
        points: points(false),
    };
    let balancer = |name: &str| BalancerLine { load_balancer: name.into(), points: points(true) };
    let shown = text(&Shown {
        lines: vec![line("shop"), line("a\"\\\n")],
        balancers: vec![balancer("front"), balancer("api")],
        look: Some(Duration::from_millis(3)),
    });
    assert_eq!(check(&shown), (true, String::new()), "{shown}");
    for (kind, of_load_balancers) in [("instance", false), ("load_balancer", true)] {
        let lines = shown.matches(&format!("\nlite_{kind}_")).count();
        assert_eq!(lines, 2 * (Metric::all_of(of_load_balancers).count() + 1), "{shown}");
    }
    // The checker does find faults.
    assert!(!check(&shown.replace("lite_instance_info{", "lite_instance_info{{")).0);
}
