//! `/metrics` of the console: for a token, which reads what its user sees and nothing else.

use lite::{
    app::{Caller, key, user},
    engine,
    model::{Metric, Name, Point, Role, Scope, Tag, Unobserved, Via},
    store::metrics::{MinuteOf, SeriesCache, insert_minute},
    view::KeyCreated,
};

use crate::support::{
    api::{Key, Wish, new_key},
    served::{Answer, Served},
    world::World,
};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn create(user: &str) -> key::Create {
    key::Create { user: name(user), role: None, label: "prometheus".to_owned() }
}

fn token(served: &Served, user: &str) -> KeyCreated {
    key::create_for_metrics(&served.app, &Caller::root(Via::Cli), &create(user)).expect("made")
}

fn scrape(served: &Served, authorization: &str) -> Answer {
    served.ask("GET", "/metrics", &[&format!("Authorization: {authorization}")], "")
}

/// Instances `mine`, which has a tag, and `theirs`, with a minute that was just closed.
fn measured() -> Served {
    let world = World::new();
    for (instance, tags) in [("mine", vec![Tag::parse("client=acme").expect("a tag")]), ("theirs", vec![])] {
        let request = engine::Request { tags, ..world.plain_request(Some(instance)) };
        engine::create(&mut world.engine(), request, &mut Unobserved).expect("created");
    }
    let mut store = world.engine().store;
    let (now, mut cache) = (jiff::Timestamp::now().as_second(), SeriesCache::default());
    let point = |value| (Metric::CpuUtilization, Point::of(value).expect("finite"));
    let of = |n: usize, value| {
        let instance = store.instances().expect("instances")[n].record.uuid;
        MinuteOf { instance, points: vec![point(value)] }
    };
    let rows = [of(0, 25.0), of(1, 50.0)];
    let host = world.settings().host.id.clone();
    store.write(|t| insert_minute(t, &mut cache, &host, now / 60, now, &rows, |_| true)).expect("written");
    Served::of(world, |_| {})
}

#[test]
fn a_token_reads_the_last_minute_of_what_its_user_sees_and_nothing_else() {
    let served = measured();
    let add = user::Add {
        name: name("bert"),
        role: Role::Admin,
        scope: Scope::parse("client=acme").expect("a tag"),
        dry_run: false,
    };
    user::add(&served.app, &Caller::root(Via::Cli), &add, &mut Unobserved).expect("added");
    let (of_root, of_bert) = (token(&served, "root"), token(&served, "bert"));
    let answer = scrape(&served, &format!("Bearer {}", of_root.secret));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((answer.status, answer.field("content-type")), (200, Some(kind)));
    let lines = |answer: &Answer| -> Vec<String> {
        answer.body.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    let record = served.world.engine().store.instances().expect("instances").remove(0).record;
    let labels =
        |name: &str| format!("{{instance=\"{name}\",blueprint=\"{}\",bundle=\"{}\"}}", record.blueprint, record.bundle);
    let of = |name: &str, value: &str| {
        [
            format!("lite_instance_info{} 1", labels(name)),
            format!("lite_instance_cpu_utilization_ratio{} {value}", labels(name)),
        ]
    };
    let sorted = |mut all: Vec<String>| {
        all.sort();
        all
    };
    assert_eq!(sorted(lines(&answer)), sorted([of("mine", "0.25"), of("theirs", "0.5")].concat()));
    assert!(answer.body.ends_with("# EOF\n"));
    let answer = scrape(&served, &format!("bearer  {}", of_bert.secret));
    assert_eq!((answer.status, sorted(lines(&answer))), (200, sorted(of("mine", "0.25").to_vec())));
    // It opens nothing else.
    let with = format!("Authorization: Bearer {}", of_root.secret);
    assert_eq!(served.ask("GET", "/instances", &[&with], "").status, 303);
    assert_eq!(served.ask("POST", "/", &[&with, "X-Amz-Target: Lightsail_20161128.GetRegions"], "{}").status, 403);
    let (_, secret) = of_root.secret.split_once('.').expect("an id and a secret");
    let wish = Wish { host: served.address.to_string(), ..Wish::of("GetRegions", "{}") };
    let sign = |key: &Key| {
        let (request, body) = wish.sign(key);
        let own = request.headers().iter().filter(|(name, _)| *name != "host");
        let lines: Vec<String> =
            own.map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        served.ask("POST", "/", &lines, std::str::from_utf8(&body).expect("text")).status
    };
    let kept = served.world.engine().store.require_key(&of_root.key.id).expect("there").secret;
    for secret in [secret.to_owned(), secrecy::ExposeSecret::expose_secret(&kept).to_owned()] {
        assert_eq!(sign(&Key { id: of_root.key.id.clone(), secret }), 403, "nobody signs with it");
    }
    // What is kept of it lets nobody in.
    let file = std::fs::read(served.world.state().join("state.db")).expect("read");
    let log = std::fs::read(served.world.state().join("state.db-wal")).unwrap_or_default();
    for kept in [file, log] {
        assert!(!kept.windows(secret.len()).any(|w| w == secret.as_bytes()));
    }
    assert!(!served.audit().join("\n").contains(secret));
}

#[test]
fn without_a_token_or_with_another_nothing_is_read() {
    let served = measured();
    let made = token(&served, "root");
    let (id, secret) = made.secret.split_once('.').expect("an id and a secret");
    let of_api = new_key(&served.app, "anna", Role::Admin, None);
    let own = format!("Cookie: {}", served.log_in(&served.code()));
    assert_eq!(served.ask("GET", "/metrics", &[&own], "").status, 401, "a session is no token");
    let digest = lite::access::digest(secret);
    for wrong in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {id}"),
        format!("Bearer {id}."),
        format!("Bearer {id}.{digest}"),
        format!("Bearer {id}.{}x", secret),
        format!("Bearer {}.{secret}", "LITE0000000000000000"),
        format!("Bearer {}.{}", of_api.id, of_api.secret),
        format!("Basic {id}.{secret}"),
        format!("Bearer {id}.{secret}\r\nAuthorization: Bearer {id}.{secret}"),
    ] {
        let answer = scrape(&served, &wrong);
        assert_eq!((answer.status, answer.field("www-authenticate")), (401, Some("Bearer")), "{wrong}");
        assert!(!answer.body.contains("lite_instance"), "{}", answer.body);
    }
    let (root, ids) = (Caller::root(Via::Cli), std::slice::from_ref(&made.key.id));
    let status = || scrape(&served, &format!("Bearer {}", made.secret)).status;
    assert_eq!(status(), 200);
    let row = key::list(&served.app, &root, None, &mut Unobserved).expect("listed");
    let row = row.into_iter().find(|row| row.id == made.key.id).expect("there");
    assert!(row.metrics && row.used_at.is_some(), "{row:?}");
    key::disable(&served.app, &root, ids, true).expect("disabled");
    assert_eq!(status(), 401);
    key::disable(&served.app, &root, ids, false).expect("enabled");
    assert_eq!(status(), 200);
    key::remove(&served.app, &root, ids).expect("removed");
    assert_eq!(status(), 401);
}
