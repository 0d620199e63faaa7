//! Terminals over WebSocket: the serial console, which many watch and one types into, and ssh.

use std::{fs::OpenOptions, io::Write, path::PathBuf, sync::atomic::Ordering, time::Duration};

use lite::{
    app::{
        Caller,
        instance::{console, tag},
        user,
    },
    hypervisor::prelude::*,
    model::{Name, Role, Scope, Tag, Unobserved, Via},
};
use tungstenite::{
    Message,
    error::{Error, ProtocolError},
};

use crate::support::{
    html::part,
    served::{self, Served},
    terminal::{OWN, Terminal},
    world::World,
};

const CONSOLE: &str = "/instances/shop/console/stream";
const SSH: &str = "/instances/shop/ssh/stream";

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// A server with an instance that runs, and where that one's console is recorded.
fn shop() -> (Served, PathBuf) {
    let world = World::new();
    let record = world.create("shop").expect("made").record;
    let log = world.names(&record.name, record.uuid).console_log.into();
    (Served::of(world, |_| {}), log)
}

fn append(log: &PathBuf, text: &[u8]) {
    let mut file = OpenOptions::new().create(true).append(true).open(log).expect("a log");
    file.write_all(text).expect("written");
}

fn keyboard(holder: &str, own: bool) -> String {
    format!("{{\"keyboard\":{{\"holder\":{holder},\"own\":{own}}}}}")
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1200 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("{what}");
}

/// What the audit has of terminals.
fn rows(served: &Served) -> Vec<String> {
    let of = |row: &String| row.contains(" console") || row.contains(" ssh");
    served.audit().into_iter().filter(of).collect()
}

#[test]
fn a_console_is_watched_by_many_and_one_types() {
    let (served, log) = shop();
    append(&log, &[&[b'.'; 70_000][..], b"\r\nbooted\r\n"].concat());
    let (root, anna) = (served.log_in(&served.code()), served.log_in(&served.add("anna", Role::Operator, Scope::All)));
    let [mut first, mut second] = [&root, &anna].map(|cookie| {
        let mut terminal = Terminal::own(served.address, CONSOLE, cookie);
        let (mut before, mut told) = (Vec::new(), Vec::new());
        while !before.ends_with(b"booted\r\n") || told.is_empty() {
            match terminal.next() {
                Message::Binary(bytes) => before.extend_from_slice(&bytes),
                message => told.push(message.to_string()),
            }
        }
        assert_eq!((before.len(), told), (64 << 10, vec![keyboard("null", false)]), "the end of what it said before");
        terminal
    });
    append(&log, b"login: ");
    assert_eq!((first.shows("login: "), second.shows("login: ")), (b"login: ".to_vec(), b"login: ".to_vec()));

    let uuid = served.world.engine().store.require(&name("shop")).expect("there").record.uuid;
    let typed = || String::from_utf8(served.world.hypervisor.inner().typed(uuid)).expect("text");
    second.types("nobody has the keyboard");
    first.asks("\"take\"");
    assert_eq!((first.told(), second.told()), (keyboard("\"root\"", true), keyboard("\"root\"", false)));
    second.types("nor has anna");
    first.types("ls\r");
    until("the guest gets it", || typed() == "ls\r");
    second.asks("\"take\"");
    assert_eq!((first.told(), second.told()), (keyboard("\"anna\"", false), keyboard("\"anna\"", true)));
    first.types("root no longer");
    second.types("w\r");
    until("the guest gets it", || typed() == "ls\rw\r");
    second.asks("\"give\"");
    assert_eq!((first.told(), second.told()), (keyboard("null", false), keyboard("null", false)));

    let held = console::open(&served.app, &Caller::root(Via::Cli), &name("shop"), &mut Unobserved).expect("opened");
    first.asks("\"take\"");
    assert_eq!(first.told(), "{\"note\":\"somebody else has this console open\"}");
    drop(held);
    first.asks("\"take\"");
    assert_eq!((first.told(), second.told()), (keyboard("\"root\"", true), keyboard("\"root\"", false)));
    drop(first);
    assert_eq!(second.told(), keyboard("null", false), "whoever leaves gives it back");
    append(&log, b"Power down.\r\n");
    assert_eq!(second.shows("down.\r\n"), b"Power down.\r\n");
    served.world.hypervisor.destroy(uuid).expect("switched off");
    assert_eq!(second.end(), "{\"end\":\"the guest has stopped\"}");

    until("its end is in the audit", || rows(&served).len() == 9);
    let (begin, end) = (|who| format!("{who} console shop done"), |who| format!("{who} console-end shop done"));
    let (root, anna) = ("root 127.0.0.1", "anna 127.0.0.1");
    let wanted = [
        begin(root),
        begin(anna),
        begin(root),
        begin(anna),
        begin("root -"),
        // It is told before the console is opened, which somebody had.
        begin(root),
        begin(root),
        end(root),
        end(anna),
    ];
    assert_eq!(rows(&served), wanted);
}

#[test]
fn without_scripts_the_page_shows_the_log_and_starts_what_is_off() {
    let (served, log) = shop();
    let cookie = served.log_in(&served.code());
    let page = served.get("/instances/shop/console", &cookie);
    assert!(page.body.contains("<p id=\"log\">It has said nothing yet.</p>"), "{}", page.body);
    append(&log, b"\x1b[0;32mOK\x1b[0m <b>\r\n\x1b]0;title\x07login: ");
    let page = served.get("/instances/shop/console", &cookie);
    let said = |page: &str| part(page, "aria-label=\"What the console said\">", "</pre>").to_owned();
    assert_eq!(said(&page.body), "OK &lt;b&gt;\nlogin: ");
    let nonce = part(&page.body, "\" nonce=\"", "\"");
    let policy = page.field("content-security-policy").expect("a policy");
    assert_eq!((nonce.len(), part(policy, "style-src ", ";")), (32, format!("'self' 'nonce-{nonce}'").as_str()));
    let again = served.get("/instances/shop/console", &cookie);
    assert_ne!(part(&again.body, "\" nonce=\"", "\""), nonce, "each has its own");
    let uuid = served.world.engine().store.require(&name("shop")).expect("there").record.uuid;
    served.world.hypervisor.destroy(uuid).expect("switched off");
    let off = served.get("/instances/shop/console", &cookie).body;
    assert_eq!(said(&off), "OK &lt;b&gt;\nlogin: ");
    assert!(off.contains("<button name=\"action\" value=\"start\">Start</button>") && !off.contains("nonce"), "{off}");
    let mut stopped = Terminal::own(served.address, CONSOLE, &cookie);
    let why = "instance `shop` is not running; start it: `lite start shop`; what it said before: `lite logs shop`";
    assert_eq!(stopped.end(), format!("{{\"end\":\"{why}\"}}"));
    assert_eq!(rows(&served), Vec::<String>::new());
}

#[test]
fn who_may_not_opens_no_terminal() {
    let (served, _log) = shop();
    let tagged = tag::Retag {
        name: name("shop"),
        set: vec![Tag::parse("client=beta").expect("a tag")],
        remove: vec![],
        wait: false,
        dry_run: false,
    };
    tag::change(&served.app, &Caller::root(Via::Cli), &tagged, &mut Unobserved).expect("tagged");
    let scope = |text: &str| Scope::parse(text).expect("a scope");
    let viewer = served.log_in(&served.add("vera", Role::Viewer, Scope::All));
    let other = served.log_in(&served.add("olga", Role::Operator, scope("client=acme")));
    let own = served.log_in(&served.add("bert", Role::Operator, scope("client=beta")));
    for path in [CONSOLE, SSH] {
        let refused = |cookie: &str, origin| Terminal::open(served.address, path, cookie, origin).map(drop);
        assert_eq!(refused("", OWN), Err(303), "no log-in");
        assert_eq!(refused(&viewer, OWN), Err(403), "a viewer");
        let host = served.address;
        for elsewhere in [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Origin", "http://evil.example"),
            ("X-Nothing", "here"),
        ] {
            assert_eq!(refused(&own, elsewhere), Err(403), "{elsewhere:?}");
        }
        assert!(Terminal::open(served.address, path, &own, ("Origin", &format!("http://{host}"))).is_ok());
        let mut hidden = Terminal::own(served.address, path, &other);
        let absent = Terminal::own(served.address, &path.replace("shop", "absent"), &other).end();
        assert_eq!(hidden.end().replace("shop", "absent"), absent);
        assert_eq!(absent, "{\"end\":\"there is no instance `absent`; `lite list` shows all instances\"}");
        assert_eq!(served.get(path, &own).status, 404, "it is no page");
    }
    for page in ["/instances/shop/console", "/instances/shop/ssh"] {
        let status = |cookie: &str| served.get(page, cookie).status;
        assert_eq!((status(&viewer), status(&other), status(&own)), (403, 404, 200), "{page}");
    }
}

#[test]
fn a_terminal_ends_with_its_session_its_rights_and_the_server() {
    let (served, _log) = shop();
    let root = Caller::root(Via::Cli);
    let opened = |cookie: &str| {
        let mut terminal = Terminal::own(served.address, CONSOLE, cookie);
        assert_eq!(terminal.told(), keyboard("null", false));
        terminal
    };
    let over = "{\"end\":\"the session is over\"}";
    let mut anna = opened(&served.log_in(&served.add("anna", Role::Operator, Scope::All)));
    user::log_out(&served.app, &root, &name("anna")).expect("logged out");
    assert_eq!(anna.end(), over);
    let mut bert = opened(&served.log_in(&served.add("bert", Role::Operator, Scope::All)));
    user::change(
        &served.app,
        &root,
        &name("bert"),
        &user::Change { role: Some(Role::Viewer), ..user::Change::default() },
    )
    .expect("a viewer");
    assert_eq!(bert.end(), over);
    let cookie = served.log_in(&served.code());
    let mut own = opened(&cookie);
    assert_eq!(served.post("/logout", &cookie, "").status, 303);
    assert_eq!(own.end(), over);
    let cookie = served.log_in(&served.code());
    let mut last = opened(&cookie);
    served.closing.store(true, Ordering::Relaxed);
    assert_eq!(last.end(), "{\"end\":\"the server stops\"}");
    until("each has its end in the audit", || rows(&served).len() == 8);
}

#[test]
fn what_is_not_spoken_and_one_terminal_too_many_are_told_of() {
    let (served, _log) = shop();
    let cookie = served.log_in(&served.code());
    for wrong in ["{\"size\":[80]}", "rm", "[]"] {
        let mut terminal = Terminal::own(served.address, CONSOLE, &cookie);
        assert_eq!(terminal.told(), keyboard("null", false));
        terminal.asks(wrong);
        assert_eq!(terminal.end(), "{\"end\":\"this is not spoken here\"}", "{wrong}");
    }
    let mut long = Terminal::own(served.address, CONSOLE, &cookie);
    assert_eq!(long.told(), keyboard("null", false));
    long.0.send(Message::binary(vec![b'x'; 100_000])).expect("sent");
    let hung_up = |e: &Error| {
        matches!(
            e,
            Error::Io(_) | Error::ConnectionClosed | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        )
    };
    assert!(long.0.read().as_ref().is_err_and(hung_up), "a message has 64 KiB at most");
    until("they are gone", || rows(&served).len() == 8);
    let all: Vec<_> = (0..32)
        .map(|_| {
            let mut terminal = Terminal::own(served.address, CONSOLE, &cookie);
            assert_eq!(terminal.told(), keyboard("null", false));
            terminal
        })
        .collect();
    let mut more = Terminal::own(served.address, CONSOLE, &cookie);
    assert_eq!(more.end(), "{\"end\":\"too many terminals are open; close one of them\"}");
    drop(all);
}

#[test]
fn ssh_has_a_terminal_of_its_own_and_its_end_is_told() {
    let (served, _log) = shop();
    let cookie = served.log_in(&served.code());
    let mut ssh = Terminal::own(served.address, SSH, &cookie);
    ssh.asks("{\"size\":[132,50]}");
    // The double's guests are nowhere: ssh itself says so, on its terminal.
    assert_eq!(ssh.end(), "{\"end\":\"the connection has ended\"}");
    until("its end is in the audit", || rows(&served).len() == 2);
    assert_eq!(rows(&served), ["root 127.0.0.1 ssh shop done", "root 127.0.0.1 ssh-end shop done"]);
}

/// What a browser gets, compressed, of a page and all that it loads.
fn weight(served: &Served, cookie: &str, page: &str) -> (usize, usize) {
    let fetch = |path: &str| {
        let lines = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {cookie}\r\nAccept-Encoding: gzip\r\n\r\n",
            served.address
        );
        let answer = served.raw(lines.as_bytes());
        assert!(
            answer.windows(24).any(|part| part.eq_ignore_ascii_case(b"\r\nContent-Encoding: gzip"))
                || answer.len() < 2048
        );
        answer.len()
    };
    let plain = served.get(page, cookie).body;
    let all: Vec<&str> = plain.split("\"/assets/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let of = all.iter().map(|asset| fetch(&format!("/assets/{asset}"))).sum::<usize>();
    (fetch(page) + of, all.len() + 1)
}

#[test]
fn a_page_is_no_heavier_than_it_may_be() {
    let (served, log) = shop();
    append(&log, &b"[  OK  ] Started something that has a name of some length.\r\n".repeat(1100));
    let cookie = served.log_in(&served.code());
    for (page, most, requests) in
        [("/instances", 45_000, 6), ("/instances/shop/console", 175_000, 8), ("/instances/shop/ssh", 175_000, 8)]
    {
        let (bytes, asked) = weight(&served, &cookie, page);
        println!("{page}: {bytes} bytes by {asked} requests");
        assert!(bytes <= most && asked <= requests, "{page}: {bytes} bytes by {asked} requests");
    }
    let secret = served.ask(
        "POST",
        "/instances/shop/secrets",
        &["Accept-Encoding: gzip", served::OWN, &format!("Cookie: {cookie}")],
        "",
    );
    assert_eq!((secret.status, secret.field("content-encoding")), (200, None), "a page with secrets is not compressed");
}
