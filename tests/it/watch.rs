//! The watcher on a clock of the test's own, over libvirt's test driver: crashes, boots, dead daemons, jumping clocks.

mod alarms;
mod room;

use std::cell::Cell;

use crate::support::{changes, world::World};
use jiff::{SignedDuration, Timestamp};
use lite::{
    hypervisor::{DomainSample, DomainState, MemorySample, StateReason, prelude::*},
    model::{
        AlarmSettings, AlarmState, Condition, DesiredState, Error, EventKind, HostId, Metric, Missing, Name, Notify,
        OperationKind, OperationState, Phase, Requester, ResourceRef, Statistic, Via,
    },
    monitor::{actor::Actor, clock::Moment, watcher::Watcher},
    store::{Store, events::Which},
};
use uuid::Uuid;

thread_local! {
    /// Seconds since the begin, and by how much the wall clock is off.
    static CLOCK: Cell<(i64, i64)> = const { Cell::new((0, 0)) };
}

const BEGIN: &str = "2026-03-01T00:00:00Z";

pub(crate) fn now() -> Timestamp {
    let (seconds, jump) = CLOCK.get();
    BEGIN.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds + jump)
}

pub(crate) fn moment() -> Moment {
    Moment { mono: 1000.0 + CLOCK.get().0 as f64, wall: now() }
}

pub(crate) fn pass(seconds: i64) {
    let (before, jump) = CLOCK.get();
    CLOCK.set((before + seconds, jump));
}

fn jump(seconds: i64) {
    let (at, before) = CLOCK.get();
    CLOCK.set((at, before + seconds));
}

fn quiet(_: &str) {}

pub(crate) fn watcher<'a>(world: &'a World, boot: &str) -> Watcher<'a> {
    let mut engine = world.engine();
    engine.clock = std::sync::Arc::new(now as fn() -> Timestamp);
    Watcher::new(engine, Actor::inline(), world.hypervisor.clone(), boot, moment(), &quiet).expect("a watcher")
}

/// Lets so many seconds pass, with a look each ten.
fn run(watcher: &mut Watcher<'_>, seconds: i64) {
    for _ in 0..seconds / 10 {
        watcher.tick(moment()).expect("a look");
        pass(10);
    }
}

fn store(world: &World) -> Store {
    world.engine().store
}

/// Running instances that are ready.
pub(crate) fn instances(world: &World, names: &[&str]) -> Vec<Uuid> {
    let made = |name: &&str| {
        let uuid = world.create(name).expect("made").record.uuid;
        store(world).set_phase(uuid, Phase::Ready, None).expect("ready");
        uuid
    };
    names.iter().map(made).collect()
}

pub(crate) fn state(world: &World, uuid: Uuid) -> DomainState {
    world.hypervisor.domain(uuid).expect("asked").expect("there").state
}

/// Kinds of the events of a watcher, in order.
pub(crate) fn told(world: &World) -> Vec<String> {
    let all = store(world).events(&Which { limit: 10_000, ..Which::default() }).expect("events");
    all.into_iter().filter(|e| e.event.kind != EventKind::InstanceCreated).map(|e| e.event.kind.to_string()).collect()
}

fn down(reason: StateReason) -> impl Fn(&mut DomainSample) + Send {
    move |sample| {
        if matches!(sample.state, DomainState::Off) {
            sample.reason = reason;
        }
    }
}

#[test]
fn a_crashed_instance_runs_again_and_is_told_of() {
    let world = World::new();
    let uuid = instances(&world, &["web"])[0];
    let mut watcher = watcher(&world, "b");
    run(&mut watcher, 20);
    world.hypervisor.inner().crash(uuid).expect("crashed");
    watcher.tick(moment()).expect("a look");
    assert_eq!(watcher.due(), Some(now() + SignedDuration::from_secs(5)));
    pass(4);
    watcher.tick(moment()).expect("a look");
    assert_eq!(state(&world, uuid), DomainState::Crashed);
    pass(1);
    watcher.tick(moment()).expect("a look");
    assert_eq!(state(&world, uuid), DomainState::Running);
    assert_eq!(told(&world), ["instance.crashed", "instance.restarted"]);
}

#[test]
fn a_start_that_waits_for_libvirt_does_not_hold_up_the_looks() {
    let world = World::new();
    let uuid = instances(&world, &["web"])[0];
    // Whoever holds these four keeps every other start waiting (`engine::lock`).
    let slots: Vec<std::fs::File> = (1..=4)
        .map(|n| {
            let file = std::fs::File::create(world.state().join("locks").join(format!("{}.lock", Uuid::from_u128(n))))
                .expect("a lock file");
            file.lock().expect("locked");
            file
        })
        .collect();
    std::thread::scope(|scope| {
        let actor = Actor::start(scope, || Ok(world.engine())).expect("threads");
        let mut engine = world.engine();
        engine.clock = std::sync::Arc::new(now as fn() -> Timestamp);
        let mut watcher =
            Watcher::new(engine, actor, world.hypervisor.clone(), "b", moment(), &quiet).expect("a watcher");
        run(&mut watcher, 20);
        world.hypervisor.inner().crash(uuid).expect("crashed");
        run(&mut watcher, 120);
        assert_eq!(state(&world, uuid), DomainState::Crashed, "its start waits");
        let minutes = store(&world).last_minute(&HostId::local()).expect("read").map(|(number, _)| number);
        assert_eq!(minutes, Some(BEGIN.parse::<Timestamp>().unwrap().as_second() / 60 + 1), "the looks went on");
        drop(slots);
        let begun = std::time::Instant::now();
        while told(&world).len() < 2 {
            assert!(begun.elapsed().as_secs() < 60, "it was not started and told");
            if watcher.has_outcome() {
                watcher.tick(moment()).expect("a look");
            }
            std::thread::yield_now();
        }
        assert_eq!(told(&world), ["instance.crashed", "instance.restarted"]);
    });
}

#[test]
fn a_minute_that_could_not_be_written_does_not_lose_the_next() {
    let world = World::new();
    let uuid = instances(&world, &["web"])[0];
    let mut watcher = watcher(&world, "b");
    // The last statement of the first minute fails, as on a full disk: all before it is taken back.
    let database = rusqlite::Connection::open(world.state().join("state.db")).expect("opened");
    let full = "CREATE TRIGGER full BEFORE INSERT ON watcher_state WHEN NEW.key = 'evaluated' BEGIN SELECT RAISE(ABORT, 'full'); END";
    database.execute_batch(full).expect("made");
    let mut failed = 0;
    for _ in 0..9 {
        failed += usize::from(watcher.tick(moment()).is_err());
        pass(10);
    }
    assert!(failed > 0, "the fault was not hit");
    database.execute_batch("DROP TRIGGER full").expect("dropped");
    run(&mut watcher, 180);
    let at = now().as_second();
    let latest = store(&world).latest(uuid, at - 300, at + 60).expect("read");
    assert!(latest.iter().any(|(metric, _)| *metric == Metric::StatusCheckFailed), "{latest:?}");
}

#[test]
fn a_crash_loop_survives_a_restart_of_the_watcher_and_ends_when_somebody_acts() {
    let world = World::new();
    let uuid = instances(&world, &["web"])[0];
    let mut starts = 0;
    for _ in 0..6 {
        // A new watcher each time: what it counts is stored.
        let mut watcher = watcher(&world, "b");
        if state(&world, uuid) == DomainState::Running {
            starts += 1;
            world.hypervisor.inner().crash(uuid).expect("crashed");
        }
        run(&mut watcher, 100);
    }
    let mut again = watcher(&world, "b");
    run(&mut again, 3600);
    assert_eq!((starts, state(&world, uuid)), (6, DomainState::Crashed));
    let all = told(&world);
    assert_eq!(all.iter().filter(|k| *k == "instance.crash_loop").count(), 1, "{all:?}");
    assert_eq!(all.iter().filter(|k| *k == "instance.restarted").count(), 5, "{all:?}");
    // Somebody acts: what was counted is forgotten.
    world.hypervisor.inner().start(uuid).expect("started");
    store(&world).set_desired_state(uuid, DesiredState::Running).expect("wanted");
    run(&mut again, 20);
    world.hypervisor.inner().crash(uuid).expect("crashed");
    run(&mut again, 30);
    assert_eq!(state(&world, uuid), DomainState::Running);
}

#[test]
fn what_was_stopped_stays_stopped() {
    let world = World::new();
    let ids = instances(&world, &["user", "guest", "plug", "back"]);
    let mut watcher = watcher(&world, "b");
    run(&mut watcher, 20);
    let hv = world.hypervisor.inner();
    store(&world).set_desired_state(ids[0], DesiredState::Stopped).expect("wanted");
    store(&world).set_desired_state(ids[3], DesiredState::Stopped).expect("wanted");
    for (uuid, why) in [
        (ids[0], StateReason::Crashed),
        (ids[1], StateReason::Shutdown),
        (ids[2], StateReason::Destroyed),
        (ids[3], StateReason::Shutdown),
    ] {
        hv.destroy(uuid).expect("off");
        hv.tell(uuid, down(why));
    }
    run(&mut watcher, 600);
    let wanted: Vec<DesiredState> =
        store(&world).instances().expect("instances").iter().map(|i| i.desired_state).collect();
    assert_eq!(wanted, [DesiredState::Stopped; 4]);
    assert!(ids.iter().all(|uuid| state(&world, *uuid) == DomainState::Off));
    assert_eq!(told(&world), ["instance.external_stop", "instance.external_stop"]);
}

#[test]
fn a_tag_makes_a_guest_that_powered_off_start_again() {
    let world = World::new();
    let uuid = instances(&world, &["web"])[0];
    let mut engine = world.engine();
    let instance = engine.store.instance_by_uuid(uuid).expect("read").expect("there");
    changes::set_tags(&mut engine, &instance, vec![lite::model::Tag::parse("guest-shutdown=restart").expect("a tag")])
        .expect("tagged");
    let mut watcher = watcher(&world, "b");
    run(&mut watcher, 20);
    world.hypervisor.inner().destroy(uuid).expect("off");
    world.hypervisor.inner().tell(uuid, down(StateReason::Shutdown));
    run(&mut watcher, 20);
    assert_eq!(state(&world, uuid), DomainState::Running);
}

#[test]
fn after_a_boot_of_the_host_exactly_the_wanted_come_up() {
    let world = World::new();
    let ids = instances(&world, &["web-0", "web-1", "web-2", "web-3"]);
    run(&mut watcher(&world, "before"), 20);
    for (n, uuid) in ids.iter().enumerate() {
        if n == 1 {
            store(&world).set_desired_state(*uuid, DesiredState::Stopped).expect("wanted");
        }
        world.hypervisor.inner().destroy(*uuid).expect("off");
        // One was shut down with the host, the others went with the power.
        world.hypervisor.inner().tell(*uuid, down(if n == 3 { StateReason::Shutdown } else { StateReason::Unknown }));
    }
    let mut watcher = watcher(&world, "after");
    watcher.tick(moment()).expect("a look");
    let up = || ids.iter().map(|uuid| state(&world, *uuid) == DomainState::Running).collect::<Vec<_>>();
    assert_eq!(up().iter().filter(|up| **up).count(), 2, "staggered");
    pass(10);
    run(&mut watcher, 30);
    assert_eq!(up(), [true, false, true, true]);
    let events = store(&world).events(&Which { limit: 10, ..Which::default() }).expect("events");
    let told: Vec<_> = events.iter().map(|e| (e.event.kind.as_str(), e.event.data.reason.as_str())).collect();
    assert_eq!(told[4..], [("instance.restarted", "it was started after a boot of the host"); 3]);
}

/// As after a boot of the host: it is off, wanted up, and the watcher starts it.
#[test]
fn what_comes_up_after_a_boot_is_starting_and_no_evidence_until_its_time_is_over() {
    CLOCK.set((-900, 0));
    let world = World::new();
    let ids = instances(&world, &["web"]);
    let name = put_alarm(&world, ids[0], "app", Metric::AppHealthy, "< 1", Missing::Breaching);
    run(&mut watcher(&world, "before"), 20);
    world.hypervisor.inner().destroy(ids[0]).expect("off");
    world.hypervisor.inner().tell(ids[0], |sample| {
        if sample.state == DomainState::Off {
            sample.reason = StateReason::Unknown;
        }
    });
    let mut watcher = watcher(&world, "after");
    // Starts are refused for a while, and the guest then says nothing.
    world.hypervisor.fail_every("start");
    run(&mut watcher, 60);
    world.hypervisor.heal();
    run(&mut watcher, 240);
    assert_eq!(
        (state(&world, ids[0]), alarm_state(&world, &name)),
        (DomainState::Running, AlarmState::InsufficientData)
    );
    run(&mut watcher, 300);
    assert_eq!(alarm_state(&world, &name), AlarmState::Alarm);
}

#[test]
fn a_busy_instance_and_a_lost_one_are_left_alone() {
    let world = World::new();
    let ids = instances(&world, &["busy", "lost"]);
    let mut watcher = watcher(&world, "b");
    run(&mut watcher, 20);
    let record = store(&world).instance_by_uuid(ids[0]).expect("read").expect("there").record;
    let operation = lite::store::Operation {
        state: OperationState::NeedsAttention,
        ..lite::store::Operation::started(
            OperationKind::Reboot,
            ResourceRef::instance(&record),
            HostId::local(),
            Requester::root(Via::Cli),
            now(),
        )
    };
    store(&world).insert_operation(&operation).expect("an operation");
    world.hypervisor.inner().crash(ids[0]).expect("crashed");
    world.hypervisor.inner().destroy(ids[1]).expect("off");
    world.hypervisor.inner().remove_domain(ids[1]).expect("gone");
    run(&mut watcher, 300);
    assert_eq!(state(&world, ids[0]), DomainState::Crashed);
    assert_eq!(world.hypervisor.domain(ids[1]), Ok(None), "never made again");
    assert_eq!(told(&world), ["instance.lost"]);
}

fn memory_alarm(world: &World, uuid: Uuid) -> Name {
    put_alarm(world, uuid, "memory", Metric::MemoryUtilization, ">= 90", Missing::Missing)
}

fn put_alarm(world: &World, uuid: Uuid, name: &str, metric: Metric, when: &str, missing: Missing) -> Name {
    let name = Name::parse(name).expect("a name");
    let settings = AlarmSettings {
        metric,
        condition: Condition::parse(when).expect("a condition"),
        datapoints: 2,
        of: 3,
        period_minutes: 1,
        statistic: Statistic::Average,
        missing,
        notify: vec![Notify::Alarm, Notify::Ok],
        repeat_minutes: 0,
    };
    let mut db = store(world);
    let subject = db.subject(&HostId::local(), uuid).expect("read").expect("there");
    db.put_alarm(&subject, &name, &settings, &lite::store::events::Stamp::new(now(), HostId::local(), "double"))
        .expect("put");
    name
}

fn uses(world: &World, uuid: Uuid, percent: u64) {
    world.hypervisor.inner().tell(uuid, move |sample| {
        let last_update = now().as_second();
        sample.memory = Some(MemorySample { available_kib: 1000, usable_kib: 1000 - 10 * percent, last_update });
    });
}

fn alarm_state(world: &World, name: &Name) -> AlarmState {
    store(world).require_alarm(name).expect("an alarm").state
}

/// The events of alarms, as `kind reason`.
fn alarms_told(world: &World) -> Vec<String> {
    let all = store(world).events(&Which { alarm: Some("memory".into()), limit: 10_000, ..Which::default() });
    all.expect("events").into_iter().map(|e| e.event.kind.to_string()).collect()
}
