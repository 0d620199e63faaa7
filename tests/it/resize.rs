//! Other bundles for instances: what they have then, what is refused, and what is as before where it fails.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use lite::{
    app::{
        App, Caller,
        instance::resize::{self, How},
    },
    clock::SystemClock,
    engine,
    hypervisor::{DomainState, flaky::Moment, prelude::*},
    kill_point::in_process,
    model::{Code, DesiredState, Error, Instance, Name, Observer, Phase, Result, Size, Unobserved, Via},
    plan::{root_disk, size_in_domain},
    view::ResizedView,
};

use crate::support::{changes, fake_clock::FakeClock, warned::Warned, world::World};

const NOW: How = How { force: false, grace: Duration::from_secs(1), until_ready: None };

fn name() -> Name {
    Name::parse("web").expect("a name")
}

fn resize(world: &World, bundle: &str, observer: &mut dyn Observer) -> Result<Vec<ResizedView>> {
    let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
    let found = resize::find(&app, &Caller::root(Via::Cli), (&name(), bundle), false, observer)?;
    assert_eq!(found.plan().map(|view| view.now.bundle), Some(bundle.to_owned()));
    found.accept(NOW, observer)?.run(observer)
}

fn stored(world: &World) -> Instance {
    world.engine().store.require(&name()).expect("stored")
}

/// The definition of the domain, its state, and what its root disk has.
fn on_the_host(world: &World) -> (String, DomainState, Size) {
    let (record, hv) = (stored(world).record, world.hypervisor.inner());
    let state = hv.domain(record.uuid).expect("asked").expect("a domain").state;
    let volume = hv.volume("lite", &root_disk(&record)).expect("asked").expect("a volume");
    (hv.domain_xml(record.uuid).expect("asked").expect("a definition"), state, Size::bytes(volume.capacity))
}

fn gib(count: u64) -> Size {
    Size::mib(count << 10)
}

fn clean(world: &World) {
    let audit = engine::audit(&world.engine()).expect("audited");
    assert!(audit.is_clean(), "{audit:?}");
}

fn short(error: &Error) -> (&'static str, u8, String) {
    (error.code.as_str(), error.exit_code(), error.message.clone())
}

#[test]
fn an_instance_gets_another_bundle_and_a_smaller_one_keeps_its_disk() {
    let world = World::new();
    let before = world.create("web").expect("created").record;
    let done = resize(&world, "micro", &mut Unobserved).expect("resized");
    let sentence = "2 vCPUs, 1 GiB of memory (now 512 MiB), 40 GiB of disk (now 20 GiB), 7.00 USD/month (now 5.00)";
    assert_eq!((done.len(), done[0].sentence(), done[0].restarts), (1, sentence.to_owned(), true));
    let after = stored(&world).record;
    assert_eq!(
        (after.bundle.as_str(), after.memory, after.disk, after.price.to_string()),
        ("micro", gib(1), gib(40), "7.00".to_owned())
    );
    assert_eq!((after.address, after.mac, after.uuid), (before.address, before.mac, before.uuid));
    let (xml, state, disk) = on_the_host(&world);
    assert_eq!((size_in_domain(&xml), state, disk), (Some((gib(1), 2)), DomainState::Running, gib(40)));
    clean(&world);

    let done = resize(&world, "nano", &mut Unobserved).expect("resized");
    let sentence = "2 vCPUs, 512 MiB of memory (now 1 GiB), 40 GiB of disk, 5.00 USD/month (now 7.00); \
                    its disk keeps the 20 GiB that it has beyond the bundle's, which cost nothing";
    assert_eq!(done[0].sentence(), sentence);
    let after = stored(&world).record;
    assert_eq!((after.bundle.as_str(), after.memory, after.disk), ("nano", Size::mib(512), gib(40)));
    let (xml, state, disk) = on_the_host(&world);
    assert_eq!((size_in_domain(&xml), state, disk), (Some((Size::mib(512), 2)), DomainState::Running, gib(40)));
    clean(&world);
}

#[test]
fn one_that_has_the_bundle_already_is_left_alone_and_one_that_is_stopped_stays_so() {
    let world = World::new();
    world.create("web").expect("created");
    let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
    let found = resize::find(&app, &Caller::root(Via::Cli), (&name(), "nano"), false, &mut Unobserved).expect("found");
    assert_eq!(found.plan(), None);
    assert_eq!(found.accept(NOW, &mut Unobserved).expect("nothing to do").run(&mut Unobserved), Ok(vec![]));
    let mut ctx = world.engine();
    changes::stop(&mut ctx, &stored(&world), true, Duration::ZERO, &mut Unobserved).expect("stopped");
    let done = resize(&world, "micro", &mut Unobserved).expect("resized");
    assert!(!done[0].restarts);
    let (xml, state, disk) = on_the_host(&world);
    assert_eq!((size_in_domain(&xml), state, disk), (Some((gib(1), 2)), DomainState::Off, gib(40)));
    assert_eq!(stored(&world).desired_state, DesiredState::Stopped);
    clean(&world);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let world = World::new();
    world.create("web").expect("created");
    let uuid = stored(&world).record.uuid;
    let (row, host) = (stored(&world), on_the_host(&world));
    let refused = |bundle: &str| {
        let error = resize(&world, bundle, &mut Unobserved).expect_err("refused");
        assert_eq!((stored(&world), on_the_host(&world)), (row.clone(), host.clone()), "{bundle}");
        assert_eq!(world.engine().store.open_operations(), Ok(vec![]), "{bundle}");
        short(&error)
    };
    assert_eq!(refused("huge"), ("unknown_bundle", 2, "there is no bundle `huge`".to_owned()));
    let says = "bundle `xlarge` does not fit on this host: 16 GiB of memory needed, 12.5 GiB free";
    assert_eq!(refused("xlarge"), ("no_capacity", 2, says.to_owned()));
    world.hypervisor.inner().set_pool_free(1 << 30);
    let says = "the storage pool is nearly full: 1 GiB free, and `disk_reserve` keeps 5 GiB free";
    assert_eq!(refused("micro"), ("no_capacity", 2, says.to_owned()));
    world.hypervisor.inner().set_pool_free(80 << 30);
    for (state, code) in [
        (DomainState::Paused, "paused"),
        (DomainState::Unresponsive, "unresponsive"),
        (DomainState::ShuttingDown, "not_settled"),
    ] {
        world.hypervisor.inner().show(uuid, state);
        let error = resize(&world, "micro", &mut Unobserved).expect_err("refused");
        assert_eq!((error.code.as_str(), stored(&world)), (code, row.clone()));
    }
    world.hypervisor.inner().show(uuid, DomainState::Running);
    let xml = host.0.replace("<vcpu placement='static'>2</vcpu>", "<vcpu placement='static'>1</vcpu>");
    assert_ne!(xml, host.0);
    world.hypervisor.inner().ensure_domain(&xml).expect("changed by hand");
    let error = resize(&world, "micro", &mut Unobserved).expect_err("refused");
    let says = "the domain of instance `web` was changed by hand: vcpus: 1 (recorded: 2)";
    assert_eq!(short(&error), ("host_not_fit", 2, says.to_owned()));
    // A disk of one that is off grows only into what is free.
    world.hypervisor.inner().ensure_domain(&host.0).expect("put back");
    let mut ctx = world.engine();
    changes::stop(&mut ctx, &stored(&world), true, Duration::ZERO, &mut Unobserved).expect("stopped");
    world.hypervisor.inner().set_pool_free(19 << 30);
    let error = resize(&world, "micro", &mut Unobserved).expect_err("refused");
    let says = "the disk of instance `web` cannot grow by 20 GiB while no guest runs with it: 19 GiB are free";
    assert_eq!(short(&error), ("no_capacity", 2, says.to_owned()));
}

/// What is as before, though its disk has grown; `grown` is what the sentence says of that.
fn as_before(world: &World, error: &Error, before: (Instance, (String, DomainState, Size))) {
    let says = "could not resize instance `web`: it runs as before, with bundle `nano`; its disk stays at 40 GiB, as disks never shrink";
    assert_eq!((error.exit_code(), error.message.as_str()), (1, says));
    let (row, (xml, state, _)) = before;
    assert_eq!((stored(world), on_the_host(world)), (row, (xml, state, gib(40))));
    let engine = world.engine();
    assert_eq!(engine.store.open_operations(), Ok(vec![]));
    let held = engine.store.allocated(&engine.host_id()).expect("summed");
    assert_eq!((held.memory, held.disk), (gib(1).as_bytes() / 2, gib(40).as_bytes()));
    clean(world);
}

#[test]
fn one_that_does_not_start_is_as_before() {
    let world = World::new();
    world.create("web").expect("created");
    let before = (stored(&world), on_the_host(&world));
    world.hypervisor.fail_call("start", 1, Moment::Before);
    let error = resize(&world, "micro", &mut Unobserved).expect_err("not started");
    as_before(&world, &error, before);
    // The next one knows that there is nothing left to grow.
    resize(&world, "micro", &mut Unobserved).expect("resized");
    assert_eq!((stored(&world).record.disk, on_the_host(&world).2), (gib(40), gib(40)));
}

/// Resizes with this clock, and waits for the application.
fn waited(world: &World, clock: Arc<FakeClock>) -> Error {
    let mut ctx = world.engine();
    ctx.clock = clock;
    let instance = stored(world);
    let how = How { until_ready: Some(Duration::from_secs(900)), ..NOW };
    let accepted =
        engine::sagas::resize::accept(&mut ctx, &instance, &changes::twice(&instance.record), &mut Unobserved);
    let accepted = accepted.expect("accepted").expect("something to do");
    engine::sagas::resize::run(&mut ctx, accepted, how, &mut Unobserved).expect_err("nobody answers")
}

#[test]
fn one_that_does_not_answer_is_as_before() {
    let world = World::new();
    world.create("web").expect("created");
    world.engine().store.set_phase(stored(&world).record.uuid, Phase::Ready, None).expect("set");
    let before = (stored(&world), on_the_host(&world));
    let clock = FakeClock::new();
    let error = waited(&world, clock.clone());
    let says = "instance `web` was not ready after 900 s: stage `boot`";
    assert_eq!((error.code, error.causes.first().map(String::as_str)), (Code::Timeout, Some(says)));
    assert_eq!(error.hint_texts(), ["what it wrote meanwhile: `lite logs web`"]);
    as_before(&world, &error, before);
}

#[test]
fn a_guest_that_does_not_power_off_keeps_running_as_it_is() {
    let world = World::new();
    world.create("web").expect("created");
    let before = (stored(&world), on_the_host(&world));
    world.hypervisor.inner().ignore_power_button(true);
    let error = resize(&world, "micro", &mut Unobserved).expect_err("it runs on");
    assert_eq!(error.causes, ["`web` did not power off within 1 s and keeps running"]);
    as_before(&world, &error, before);
}

/// Somebody does not want to wait any more, once the instance runs.
struct Impatient(Arc<std::sync::atomic::AtomicBool>);

impl Observer for Impatient {
    fn begin(&mut self, _: engine::Stage) {
        self.0.store(true, Ordering::Relaxed);
    }
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, _: &lite::model::Hint) {}
}

#[test]
fn one_that_nobody_waits_for_any_more_has_its_new_bundle() {
    let world = World::new();
    world.create("web").expect("created");
    let mut ctx = world.engine();
    ctx.store.set_phase(stored(&world).record.uuid, Phase::Ready, None).expect("set");
    let instance = stored(&world);
    let how = How { until_ready: Some(Duration::from_secs(900)), ..NOW };
    let bundle = changes::twice(&instance.record);
    let accepted = engine::sagas::resize::accept(&mut ctx, &instance, &bundle, &mut Unobserved);
    let mut observer = Impatient(ctx.cancel.clone());
    let accepted = accepted.expect("accepted").expect("something to do");
    let error = engine::sagas::resize::run(&mut ctx, accepted, how, &mut observer).expect_err("interrupted");
    let says = "instance `web` has bundle `twice` now, and its application was not waited for";
    assert_eq!((error.code, error.message.as_str()), (Code::Interrupted, says));
    assert_eq!((stored(&world).record.bundle.as_str(), on_the_host(&world).1), ("twice", DomainState::Running));
    clean(&world);
}

#[test]
fn one_that_was_started_with_its_new_bundle_keeps_it_though_the_command_dies() {
    let dead = |point: usize| {
        let world = World::new();
        world.create("web").expect("created");
        let act = || changes::resize(&mut world.engine(), &stored(&world));
        (in_process::run(Some(point), act).result.is_none()).then_some(world)
    };
    let mut told = Vec::new();
    for point in 1.. {
        let Some(world) = dead(point) else { break };
        let said = engine::recover(&mut world.engine()).expect("recovered");
        let bundle = stored(&world).record.bundle;
        told.push(format!("{bundle}: {}", said.first().map_or("", String::as_str)));
        assert_eq!(on_the_host(&world).1, DomainState::Running, "point {point}");
        clean(&world);
    }
    told.dedup();
    let wanted = [
        "nano: undid the resize of `web` that was cut off",
        "twice: closed the resize of `web` that was cut off: it has bundle `twice`",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn a_guest_that_does_not_use_its_disk_is_told_of() {
    let world = World::new();
    world.create("web").expect("created");
    world.hypervisor.inner().set_agent(stored(&world).record.uuid, true);
    world.hypervisor.inner().end_programs_with(54);
    let mut observer = Warned::default();
    resize(&world, "micro", &mut observer).expect("resized");
    let says = "the guest of instance `web` does not use all of its disk: its file system is none that lite can grow (exit 54); \
                look at it there: `lite ssh web`";
    assert_eq!(observer.0, [says]);
}
