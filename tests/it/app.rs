//! The use cases, without any front end: who may do what, and that a look changes nothing.

use std::{sync::Arc, time::Duration};

use lite::{
    app::{
        App, Caller, Right,
        instance::{
            create::{self, Create},
            delete, list,
            logs::{self, Log},
            show,
            tag::{self, Retag},
        },
        repair,
    },
    clock::SystemClock,
    hypervisor::prelude::*,
    model::{Code, InstanceState, Name, NetworkMode, Observer, Phase, Requester, Settings, Unobserved, Via},
    plan::report_log,
};

use crate::support::{create_request::create_request, said::Said, world::World};

fn app(world: &World) -> App {
    App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone())
}

/// Use cases whose libvirt is down.
fn without_libvirt(world: &World) -> App {
    let mut settings: Settings = world.settings().clone();
    settings.host.connect = "qemu+unix:///system?socket=/nowhere/libvirt-sock".to_owned();
    App::new(settings, Arc::new(SystemClock), true)
}

fn root() -> Caller {
    Caller::root(Via::Cli)
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn request() -> Create {
    Create { request_id: Some("r".to_owned()), ..create_request() }
}

/// One way to look.
type Look<'a> = &'a dyn Fn(&mut dyn Observer);

/// Everything that the database holds of instances and operations.
fn stored(world: &World) -> String {
    let store = world.engine().store;
    format!("{:?} {:?}", store.instances().expect("instances"), store.operations(100).expect("operations"))
}

#[test]
fn a_look_finishes_nothing_and_says_what_was_cut_off() {
    let world = World::new();
    world.create("web").expect("created");
    world.sql("UPDATE operation SET state = 'started', ended_at = NULL");
    let (before, on_host) = (stored(&world), world.snapshot());
    let app = app(&world);
    let looks: [(&str, Look<'_>); 5] = [
        ("list", &|said| drop(list::list(&app, &root(), &[], said).expect("listed"))),
        ("show", &|said| drop(show::show(&app, &root(), &[name("web")], said).expect("shown"))),
        ("cost", &|said| drop(list::cost(&app, &root(), &[], said).expect("summed"))),
        ("tag", &|said| drop(tag::show(&app, &root(), &name("web"), said).expect("shown"))),
        ("logs", &|said| {
            let log = Log { name: name("web"), follow: false };
            logs::reports(&app, &root(), &log, said, &mut |_| Ok(())).expect("read");
        }),
    ];
    for (verb, look) in looks {
        let mut said = Said::default();
        look(&mut said);
        let wanted = "warning: the create of `web` was cut off: `lite repair` finishes or undoes it";
        assert_eq!(said.0, [wanted], "{verb}");
        assert_eq!((stored(&world), world.snapshot()), (before.clone(), on_host.clone()), "{verb} changed something");
    }
    let done = repair::repair(&app, &root(), false, false, &mut Unobserved).expect("repaired");
    assert_eq!(done.actions, ["kept instance `web`: its create was cut off after it had started"]);
    let mut said = Said::default();
    list::list(&app, &root(), &[], &mut said).expect("listed");
    assert_eq!(said.0, Vec::<String>::new());
}

#[test]
fn what_a_guest_reported_is_shown_by_a_look_and_stored_by_a_change() {
    let world = World::new();
    let record = world.create("web").expect("created").record;
    let log = report_log(&record, &world.settings().host.folders.logs);
    std::fs::create_dir_all(log.parent().expect("a folder")).expect("made");
    std::fs::write(
        &log,
        "{\"event\":\"failed\",\"module\":\"install\",\"command\":\"\",\"code\":1,\"line\":0,\"tail\":[]}\n",
    )
    .expect("written");
    let app = app(&world);
    let phase = || world.engine().store.require(&name("web")).expect("there").phase;
    let rows = list::list(&app, &root(), &[], &mut Unobserved).expect("listed");
    assert_eq!((rows.0[0].state, phase()), (InstanceState::Failed, Phase::Unverified));
    let retag = Retag { name: name("web"), set: vec![], remove: vec![], wait: false, dry_run: true };
    tag::change(&app, &root(), &retag, &mut Unobserved).expect("nothing to change");
    assert_eq!(phase(), Phase::Failed);
}

#[test]
fn what_the_database_holds_is_shown_while_libvirt_is_down() {
    let world = World::new();
    world.create("web").expect("created");
    let app = without_libvirt(&world);
    let mut said = Said::default();
    let rows = list::cost(&app, &root(), &[], &mut said).expect("summed");
    let shown: Vec<_> = rows.0.iter().map(|r| (r.name.as_str(), r.state, r.price.to_string())).collect();
    assert_eq!(shown, [("web", InstanceState::Unknown, "5.00".to_owned())]);
    assert_eq!(said.0.len(), 1, "{:?}", said.0);
    assert!(said.0[0].starts_with("warning: the states are not known: "), "{:?}", said.0);
    let mut said = Said::default();
    assert_eq!(tag::show(&app, &root(), &name("web"), &mut said).map(|v| v.tags), Ok(vec![]));
    let log = Log { name: name("web"), follow: false };
    assert_eq!(logs::reports(&app, &root(), &log, &mut said, &mut |_| Ok(())), Ok(()));
    assert_eq!(said.0, Vec::<String>::new());
    let error = list::list(&app, &root(), &[], &mut said).expect_err("its states are libvirt's");
    assert_eq!(error.exit_code(), 5);
}

#[test]
fn a_repeated_request_shows_the_state_its_instance_has() {
    let world = World::new();
    let app = app(&world);
    let checked = create::check(&app, &root(), request()).expect("good");
    let uuid = world.create_with("web", Some("r"), checked.digest()).expect("created").record.uuid;
    let patient = Create { wait: true, timeout: Duration::from_secs(9), ..request() };
    let again = |request| create::check(&app, &root(), request)?.run(&app, &mut Unobserved);
    assert_eq!(again(patient).map(|made| (made.repeated, made.view.state)), Ok((true, InstanceState::Running)));
    world.hypervisor.inner().destroy(uuid).expect("off");
    assert_eq!(again(request()).map(|made| (made.repeated, made.view.state)), Ok((true, InstanceState::Stopped)));
    let other = Create { use_baked: false, ..request() };
    let refused = |request| again(request).map(|made| made.repeated).expect_err("refused");
    let reused = (Code::RequestIdReused, "this request id was used for another request".to_owned());
    let error = refused(other);
    assert_eq!((error.code, error.message), reused);
    // A lite whose digests had another form: whether it is the same request is not known.
    world.sql("UPDATE operation SET arguments = substr(arguments, 3) WHERE request_id = 'r'");
    let error = refused(request());
    let text = "this request id was used with another version of lite";
    assert_eq!((error.code, error.message.as_str()), (Code::RequestIdReused, text));
    assert_eq!(
        error.hint_texts(),
        ["it was for `web`: `lite show web`", "use a new `--request-id` if that is not what you want"]
    );
}

#[test]
fn a_plan_lists_the_steps_of_the_create_in_their_order() {
    let world = World::new();
    let app = app(&world);
    let steps = |network| {
        let checked = create::check(&app, &root(), Create { network, ..request() }).expect("good");
        checked.plan(world.settings()).expect("planned").steps
    };
    let nat = ["root disk", "seed", "virtual machine", "start"];
    assert_eq!(steps(NetworkMode::Nat), nat);
    let operation = world.create("real").expect("created").operation;
    assert_eq!(world.engine().store.steps(&operation).expect("steps").len(), nat.len());
    assert_eq!(steps(NetworkMode::Bridge("br0".to_owned())), nat);
}

#[test]
fn who_may_only_look_changes_nothing() {
    let world = World::new();
    world.create("web").expect("created");
    let app = app(&world);
    let reader = Caller::limited(Requester { actor: "ann".to_owned(), via: Via::Cli, address: None }, &[Right::Read]);
    assert_eq!(list::list(&app, &reader, &[], &mut Unobserved).map(|(rows, ..)| rows.len()), Ok(1));
    let error = delete::find(&app, &reader, &[name("web")], (delete::Delete { now: true }, false), &mut Unobserved)
        .err()
        .expect("refused");
    assert_eq!(
        (error.code.as_str(), error.exit_code(), error.message.as_str()),
        ("forbidden", 2, "`ann` may not change this")
    );
    assert!(world.engine().store.instance(&name("web")).expect("read").is_some());
}

/// A clock that stands still.
struct At(jiff::Timestamp);

impl lite::clock::Clock for At {
    fn now(&self) -> jiff::Timestamp {
        self.0
    }
}

#[test]
fn a_clock_may_show_any_year() {
    let world = World::new();
    world.create("web").expect("created");
    let web = name("web");
    let years = ["-009999-06-01T00:00Z", "-000001-06-01T00:00Z", "1970-01-01T00:00Z", "9999-06-01T00:00Z"];
    let years = years.map(|text| text.parse().expect("a time"));
    for at in [jiff::Timestamp::MIN, jiff::Timestamp::MAX].into_iter().chain(years) {
        let app = App::of_host(world.settings().clone(), Arc::new(At(at)), world.hypervisor.clone());
        let mut said = Said::default();
        let (rows, ..) = list::list(&app, &root(), &[], &mut said).expect("listed");
        assert_eq!(rows.len(), 1, "{at}");
        show::show(&app, &root(), std::slice::from_ref(&web), &mut said).expect("shown");
        lite::app::event::list(&app, &root(), None, 10, &mut said).expect("events");
        lite::app::operation::list(&app, &root(), 10, &mut said).expect("operations");
        lite::app::image::list(&app, &root(), &mut said).expect("images");
        lite::app::alarm::list(&app, &root(), None, &mut said).expect("alarms");
        lite::app::metric::latest(&app, &root(), &web, &mut said).expect("metrics");
        let metric = lite::model::Metric::ALL[0];
        for since in [Duration::from_secs(60), Duration::MAX] {
            lite::app::metric::points(&app, &root(), &web, metric, since, &mut said).expect("points");
        }
        let request = lite::app::gc::Request { now: false, wait: false, dry_run: true };
        lite::app::gc::find(&app, &root(), request, &mut said).expect("looked");
        lite::app::doctor::check(&app, &root(), &mut Unobserved).expect("checked");
    }
}
