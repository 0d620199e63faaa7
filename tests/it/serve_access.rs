//! Who gets in at the console: nobody without a session, nobody from another page, nobody by another name.

use std::sync::Arc;

use lite::{
    access::session::Limits,
    app::{Caller, Right, key},
    model::{Name, Role, Scope, Via},
    web::{Needs, PAGES},
};

use crate::support::{
    api::{Key, Wish},
    furnished::furnished,
    served::{FORM, OWN, Served, status},
    world::World,
};

/// What a viewer may.
fn is_for_viewers(needs: Needs) -> bool {
    matches!(needs, Needs::Nothing | Needs::Session | Needs::Right(Right::Read) | Needs::Fresh(Right::Read))
}

#[test]
fn who_is_not_known_is_told_nothing_of_what_failed() {
    let served = Served::new();
    let cookie = served.log_in(&served.code());
    for file in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(served.world.state().join(file));
    }
    std::fs::write(served.world.state().join("state.db"), "no database").expect("written");
    let answer = served.get("/instances", &cookie);
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("This is not possible just now."), "{}", answer.body);
    for word in ["state.db", "database", served.world.state().to_str().expect("UTF-8")] {
        assert!(!answer.body.contains(word), "{word}: {}", answer.body);
    }
}

#[test]
fn every_page_is_closed_without_a_log_in_and_to_who_may_not() {
    let world = World::new();
    world.create("shop").expect("made");
    let served = Served::of(world, |_| {});
    for page in PAGES {
        let answer = served.ask(page.method, page.example, &[FORM, OWN], "");
        let wanted = match (page.needs, page.method) {
            (Needs::Nothing, "GET") => 200,
            // Without a code nobody is let in.
            (Needs::Nothing, _) => 403,
            // Without a signature there is nobody to ask.
            (Needs::Signature, _) => 404,
            (Needs::Token, _) => 401,
            (_, "GET") => 303,
            _ => 401,
        };
        assert_eq!(answer.status, wanted, "{} {} without a log-in", page.method, page.path);
        if wanted == 303 {
            assert_eq!(answer.field("location"), Some("/login"), "{}", page.path);
        }
    }
    let cookie = served.log_in(&served.add("vera", Role::Viewer, Scope::All));
    let closed = |needs| !is_for_viewers(needs) && !matches!(needs, Needs::Signature | Needs::Token);
    for page in PAGES.iter().filter(|page| closed(page.needs)) {
        let answer = match page.method {
            "GET" => served.get(page.example, &cookie),
            _ => served.post(page.example, &cookie, ""),
        };
        assert_eq!(answer.status, 403, "{} {} as a viewer", page.method, page.path);
    }
    let routes: Vec<_> = PAGES.iter().map(|page| (page.method, page.path)).collect();
    let mut each = routes.clone();
    each.sort_unstable();
    each.dedup();
    assert_eq!(each.len(), routes.len(), "a route is listed once");
}

/// Who comes in, and the secrets of contacts, are for who logged in lately: a cookie that was stolen is not enough.
#[test]
fn what_decides_who_comes_in_wants_a_log_in_of_late() {
    let decides = |path: &str| ["/access", "/users", "/contacts"].iter().any(|part| path.starts_with(part));
    let never = Limits { fresh: jiff::SignedDuration::ZERO, ..Limits::default() };
    let served = Served::of(furnished(), |options| options.sessions = never);
    let (cookie, mut count) = (served.log_in(&served.code()), 0);
    for page in PAGES.iter().filter(|page| page.method == "POST") {
        if decides(page.path) || matches!(page.needs, Needs::Fresh(_)) {
            let answer = served.post(page.example, &cookie, "action=rotate");
            assert!([400, 403].contains(&answer.status), "{}: {}", page.path, answer.status);
            assert!(answer.body.contains("the log-in is too long ago for this"), "{}: {}", page.path, answer.body);
            count += 1;
        }
    }
    assert!(count >= 4);
}

#[test]
fn a_code_logs_in_shows_the_instances_and_logs_out() {
    let world = World::new();
    world.create("shop").expect("made");
    let served = Served::of(world, |_| {});
    let code = served.code();
    let form = served.get("/login", "");
    assert_eq!(form.status, 200);
    assert!(!form.body.contains("role=\"alert\""), "{}", form.body);
    let answer = served.post("/login", "", &format!("code={}", code.to_lowercase()));
    let cookie = answer.cookie();
    let port = served.address.port();
    let token = cookie.strip_prefix(&format!("lite-{port}=")).expect("named by its port");
    let set = format!("lite-{port}={token}; Path=/; HttpOnly; SameSite=Lax");
    assert_eq!(answer.field("set-cookie"), Some(set.as_str()));
    assert_eq!(
        (served.get("/", &cookie).status, served.get("/", &cookie).field("location")),
        (303, Some("/instances"))
    );
    let page = served.get("/instances", &cookie);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<a href=\"/instances/shop\">shop</a>"), "{}", page.body);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ] {
        assert_eq!(page.field(name), Some(value), "{name}");
    }
    let again = served.post("/login", "", &format!("code={code}"));
    assert_eq!((again.status, again.field("set-cookie")), (403, None), "it counts once");
    assert!(again.body.contains("<p role=\"alert\" class=\"error\" tabindex=\"-1\">this does not log in</p>"));
    let out = served.post("/logout", &cookie, "");
    let gone = format!("lite-{port}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    assert_eq!((out.status, out.field("set-cookie")), (303, Some(gone.as_str())));
    assert_eq!(served.get("/instances", &cookie).status, 303, "its session is over");
    let audit = served.audit();
    let tail = [
        "root - login-code root done",
        "root 127.0.0.1 log-in - done",
        "- 127.0.0.1 log-in - refused",
        "root 127.0.0.1 log-out - done",
    ];
    assert_eq!(audit[audit.len() - 4..], tail.map(str::to_owned));
}

#[test]
fn a_cookie_of_another_server_on_this_host_lets_nobody_in() {
    let served = Served::new();
    let cookie = served.log_in(&served.code());
    let (_, token) = cookie.split_once('=').expect("a cookie");
    let port = served.address.port();
    for (cookies, status) in [
        (format!("other=1; {cookie}"), 200),
        (format!("lite-{}={token}", port ^ 1), 303),
        (format!("__Host-lite={token}"), 303),
        (format!("lite-{port}={}; {cookie}", "ab".repeat(32)), 303),
        (format!("{cookie}x"), 303),
        (format!("lite-{port}=\"{token}\""), 303),
    ] {
        assert_eq!(served.get("/instances", &cookies).status, status, "{cookies}");
    }
}

#[test]
fn what_is_posted_comes_from_a_page_of_this_console() {
    let served = Served::new();
    let (cookie, host) = (format!("Cookie: {}", served.log_in(&served.code())), served.address);
    let own = format!("Origin: http://{host}");
    let elsewhere: [&[&str]; 6] = [
        &[],
        &["Sec-Fetch-Site: cross-site"],
        &["Sec-Fetch-Site: same-site", &own],
        &["Origin: http://evil.example"],
        &["Origin: null"],
        &["Sec-Fetch-Site: none"],
    ];
    for path in ["/logout", "/login", "/", "/instances", "/nothing"] {
        for lines in elsewhere {
            let lines = [lines, &[FORM, &cookie]].concat();
            let answer = served.ask("POST", path, &lines, "code=x");
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (403, "this does not come from a page of this console\n")
            );
        }
    }
    assert_eq!(served.ask("GET", "/instances", &[&cookie], "").status, 200, "nobody was logged out");
    assert_eq!(served.ask("GET", "/instances", &[&cookie, "Upgrade: websocket"], "").status, 403);
    assert_eq!(
        served.ask("POST", "/logout", &[FORM, &cookie, &own], "").status,
        303,
        "an old browser sends that alone"
    );
}

#[test]
fn a_browser_calls_this_host_by_its_name() {
    let served = Served::with(|options| options.names = vec!["lite.example".to_owned()]);
    let port = served.address.port();
    let asked = |host: &str| {
        let said = served.raw(format!("GET /login HTTP/1.1\r\nConnection: close\r\n{host}\r\n").as_bytes());
        status(&said)
    };
    for own in ["127.0.0.1", "localhost", "LITE.example", "[::1]"] {
        assert_eq!(asked(&format!("Host: {own}:{port}\r\n")), Some(200), "{own}");
    }
    assert_eq!(asked("Host: localhost:9000\r\n"), Some(200), "the port of a tunnel");
    for foreign in ["evil.example", "127.0.0.1.evil.example", "192.0.2.1", "localhost@evil.example", ""] {
        assert_eq!(asked(&format!("Host: {foreign}\r\n")), Some(421), "{foreign}");
    }
    assert_eq!(asked(""), Some(421));
    assert_eq!(asked("Host: localhost\r\nHost: evil.example\r\n"), Some(421));
    let absolute =
        served.raw(b"GET http://evil.example/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&absolute), Some(421));
}

#[test]
fn the_api_is_where_a_signature_is_and_takes_no_cookie() {
    let world = World::new();
    world.create("shop").expect("made");
    let served = Served::of(world, |_| {});
    let create = key::Create { user: Name::parse("root").expect("a name"), role: None, label: String::new() };
    let made = key::create(&served.app, &Caller::root(Via::Cli), &create).expect("a key");
    let key = Key { id: made.key.id.clone(), secret: made.secret };
    let asked = |wish: &Wish| {
        let (request, body) = wish.sign(&key);
        let lines: String = request
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}\r\n", value.to_str().expect("text")))
            .collect();
        let head = format!("POST / HTTP/1.1\r\n{lines}Connection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        let said = served.raw(&[head.as_bytes(), &body].concat());
        let text = String::from_utf8_lossy(&said).into_owned();
        (status(&said), text.rsplit("\r\n\r\n").next().unwrap_or_default().to_owned())
    };
    let wish = Wish::of("GetInstanceState", r#"{"instanceName":"shop"}"#);
    assert_eq!(asked(&wish), (Some(200), r#"{"state":{"code":16,"name":"running"}}"#.to_owned()));
    let altered = Wish { body_after: Some(r#"{"instanceName":"shoq"}"#.to_owned()), ..wish.clone() };
    assert_eq!(asked(&altered).0, Some(403));
    let large = |size: usize| Wish { body: format!("{{}}{}", " ".repeat(size)), ..wish.clone() };
    assert_eq!(asked(&large(100 * 1024)).0, Some(400), "more than a form, and no instance named");
    assert_eq!(asked(&large(1600 * 1024)).0, Some(413));
    let cookie = format!("Cookie: {}", served.log_in(&served.code()));
    let target = "X-Amz-Target: Lightsail_20161128.GetInstances";
    assert_eq!(served.ask("POST", "/", &[&cookie, target], "{}").status, 403, "a cookie signs nothing");
}

#[test]
fn what_is_signed_meets_the_api_wherever_it_is_sent_and_never_the_console() {
    let served = Served::new();
    let cookie = served.log_in(&served.code());
    let signed = |service: &str| {
        let scope = format!("LITE0000000000000000/20261128/us-east-1/{service}/aws4_request");
        format!(
            "Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={}",
            "0".repeat(64)
        )
    };
    let ask = |method: &str, path: &str, service: &str| {
        let lines = [&signed(service), "X-Amz-Date: 20261128T090000Z", &format!("Cookie: {cookie}")];
        let answer = served.ask(method, path, &lines, "");
        let kind = answer.field("content-type").unwrap_or_default().to_owned();
        (answer.status, kind, answer.body.split("<RequestId>").next().unwrap_or_default().to_owned())
    };
    let told = |text: &str| {
        let error = "<ErrorResponse><Error><Type>Sender</Type><Code>UnknownOperationException</Code><Message>";
        (400, "text/xml".to_owned(), format!("{error}{text}</Message></Error>"))
    };
    let of_s3 = told("this host speaks the API of Lightsail, and not that of `s3`");
    // What `aws s3 ls`, `aws s3 ls BUCKET`, `aws s3 cp` and `aws s3 rm` send.
    for (method, path) in
        [("GET", "/"), ("GET", "/bucket?list-type=2"), ("PUT", "/bucket/key"), ("DELETE", "/bucket/key")]
    {
        assert_eq!(ask(method, path, "s3"), of_s3, "{method} {path}");
    }
    let elsewhere = told("requests of the API are `POST /`");
    for (method, path) in [("GET", "/instances"), ("POST", "/logout"), ("POST", "/nothing")] {
        assert_eq!(ask(method, path, "lightsail"), elsewhere, "{method} {path}");
    }
    assert_eq!(served.get("/instances", &cookie).status, 200, "nobody was logged out");
}

#[test]
fn only_a_proxy_that_is_trusted_says_who_came() {
    let lines = [FORM, OWN, "X-Forwarded-For: 127.0.0.1, 192.0.2.7", "X-Forwarded-Proto: https"];
    let plain = Served::new();
    let answer = plain.ask("POST", "/login", &lines, &format!("code={}", plain.code()));
    assert!(answer.cookie().starts_with("lite-"), "{answer:?}");
    let served = Served::with(|options| options.proxy = Some([127, 0, 0, 1].into()));
    let answer = served.ask("POST", "/login", &lines, &format!("code={}", served.code()));
    let set = answer.field("set-cookie").expect("a cookie");
    assert!(set.starts_with("__Host-lite=") && set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{set}");
    let last = |served: &Served| served.audit().last().cloned();
    assert_eq!(last(&plain).as_deref(), Some("root 127.0.0.1 log-in - done"));
    assert_eq!(last(&served).as_deref(), Some("root 192.0.2.7 log-in - done"));
}

#[test]
fn wrong_codes_slow_down_and_tell_nothing_of_names() {
    let served = Served::new();
    let code = served.code();
    let wrong = |form: &str| {
        let answer = served.post("/login", "", form);
        (answer.status, answer.body)
    };
    let unknown = wrong("user=nobody&password=correct+horse");
    assert_eq!(unknown, wrong("user=root&password=correct+horse"), "a name that is there is answered alike");
    assert_eq!(unknown, wrong("code=0000-0000-0000-0000"));
    // What somebody typed is in no answer and no row.
    let hostile = "user=%0d%0aSet-Cookie:+x%3d1%1b%5b2J<script>&password=hunter2hunter2";
    assert_eq!(unknown, wrong(hostile));
    assert_eq!(unknown, wrong("code=x"));
    assert_eq!(wrong(&format!("code={code}")).0, 429, "the right one has to wait too");
    let audit = served.audit();
    let refused = |resource: &str| format!("- 127.0.0.1 log-in {resource} refused");
    let rows = ["-", "root", "-", "-", "-"].map(refused);
    assert_eq!(audit[audit.len() - 5..], rows);
    let database = Arc::new(std::fs::read(served.world.state().join("state.db")).expect("read"));
    assert!(!database.windows(7).any(|w| w == b"hunter2"));
}
