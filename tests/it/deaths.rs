//! A process that dies at any point of any operation, in process over libvirt's test driver: the next command leaves an
//! instance that is whole or gone, and a clean audit; with the database lost as well, what was there is taken in again.
//!
//! Real kills of real processes are in `tests/real/crash.rs`: fewer, and with libvirt's late answers and the kernel's locks.

use std::{collections::BTreeSet, panic::resume_unwind, thread, time::Duration};

use crate::support::{bakes::unsealed, points::points_in, world::World};
use lite::{
    engine::{self, Ctx, Orphan, Trouble, Unobserved},
    hypervisor::{DomainState, prelude::*},
    kill_point::in_process,
    model::{Instance, InstanceState, Name, Result, Tag},
    plan::report_log,
    store::OldDatabases,
};

const NAME: &str = "web";

/// What an operation that died may leave once the next command is through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// The instance, whole.
    Whole,
    /// Nothing.
    Nothing,
    /// One or the other.
    Either,
}

/// An operation, how its world is made ready, and what it may leave.
type Operation = (&'static str, fn(&World), fn(&World) -> Result<()>, Leaves);

fn name() -> Name {
    Name::parse(NAME).expect("a name")
}

fn instance(engine: &Ctx) -> Instance {
    engine.store.require(&name()).expect("stored")
}

fn created(world: &World) {
    world.create(NAME).expect("created");
}

fn stopped(world: &World) {
    created(world);
    let mut engine = world.engine();
    let instance = instance(&engine);
    engine::stop(&mut engine, &instance, true, Duration::ZERO, &mut Unobserved).expect("stopped");
}

/// The domain shows a state that the test driver does not get into.
fn shows(world: &World, state: DomainState) {
    created(world);
    world.hypervisor.inner().show(instance(&world.engine()).record.uuid, state);
}

fn undefined(world: &World) {
    created(world);
    let uuid = instance(&world.engine()).record.uuid;
    world.hypervisor.inner().destroy(uuid).expect("off");
    world.hypervisor.inner().remove_domain(uuid).expect("undefined");
}

fn bare(world: &World) {
    world.hypervisor.inner().remove_network("lite").expect("no network");
    world.hypervisor.inner().remove_pool("lite").expect("no pool");
}

/// Nobody waited for the guest, which has booted since.
fn reported(world: &World) {
    created(world);
    let engine = world.engine();
    let log = report_log(&instance(&engine).record, &engine.settings.host.folders.logs);
    std::fs::write(log, "{\"event\":\"booted\"}\n").expect("written");
}

fn ready(prepare: fn(&World)) -> World {
    let world = World::new();
    prepare(&world);
    world
}

fn delete(world: &World) -> Result<()> {
    let mut engine = world.engine();
    let instance = engine.store.require(&name())?;
    engine::delete(&mut engine, &instance).map(drop)
}

fn half_made(world: &World) {
    let passed = in_process::run(None, || created(&World::new())).passed.len();
    assert!(in_process::run(Some(passed), || created(world)).result.is_none());
}

fn half_deleted(world: &World) {
    created(world);
    let another = ready(created);
    let passed = in_process::run(None, || delete(&another)).passed.len();
    assert_eq!(in_process::run(Some(passed / 2), || delete(world)).result, None);
}

/// What the watcher may do: the instance, if nobody decided otherwise since.
fn watched(world: &World, act: fn(&mut Ctx, uuid::Uuid, i64) -> Result<bool>) -> Result<()> {
    let mut engine = world.engine();
    let (uuid, generation) = engine.store.desired_generations()?[0];
    act(&mut engine, uuid, generation).map(|done| assert!(done, "there was nothing to do"))
}

const OPERATIONS: &[Operation] = &[
    ("create", |_| (), |w| w.create(NAME).map(drop), Leaves::Either),
    ("first create", bare, |w| w.create(NAME).map(drop), Leaves::Either),
    ("start", stopped, |w| on(w, |e, i| engine::start(e, i, None, &mut Unobserved).map(drop)), Leaves::Whole),
    (
        "stop",
        created,
        |w| on(w, |e, i| engine::stop(e, i, true, Duration::ZERO, &mut Unobserved).map(drop)),
        Leaves::Whole,
    ),
    ("reboot", created, |w| on(w, |e, i| engine::reboot(e, i, true)), Leaves::Whole),
    ("tag", created, |w| on(w, |e, i| engine::set_tags(e, i, vec![Tag::parse("a=b")?])), Leaves::Whole),
    ("repair of a lost domain", undefined, |w| on(w, |e, i| engine::redefine(e, i).map(drop)), Leaves::Either),
    ("delete", created, delete, Leaves::Nothing),
    ("restart", |w| shows(w, DomainState::Crashed), |w| watched(w, engine::restart), Leaves::Whole),
    ("resume", |w| shows(w, DomainState::PausedIoError), |w| watched(w, engine::try_resume), Leaves::Whole),
    ("reset", |w| shows(w, DomainState::Unresponsive), |w| watched(w, engine::reset_unresponsive), Leaves::Whole),
    ("cleaning of the seed", reported, |w| engine::settle(&mut w.engine()), Leaves::Whole),
    ("undo of a create", half_made, |w| engine::recover(&mut w.engine()).map(drop), Leaves::Nothing),
    ("end of a delete", half_deleted, |w| engine::recover(&mut w.engine()).map(drop), Leaves::Nothing),
    (
        "bake",
        |_| (),
        |w| {
            unsealed(w, false);
            Ok(())
        },
        Leaves::Nothing,
    ),
];

fn on(world: &World, act: fn(&mut Ctx, &Instance) -> Result<()>) -> Result<()> {
    let mut engine = world.engine();
    let instance = engine.store.require(&name())?;
    act(&mut engine, &instance)
}

/// The next command, of another process. What it leaves is whole or gone, and the audit finds nothing.
fn look_after(world: &World, leaves: Leaves, when: &str) {
    // What only a guest gets into is over.
    for instance in world.engine().store.instances().expect("rows") {
        if world.hypervisor.domain(instance.record.uuid).is_ok_and(|d| d.is_some()) {
            world.hypervisor.inner().show(instance.record.uuid, DomainState::Running);
        }
    }
    let mut engine = world.engine();
    engine::recover(&mut engine).unwrap_or_else(|e| panic!("{when}: {e}"));
    let states: Vec<InstanceState> =
        engine::list(&engine).expect("listed").into_iter().map(|listed| listed.state).collect();
    assert_eq!(engine.store.open_operations().expect("read"), [], "{when}");
    match (leaves, states.as_slice()) {
        (Leaves::Either, [InstanceState::Lost]) => {
            on(world, |e, i| engine::redefine(e, i).map(drop)).unwrap_or_else(|e| panic!("{when}: {e}"));
        }
        (Leaves::Whole | Leaves::Either, [InstanceState::Running | InstanceState::Stopped]) => {}
        (Leaves::Nothing | Leaves::Either, []) => {
            assert_eq!(world.hypervisor.domains(), Ok(vec![]), "{when}");
            if leaves == Leaves::Either {
                world.create(NAME).unwrap_or_else(|e| panic!("{when}: made again: {e}"));
            }
        }
        _ => panic!("{when}: {states:?}"),
    }
    let audit = engine::audit(&engine).expect("audited");
    assert!(audit.is_clean(), "{when}: {audit:?}");
    // A rebuild would find what the database says.
    let records: Vec<_> = engine.store.instances().expect("rows").into_iter().map(|i| Some(i.record)).collect();
    let domains = engine::our_domains(&*engine.hypervisor, &engine.settings).expect("read");
    assert_eq!(domains.into_iter().map(|d| d.record).collect::<Vec<_>>(), records, "{when}");
}

/// The database is gone too. A rebuild takes every domain of ours in; nothing that has one is called an orphan.
fn look_after_without_the_database(world: &World, when: &str) {
    world.lose_database();
    let mut engine = world.engine();
    let before = world.hypervisor.domains().expect("listed");
    let found = engine::find_orphans(&mut engine, true).unwrap_or_else(|e| panic!("{when}: {e}"));
    let all: Vec<Orphan> = found.seen.into_iter().map(|s| s.orphan).collect();
    engine::collect(&mut engine, &all).unwrap_or_else(|e| panic!("{when}: {e}"));
    assert_eq!(world.hypervisor.domains().expect("listed"), before, "{when}: gc took a domain that it does not know");
    let old = OldDatabases::open(world.state()).expect("opened");
    let done = engine::rebuild(&mut engine, &world.catalog, &old).unwrap_or_else(|e| panic!("{when}: {e}"));
    assert_eq!((done.taken.len(), done.refused), (before.len(), vec![]), "{when}");
    let audit = engine::audit(&engine).expect("audited");
    assert!(audit.findings.iter().all(|f| f.trouble != Trouble::Unrecorded), "{when}: {audit:?}");
}

/// Kills an operation at each of its points, with the database and without; the points.
fn dead_in((what, prepare, act, leaves): &Operation) -> Vec<String> {
    let world = ready(*prepare);
    let whole = in_process::run(None, || act(&world));
    assert_eq!(whole.result, Some(Ok(())), "{what} without a death");
    for (n, place) in (1..).zip(&whole.passed) {
        let when = format!("{what}, dead at point {n}, {place}");
        let dead = || {
            let world = ready(*prepare);
            assert_eq!(in_process::run(Some(n), || act(&world)).result, None, "{when}: it lived");
            world
        };
        look_after(&dead(), *leaves, &when);
        // What bakes is no instance, and its domain says so nowhere but in the database.
        if *what != "bake" {
            look_after_without_the_database(&dead(), &when);
        }
    }
    whole.passed
}

#[test]
fn killed_at_every_point_of_every_operation() {
    let all: Vec<(&str, Vec<String>)> = thread::scope(|scope| {
        let mut running: Vec<_> = OPERATIONS.iter().map(|o| (o.0, scope.spawn(move || dead_in(o)))).collect();
        running.push(("gc", scope.spawn(dead_in_gc)));
        running.push(("rebuild", scope.spawn(dead_in_rebuild)));
        running.into_iter().map(|(what, thread)| (what, thread.join().unwrap_or_else(|e| resume_unwind(e)))).collect()
    });
    let mut hit = BTreeSet::new();
    for (what, passed) in &all {
        assert!(!passed.is_empty(), "{what} passes no point");
        println!("{what}: dead at {} points", passed.len());
        hit.extend(passed.iter().cloned());
    }
    let known = points_in("src/engine");
    let deaths: usize = all.iter().map(|(_, passed)| passed.len()).sum();
    println!("{deaths} points of death at {} places of {} in the source", hit.len(), known.len());
    assert_eq!(hit, known, "every place of the source is hit");
}

/// What any command does first, and then one about another instance.
fn another_command(world: &World, when: &str) {
    let mut engine = world.engine();
    engine::recover(&mut engine).unwrap_or_else(|e| panic!("{when}: {e}"));
    world.create("other").unwrap_or_else(|e| panic!("{when}: {e}"));
    let other = engine.store.require(&Name::parse("other").expect("a name")).expect("stored");
    engine::delete(&mut engine, &other).unwrap_or_else(|e| panic!("{when}: {e}"));
}

/// A collector dies. Another command finds only orphans left, and the next collector takes them.
fn dead_in_gc() -> Vec<String> {
    let orphaned = || {
        let world = World::new();
        world.create("kept").expect("created");
        let kept = world.snapshot();
        world.create_orphan(NAME);
        (world, kept)
    };
    let collect = |world: &World| {
        let mut engine = world.engine();
        let all: Vec<Orphan> =
            engine::find_orphans(&mut engine, true).expect("looked").seen.into_iter().map(|s| s.orphan).collect();
        engine::collect(&mut engine, &all).expect("collected");
    };
    let (another, _) = orphaned();
    let whole = in_process::run(None, || collect(&another)).passed;
    for n in 1..=whole.len() {
        let when = format!("gc, dead at point {n}, {}", whole[n - 1]);
        let (world, kept) = orphaned();
        assert!(in_process::run(Some(n), || collect(&world)).result.is_none(), "{when}: it lived");
        another_command(&world, &when);
        let findings = engine::audit(&world.engine()).expect("audited").findings;
        assert!(findings.iter().all(|f| f.trouble == Trouble::Orphan), "{when}: {findings:?}");
        collect(&world);
        assert_eq!(world.snapshot(), kept, "{when}");
        assert!(engine::audit(&world.engine()).expect("audited").is_clean(), "{when}");
    }
    whole
}

/// A rebuild dies. Another command takes nothing away, and the next rebuild takes in what is left.
fn dead_in_rebuild() -> Vec<String> {
    let lost = || {
        let world = World::new();
        for name in ["one", "two"] {
            world.create(name).expect("created");
        }
        world.lose_database();
        world
    };
    let rebuild = |world: &World| {
        let mut engine = world.engine();
        let old = OldDatabases::open(world.state()).expect("opened");
        engine::rebuild(&mut engine, &world.catalog, &old).expect("rebuilt")
    };
    let another = lost();
    let whole = in_process::run(None, || rebuild(&another)).passed;
    for n in 1..=whole.len() {
        let when = format!("rebuild, dead at point {n}");
        let world = lost();
        let full = world.snapshot();
        assert!(in_process::run(Some(n), || rebuild(&world)).result.is_none(), "{when}: it lived");
        another_command(&world, &when);
        let mut engine = world.engine();
        let found = engine::find_orphans(&mut engine, true).expect("looked");
        let all: Vec<Orphan> = found.seen.into_iter().map(|s| s.orphan).collect();
        engine::collect(&mut engine, &all).expect("collected");
        assert_eq!(world.snapshot(), full, "{when}");
        assert_eq!((rebuild(&world).taken.len(), rebuild(&world).taken.len()), (2 - n, 0), "{when}");
        assert_eq!(engine::list(&engine).expect("listed").len(), 2, "{when}");
        assert!(engine::audit(&engine).expect("audited").is_clean(), "{when}");
    }
    whole
}
