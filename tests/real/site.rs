//! Domains: HAProxy on the host's ports 80 and 443, namespaces in the place of guests and of the world.

use std::{
    fs::File,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::Instant,
};

use serde_json::Value;

use crate::{
    publication::Foreign,
    support::{
        guest_net::{Beside, GuestNet, Outside, REFUSED},
        host::{Host, needs_host, text, virsh},
        idle::{clean, created, idle_host, run},
        need,
        pebble::{PROGRAMS, Pebble, web_ports},
        watch::{Watch, wait_for},
    },
};

crate::tests![a_domain_is_served_and_refused_and_taken_away];
crate::tests!(NETWORK: a_certificate_is_renewed_while_it_serves, an_order_that_was_cut_off_goes_on);

const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/web.py");
const WEBSOCKET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/websocket.py");

/// A host with two instances that are off and a web server in the place of each, whose ports 80 and 443 are this test's.
pub(crate) struct Web {
    pub(crate) host: Host,
    guests: [GuestNet; 2],
    pub(crate) outside: Outside,
    pub(crate) pebble: Pebble,
    servers: [Beside; 2],
    _ports: File,
}

impl Web {
    pub(crate) fn new(tag: &str, third: u8, valid: u32) -> Self {
        needs_host();
        need::programs(&PROGRAMS);
        let ports = web_ports();
        let host = idle_host(tag, third);
        let name = |letter: &str| format!("lite-test-{tag}-{letter}");
        let guests = ["a", "b"].map(|letter| {
            created(&host, &name(letter));
            virsh(&["destroy", &name(letter)]);
            let last = if letter == "a" { ".10" } else { ".11" };
            host.ok(&["firewall", &name(letter), "open", "80"]);
            GuestNet::of(&host, &name(letter), &host.subnet.replace(".0/24", last))
        });
        let servers = [0, 1].map(|n| Beside::start(guests[n].program("python3", &[WEB, "80"])));
        let outside = Outside::new(tag);
        let pebble = Pebble::start(&outside, host.folder.path(), valid);
        std::fs::write(host.folder.path().join("config.toml"), pebble.settings()).expect("written");
        let web = Self { host, guests, outside, pebble, servers, _ports: ports };
        web.names(&[
            ("shop", Outside::HOST),
            ("blog", Outside::HOST),
            ("refused", Outside::HOST),
            ("elsewhere", "192.0.2.7"),
        ]);
        web
    }

    fn hosts(&self) -> PathBuf {
        self.host.folder.path().join("hosts")
    }

    /// What this host's resolver says of names below `example.org`.
    fn names(&self, names: &[(&str, &str)]) {
        let lines: Vec<String> = names.iter().map(|(name, at)| format!("{at} {name}.example.org\n")).collect();
        std::fs::write(self.hosts(), format!("127.0.0.1 localhost\n{}", lines.concat())).expect("written");
    }

    /// `lite ARGS`, with those names.
    pub(crate) fn lite(&self, args: &[&str]) -> Output {
        self.host.lite_with_hosts(&self.hosts(), args)
    }

    /// The same, killed at the N-th pass of a point.
    pub(crate) fn killed(&self, args: &[&str], point: &str) -> Option<i32> {
        let lite =
            self.host.command_with_hosts(&self.hosts(), args).env("LITE_KILL", point).output().expect("unshare runs");
        lite.status.signal()
    }

    /// Its exit code and the first line of its stderr.
    pub(crate) fn refused(&self, args: &[&str]) -> (Option<i32>, String) {
        let out = self.lite(args);
        (out.status.code(), text(&out.stderr).lines().next().unwrap_or_default().to_owned())
    }

    /// What the application of a domain was asked for the world, over HTTP; or the status.
    pub(crate) fn asked(&self, domain: &str, more: &[&str]) -> Result<Value, String> {
        self.curl("http", domain, more)
    }

    /// The same over HTTPS, with its certificate verified.
    pub(crate) fn asked_securely(&self, domain: &str, more: &[&str]) -> Result<Value, String> {
        let root = self.pebble.root(&self.outside);
        self.curl("https", domain, &[&["--cacert", &root], more].concat())
    }

    /// A WebSocket of the world's to a domain, which has echoed once.
    fn websocket(&self, domain: &str) -> Beside {
        let root = self.pebble.root(&self.outside);
        let mut command = self.outside.program("python3", &[WEBSOCKET, Outside::HOST, domain, &root]);
        command.stdin(Stdio::piped());
        Beside::start(command)
    }

    fn curl(&self, scheme: &str, domain: &str, more: &[&str]) -> Result<Value, String> {
        let at = |port: u16| format!("{domain}:{port}:{}", Outside::HOST);
        let (plain, secure) = (at(80), at(443));
        let url = format!("{scheme}://{domain}/a?b=1");
        let resolve = ["--resolve", &plain, "--resolve", &secure];
        let args = [&["-sS", "--max-time", "20", "-w", "\n%{http_code}", &url], &resolve[..], more].concat();
        let out = self.outside.program("curl", &args).output().expect("curl runs");
        let said = text(&out.stdout);
        let (body, status) = said.rsplit_once('\n').expect("a status");
        if status == "200" { Ok(serde_json::from_str(body).expect("JSON")) } else { Err(status.to_owned()) }
    }

    /// What `doctor` says of a check.
    pub(crate) fn check(&self, name: &str) -> String {
        let told: Value = serde_json::from_slice(&self.host.lite(&["doctor", "--json"]).stdout).expect("JSON");
        let checks = told["checks"].as_array().expect("checks");
        let found = checks.iter().find(|check| check["name"] == name).expect("a check");
        found["sentence"].as_str().expect("a sentence").to_owned()
    }
}

fn a_domain_is_served_and_refused_and_taken_away() {
    let mut web = Web::new("ste", 210, 86_400);
    let [a, b] = ["lite-test-ste-a", "lite-test-ste-b"];
    what_a_firewall_stops_is_not_published(&web, a);
    let begun = Instant::now();
    let published = web.lite(&["publish", a, "--domain", "Shop.Example.org"]);
    assert_eq!(published.status.code(), Some(0), "{}", text(&published.stderr));
    eprintln!("a domain with its certificate: {} ms", begun.elapsed().as_millis());
    let forged =
        ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6"];
    let forged: Vec<&str> = forged.into_iter().flat_map(|header| ["-H", header]).collect();
    let asked = web.asked_securely("shop.example.org", &forged).expect("served, with a certificate that is right");
    let gateway = web.host.subnet.replace(".0/24", ".1");
    assert_eq!(
        asked,
        serde_json::json!({"path": "/a?b=1", "host": "shop.example.org", "for": [Outside::ADDRESS], "proto": ["https"],
                           "forwarded": null, "peer": gateway, "taken": 0})
    );
    assert_eq!(web.asked("blog.example.org", &[]), Err("404".to_owned()));
    // Over HTTP it is led there; an upload is handed on; WebSockets are.
    let location = ["-o", "/dev/null", "-w", "%{redirect_url}\n%{http_code}"];
    assert_eq!(web.asked("shop.example.org", &location), Err("308".to_owned()));
    let version = ["-o", "/dev/null", "-w", "\nHTTP/%{http_version}"];
    assert_eq!(web.asked_securely("shop.example.org", &version), Err("HTTP/2".to_owned()));
    let upload = web.host.folder.path().join("upload");
    File::create(&upload).and_then(|file| file.set_len(64 << 20)).expect("a file");
    let upload = web.asked_securely("shop.example.org", &["-T", &upload.display().to_string()]).expect("taken");
    assert_eq!(upload["taken"], 64 << 20);
    assert_eq!(web.guests[1].reaches(&gateway, 80), "open", "another guest reaches the web front");
    assert!(web.host.ok(&["list"]).contains("  https://shop.example.org/  "));

    // Another instance, on the same address, from some networks alone. A WebSocket lives on meanwhile.
    let mut socket = web.websocket("shop.example.org");
    assert_eq!(
        web.lite(&["publish", b, "--domain", "blog.example.org", "--from", "203.0.113.0/24"]).status.code(),
        Some(0)
    );
    assert_eq!(web.asked_securely("blog.example.org", &[]), Err("403".to_owned()));
    assert!(web.asked_securely("shop.example.org", &[]).is_ok());
    assert_eq!(socket.said(), ["echoed"]);
    drop(socket);

    // An authority that refuses: its words are told, the domain answers over HTTP, and another try comes.
    web.pebble.name(&web.outside, "refused.example.org", Outside::ADDRESS);
    let out = web.lite(&["publish", b, "--domain", "refused.example.org"]);
    let said = text(&out.stderr);
    assert_eq!(
        (out.status.code(), said.lines().next()),
        (Some(1), Some("error: `refused.example.org` is served over HTTP alone: it has no certificate yet"))
    );
    assert!(said.contains("connection refused"), "{said}");
    assert!(web.asked("refused.example.org", &[]).is_ok());
    let shown = web.host.json(&["show", b])["instances"][0]["sites"][1].clone();
    assert_eq!((&shown["domain"], &shown["certificate"]), (&"refused.example.org".into(), &"failed".into()));
    assert!(web.host.ok(&["list"]).contains("http://refused.example.org/ (certificate: failed)"));

    // Refused, and nothing changed.
    let sites = web.host.json(&["show", b])["instances"][0]["sites"].clone();
    let cases = [
        (
            &["publish", b, "--domain", "shop.example.org"][..],
            "`shop.example.org` leads to instance `lite-test-ste-a` already",
        ),
        (
            &["publish", b, "--domain", "elsewhere.example.org"],
            "`elsewhere.example.org` leads to 192.0.2.7, not to this host",
        ),
        (&["publish", b, "--domain", "missing.example.org"], "`missing.example.org` has no address in DNS"),
        (
            &["publish", b, "--domain", "new.example.org", "--port", "81"],
            "the firewall of instance `lite-test-ste-b` closes `81/tcp`",
        ),
        (
            &["publish", b, "--domain", "*.example.org"],
            "`--domain`: `*.example.org` is not a domain: a wildcard needs proof by DNS, which lite does not give",
        ),
        (&["unpublish", b, "shop.example.org"], "`shop.example.org` does not lead to `lite-test-ste-b`"),
    ];
    for (args, wanted) in cases {
        assert_eq!(web.refused(args), (Some(2), format!("error: {wanted}")), "{args:?}");
    }
    assert_eq!(web.host.json(&["show", b])["instances"][0]["sites"], sites);
    assert!(!web.pebble.log().contains("elsewhere.example.org"), "nothing was ordered");

    what_is_wrong_is_told(&mut web, a);

    // Gone with its instance; the ports are free once there is no domain.
    web.host.ok(&["delete", b, "--yes"]);
    assert_eq!(web.asked("blog.example.org", &[]), Err("404".to_owned()));
    web.host.ok(&["unpublish", a, "shop.example.org"]);
    assert_eq!(web.outside.asks("tcp", 80), REFUSED);
    assert_eq!(web.guests[0].reaches(&gateway, 80), "OSError:113", "prohibited again");
    for port in [80, 443] {
        assert!(std::net::TcpListener::bind(("0.0.0.0", port)).is_ok(), "{port} is free");
    }
    clean(&web.host, "after the domains");

    // A service of the host's has a port: its owner is named.
    let service = std::net::TcpListener::bind(("0.0.0.0", 443)).expect("a service");
    let own = std::fs::read_to_string("/proc/self/comm").expect("read");
    let wanted = format!(
        "error: `{}` (process {}) listens on `443/tcp` of this host, and a domain needs 80 and 443",
        own.trim(),
        std::process::id()
    );
    assert_eq!(web.refused(&["publish", a, "--domain", "shop.example.org"]), (Some(2), wanted));
    drop(service);
}

/// Ports of the web front that a firewall of the host closes to the world.
fn what_a_firewall_stops_is_not_published(web: &Web, name: &str) {
    let before = web.host.tables_text();
    let foreign = Foreign::at(&web.host, "input", "tcp dport { 80, 443 } iifname != lo counter reject");
    let (chain, handle) = (foreign.chain(), foreign.handle());
    let out = web.lite(&["publish", name, "--domain", "shop.example.org"]);
    let said = text(&out.stderr);
    let wanted = format!(
        "error: `80/tcp` is not reached from outside: the rule `handle {handle}` of nftables' chain `{chain}` stops what comes in\n  \
         hint: nothing is published; let it pass, and try again: `nft 'insert rule {chain} tcp dport {{ 80, 443 }} accept'`\n"
    );
    assert_eq!((out.status.code(), said.strip_prefix(&wanted).is_some()), (Some(1), true), "{said}");
    assert!(foreign.packets() > 0, "the fault was hit");
    assert!(web.host.tables_text() == before, "nothing of it is left");
    clean(&web.host, "after the refusal");
    drop(foreign);
    // What would be is told by the same checks, and nothing changes.
    let planned = web.lite(&["publish", name, "--domain", "shop.example.org", "--dry-run"]);
    let shown = "HOST                                             PORT  FROM\n\
                 http://shop.example.org/ (certificate: pending)  80    anywhere\n";
    assert_eq!((planned.status.code(), text(&planned.stdout)), (Some(0), shown.to_owned()));
    let elsewhere = web.refused(&["publish", name, "--domain", "elsewhere.example.org", "--dry-run"]);
    let wanted = "error: `elsewhere.example.org` leads to 192.0.2.7, not to this host";
    assert_eq!(elsewhere, (Some(2), wanted.to_owned()));
    assert!(web.host.tables_text() == before, "nothing changed");
}

/// What `doctor` says of the web front, and what HAProxy does of a guest that does not answer.
fn what_is_wrong_is_told(web: &mut Web, name: &str) {
    assert_eq!(web.check("web"), "HAProxy serves domains and load balancers, and nothing on this host stops the world");
    let foreign = Foreign::at(&web.host, "input", "tcp dport 443 iifname != lo counter reject");
    assert_eq!(
        web.check("web"),
        format!(
            "`443/tcp` of this host is not reached from outside: the rule `handle {}` of nftables' chain `{}` stops what comes in",
            foreign.handle(),
            foreign.chain()
        )
    );
    drop(foreign);
    web.servers[0].end();
    let page = web.host.folder.path().join("page").display().to_string();
    assert_eq!(web.asked_securely("shop.example.org", &["-o", &page]), Err("503".to_owned()));
    assert_eq!(
        std::fs::read_to_string(page).expect("a page"),
        "This site does not answer just now: its server is off, or still starting.\r\n"
    );
    let again = web.lite(&["publish", name, "--domain", "shop.example.org", "--from", "0.0.0.0/0", "--json"]);
    let again: Value = serde_json::from_slice(&again.stdout).expect("JSON");
    assert_eq!(
        again["unanswered"],
        serde_json::json!([{"address": null, "port": 443, "protocol": "tcp", "guest_port": 80, "sources": ["0.0.0.0/0"]}])
    );
}

/// A certificate of 90 s is renewed by the watcher after two thirds of that, and nobody is turned away meanwhile; the watcher starts
/// HAProxy again when it was killed.
fn a_certificate_is_renewed_while_it_serves() {
    let web = Web::new("stn", 211, 90);
    let a = "lite-test-stn-a";
    let published = web.lite(&["publish", a, "--domain", "shop.example.org"]);
    assert_eq!(published.status.code(), Some(0), "{}", text(&published.stderr));
    let until = || web.host.json(&["show", a])["instances"][0]["sites"][0]["valid_until"].clone();
    let first = until();
    let watch = Watch::start(&web.host, "");
    let mut asked = 0;
    wait_for("another certificate", 90, || {
        web.asked_securely("shop.example.org", &[]).expect("served all the time");
        asked += 1;
        until() != first
    });
    assert!(asked > 10, "{asked}");
    assert!(web.asked_securely("shop.example.org", &[]).is_ok());
    let folder = web.host.folder.path().join("state/proxy");
    let files = || {
        let all = std::fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path());
        all.filter(|path| path.extension().is_some_and(|end| end == "pem")).count()
    };
    assert_eq!(files(), 1, "the old one is gone");

    let master = || {
        let all = run(Command::new("pgrep").args(["-f", &format!("haproxy -W .* {}", folder.display())]));
        text(&all.stdout).lines().next().map(str::to_owned)
    };
    run(Command::new("kill").args(["-9", &master().expect("it runs")]));
    wait_for("HAProxy", 30, || web.asked_securely("shop.example.org", &[]).is_ok());
    drop(watch);
    web.host.ok(&["delete", a, "--yes"]);
    assert!(
        Command::new("pgrep").args(["-f", &folder.display().to_string()]).output().expect("it runs").stdout.is_empty()
    );
    clean(&web.host, "after the renewal");
}

/// A process that dies while the authority looks leaves an order; the next one goes on with that, and a site is as before.
fn an_order_that_was_cut_off_goes_on() {
    let web = Web::new("sto", 115, 86_400);
    let args = ["publish", "lite-test-sto-a", "--domain", "shop.example.org"];
    // Each load passes it: the firewall's, the web front's with the site, and then with the answer to the challenge.
    assert_eq!(web.killed(&args, "effect:3"), Some(9));
    let orders = || web.pebble.log().matches("/order-plz").count();
    assert_eq!(orders(), 1, "{}", web.pebble.log());
    assert_eq!(web.lite(&args).status.code(), Some(0));
    assert_eq!(orders(), 1, "{}", web.pebble.log());
    assert!(web.asked_securely("shop.example.org", &[]).is_ok());
    let proxy = web.host.folder.path().join("state/proxy");
    let left = std::fs::read_dir(proxy)
        .expect("a folder")
        .flatten()
        .filter(|f| f.path().extension().is_some_and(|e| e == "order"));
    assert_eq!(left.count(), 0);
    web.host.ok(&["delete", "lite-test-sto-a", "--yes"]);
    clean(&web.host, "after the order");
}
