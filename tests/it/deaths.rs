//! A process that dies at any point of any operation, in process over libvirt's test driver: the next command leaves an
//! instance that is whole or gone, and a clean audit; with the database lost as well, what was there is taken in again.
//!
//! Real kills of real processes are in `tests/real/crash.rs`: fewer, and with libvirt's late answers and the kernel's locks.

use std::{collections::BTreeSet, panic::resume_unwind, thread};

use super::image_pool::dead_in_image_work;
use crate::support::{
    next_command::look_after,
    operations::{NAME, OPERATIONS, Operation, ready},
    outside::Outside,
    points::points_in,
    undone::UNLOADED,
    world::{Snapshot, World},
};
use lite::{
    engine::{self, Orphan, Trouble},
    hypervisor::prelude::*,
    kill_point::in_process,
    model::Name,
    store::OldDatabases,
};

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

/// Kills an operation at each of its points, and without the database wherever the host differs from the point before; the points.
fn dead_in((what, prepare, act, leaves): &Operation) -> Vec<String> {
    let world = ready(*prepare);
    let whole = in_process::run(None, || act(&world));
    assert_eq!(whole.result, Some(Ok(())), "{what} without a death");
    let mut tried = None;
    for (n, place) in (1..).zip(&whole.passed) {
        let when = format!("{what}, dead at point {n}, {place}");
        let dead = || {
            let world = ready(*prepare);
            assert_eq!(in_process::run(Some(n), || act(&world)).result, None, "{when}: it lived");
            world.hypervisor.heal();
            world
        };
        let world = dead();
        let outside = Some(Outside::of(&world));
        look_after(&world, *leaves, &when);
        // What bakes is no instance, and its domain says so nowhere but in the database.
        if *what != "bake" && tried != outside {
            look_after_without_the_database(&dead(), &when);
            tried = outside;
        }
    }
    whole.passed
}

#[test]
fn killed_at_every_point_of_every_operation() {
    let all: Vec<(&str, Vec<String>)> = thread::scope(|scope| {
        let mut running: Vec<_> = OPERATIONS.iter().map(|o| (o.0, scope.spawn(move || dead_in(o)))).collect();
        running.extend(UNLOADED.iter().map(|o| (o.0, scope.spawn(move || dead_in(o)))));
        running.push(("gc", scope.spawn(dead_in_gc)));
        running.push(("rebuild", scope.spawn(dead_in_rebuild)));
        running.push(("image work in a pool elsewhere", scope.spawn(dead_in_image_work)));
        running.into_iter().map(|(what, thread)| (what, thread.join().unwrap_or_else(|e| resume_unwind(e)))).collect()
    });
    let mut hit = BTreeSet::new();
    for (what, passed) in &all {
        assert!(!passed.is_empty(), "{what} passes no point");
        println!("{what}: dead at {} points", passed.len());
        hit.extend(passed.iter().filter(|place| place.starts_with("src/engine/")).cloned());
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
        let rules = full.rules.clone();
        assert_eq!(Snapshot { rules: rules.clone(), ..world.snapshot() }, full, "{when}");
        assert_eq!((rebuild(&world).taken.len(), rebuild(&world).taken.len()), (2usize.saturating_sub(n), 0), "{when}");
        assert_eq!(world.snapshot().rules, rules, "{when}");
        assert_eq!(engine::list(&engine).expect("listed").len(), 2, "{when}");
        assert!(engine::audit(&engine).expect("audited").is_clean(), "{when}");
    }
    whole
}
