//! A server on a free port of this host, over the double, and a client of a few lines that sends what it is told to.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use lite::{
    access::password::Cost,
    app::{
        App, Caller,
        audit::{self, Filter},
        user,
    },
    clock::SystemClock,
    model::{Name, Role, Scope, Unobserved, Via},
    serve::{Options, Server},
};
use tokio::{runtime::Runtime, sync::watch};

use super::{html, world::World};

/// How long a client waits for an answer before a test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Served {
    pub world: World,
    pub app: App,
    pub address: SocketAddr,
    /// Set, nothing is let in any more.
    pub closing: Arc<AtomicBool>,
    stop: watch::Sender<bool>,
    serving: Option<tokio::task::JoinHandle<()>>,
    runtime: Runtime,
}

/// An answer: its status, the lines of its head, and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub head: Vec<String>,
    pub body: String,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.split("\r\n").map(str::to_owned);
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        // The one entity that templates write for a sign which needs none: read as a browser reads it.
        Self { status, head: lines.collect(), body: body.replace("&#x2f;", "/") }
    }

    /// A field of the head.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The cookie that is set, as it is sent back.
    pub fn cookie(&self) -> String {
        self.field("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie").to_owned()
    }
}

impl Served {
    /// With these changes to what is usual.
    pub fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::of(World::new(), change)
    }

    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn of(world: World, change: impl FnOnce(&mut Options)) -> Self {
        drop(world.engine());
        let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
        let mut options = Options { cost: Cost::LEAST, ..Options::usual(([127, 0, 0, 1], 0).into()) };
        change(&mut options);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
        let server = runtime.block_on(Server::bind(app.clone(), options)).expect("listens");
        let (address, closing, (stop, stopped)) = (server.address, server.closing(), watch::channel(false));
        let serving = Some(runtime.spawn(server.run(stopped)));
        Self { world, app, address, closing, stop, serving, runtime }
    }

    /// Tells it to stop, and waits until it has.
    pub fn stop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(serving) = self.serving.take() {
            self.runtime.block_on(serving).expect("ended");
        }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        stream
    }

    /// What the server says to these bytes until it closes the connection; it may hang up before all is sent.
    pub fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        let _ = stream.write_all(bytes);
        rest(&mut stream)
    }

    /// The answer to one request: `lines` are what stands in its head beside `Host`.
    pub fn ask(&self, method: &str, path: &str, lines: &[&str], body: &str) -> Answer {
        Answer::parse(&self.raw(request(self.address, method, path, lines, body).as_bytes()))
    }

    pub fn get(&self, path: &str, cookie: &str) -> Answer {
        self.ask("GET", path, &[&format!("Cookie: {cookie}")], "")
    }

    /// A form, as a page of the console sends it.
    pub fn post(&self, path: &str, cookie: &str, form: &str) -> Answer {
        let lines = [FORM, OWN, &format!("Cookie: {cookie}")];
        self.ask("POST", path, &lines, form)
    }

    /// A code for `root`.
    pub fn code(&self) -> String {
        user::log_in(&self.app, &Caller::root(Via::Cli), &name("root")).expect("made").code
    }

    /// A code for a new user.
    pub fn add(&self, user: &str, role: Role, scope: Scope) -> String {
        let add = user::Add { name: name(user), role, scope, dry_run: false };
        user::add(&self.app, &Caller::root(Via::Cli), &add, &mut Unobserved).expect("added").expect("a code").code
    }

    /// The cookie of whoever has a code.
    pub fn log_in(&self, code: &str) -> String {
        let answer = self.post("/login", "", &format!("code={code}"));
        assert_eq!((answer.status, answer.field("location")), (303, Some("/")), "{answer:?}");
        answer.cookie()
    }

    /// The cookie of `root`.
    pub fn root(&self) -> String {
        self.log_in(&self.code())
    }

    /// Sends a form that is taken, and waits until what it began has succeeded; gives where it led.
    pub fn does(&self, path: &str, cookie: &str, form: &str) -> String {
        let answer = self.post(path, cookie, form);
        let to = answer.field("location").unwrap_or_else(|| panic!("{path} {form}: {answer:?}")).to_owned();
        if to.starts_with("/operations/op-") {
            let page = self.ended(&to, cookie);
            assert!(page.contains("</span>succeeded</span>"), "{path} {form}: {page}");
        }
        to
    }

    /// Waits until an operation has ended, and gives its page.
    pub fn ended(&self, path: &str, cookie: &str) -> String {
        for _ in 0..600 {
            let page = self.get(path, cookie).body;
            if !page.contains("</span>started</span>") {
                return page;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{path} does not end");
    }

    /// Sends a form that is refused; gives what is wrong, each as `FIELD: TEXT`.
    pub fn refuses(&self, path: &str, cookie: &str, form: &str) -> Vec<String> {
        let answer = self.post(path, cookie, form);
        assert_eq!(answer.status, 400, "{path} {form}: {answer:?}");
        let one = |fault: &&str| {
            let field = fault.strip_prefix("<a href=\"#f-").and_then(|rest| rest.split('"').next()).unwrap_or("-");
            let text = fault.split("<br>").next().unwrap_or_default();
            let text = text.split_once("\">").map_or(text, |(_, text)| text).trim_end_matches("</a>");
            format!("{field}: {}", text.replace("<code>", "`").replace("</code>", "`"))
        };
        html::faults(&answer.body).iter().map(one).collect()
    }

    /// Who did what, and what came of it.
    pub fn audit(&self) -> Vec<String> {
        let filter = Filter { limit: 100, ..Filter::default() };
        let all = audit::list(&self.app, &Caller::root(Via::Cli), &filter, &mut Unobserved).expect("the audit");
        all.iter()
            .map(|row| {
                let address = row.address.map_or("-".to_owned(), |address| address.to_string());
                let resource = row.resource.as_deref().unwrap_or("-");
                format!("{} {address} {} {resource} {}", row.actor, row.action, row.outcome)
            })
            .collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The kind of a form.
pub const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
/// What a browser adds on a page of the console.
pub const OWN: &str = "Sec-Fetch-Site: same-origin";

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// One request on a connection that is to end with its answer.
pub fn request(host: SocketAddr, method: &str, path: &str, lines: &[&str], body: &str) -> String {
    let more: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}{length}\r\n{body}")
}

/// What comes until the connection is closed.
pub fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => return bytes,
            Ok(n) => bytes.extend_from_slice(&part[..n]),
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return bytes,
            // A process that another test of this one started may end meanwhile, which is told by a signal.
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => panic!("the server went on without a word: {e}"),
        }
    }
}

/// The status of what a server said; none: it said nothing.
pub fn status(said: &[u8]) -> Option<u16> {
    std::str::from_utf8(said.get(..12)?).ok()?.strip_prefix("HTTP/1.1 ")?.parse().ok()
}
