//! The watcher and a real application: baked nginx on a Debian guest under TCG. Minutes, root and a libvirtd: `LITE_TEST_REAL=1`.
use std::{
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use crate::support::{
    host::{Host, needs_host},
    http::get,
    receiver::{Got, OK, receiver, say},
    watch::{Watch, contact, wait_for},
};

crate::tests![an_application_that_stops_and_memory_that_fills_are_told_and_so_is_their_end,];

const NAME: &str = "lite-test-eyes";

fn an_application_that_stops_and_memory_that_fills_are_told_and_so_is_their_end() {
    needs_host();
    let host = Host::new("eyes", 96);
    host.debian_13();
    host.ok(&["image", "bake", "nginx"]);
    host.remembers_another_machine_at("10.171.96.10");
    let created = host.json(&["create", "nginx", "--bundle", "nano", "--name", NAME]);
    assert_eq!(created["instance"]["image"]["baked"], true);
    let address = created["instance"]["address"].as_str().expect("an address").to_owned();
    assert_eq!(address, "10.171.96.10");
    assert!(get(&address, "/").starts_with("HTTP/1.1 200 OK\r\n"));
    let default = host.json(&["alarm", "list"]);
    let metrics: Vec<&str> =
        default["alarms"].as_array().expect("alarms").iter().filter_map(|a| a["metric"].as_str()).collect();
    assert_eq!(metrics, ["AppHealthy", "DiskSpaceUtilization", "MemoryUtilization"]);
    // As the blueprint's own, but quicker: one minute is enough.
    alarm(&host, "AppHealthy", "< 1");
    alarm(&host, "MemoryUtilization", ">= 80");

    let (url, messages) = receiver(|_, stream| say(stream, OK));
    let secret = contact(&host, &url);
    let _watch = Watch::start(&host, "");
    for metric in ["AppHealthy", "MemoryUtilization"] {
        wait_for(&format!("a first point of {metric}"), 200, || state(&host, metric) == "OK");
    }

    host.ok(&["ssh", NAME, "--", "sudo systemctl stop nginx"]);
    told(&messages, &secret, "alarm.firing", "AppHealthy");
    assert_eq!(state(&host, "AppHealthy"), "ALARM");
    let listed = host.json(&["list"]);
    assert_ne!(listed["instances"][0]["health"], "ok", "{listed}");
    host.ok(&["ssh", NAME, "--", "sudo systemctl start nginx"]);
    told(&messages, &secret, "alarm.resolved", "AppHealthy");

    let fill = "left=$(awk '/MemAvailable/ {print int($2 / 1024)}' /proc/meminfo); \
                sudo systemd-run --quiet --unit=full --property=OOMScoreAdjust=-500 \
                python3 -c \"held = b'x' * (($left - 50) * 1048576); import time; time.sleep(3600)\"";
    host.ok(&["ssh", NAME, "--", fill]);
    let firing = told(&messages, &secret, "alarm.firing", "MemoryUtilization");
    let reason = firing["data"]["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.starts_with("1 of the last 1 points [") && reason.ends_with("] were >= 80 (1 needed)"), "{reason}");
    host.ok(&["ssh", NAME, "--", "sudo systemctl stop full"]);
    told(&messages, &secret, "alarm.resolved", "MemoryUtilization");

    // Nobody had to start anything: it ran all the time.
    assert!(host.json(&["events", "--limit", "100"]).to_string().find("instance.restarted").is_none());
    host.ok(&["delete", NAME, "--yes"]);
    assert_eq!(host.left(), Vec::<String>::new());
}

fn alarm(host: &Host, metric: &str, when: &str) {
    host.ok(&["alarm", "put", NAME, "--metric", metric, "--when", when, "--datapoints", "1", "--of", "1"]);
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
