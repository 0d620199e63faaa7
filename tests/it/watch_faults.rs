//! The watcher over a database that cannot be written, or of which a row cannot be read.

use crate::{
    support::world::World,
    watch::{instances, moment, now, pass, state, told, watcher},
};
use lite::hypervisor::DomainState;

/// Nothing can be written that the watcher writes, as on a full disk.
fn full(world: &World) {
    for table in ["restart_history", "event", "operation", "watcher_state", "step"] {
        for what in ["INSERT", "UPDATE"] {
            world.sql(&format!(
                "CREATE TRIGGER full_{table}_{what} BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END"
            ));
        }
    }
}

fn room(world: &World) {
    for table in ["restart_history", "event", "operation", "watcher_state", "step"] {
        world.sql(&format!("DROP TRIGGER full_{table}_INSERT; DROP TRIGGER full_{table}_UPDATE"));
    }
}

#[test]
fn a_restart_that_cannot_be_written_is_made_and_bounded_and_told_later() {
    let world = World::new();
    let uuid = instances(&world, &["web"])[0];
    let mut watcher = watcher(&world, "b");
    watcher.tick(moment()).expect("a look");
    full(&world);
    let mut starts = 0;
    // It crashes again as soon as it runs, for twenty minutes.
    for _ in 0..120 {
        if state(&world, uuid) == DomainState::Running {
            starts += 1;
            world.hypervisor.inner().crash(uuid).expect("crashed");
        }
        pass(10);
        // The error of the minutes that cannot be written.
        let _ = watcher.tick(moment());
    }
    assert_eq!((starts, state(&world, uuid)), (6, DomainState::Crashed), "the first run and five restarts");
    assert_eq!(told(&world), Vec::<String>::new());
    room(&world);
    pass(10);
    watcher.tick(moment()).expect("a look");
    let kinds = told(&world);
    let count = |kind: &str| kinds.iter().filter(|k| *k == kind).count();
    assert_eq!(
        (count("instance.crashed"), count("instance.restarted"), count("instance.crash_loop"), kinds.len()),
        (5, 5, 1, 11),
        "{kinds:?}"
    );
}

#[test]
fn a_row_that_cannot_be_read_is_the_trouble_of_its_instance_alone() {
    for damage in ["record = 'x'", "blueprint = 'x'"] {
        let world = World::new();
        let ids = instances(&world, &["a", "b"]);
        world.sql(&format!("UPDATE instance SET {damage} WHERE name = 'a'"));
        let lines = std::sync::Mutex::new(Vec::new());
        let tell = |line: &str| lines.lock().expect("lines").push(line.to_owned());
        let mut engine = world.engine();
        engine.clock = std::sync::Arc::new(now as fn() -> jiff::Timestamp);
        let mut watcher = lite::monitor::watcher::Watcher::new(
            engine,
            lite::monitor::actor::Actor::inline(),
            world.hypervisor.clone(),
            "b",
            moment(),
            &tell,
        )
        .expect("a watcher");
        watcher.tick(moment()).expect("a look");
        world.hypervisor.inner().crash(ids[1]).expect("crashed");
        pass(360);
        for _ in 0..12 {
            watcher.tick(moment()).expect("a look");
            pass(10);
        }
        assert_eq!(state(&world, ids[1]), DomainState::Running, "{damage}");
        let lines = lines.lock().expect("lines");
        let damaged = lines.iter().filter(|l| l.contains("cannot read")).count();
        assert_eq!(damaged, 1, "{damage}: {lines:?}");
    }
}
