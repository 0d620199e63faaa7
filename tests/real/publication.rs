//! Publications that others' firewalls stop, and what is tried of each: real libvirt and nftables, namespaces in the place of
//! guests and of the world.

use std::{
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    packet_filter::neighbours,
    support::{
        guest_net::{Beside, Outside, bridge},
        host::needs_host,
        host::{Host, text},
        idle::{clean, run},
    },
};

crate::tests![
    what_a_firewall_stops_is_not_published,
    doctor_lets_guests_pass_a_firewall_that_forwards_nothing,
    what_is_published_is_tried_and_nothing_of_that_stays,
    a_publish_that_is_killed_while_it_tries_leaves_no_link,
];

/// A table of somebody else, with one chain that forwarded packets pass; gone when it is dropped.
pub struct Foreign(String);

impl Foreign {
    fn with(host: &Host, rule: &str) -> Self {
        Self::at(host, "forward", rule)
    }

    /// With a chain at another hook of netfilter.
    pub fn at(host: &Host, hook: &str, rule: &str) -> Self {
        let foreign = Self(format!("{}-other", host.tag));
        let chain = format!("{{ type filter hook {hook} priority 0 ; }}");
        for line in [
            format!("add table inet {}", foreign.0),
            format!("add chain inet {} passing {chain}", foreign.0),
            format!("add rule inet {} passing {rule}", foreign.0),
        ] {
            run(Command::new("nft").arg(line));
        }
        foreign
    }

    /// The chain, in nft's words.
    pub fn chain(&self) -> String {
        format!("inet {} passing", self.0)
    }

    /// How many packets its rule has counted.
    pub fn packets(&self) -> u64 {
        let listed = run(Command::new("nft").args(["-j", "list", "chain", "inet", &self.0, "passing"]));
        let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
        let items = listed["nftables"].as_array().expect("a list").iter();
        let rules = items.filter_map(|item| item["rule"]["expr"].as_array()).flatten();
        rules.filter_map(|expression| expression["counter"]["packets"].as_u64()).sum()
    }

    /// By which number nft knows its rule.
    pub fn handle(&self) -> u64 {
        let listed = run(Command::new("nft").args(["-j", "list", "chain", "inet", &self.0, "passing"]));
        let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
        let items = listed["nftables"].as_array().expect("a list").iter();
        items.filter_map(|item| item["rule"]["handle"].as_u64()).next().expect("a rule")
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = Command::new("nft").args(["delete", "table", "inet", &self.0]).status();
    }
}

/// Links to namespaces that stand for the world.
fn probes() -> Vec<String> {
    let all = std::fs::read_dir("/sys/class/net").expect("read").flatten();
    let names = all.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("lite-probe")).collect()
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < end, "waited 30 s for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn outcome(out: &Output) -> (Option<i32>, Vec<String>) {
    (out.status.code(), text(&out.stderr).lines().map(str::to_owned).collect())
}

const LIMITS: &str = "ufw and firewalld on this host do not stop what is published: `--from` limits who comes in";

fn what_a_firewall_stops_is_not_published() {
    needs_host();
    let (host, [a, _b], _) = neighbours("pbf", 220);
    let (outside, name) = (Outside::new("pbf"), "lite-test-pbf-a");
    let _listener = Beside::start(a.command(&["whoami", "22", "9000"]));
    host.ok(&["firewall", name, "open", "9000/udp"]);
    let to_guests = format!("oifname {} iifname != {} ct state new counter drop", bridge(&host), bridge(&host));
    for (pair, end) in [("22:8025", "8025/tcp"), ("9000:8026/udp", "8026/udp")] {
        let before = host.tables_text();
        let foreign = Foreign::with(&host, &to_guests);
        let (chain, handle) = (format!("inet {} passing", foreign.0), foreign.handle());
        let (code, said) = outcome(&host.lite(&["publish", name, pair]));
        assert_eq!(
            (code, &said[0]),
            (
                Some(1),
                &format!(
                    "error: `{end}` is not reached from outside: the rule `handle {handle}` of nftables' chain `{chain}` \
                     stops what comes in"
                )
            )
        );
        let fix = format!("nft 'insert rule {chain} oifname \"{}\" accept'", bridge(&host));
        assert_eq!(said[1], format!("  hint: nothing is published; let it pass, and try again: `{fix}`"));
        assert!(foreign.packets() > 0, "the fault was hit");
        assert!(host.tables_text() == before, "nothing of it is left");
        assert!(!host.ok(&["show", name]).contains(end));
        clean(&host, "after the refusal");
        // What is said to help does.
        run(Command::new("sh").args(["-c", &fix]));
        assert_eq!(outcome(&host.lite(&["publish", name, pair])).0, Some(0));
    }
    assert_eq!([outside.asks("tcp", 8025), outside.asks("udp", 8026)], [Outside::ADDRESS; 2]);
}

fn doctor_lets_guests_pass_a_firewall_that_forwards_nothing() {
    needs_host();
    let (host, [a, _b], _) = neighbours("pbd", 224);
    let (outside, name) = (Outside::new("pbd"), "lite-test-pbd-a");
    let _listener = Beside::start(a.command(&["whoami", "22"]));
    let bridge = bridge(&host);
    let foreign = Foreign::with(&host, &format!("oifname {bridge} counter drop"));
    run(Command::new("nft").arg(format!("add rule inet {} passing iifname {bridge} counter drop", foreign.0)));
    host.fails(1, &["publish", name, "22:8035"]);
    assert!(foreign.packets() > 0, "the fault was hit");
    let chain = format!("inet {} passing", foreign.0);
    let rules = ["iifname", "oifname"].map(|side| format!("`nft 'insert rule {chain} {side} \"{bridge}\" accept'`"));
    // It writes the names of instances there, too.
    let hosts = host.folder.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.1 localhost\n").expect("written");
    let fixed = host.lite_with_hosts(&hosts, &["doctor", "--fix"]);
    let said = [text(&fixed.stdout), text(&fixed.stderr)].concat();
    let told = format!(
        "fix   firewall: let guests' packets pass, until that firewall is loaded anew: {}\n      \
         undo: nft delete rule {chain} handle N, with its N by `nft -a list chain {chain}`\n",
        rules.join("; ")
    );
    assert!(said.contains(&told), "{told} in {said}");
    host.ok(&["publish", name, "22:8035"]);
    assert_eq!(outside.asks("tcp", 8035), Outside::ADDRESS);
    // Exactly these two, and a second time there is nothing to do.
    let listed = text(&run(Command::new("nft").args(["list", "chain", "inet", &foreign.0, "passing"])).stdout);
    assert_eq!(listed.matches(" accept\n").count(), 2, "{listed}");
    host.lite_with_hosts(&hosts, &["doctor", "--fix"]);
    assert_eq!(
        text(&run(Command::new("nft").args(["list", "chain", "inet", &foreign.0, "passing"])).stdout)
            .matches(" accept\n")
            .count(),
        2
    );
}

fn what_is_published_is_tried_and_nothing_of_that_stays() {
    needs_host();
    let (host, [a, _b], _) = neighbours("pby", 221);
    let name = "lite-test-pby-a";
    let _listener = Beside::start(a.command(&["whoami", "22"]));
    host.ok(&["firewall", name, "set", "22", "9000-9001", "--from", "100.64.0.0/24"]);
    let publish = |args: &[&str]| {
        let (code, mut said) = outcome(&host.lite(&[&["publish", name], args].concat()));
        // Whether the host has a private address is not this test's.
        said.retain(|line| !line.contains(" is a private address: "));
        assert_eq!((code, said.pop()), (Some(0), Some(LIMITS.to_owned())));
        said
    };
    let nothing = Vec::<String>::new();
    assert_eq!(publish(&["22:8027"]), nothing);
    assert_eq!(publish(&["22:8028", "--from", "100.64.0.0/24"]), nothing, "sources do not keep the trial out");
    let silent = format!("`{name}` does not answer at `9000/tcp` yet: nothing listens there, or it is off");
    assert_eq!(publish(&["9000:8029"]), [silent]);
    wait_until("the links to go", || probes().is_empty());
    let foreign = Foreign::with(&host, "iifname \"lite-probe*\" counter drop");
    assert_eq!(
        publish(&["22:8030"]),
        ["warning: `8030/tcp` was not reached from a network namespace on this host, and no firewall rule that lite \
          understands stops it: try it from another machine"]
    );
    assert!(foreign.packets() > 0, "the fault was hit");
    drop(foreign);
    assert_eq!(
        host.json(&["publish", name, "9001:8031"])["unanswered"],
        serde_json::json!([{"address": null, "port": 8031, "protocol": "tcp", "guest_port": 9001, "sources": []}])
    );
    clean(&host, "published");
}

fn a_publish_that_is_killed_while_it_tries_leaves_no_link() {
    needs_host();
    let (host, [a, _b], _) = neighbours("pbk", 222);
    let name = "lite-test-pbk-a";
    let _listener = Beside::start(a.command(&["whoami", "22"]));
    let foreign = Foreign::with(&host, &format!("oifname {} ct state new counter drop", bridge(&host)));
    let before = probes();
    let mut child =
        host.command(&["publish", name, "22:8032"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
    wait_until("the trial", || foreign.packets() > 0);
    let links: Vec<String> = probes().into_iter().filter(|link| !before.contains(link)).collect();
    child.kill().expect("killed");
    child.wait().expect("waited");
    assert!(!links.is_empty(), "the trial has a link");
    wait_until("the link to go", || probes().iter().all(|link| !links.contains(link)));
    drop(foreign);
    assert_eq!(host.ok(&["repair"]), format!("finished the publish of `{name}` that was cut off\n"));
    assert!(host.ok(&["show", name]).contains("PUBLISHED    8032/tcp to 22\n"));
    clean(&host, "after repair");
}
