//! A server that stops lets nothing in and leaves what only waits; the next one goes on with that, and every operation comes to an end.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use lite::{
    app::{
        App, Caller,
        front::{self, Waits},
    },
    clock::SystemClock,
    engine::{
        self, Request, Unobserved,
        sagas::create::{Accepted, accept, run},
    },
    hypervisor::Lifecycle as _,
    model::{Code, Hint, Name, Observer, OperationKind, OperationState, Phase, Stage, Via},
    plan::report_log,
    store::Operation,
};

use crate::support::{changes, served::Served, world::World};

/// The process dies as the guest boots.
struct DiesWaiting;

impl Observer for DiesWaiting {
    fn begin(&mut self, stage: Stage) {
        assert_ne!(stage, Stage::Boot, "the death that was asked for");
    }
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, _: &Hint) {}
}

fn dies(work: impl FnOnce(&mut dyn Observer)) {
    catch_unwind(AssertUnwindSafe(|| work(&mut DiesWaiting))).expect_err("it did not get to wait");
}

fn web() -> Name {
    Name::parse("web").expect("a name")
}

fn waited_for(world: &World) -> Request {
    let mut request = Request { wait: true, timeout: Duration::from_secs(300), ..world.plain_request(Some("web")) };
    request.blueprint.health = None;
    request
}

fn last(world: &World) -> Operation {
    world.engine().store.operations(1).expect("operations").remove(0)
}

fn phase(world: &World) -> Phase {
    world.engine().store.require(&web()).expect("there").phase
}

/// A create of `web` whose process died while it waited.
fn dead_create(world: &World) {
    dies(|observer| drop(engine::create(&mut world.engine(), waited_for(world), observer)));
    assert_eq!((last(world).state, phase(world)), (OperationState::Started, Phase::Creating));
}

/// The guest says that it is done.
fn done(world: &World) {
    let record = world.engine().store.require(&web()).expect("there").record;
    let log = report_log(&record, &world.settings().host.folders.logs);
    std::fs::write(log, "{\"event\":\"done\",\"seconds\":{}}\n").expect("written");
}

fn app(world: &World) -> App {
    App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone())
}

fn go_on(world: &World) -> Vec<String> {
    front::go_on(&app(world), &Caller::root(Via::Cli), &Waits::default()).expect("looked")
}

fn until(what: &str, reached: impl Fn() -> bool) {
    let begun = Instant::now();
    while !reached() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_create_that_died_while_it_waited_is_waited_for_and_succeeds() {
    let world = World::new();
    dead_create(&world);
    assert_eq!(go_on(&world), ["waits on with the create of `web`, whose process ended"]);
    // It has an owner again: nobody else takes it, or ends it.
    assert_eq!(go_on(&world), Vec::<String>::new());
    assert_eq!(engine::recover(&mut world.engine()), Ok(vec![]));
    assert_eq!(last(&world).state, OperationState::Started);
    done(&world);
    until("the create does not end", || last(&world).state != OperationState::Started);
    assert_eq!((last(&world).state, phase(&world)), (OperationState::Succeeded, Phase::Ready));
}

#[test]
fn a_start_that_died_while_it_waited_is_waited_for_and_succeeds() {
    let world = World::new();
    let mut ctx = world.engine();
    let request = Request { wait: false, ..waited_for(&world) };
    let uuid = engine::create(&mut ctx, request, &mut Unobserved).expect("created").record.uuid;
    ctx.store.set_phase(uuid, Phase::Ready, None).expect("set");
    let instance = ctx.store.require(&web()).expect("there");
    changes::stop(&mut ctx, &instance, true, Duration::ZERO, &mut Unobserved).expect("stopped");
    let instance = ctx.store.require(&web()).expect("there");
    dies(|observer| drop(changes::start(&mut ctx, &instance, Some(Duration::from_secs(300)), observer)));
    assert_eq!((last(&world).kind, last(&world).state), (OperationKind::Start, OperationState::Started));
    assert_eq!(go_on(&world), ["waits on with the start of `web`, whose process ended"]);
    until("the start does not end", || last(&world).state != OperationState::Started);
    assert_eq!(last(&world).state, OperationState::Succeeded);
}

#[test]
fn what_died_amid_its_steps_or_whose_guest_is_gone_is_ended_as_a_command_would() {
    let world = World::new();
    let Accepted::New(job) = accept(&mut world.engine(), waited_for(&world), &mut Unobserved).expect("accepted") else {
        panic!("is new")
    };
    let (app, root) = (app(&world), Caller::root(Via::Cli));
    assert_eq!(front::in_steps(&app, &root), Ok(1));
    assert_eq!(go_on(&world), Vec::<String>::new(), "its owner lives");
    drop(job);
    assert_eq!(front::in_steps(&app, &root), Ok(0));
    assert_eq!(go_on(&world), ["undid the create of `web` that was cut off"]);
    assert_eq!((last(&world).state, last(&world).error_code), (OperationState::Failed, Some(Code::OwnerDied)));

    dead_create(&world);
    let uuid = world.engine().store.require(&web()).expect("there").record.uuid;
    world.hypervisor.destroy(uuid).expect("off");
    assert_eq!(go_on(&world), ["kept instance `web`: its create was cut off after it had started"]);
    assert_eq!((last(&world).state, phase(&world)), (OperationState::Succeeded, Phase::Unverified));
}

#[test]
fn a_wait_is_left_and_steps_are_let_end() {
    let world = World::new();
    let (app, root) = (app(&world), Caller::root(Via::Cli));
    let mut ctx = world.engine();
    let Accepted::New(job) = accept(&mut ctx, waited_for(&world), &mut Unobserved).expect("accepted") else {
        panic!("is new")
    };
    thread::scope(|scope| {
        let create = scope.spawn(|| run(&mut ctx, *job, None, &mut Unobserved).map(drop));
        let waits = || last(&world).progress.stage.as_deref() == Some(Stage::Boot.as_str());
        until("the create does not get to wait", waits);
        assert_eq!((last(&world).state, front::in_steps(&app, &root)), (OperationState::Started, Ok(0)));
        done(&world);
        create.join().expect("no panic").expect("created");
    });
}

#[test]
fn a_server_that_stops_lets_nothing_in() {
    let served = Served::new();
    assert_eq!(served.get("/login", "").status, 200);
    served.closing.store(true, Ordering::Relaxed);
    for answer in [served.get("/login", ""), served.post("/login", "", "code=x")] {
        assert_eq!((answer.status, answer.field("retry-after")), (503, Some("5")));
        assert_eq!(answer.body, "the server stops: try again in a moment\n");
    }
}
