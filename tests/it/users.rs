//! Users, the codes and passwords that let them in, their sessions, and keys of the API.

mod second_factor;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use lite::{
    access::{password::Cost, session::Limits},
    app::{
        App, Caller, Right,
        audit::{self, Filter},
        key,
        session::{self, Door, Entered, Proof},
        user::{self, Add, Change},
    },
    clock::Clock,
    model::{Code, Name, Requester, Result, Role, Scope, Unobserved, Via},
};
use secrecy::ExposeSecret;

use crate::support::world::World;

/// A clock that a test moves, by the wall and since whenever.
struct Hand {
    start: Instant,
    passed: Mutex<Duration>,
}

impl Hand {
    fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), passed: Mutex::default() })
    }

    fn passed(&self) -> Duration {
        *self.passed.lock().expect("not poisoned")
    }

    fn pass(&self, seconds: u64) {
        *self.passed.lock().expect("not poisoned") += Duration::from_secs(seconds);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).expect("a time") + SignedDuration::try_from(self.passed()).expect("short")
    }

    fn instant(&self) -> Instant {
        self.start + self.passed()
    }
}

struct House {
    _world: World,
    clock: Arc<Hand>,
    app: App,
    door: Door,
}

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn root() -> Caller {
    Caller::root(Via::Cli)
}

impl House {
    fn new() -> Self {
        let (world, clock) = (World::new(), Hand::new());
        drop(world.engine());
        let app = App::of_host(world.settings().clone(), clock.clone(), world.hypervisor.clone());
        let door = Door::new(&app, Limits::default(), Cost::LEAST);
        Self { _world: world, clock, app, door }
    }

    fn add(&self, user: &str, role: Role, only: Option<&str>) -> String {
        let scope = only.map_or(Scope::All, |text| Scope::parse(text).expect("a tag"));
        let add = Add { name: name(user), role, scope, dry_run: false };
        user::add(&self.app, &root(), &add, &mut Unobserved).expect("added").expect("a code").code
    }

    fn code(&self, user: &str) -> Result<String> {
        user::log_in(&self.app, &root(), &name(user)).map(|view| view.code)
    }

    /// Comes in by one step.
    fn come(&self, proof: Proof<'_>) -> Result<session::LoggedIn> {
        match session::log_in(&self.app, &self.door, proof, HOME)? {
            Entered::In(inside) => Ok(inside),
            Entered::Half(_) => panic!("nobody asked for a second factor"),
        }
    }

    fn who(&self, in_: &session::LoggedIn) -> Option<session::Who> {
        session::who(&self.app, &self.door, &in_.token, HOME).expect("asked")
    }

    /// Who did what, and what came of it.
    fn audit(&self) -> Vec<String> {
        let filter = Filter { limit: 100, ..Filter::default() };
        let all = audit::list(&self.app, &root(), &filter, &mut Unobserved).expect("the audit");
        all.iter()
            .map(|row| {
                format!("{} {} {} {}", row.actor, row.action, row.resource.as_deref().unwrap_or("-"), row.outcome)
            })
            .collect()
    }
}

fn failed<T>(result: Result<T>) -> Option<Code> {
    result.err().map(|e| e.code)
}

#[test]
fn a_code_logs_in_once_and_for_as_long_as_is_said() {
    let house = House::new();
    let code = house.code("root").expect("made");
    let typed = code.to_lowercase().replace('-', " ");
    let inside = house.come(Proof::Code(&typed)).expect("logged in");
    assert_eq!((inside.user.as_str(), inside.has_password), ("root", false));
    let who = house.who(&inside).expect("somebody");
    assert_eq!((who.caller.requester.actor.as_str(), who.caller.requester.via), ("root", Via::Console));
    assert_eq!(who.caller.require(Right::Protect), Ok(()));
    assert_eq!(failed(house.come(Proof::Code(&code))), Some(Code::LoginFailed), "used");
    let late = house.code("root").expect("made");
    house.clock.pass(600);
    assert_eq!(failed(house.come(Proof::Code(&late))), Some(Code::LoginFailed), "ten minutes later");
    let first = house.add("anna", Role::Operator, Some("client=acme"));
    house.clock.pass(86_399);
    let inside = house.come(Proof::Code(&first)).expect("within a day");
    let who = house.who(&inside).expect("somebody");
    assert_eq!(who.caller.scope().to_string(), "client=acme");
    assert_eq!(failed(who.caller.require(Right::Read)), Some(Code::Forbidden));
    let wanted = [
        "root login-code root done",
        "root log-in - done",
        "- log-in - refused",
        "root login-code root done",
        "- log-in - refused",
        "root user-add anna done",
        "anna log-in - done",
    ];
    assert_eq!(house.audit(), wanted);
    // What is kept lets nobody in.
    let file = std::fs::read(house.app.settings.paths.state.join("state.db")).expect("read");
    let log = std::fs::read(house.app.settings.paths.state.join("state.db-wal")).unwrap_or_default();
    let plain = code.replace('-', "");
    for kept in [file, log] {
        assert!(!kept.windows(plain.len()).any(|w| w == plain.as_bytes()));
        assert!(!kept.windows(64).any(|w| w == inside.token.text().as_bytes()));
    }
}

#[test]
fn a_password_is_set_by_who_just_logged_in_and_ends_the_sessions() {
    let house = House::new();
    let inside = house.come(Proof::Code(&house.add("anna", Role::Viewer, None))).expect("logged in");
    let who = house.who(&inside).expect("somebody");
    let set = |who: &session::Who, new: &str| session::set_password(&house.app, &house.door, who, new);
    assert_eq!(failed(set(&who, "anna-anna")), Some(Code::InvalidPassword));
    assert_eq!(set(&who, "correct horse battery"), Ok(()));
    assert!(house.who(&inside).is_none(), "all sessions ended");
    let with = |user, password| house.come(Proof::Password { user, password });
    assert_eq!(failed(with("anna", "correct horse batterz")), Some(Code::LoginFailed));
    assert_eq!(failed(with("nobody", "correct horse battery")), Some(Code::LoginFailed));
    assert_eq!(failed(with("root", "")), Some(Code::LoginFailed), "it has none");
    let inside = with("anna", "correct horse battery").expect("logged in");
    house.clock.pass(15 * 60);
    let who = house.who(&inside).expect("somebody");
    assert_eq!((who.is_fresh, failed(set(&who, "another horse"))), (false, Some(Code::LoginTooOld)));
    session::log_out(&house.app, &who, &inside.token).expect("logged out");
    assert!(house.who(&inside).is_none());
    let tail = ["- log-in anna refused", "- log-in - refused", "- log-in root refused", "anna log-in - done"];
    let audit = house.audit();
    assert_eq!(audit[3..7], tail.map(str::to_owned));
    assert_eq!(audit.last().map(String::as_str), Some("anna log-out - done"));
}

#[test]
fn six_wrong_tries_slow_down_and_never_lock() {
    let house = House::new();
    let code = house.code("root").expect("made");
    for _ in 0..5 {
        assert_eq!(failed(house.come(Proof::Code("0000-0000-0000-0000"))), Some(Code::LoginFailed));
    }
    assert_eq!(failed(house.come(Proof::Code(&code))), Some(Code::TooManyTries), "the right one has to wait too");
    let elsewhere = session::log_in(&house.app, &house.door, Proof::Code("x"), [192, 0, 2, 8].into());
    assert_eq!(failed(elsewhere), Some(Code::LoginFailed), "nobody else has");
    house.clock.pass(1);
    assert!(house.come(Proof::Code(&code)).is_ok());
}

#[test]
fn a_user_that_changes_or_is_disabled_is_out_at_once() {
    let house = House::new();
    let inside = house.come(Proof::Code(&house.add("anna", Role::Admin, None))).expect("logged in");
    let made = key::Create { user: name("anna"), role: None, label: "laptop".to_owned() };
    let made = key::create(&house.app, &root(), &made).expect("made");
    let signer = || key::signer(&house.app, &made.key.id, Some(HOME)).expect("asked");
    let caller = signer().expect("somebody").caller;
    assert_eq!((caller.requester.via, caller.require(Right::Administer)), (Via::Api, Ok(())));
    assert_eq!(failed(caller.require(Right::Protect)), Some(Code::Forbidden), "no key says who comes in");
    assert_eq!(signer().expect("somebody").secret.expose_secret(), made.secret);
    let change =
        |change| user::change(&house.app, &root(), &name("anna"), &change).map(|changed| changed.result.to_string());
    let viewer = Change { role: Some(Role::Viewer), ..Change::default() };
    assert_eq!(change(viewer.clone()), Ok("viewer, everything".to_owned()));
    assert_eq!(change(viewer), Ok("viewer, everything already".to_owned()));
    assert!(house.who(&inside).is_none(), "her sessions ended");
    assert_eq!(failed(signer().expect("somebody").caller.require(Right::Change)), Some(Code::Forbidden));
    let more = key::Create { user: name("anna"), role: Some(Role::Admin), label: String::new() };
    assert_eq!(failed(key::create(&house.app, &root(), &more)), Some(Code::KeyMayMore));
    let code = house.code("anna").expect("made");
    assert_eq!(change(Change { disabled: Some(true), ..Change::default() }), Ok("disabled".to_owned()));
    assert!(signer().is_none());
    assert_eq!(failed(house.come(Proof::Code(&code))), Some(Code::LoginFailed));
    assert_eq!(failed(house.code("anna")), Some(Code::UserDisabled));
    assert_eq!(change(Change { disabled: Some(false), ..Change::default() }), Ok("viewer, everything".to_owned()));
    let ids = std::slice::from_ref(&made.key.id);
    key::disable(&house.app, &root(), ids, true).expect("disabled");
    assert!(signer().is_none());
    key::disable(&house.app, &root(), ids, false).expect("enabled");
    key::used(&house.app, &made.key.id, &signer().expect("somebody"), Some(HOME)).expect("remembered");
    let used = key::list(&house.app, &root(), None, &mut Unobserved).expect("listed").remove(0);
    assert_eq!((used.used_at.is_some(), used.address), (true, Some(HOME)));
    let found = user::find(&house.app, &root(), &[name("anna")]).expect("found");
    found.run(&house.app).expect("removed");
    assert!(signer().is_none(), "her keys went with her");
    assert!(!house.audit().join("\n").contains(&made.secret));
}

#[test]
fn root_stays_and_only_who_may_says_who_comes_in() {
    let house = House::new();
    let of_root = [
        failed(user::change(&house.app, &root(), &name("root"), &Change { disabled: Some(true), ..Change::default() })),
        failed(user::find(&house.app, &root(), &[name("root")])),
    ];
    assert_eq!(of_root, [Some(Code::NotForRoot); 2]);
    let by = |role, via| Caller::of(Requester { actor: "eve".to_owned(), via, address: None }, role, Scope::All);
    for eve in [by(Role::Operator, Via::Console), by(Role::Admin, Via::Api)] {
        let add = Add { name: name("mallory"), role: Role::Admin, scope: Scope::All, dry_run: false };
        let create = key::Create { user: name("root"), role: None, label: String::new() };
        let refused = [
            failed(user::add(&house.app, &eve, &add, &mut Unobserved)),
            failed(user::log_in(&house.app, &eve, &name("root"))),
            failed(user::list(&house.app, &eve, &mut Unobserved)),
            failed(user::show(&house.app, &eve, &name("root"), &mut Unobserved)),
            failed(user::log_out(&house.app, &eve, &name("root"))),
            failed(user::find(&house.app, &eve, &[name("root")])),
            failed(key::create(&house.app, &eve, &create)),
            failed(key::list(&house.app, &eve, None, &mut Unobserved)),
            failed(key::remove(&house.app, &eve, &[])),
            failed(key::disable(&house.app, &eve, &[], true)),
        ];
        assert_eq!(refused, [Some(Code::Forbidden); 10]);
    }
    assert_eq!(user::list(&house.app, &root(), &mut Unobserved).map(|all| all.len()), Ok(1));
    let taken = Add { name: name("root"), role: Role::Viewer, scope: Scope::All, dry_run: false };
    assert_eq!(failed(user::add(&house.app, &root(), &taken, &mut Unobserved)), Some(Code::NameTaken));
}
