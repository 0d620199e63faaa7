//! Load balancers: HAProxy on a port of the host, namespaces with web servers in the place of guests.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use crate::support::{
    guest_net::{Beside, GuestNet},
    host::{Host, needs_host, text},
    idle::{clean, created, idle_host},
    skip::skip,
    watch::wait_for,
};

crate::tests![a_load_balancer_spreads_requests_and_lets_visitors_finish];

const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/web.py");
const PORT: &str = "8127";

/// A host with two instances that are off, and a web server in the place of each.
struct Balanced {
    host: Host,
    guests: [GuestNet; 2],
    servers: [Option<Beside>; 2],
}

impl Balanced {
    const NAMES: [&str; 2] = ["lite-test-lbs-a", "lite-test-lbs-b"];

    fn new() -> Self {
        needs_host();
        for program in ["haproxy", "curl"] {
            if Command::new(program).arg("-V").output().is_err() {
                skip(format!("{program} is not installed"));
            }
        }
        let host = idle_host("lbs", 120);
        let guests = [0, 1].map(|n| {
            let name = Self::NAMES[n];
            created(&host, name);
            host.ok(&["stop", name, "--force", "--timeout", "1s"]);
            host.ok(&["firewall", name, "open", "80"]);
            GuestNet::of(&host, name, &host.subnet.replace(".0/24", &format!(".{}", 10 + n)))
        });
        let servers = [0, 1].map(|n| Some(serve(&guests[n])));
        Self { host, guests, servers }
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
        curl(&[&["-w", "%header{x-answered-by}", "-o", "/dev/null"], more].concat(), "/")
    }

    /// The instances that answer ten new visitors.
    fn visited_by_ten(&self) -> BTreeSet<String> {
        (0..10).map(|_| self.visited(&[])).collect()
    }
}

fn serve(guest: &GuestNet) -> Beside {
    Beside::start(guest.program("python3", &[WEB, "80"]))
}

/// What `curl` prints of a path of the load balancer.
fn curl(args: &[&str], path: &str) -> String {
    let url = format!("http://127.0.0.1:{PORT}{path}");
    let out = Command::new("curl").args(["-sS", "--max-time", "10"]).args(args).arg(url).output().expect("curl runs");
    text(&out.stdout)
}

/// A WebSocket that is open, for which an instance works until it is closed.
fn websocket(cookie: &str) -> TcpStream {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{PORT}")).expect("connected");
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
    let mut own = Balanced::new();
    let [a, b] = Balanced::NAMES;
    let [at_a, at_b] = [0, 1].map(|n: usize| own.guests[n].address.clone());
    own.host.ok(&["lb", "create", "shop", "--listen", PORT, "--sticky"]);
    assert_eq!(curl(&["-o", "/dev/null", "-w", "%{http_code}"], "/"), "503", "without instances");
    own.host.ok(&["lb", "attach", "shop", a, b]);
    own.await_states(&["healthy", "healthy"]);
    assert_eq!(own.visited_by_ten(), BTreeSet::from([at_a.clone(), at_b.clone()]));

    // One is killed under load: no request fails, and it is healthy again once it answers.
    let url = format!("http://127.0.0.1:{PORT}/[1-1500]");
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
    let held = websocket(&cookie(&jar));
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
    let error = own.host.fails(2, &["publish", last, &format!("80:{PORT}")]);
    assert!(error.starts_with(&format!("error: `{PORT}/tcp` of this host leads to load balancer `shop`\n")), "{error}");
    // A delete of the instance says what it was behind.
    let receipt = own.host.json(&["delete", last, "--yes"]);
    let removed = receipt["receipts"][0]["removed"].as_array().expect("a list").clone();
    assert!(removed.contains(&"target of load balancer `shop`".into()), "{removed:?}");
    assert_eq!(curl(&["-o", "/dev/null", "-w", "%{http_code}"], "/"), "503");
    own.host.ok(&["lb", "delete", "shop"]);
    assert!(std::net::TcpListener::bind(format!("0.0.0.0:{PORT}")).is_ok(), "the port is free");
    own.host.ok(&["delete", gone, "--yes"]);
    clean(&own.host, "after the load balancer");
}

/// The cookie of a load balancer in a jar of curl's.
fn cookie(jar: &str) -> String {
    let jar = std::fs::read_to_string(jar).expect("a jar");
    let line = jar.lines().find(|line| line.contains("\tLITELB\t")).expect("a cookie");
    format!("LITELB={}", line.rsplit('\t').next().expect("a value"))
}
