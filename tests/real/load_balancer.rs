//! Load balancers: HAProxy on a port of the host, namespaces with web servers in the place of guests.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::support::{
    guest_net::{Beside, GuestNet},
    host::{Host, needs_host, text},
    idle::{clean, created, idle_host},
    need,
    watch::{Watch, wait_for},
};

crate::tests![a_load_balancer_spreads_requests_and_lets_visitors_finish];
crate::tests!(NETWORK: what_a_load_balancer_does_is_counted);

const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/web.py");

/// A host with two instances that are off, and a web server in the place of each.
struct Balanced {
    host: Host,
    /// The port of the host that the load balancer has.
    port: &'static str,
    names: [String; 2],
    guests: [GuestNet; 2],
    servers: [Option<Beside>; 2],
}

impl Balanced {
    fn new(tag: &str, third: u8, port: &'static str) -> Self {
        needs_host();
        need::programs(&["haproxy", "curl"]);
        let host = idle_host(tag, third);
        let names = ["a", "b"].map(|letter| format!("lite-test-{tag}-{letter}"));
        let guests = [0, 1].map(|n| {
            let name = &names[n];
            created(&host, name);
            host.ok(&["stop", name, "--force", "--timeout", "1s"]);
            host.ok(&["firewall", name, "open", "80"]);
            GuestNet::of(&host, name, &host.subnet.replace(".0/24", &format!(".{}", 10 + n)))
        });
        let servers = [0, 1].map(|n| Some(serve(&guests[n])));
        Self { host, port, names, guests, servers }
    }

    /// The states of its instances, as `show` tells them.
    fn states(&self) -> Vec<String> {
        let shown = self.host.json(&["lb", "show", "shop"]);
        let targets = shown["load_balancers"][0]["targets"].as_array().expect("targets").clone();
        targets.iter().map(|target| target["state"].as_str().expect("a state").to_owned()).collect()
    }

    fn await_states(&self, states: &[&str]) {
        wait_for(&states.join(" and "), 15, || self.states() == states);
    }

    /// The address of the instance that answers a new visitor.
    fn visited(&self, more: &[&str]) -> String {
        self.curl(&[&["-w", "%header{x-answered-by}", "-o", "/dev/null"], more].concat(), "/")
    }

    /// The status that a path of the load balancer is answered with.
    fn status(&self, path: &str) -> String {
        self.curl(&["-o", "/dev/null", "-w", "%{http_code}"], path)
    }

    /// What `curl` prints of a path of the load balancer.
    fn curl(&self, args: &[&str], path: &str) -> String {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let out =
            Command::new("curl").args(["-sS", "--max-time", "10"]).args(args).arg(url).output().expect("curl runs");
        text(&out.stdout)
    }

    /// The latest value of a metric of the load balancer.
    fn metric(&self, name: &str) -> Option<f64> {
        let all = self.host.json(&["metrics", "shop"]);
        let all = all["metrics"].as_array().expect("metrics").clone();
        all.iter().find(|metric| metric["metric"] == name)?["value"].as_f64()
    }

    /// The instances that answer ten new visitors.
    fn visited_by_ten(&self) -> BTreeSet<String> {
        (0..10).map(|_| self.visited(&[])).collect()
    }
}

fn serve(guest: &GuestNet) -> Beside {
    Beside::start(guest.program("python3", &[WEB, "80"]))
}

/// A WebSocket that is open, for which an instance works until it is closed.
fn websocket(port: &str, cookie: &str) -> TcpStream {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("connected");
    let request = format!(
        "GET / HTTP/1.1\r\nHost: shop\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: {cookie}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut line = String::new();
    BufReader::new(stream.try_clone().expect("another handle")).read_line(&mut line).expect("answered");
    assert_eq!(line, "HTTP/1.1 101 Switching Protocols\r\n");
    stream
}

/// A `lite` that runs beside the test.
fn beside(host: &Host, args: &[&str]) -> Child {
    host.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("lite runs")
}

fn a_load_balancer_spreads_requests_and_lets_visitors_finish() {
    let mut own = Balanced::new("lbs", 120, "8127");
    let names = own.names.clone();
    let ([a, b], port) = (names.each_ref().map(String::as_str), own.port);
    let [at_a, at_b] = [0, 1].map(|n: usize| own.guests[n].address.clone());
    own.host.ok(&["lb", "create", "shop", "--listen", port, "--sticky"]);
    assert_eq!(own.status("/"), "503", "without instances");
    own.host.ok(&["lb", "attach", "shop", a, b]);
    own.await_states(&["healthy", "healthy"]);
    assert_eq!(own.visited_by_ten(), BTreeSet::from([at_a.clone(), at_b.clone()]));

    // One is killed under load: no request fails, and it is healthy again once it answers.
    let url = format!("http://127.0.0.1:{port}/[1-1500]");
    let load = ["-sS", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code}\n", &url];
    let mut load = Command::new("curl").args(load).stdout(Stdio::piped()).spawn().expect("curl runs");
    let mut answers = BufReader::new(load.stdout.take().expect("a pipe")).lines().map(|line| line.expect("read"));
    let mut codes: Vec<String> = answers.by_ref().take(200).collect();
    own.servers[0] = None;
    codes.extend(answers);
    load.wait().expect("ended");
    assert_eq!(codes, vec!["200"; 1500]);
    // An instance that was stopped is off, not unhealthy.
    own.await_states(&["off", "healthy"]);
    own.servers[0] = Some(serve(&own.guests[0]));
    own.await_states(&["healthy", "healthy"]);

    // A visitor stays with the instance that answered first, also while that drains, where nobody new comes.
    let jar = own.host.folder.path().join("cookies").display().to_string();
    let first = own.visited(&["-c", &jar]);
    let (leaving, stays) = if first == at_a { (a, &at_b) } else { (b, &at_a) };
    let held = websocket(own.port, &cookie(&jar));
    assert_eq!((0..6).map(|_| own.visited(&["-b", &jar])).collect::<BTreeSet<_>>(), BTreeSet::from([first.clone()]));
    let mut detach = beside(&own.host, &["lb", "detach", "shop", leaving, "--drain", "4s"]);
    wait_for("draining", 10, || own.states().contains(&"draining".to_owned()));
    assert_eq!((own.visited_by_ten(), own.visited(&["-b", &jar])), (BTreeSet::from([stays.clone()]), first));
    let mut said = String::new();
    detach.stderr.take().expect("a pipe").read_to_string(&mut said).expect("read");
    assert!(detach.wait().expect("ended").success());
    assert_eq!(said, "1 connections were not done in time, and were ended\n");
    assert_eq!((&held).read(&mut [0; 1]).expect("closed"), 0);
    assert_eq!(&own.visited(&["-b", &jar]), stays, "the cookie of one that is gone");
    assert_eq!(own.states().len(), 1);

    let [gone, last] = if leaving == a { [a, b] } else { [b, a] };
    let error = own.host.fails(2, &["lb", "detach", "shop", gone]);
    assert!(error.starts_with(&format!("error: instance `{gone}` is not behind load balancer `shop`\n")), "{error}");
    let error = own.host.fails(2, &["publish", last, &format!("80:{port}")]);
    assert!(error.starts_with(&format!("error: `{port}/tcp` of this host leads to load balancer `shop`\n")), "{error}");
    // A delete of the instance says what it was behind.
    let receipt = own.host.json(&["delete", last, "--yes"]);
    let removed = receipt["receipts"][0]["removed"].as_array().expect("a list").clone();
    assert!(removed.contains(&"target of load balancer `shop`".into()), "{removed:?}");
    assert_eq!(own.status("/"), "503");
    own.host.ok(&["lb", "delete", "shop"]);
    assert!(std::net::TcpListener::bind(format!("0.0.0.0:{port}")).is_ok(), "the port is free");
    own.host.ok(&["delete", gone, "--yes"]);
    clean(&own.host, "after the load balancer");
}

/// Instances and answers are counted by the watcher, the load balancer's own answers apart from those of instances, and no
/// request twice or not at all where HAProxy is reloaded; an alarm fires.
fn what_a_load_balancer_does_is_counted() {
    let mut own = Balanced::new("lbm", 121, "8129");
    own.host.ok(&["lb", "create", "shop", "--listen", own.port]);
    own.host.ok(&["lb", "attach", "shop", &own.names[0], &own.names[1]]);
    own.await_states(&["healthy", "healthy"]);
    let alarm =
        ["alarm", "put", "shop", "--metric", "HealthyHostCount", "--when", "<1", "--datapoints", "1", "--of", "1"];
    own.host.ok(&alarm);
    let watch = Watch::start(&own.host, "");
    let counts = |own: &Balanced| {
        let names = ["HealthyHostCount", "UnhealthyHostCount", "HTTPCode_LB_4XX_Count", "HTTPCode_Instance_5XX_Count"];
        names.map(|name| own.metric(name))
    };
    // What was before the watcher's first look is nobody's.
    wait_for("a first minute", 90, || own.metric("HealthyHostCount").is_some());
    let mut sent = 0;
    let mut ask = |own: &Balanced, path: &str, status: &str, count: u64| {
        (0..count).for_each(|_| assert_eq!(own.status(path), status));
        sent += count;
    };
    ask(&own, "/status/404", "404", 10);
    own.host.ok(&["lb", "create", "other", "--listen", "8130"]);
    ask(&own, "/", "200", 10);
    own.host.ok(&["lb", "delete", "other"]);
    wait_for("answers of instances", 90, || {
        ask(&own, "/status/404", "404", 1);
        own.metric("HTTPCode_Instance_4XX_Count").is_some_and(|count| count > 0.0)
    });
    assert_eq!(counts(&own), [Some(2.0), Some(0.0), Some(0.0), Some(0.0)]);
    assert!(own.metric("InstanceResponseTime").is_some_and(|seconds| seconds < 1.0));
    own.servers = [None, None];
    own.await_states(&["off", "off"]);
    let state = |own: &Balanced| own.host.json(&["alarm", "list", "shop"])["alarms"][0]["state"].clone();
    assert_eq!(state(&own), "OK");
    wait_for("answers of its own", 90, || {
        ask(&own, "/", "503", 1);
        own.metric("HTTPCode_LB_5XX_Count").is_some_and(|count| count > 0.0)
            && own.metric("HealthyHostCount") == Some(0.0)
    });
    assert_eq!(counts(&own), [Some(0.0), Some(2.0), Some(0.0), Some(0.0)]);
    assert_eq!(state(&own), "ALARM");
    let points = own.host.json(&["metrics", "shop", "--metric", "RequestCount", "--since", "1h"]);
    assert_eq!((&points["instance"], &points["unit"]), (&"shop".into(), &"count".into()));
    let counted = || {
        let points = own.host.json(&["metrics", "shop", "--metric", "RequestCount", "--since", "1h"]);
        points["points"].as_array().expect("points").iter().filter_map(|p| p["sum"].as_f64()).sum::<f64>()
    };
    // A minute is closed once it is over.
    let end = Instant::now() + Duration::from_secs(90);
    while counted() < sent as f64 && Instant::now() < end {
        sleep(Duration::from_millis(500));
    }
    assert_eq!(counted(), sent as f64, "each request, once");
    let error = own.host.fails(2, &["metrics", "shop", "--metric", "CPUUtilization"]);
    assert!(
        error.starts_with("error: `CPUUtilization` is a metric of instances, and `shop` is none of them\n"),
        "{error}"
    );
    drop(watch);
    own.host.ok(&["lb", "delete", "shop"]);
    own.names.iter().for_each(|name| drop(own.host.ok(&["delete", name, "--yes"])));
    clean(&own.host, "after the counts");
}

/// The cookie of a load balancer in a jar of curl's.
fn cookie(jar: &str) -> String {
    let jar = std::fs::read_to_string(jar).expect("a jar");
    let line = jar.lines().find(|line| line.contains("\tLITELB\t")).expect("a cookie");
    format!("LITELB={}", line.rsplit('\t').next().expect("a value"))
}
