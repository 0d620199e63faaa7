//! What a create holds before and after its image is known, and how its wait for the application ends.

use std::{
    thread::{self, Scope, ScopedJoinHandle},
    time::{Duration, Instant},
};

use lite::{
    engine::{
        self, ImageChoice, Request, Unobserved,
        sagas::create::{Accepted, accept, run},
    },
    hypervisor::Lifecycle as _,
    model::{Code, Error, Name, OperationKind, OperationState, Phase, Record, Result, Tag},
    plan::report_log,
    store::Operation,
};

use crate::support::{changes, fake_clock::FakeClock, world::World};

fn name() -> Name {
    Name::parse("web").expect("a name")
}

fn waited_for(world: &World, timeout: Duration) -> Request {
    Request { wait: true, timeout, ..world.plain_request(Some("web")) }
}

fn last(world: &World) -> Operation {
    world.engine().store.operations(1).expect("operations").remove(0)
}

/// Waits until the create of `web` has done all its steps.
fn started(world: &World) {
    let made = || {
        let store = world.engine().store;
        let create = store.operations(1).expect("operations").pop()?;
        let steps = store.steps(&create.id).expect("steps");
        steps.iter().any(|s| s.step.contains("\"start\"") && s.state == lite::model::StepState::Done).then_some(())
    };
    let begun = Instant::now();
    while made().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the create does not get on");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_create_gives_up_when_its_time_is_over_on_the_clock_it_was_given() {
    let world = World::new();
    let clock = FakeClock::new();
    let mut ctx = world.engine();
    ctx.clock = clock.clone();
    let request = waited_for(&world, Duration::from_secs(900));
    let error = engine::create(&mut ctx, request, &mut Unobserved).map(|c| c.record.name).expect_err("nobody reports");
    assert_eq!(
        (error.code, error.message.as_str()),
        (Code::Timeout, "instance `web` was not ready after 900 s: stage `boot`")
    );
    assert_eq!(clock.waited(), Duration::from_secs(900));
    assert_eq!(world.engine().store.require(&name()).expect("kept").phase, Phase::Failed);
}

#[test]
fn a_create_is_accepted_before_its_image_is_looked_for() {
    let world = World::new();
    let before = world.snapshot();
    let mut ctx = world.engine();
    let request = Request { image: ImageChoice::Base, base: "no-such-base".into(), ..world.plain_request(Some("web")) };
    let Accepted::New(job) = accept(&mut ctx, request, &mut Unobserved).expect("accepted") else { panic!("is new") };
    let (instance, operation) = (ctx.store.require(&name()).expect("reserved"), last(&world));
    assert_eq!((instance.phase, instance.record.address), (Phase::Creating, job.record.address));
    assert_eq!((operation.kind, operation.state), (OperationKind::Create, OperationState::Started));
    let taken = world.create("web").map(|c| c.record.name).expect_err("the name is taken");
    assert_eq!(taken.code, Code::NameTaken);
    let error = run(&mut ctx, *job, None, &mut Unobserved).map(|c| c.record.name).expect_err("there is no image");
    assert_eq!(error.message, "could not create instance `web`; everything was undone, nothing is left");
    assert_eq!((error.code, last(&world).state), (Code::UnknownImage, OperationState::Failed));
    assert_eq!(world.snapshot().domains, before.domains);
    assert_eq!(ctx.store.instance(&name()), Ok(None));
}

#[test]
fn a_create_whose_process_dies_before_the_image_is_there_is_undone() {
    let world = World::new();
    let Accepted::New(job) =
        accept(&mut world.engine(), world.plain_request(Some("web")), &mut Unobserved).expect("accepted")
    else {
        panic!("is new")
    };
    assert_eq!(engine::recover(&mut world.engine()), Ok(vec![]), "its owner lives");
    drop(job);
    let undone = "undid the create of `web` that was cut off".to_owned();
    assert_eq!(engine::recover(&mut world.engine()), Ok(vec![undone]));
    assert_eq!(world.engine().store.instance(&name()), Ok(None));
    world.create("web").expect("the name is free");
}

#[test]
fn a_create_that_is_cancelled_between_two_steps_leaves_nothing() {
    let world = World::new();
    let mut ctx = world.engine();
    let Accepted::New(job) = accept(&mut ctx, world.plain_request(Some("web")), &mut Unobserved).expect("accepted")
    else {
        panic!("is new")
    };
    let before = world.snapshot();
    ctx.cancel.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = run(&mut ctx, *job, None, &mut Unobserved).map(|c| c.record.name).expect_err("cancelled");
    assert_eq!((error.code, error.causes), (Code::Interrupted, vec!["interrupted".to_owned()]));
    assert_eq!(world.snapshot(), before);
    assert_eq!(ctx.store.instance(&name()), Ok(None));
}

/// The error of a wait that `kind` ended, and the operation that did.
fn ended_by(world: &World, error: &Error, kind: &str) {
    let operation = last(world);
    assert_eq!(operation.kind.as_str(), kind);
    assert_eq!(
        (error.code, error.message.as_str()),
        (
            Code::WaitEnded,
            format!("a {kind} (operation `{}`) ended the wait for instance `web`", operation.id).as_str()
        )
    );
}

/// A create of `web` that has done all its steps and waits for the application.
fn waiting<'s>(scope: &'s Scope<'s, '_>, world: &'s World) -> ScopedJoinHandle<'s, Result<Record>> {
    let request = waited_for(world, Duration::from_secs(300));
    let create = scope.spawn(|| engine::create(&mut world.engine(), request, &mut Unobserved).map(|c| c.record));
    started(world);
    create
}

#[test]
fn a_stop_ends_the_wait_of_a_create_and_the_instance_stays() {
    let world = World::new();
    thread::scope(|scope| {
        let create = waiting(scope, &world);
        let mut ctx = world.engine();
        let instance = ctx.store.require(&name()).expect("there");
        changes::stop(&mut ctx, &instance, true, Duration::ZERO, &mut Unobserved).expect("stopped");
        let error = create.join().expect("no panic").expect_err("its wait ended");
        ended_by(&world, &error, "stop");
        assert_eq!(ctx.store.require(&name()).expect("kept").phase, Phase::Unverified);
    });
}

#[test]
fn a_guest_that_powers_itself_off_is_told_as_one_and_goes_on_when_it_is_started() {
    for (stage, message, phase) in [
        ("poweroff", "the guest of `web` powered itself off, as its set-up asked", Phase::Unverified),
        ("runcmd", "the virtual machine of `web` powered off during its set-up", Phase::Failed),
    ] {
        let world = World::new();
        thread::scope(|scope| {
            let create = waiting(scope, &world);
            let record = world.engine().store.require(&name()).expect("there").record;
            let log = report_log(&record, &world.settings().host.folders.logs);
            let lines = format!("{}\n", serde_json::json!({"event": "stage", "stage": stage}));
            std::fs::write(log, lines).expect("written");
            world.hypervisor.destroy(record.uuid).expect("off");
            let error = create.join().expect("no panic").expect_err("it is off");
            assert_eq!((error.message.as_str(), error.exit_code()), (message, 1));
            assert_eq!(world.engine().store.require(&name()).expect("kept").phase, phase);
        });
    }
}

#[test]
fn a_delete_ends_the_wait_of_a_start() {
    let world = World::new();
    world.create("web").expect("created");
    let mut ctx = world.engine();
    let uuid = ctx.store.require(&name()).expect("there").record.uuid;
    ctx.store.set_phase(uuid, Phase::Ready, None).expect("set");
    let instance = ctx.store.require(&name()).expect("there");
    changes::stop(&mut ctx, &instance, true, Duration::ZERO, &mut Unobserved).expect("stopped");
    let instance = ctx.store.require(&name()).expect("there");
    thread::scope(|scope| {
        let (world, instance) = (&world, &instance);
        let start = scope
            .spawn(|| changes::start(&mut world.engine(), instance, Some(Duration::from_secs(300)), &mut Unobserved));
        let begun = Instant::now();
        while last(world).kind != OperationKind::Start || last(world).progress.stage.is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the start does not get on");
            thread::sleep(Duration::from_millis(20));
        }
        engine::delete(&mut ctx, instance).expect("deleted");
        let error = start.join().expect("no panic").expect_err("its wait ended");
        ended_by(world, &error, "delete");
    });
}

#[test]
fn a_delete_ends_the_wait_of_a_create_and_nothing_is_left() {
    let world = World::new();
    let before = world.snapshot();
    thread::scope(|scope| {
        let create = waiting(scope, &world);
        let mut ctx = world.engine();
        let instance = ctx.store.require(&name()).expect("there");
        engine::delete(&mut ctx, &instance).expect("deleted");
        let error = create.join().expect("no panic").expect_err("its wait ended");
        ended_by(&world, &error, "delete");
    });
    assert_eq!(world.snapshot(), before);
    assert_eq!(lock_files(&world), Vec::<String>::new());
}

#[test]
fn an_instance_can_be_tagged_while_its_create_waits() {
    let world = World::new();
    thread::scope(|scope| {
        let create = waiting(scope, &world);
        let mut ctx = world.engine();
        let instance = ctx.store.require(&name()).expect("there");
        let tags = vec![Tag::parse("a=b").expect("a tag")];
        changes::set_tags(&mut ctx, &instance, tags.clone()).expect("tagged");
        assert!(!create.is_finished(), "it goes on to wait");
        changes::stop(&mut ctx, &instance, true, Duration::ZERO, &mut Unobserved).expect("stopped");
        create.join().expect("no panic").expect_err("its wait ended");
        assert_eq!(ctx.store.require(&name()).expect("kept").record.tags, tags);
    });
}

/// The names of the lock files but those that all instances share.
fn lock_files(world: &World) -> Vec<String> {
    let files = std::fs::read_dir(world.state().join("locks")).expect("there").map(|e| e.expect("read").file_name());
    files.map(|name| name.to_string_lossy().into_owned()).filter(|name| !name.starts_with("00000000-")).collect()
}
