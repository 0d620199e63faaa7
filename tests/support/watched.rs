//! The watcher over nginx in a real guest.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use super::{
    host::Host,
    receiver::{Got, OK, receiver, say},
    watch::{Watch, contact, wait_for},
};

/// The alarms of nginx on the instance `name`, which runs and has no watcher yet.
pub fn a_stop_and_full_memory_are_told_and_so_is_their_end(host: &Host, name: &str) {
    let default = host.json(&["alarm", "list"]);
    let metrics: Vec<&str> =
        default["alarms"].as_array().expect("alarms").iter().filter_map(|a| a["metric"].as_str()).collect();
    assert_eq!(metrics, ["AppHealthy", "DiskSpaceUtilization", "MemoryUtilization"]);
    // As the blueprint's own, but quicker: one minute is enough.
    alarm(host, name, "AppHealthy", "< 1");
    alarm(host, name, "MemoryUtilization", ">= 80");

    let (url, messages) = receiver(|_, stream| say(stream, OK));
    let secret = contact(host, &url);
    let _watch = Watch::start(host, "");
    for metric in ["AppHealthy", "MemoryUtilization"] {
        wait_for(&format!("a first point of {metric}"), 200, || state(host, metric) == "OK");
    }

    host.ok(&["ssh", name, "--", "sudo systemctl stop nginx"]);
    told(&messages, &secret, "alarm.firing", "AppHealthy");
    assert_eq!(state(host, "AppHealthy"), "ALARM");
    let listed = host.json(&["list"]);
    assert_ne!(listed["instances"][0]["health"], "ok", "{listed}");
    host.ok(&["ssh", name, "--", "sudo systemctl start nginx"]);
    told(&messages, &secret, "alarm.resolved", "AppHealthy");

    let fill = "left=$(awk '/MemAvailable/ {print int($2 / 1024)}' /proc/meminfo); \
                sudo systemd-run --quiet --unit=full --property=OOMScoreAdjust=-500 \
                python3 -c \"held = b'x' * (($left - 75) * 1048576); import time; time.sleep(3600)\"";
    host.ok(&["ssh", name, "--", fill]);
    let firing = told(&messages, &secret, "alarm.firing", "MemoryUtilization");
    let reason = firing["data"]["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.starts_with("1 of the last 1 points [") && reason.ends_with("] were >= 80 (1 needed)"), "{reason}");
    host.ok(&["ssh", name, "--", "sudo systemctl stop full"]);
    told(&messages, &secret, "alarm.resolved", "MemoryUtilization");

    // Nobody had to start anything: it ran all the time.
    assert!(host.json(&["events", "--limit", "100"]).to_string().find("instance.restarted").is_none());
}

fn alarm(host: &Host, name: &str, metric: &str, when: &str) {
    host.ok(&["alarm", "put", name, "--metric", metric, "--when", when, "--datapoints", "1", "--of", "1"]);
}

fn state(host: &Host, metric: &str) -> String {
    let all = host.json(&["alarm", "list"]);
    let found = all["alarms"].as_array().expect("alarms").iter().find(|a| a["metric"] == metric).expect("the alarm");
    found["state"].as_str().expect("a state").to_owned()
}

/// The next message of this kind and metric, its signature verified. Nothing else may be told of that metric before.
fn told(messages: &Receiver<Got>, secret: &str, kind: &str, metric: &str) -> serde_json::Value {
    let end = Instant::now() + Duration::from_secs(300);
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let got = messages.recv_timeout(left).unwrap_or_else(|e| panic!("no {kind} of {metric} within 5 minutes: {e}"));
        assert!(got.is_signed_by(secret), "{got:?}");
        for event in got.events() {
            if event["data"]["metric"] == metric {
                assert_eq!(event["type"], kind, "{event}");
                return event;
            }
        }
    }
}
