//! Callers who see what has one tag alone: each use case is asked for what is theirs, what is others', and what is not there.

mod closed;
mod open;

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use lite::{
    app::{
        App, Caller, Right, alarm, disk, event,
        instance::{
            auto_snapshot::{Copies, SetAutoSnapshot},
            change::{self, Targets},
            create::{self, Create},
            delete::{self, Delete},
            list,
            publish::{Publish, Unpublish},
            tag::{self, Retag},
            undelete::{self, Deleted},
        },
        key_pair, operation, snapshot, static_ip,
    },
    clock::SystemClock,
    engine,
    model::{
        AlarmState, Code, Error, EventKind, Name, NetworkMode, Observer, PortPair, Protocol, Requester, Result, Role,
        Scope, Size, Tag, Unobserved, Via,
    },
};

use crate::support::{create_request::create_request, source::sources, world::World};

/// A use case asked about one thing: the names of what is there begin with the word given.
pub type Ask = fn(&App, &Caller, &str) -> Result<String>;

/// What a use case is to a caller with a scope.
pub enum Kind {
    /// It is about something named.
    Named(Ask),
    /// It lists what the caller sees.
    Listing(Ask),
    /// It is about no account's own things.
    Common(Ask),
    /// It is refused.
    Closed(Ask),
}

pub fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// The name of something that belongs to the instance `of`.
pub fn part(of: &str, what: &str) -> Name {
    name(&format!("{of}-{what}"))
}

pub fn shown(value: impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

/// `mine` has the tag, `other` has none, each with a snapshot, a disk, an alarm and a static address.
struct Two {
    world: World,
    app: App,
    scoped: Caller,
}

fn scope() -> Scope {
    Scope::parse("client=acme").expect("a scope")
}

fn caller(role: Role) -> Caller {
    Caller::of(Requester { actor: "anna".to_owned(), via: Via::Console, address: None }, role, scope())
}

impl Two {
    fn new() -> Self {
        let world = World::new();
        let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
        let root = Caller::root(Via::Cli);
        for (instance, tags) in [("mine", vec![Tag::parse("client=acme").expect("a tag")]), ("other", vec![])] {
            let request = engine::Request { tags, ..world.plain_request(Some(instance)) };
            let record = engine::create(&mut world.engine(), request, &mut Unobserved).expect("created").record;
            let (of, quiet) = (name(instance), &mut Unobserved);
            let (snap, data, address) = (part(instance, "snap"), part(instance, "disk"), part(instance, "ip"));
            let made = snapshot::create(&app, &root, (&of, Some(&snap)), snapshot::Flags::default(), quiet);
            made.expect("accepted").run(quiet).expect("a snapshot");
            let new = disk::NewDisk { name: &data, size: Some(Size::mib(64)), from: None };
            disk::create(&app, &root, new, disk::Flags::default(), quiet)
                .expect("accepted")
                .run(quiet)
                .expect("a disk");
            let given = disk::attach(&app, &root, (&data, &of), None, disk::Flags::default(), quiet);
            given.expect("accepted").run(quiet).expect("attached");
            static_ip::allocate(&app, &root, (&address, None), false, quiet).expect("an address");
            let led = static_ip::attach(&app, &root, (&address, &of), (false, false), quiet);
            led.expect("accepted").run(quiet).expect("attached");
            alarm::put(&app, &root, &open::alarm_of(instance), quiet).expect("an alarm");
            let fires = alarm::test(&app, &root, &part(instance, "alarm"), AlarmState::Alarm, quiet);
            fires.expect("it fires");
            let tags: Vec<_> = record.tags.clone();
            let pair = key_pair::create(&app, &root, &part(instance, "key"), &tags, quiet).expect("a key pair");
            assert_eq!(pair.row.tags, tags);
            world.engine().record_event(EventKind::InstanceCrashed, Some(&record), "it crashed").expect("an event");
        }
        Self { world, app, scoped: caller(Role::Admin) }
    }

    /// Ids of the operations that created the instances.
    fn operation_of(&self, instance: &str) -> String {
        let all = self.world.engine().store.operations(1000).expect("operations");
        let create = all.iter().find(|o| o.kind.as_str() == "create" && o.resource.name == instance);
        create.expect("its create").id.clone()
    }
}

/// Whatever an error says.
fn whole(error: &Error) -> String {
    format!("{:?} {} {:?}", error.code, error.message, error.hint_texts())
}

/// The use cases that the source has: `instance/show::show`.
fn use_cases() -> BTreeSet<String> {
    let (mut files, mut tests) = (Vec::new(), BTreeSet::new());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let root = source.join("app");
    sources(&root, &mut files, &mut tests);
    // What a server does for its operator asks for a right as well.
    sources(&source.join("serve"), &mut files, &mut tests);
    let mut found = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("read");
        let module = file.strip_prefix(&root).or(file.strip_prefix(&source)).expect("inside").with_extension("");
        let module = module.to_string_lossy().trim_end_matches("/mod").to_owned();
        for function in text.split("\npub fn ").skip(1) {
            let (head, _) = function.split_once(" {\n").expect("a body");
            if head.contains("caller: &Caller") {
                let end = head.find(['(', '<']).expect("parameters");
                found.insert(format!("{module}::{}", &head[..end]));
            }
        }
    }
    found
}

#[test]
fn a_caller_with_a_scope_meets_no_word_of_what_is_outside_it() {
    let two = Two::new();
    let (app, scoped) = (&two.app, &two.scoped);
    let all: Vec<_> = open::ALL.iter().chain(closed::ALL).collect();
    let listed: BTreeSet<String> = all.iter().map(|(key, _)| (*key).to_owned()).collect();
    assert_eq!(listed, use_cases(), "each use case says here what it is to a caller with a scope");
    assert_eq!(listed.len(), all.len(), "one twice");
    let operation = |of: &str| if of == "absent" { "op-ffffffff".to_owned() } else { two.operation_of(of) };
    for (key, kind) in all {
        // An operation has no name of its own.
        let of = |instance: &str| match key.starts_with("operation::") {
            true => operation(instance),
            false => instance.to_owned(),
        };
        match kind {
            Kind::Closed(ask) => {
                let error = ask(app, scoped, "mine").expect_err(key);
                let text = "`anna` works on what has the tag `client=acme`, and this is about more than that";
                assert_eq!((error.code, error.message.as_str()), (Code::Forbidden, text), "{key}");
            }
            Kind::Common(ask) => {
                let text = ask(app, scoped, "").unwrap_or_else(|e| panic!("{key}: {e:?}"));
                assert!(!text.contains("other"), "{key}: {text}");
            }
            Kind::Listing(ask) => {
                let text = ask(app, scoped, "").unwrap_or_else(|e| panic!("{key}: {e:?}"));
                assert!(text.contains("mine") && !text.contains("other"), "{key}: {text}");
                let all = ask(app, &Caller::root(Via::Cli), "").expect(key);
                assert!(all.contains("other"), "{key}: {all}");
            }
            Kind::Named(ask) => {
                let absent = ask(app, scoped, &of("absent")).expect_err(key);
                let outside = ask(app, scoped, &of("other")).expect_err(key);
                assert_ne!(absent.code, Code::Forbidden, "{key}");
                let as_absent = whole(&outside).replace(&of("other"), &of("absent"));
                assert_eq!(as_absent, whole(&absent), "{key}");
                if let Err(e) = ask(app, scoped, &of("mine")) {
                    let hidden = [Code::Forbidden, absent.code];
                    assert!(!hidden.contains(&e.code), "{key}: {e:?}");
                }
            }
        }
    }
}

#[test]
fn what_a_scoped_caller_makes_has_the_tag_and_keeps_it() {
    let world = World::new();
    let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
    let anna = caller(Role::Operator);
    let tags = |given: &[&str]| given.iter().map(|text| Tag::parse(text).expect("a tag")).collect::<Vec<_>>();
    let told = |error: Error| (error.code, error.message);
    // Accepted and dropped: its row is there.
    let made = |of: &str, request: Create| {
        let request = Create { name: Some(name(of)), ..request };
        drop(create::check(&app, &anna, request)?.accept(&app, &mut Unobserved)?);
        Ok(world.engine().store.require(&name(of)).expect("a row").record.tags)
    };
    assert_eq!(made("a", create_request()), Ok(tags(&["client=acme"])));
    assert_eq!(made("b", Create { tags: tags(&["client=acme"]), ..create_request() }), Ok(tags(&["client=acme"])));
    let keeps = (Code::Forbidden, "what `anna` makes and works on keeps the tag `client=acme`".to_owned());
    let other = Create { tags: tags(&["client=beta"]), ..create_request() };
    assert_eq!(made("c", other).map_err(told), Err(keeps.clone()));
    let bridge = Create { network: NetworkMode::Bridge("br0".to_owned()), ..create_request() };
    assert_eq!(made("d", bridge).map_err(|e: Error| e.code), Err(Code::Forbidden));

    let request = engine::Request { tags: tags(&["client=acme"]), ..world.plain_request(Some("web")) };
    engine::create(&mut world.engine(), request, &mut Unobserved).expect("created");
    let retag = |set: &[&str], remove: &[&str]| {
        let remove = remove.iter().map(|key| (*key).to_owned()).collect();
        let request = Retag { name: name("web"), set: tags(set), remove, wait: false, dry_run: false };
        tag::change(&app, &anna, &request, &mut Unobserved).map(|view| view.tags.len())
    };
    assert_eq!(retag(&[], &["client"]).map_err(told), Err(keeps.clone()));
    assert_eq!(retag(&["client=beta"], &[]).map_err(told), Err(keeps));
    // Remotes are the host's.
    let beyond = "`anna` works on what has the tag `client=acme`, and this is about more than that".to_owned();
    let pushed = Create { tags: tags(&["auto-push=far"]), ..create_request() };
    assert_eq!(made("e", pushed).map_err(told), Err((Code::Forbidden, beyond.clone())));
    assert_eq!(retag(&["auto-push=far"], &[]).map_err(told), Err((Code::Forbidden, beyond)));
    assert_eq!(retag(&["client=acme", "env=test"], &[]), Ok(2));
    assert_eq!(retag(&[], &["env"]), Ok(1));
}

#[test]
fn ports_and_remotes_of_the_host_are_not_for_a_caller_with_a_scope() {
    let two = Two::new();
    let targets = Targets { names: vec![name("mine")], wait: false, dry_run: true };
    let pair = PortPair { port: 8080, protocol: Protocol::Tcp, guest_port: 80 };
    let publish = Publish { pairs: vec![pair], address: None, sources: vec![] };
    let unpublish = Unpublish { ports: vec![], domains: vec![] };
    let run = |published: Result<usize>| published.map_err(|e| e.code);
    let published = change::run(&two.app, &two.scoped, &publish, &targets, &mut Unobserved);
    assert_eq!(run(published.map(|all| all.len())), Err(Code::Forbidden));
    let taken = change::run(&two.app, &two.scoped, &unpublish, &targets, &mut Unobserved);
    assert_eq!(run(taken.map(|all| all.len())), Err(Code::Forbidden));
    // And no remote is named to who asks for copies in one.
    let auto = |remote| SetAutoSnapshot::On { time: None, keep: None, remote };
    let copied = auto(Copies::To(name("far")));
    let copied = change::run(&two.app, &two.scoped, &copied, &targets, &mut Unobserved);
    assert_eq!(run(copied.map(|all| all.len())), Err(Code::Forbidden));
    let here = change::run(&two.app, &two.scoped, &auto(Copies::AsBefore), &targets, &mut Unobserved);
    assert_eq!(run(here.map(|all| all.len())), Ok(1));
}

#[test]
fn a_deleted_instance_of_others_is_not_there_to_come_back() {
    let two = Two::new();
    let quiet: &mut dyn Observer = &mut Unobserved;
    let root = Caller::root(Via::Cli);
    let found = delete::find(&two.app, &root, &[name("other")], (Delete { now: false }, false), quiet).expect("found");
    found.run(&two.app, quiet).expect("deleted");
    let kept = |caller: &Caller| undelete::list(&two.app, caller, &mut Unobserved).map(|all| all.len());
    assert_eq!((kept(&root), kept(&two.scoped)), (Ok(1), Ok(0)));
    let id = two.world.engine().store.kept(&two.world.settings().host.id).expect("kept").remove(0).record.uuid;
    let back = |deleted| {
        let undelete = undelete::Undelete { name: None, start: false, until_ready: None };
        let target = undelete::Target { deleted, wait: false, dry_run: true };
        undelete::run(&two.app, &two.scoped, &undelete, &target, &mut Unobserved).map_err(|e| whole(&e))
    };
    let (theirs, nobodys) = (Deleted::Name(name("other")), Deleted::Name(name("absent")));
    assert_eq!(back(theirs).map_err(|e| e.replace("other", "absent")), back(nobodys));
    let (nil, id) = (uuid::Uuid::nil(), id.to_string());
    let by_id = Deleted::Id(id.parse().expect("an id"));
    assert_eq!(back(by_id).map_err(|e| e.replace(&id, &nil.to_string())), back(Deleted::Id(nil)));
}

#[test]
fn the_end_of_what_a_scoped_caller_deleted_is_seen_by_it() {
    let two = Two::new();
    let anna = caller(Role::Operator);
    let quiet: &mut dyn Observer = &mut Unobserved;
    let given = (disk::Flags::default(), name("mine-disk"));
    let taken = disk::detach(&two.app, &Caller::root(Via::Cli), &given.1, (true, given.0), quiet);
    taken.expect("accepted").run(quiet).expect("detached");
    let found = delete::find(&two.app, &anna, &[name("mine")], (Delete { now: true }, false), quiet).expect("found");
    found.run(&two.app, quiet).expect("deleted");
    assert_eq!(list::list(&two.app, &anna, &[], quiet).map(|(rows, ..)| rows.len()), Ok(0));
    let kinds = |caller: &Caller| -> Vec<(String, String)> {
        let all = operation::list(&two.app, caller, 100, &mut Unobserved).expect("operations");
        all.into_iter().map(|row| (row.kind, row.resource)).collect()
    };
    let own = kinds(&anna);
    assert_eq!(own.first(), Some(&("delete".to_owned(), "mine".to_owned())));
    assert!(own.iter().all(|(_, resource)| resource.starts_with("mine")), "{own:?}");
    assert!(kinds(&Caller::root(Via::Cli)).len() > own.len());
    let events = event::list(&two.app, &anna, None, 100, quiet).expect("events");
    assert!(events.iter().all(|row| !shown(row).contains("other")));
    // A snapshot that was made while the instance had the tag stays theirs.
    let left = snapshot::list(&two.app, &anna, None, quiet).expect("snapshots");
    assert_eq!(left.into_iter().map(|view| view.name).collect::<Vec<_>>(), ["mine-snap"]);
}

#[test]
fn a_viewer_and_an_operator_may_what_the_table_of_roles_says() {
    let may = |role| {
        let all = [Right::Read, Right::Access, Right::Change, Right::Administer];
        all.into_iter()
            .filter(|right| Caller::of(Requester::root(Via::Api), role, Scope::All).require(*right).is_ok())
            .count()
    };
    assert_eq!([Role::Viewer, Role::Operator, Role::Admin].map(may), [1, 3, 4]);
}
