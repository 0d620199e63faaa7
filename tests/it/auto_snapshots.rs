//! Automatic snapshots, by the watcher on a clock of the test's own: one a day, so many are kept, and none goes on a day that failed.

use std::{
    cell::Cell,
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lite::{
    app::{
        App, Caller, Right,
        instance::{
            auto_snapshot::{Copies, SetAutoSnapshot},
            change::{self, Targets},
            tag::{self, Retag},
        },
    },
    clock::Clock,
    engine,
    hypervisor::{DomainState, prelude::*},
    model::{
        AlarmSettings, AlarmState, AutoSnapshot, Condition, EventKind, Metric, Missing, Name, Notify, Phase, Requester,
        Result, Size, Statistic, Tag, Unobserved, Via,
    },
    monitor::{actor::Actor, clock::Moment, watcher::Watcher},
    store::{OldDatabases, events::Which},
    view::Changed,
};

use crate::support::{changes, world::World};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

thread_local! {
    /// Seconds since the begin.
    static SINCE: Cell<i64> = const { Cell::new(0) };
}

/// It is 22:00 of the last day of February in UTC, and midnight where the days of this clock begin.
fn now() -> Timestamp {
    "2026-02-28T22:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(SINCE.get())
}

/// A clock of a place two hours east of Greenwich.
struct East;

impl Clock for East {
    fn now(&self) -> Timestamp {
        now()
    }

    fn zone(&self) -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(2))
    }
}

/// A world with the instance `web`, which is ready, and what its watchers tell.
struct Days {
    world: World,
    told: Mutex<Vec<String>>,
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

impl Days {
    fn new() -> Self {
        SINCE.set(0);
        // The test driver's pool counts all that volumes may hold.
        let mut world = World::new();
        world.disk = Some(Size::mib(64));
        let days = Self { world, told: Mutex::default() };
        let uuid = days.world.create("web").expect("made").record.uuid;
        days.world.engine().store.set_phase(uuid, Phase::Ready, None).expect("ready");
        days
    }

    fn engine(&self) -> engine::Ctx {
        let mut engine = self.world.engine();
        engine.clock = Arc::new(East);
        engine
    }

    fn app(&self) -> App {
        App::of_host(self.world.settings().clone(), Arc::new(East), self.world.hypervisor.clone())
    }

    fn set(&self, set: SetAutoSnapshot, dry_run: bool) -> Result<Vec<Changed>> {
        let targets = Targets { names: vec![name("web")], wait: false, dry_run };
        change::run(&self.app(), &Caller::root(Via::Cli), &set, &targets, &mut Unobserved)
    }

    fn on(&self, time: &str, keep: u16) {
        let time = AutoSnapshot::parse_time(time).expect("a time");
        self.set(SetAutoSnapshot::On { time: Some(time), keep: Some(keep), remote: Copies::AsBefore }, false)
            .expect("on");
    }

    /// A watcher that was just started looks once.
    fn look(&self) {
        let moment = Moment { mono: 1000.0 + SINCE.get() as f64, wall: now() };
        let tell = |line: &str| self.told.lock().expect("whole").push(line.to_owned());
        let mut watcher =
            Watcher::new(self.engine(), Actor::inline(), self.world.hypervisor.clone(), "b", moment, &tell)
                .expect("a watcher");
        watcher.tick(moment).expect("a look");
    }

    /// Time passes without a watcher, which looks then.
    fn later(&self, seconds: i64) {
        SINCE.set(SINCE.get() + seconds);
        self.look();
    }

    fn snapshots(&self) -> Vec<String> {
        let engine = self.world.engine();
        let all = engine.store.snapshots(&engine.host_id()).expect("read");
        all.into_iter().map(|one| one.snapshot.name.to_string()).collect()
    }

    /// The reasons of the events of snapshots that failed.
    fn failures(&self) -> Vec<String> {
        let events = self.world.engine().store.events(&Which { limit: 1000, ..Which::default() }).expect("read");
        let events = events.into_iter().map(|stored| stored.event);
        events.filter(|event| event.kind == EventKind::SnapshotFailed).map(|event| event.data.reason).collect()
    }

    /// A snapshot by hand.
    fn by_hand(&self, text: &str) {
        let mut engine = self.engine();
        let instance = engine.store.require(&name("web")).expect("there");
        let accepted = engine::sagas::snapshot::accept(&mut engine, &instance, Some(&name(text))).expect("accepted");
        engine::sagas::snapshot::run(&mut engine, accepted, &mut Unobserved).expect("made");
    }

    /// So much is free in the pool.
    fn free(&self, gib: u64) {
        self.world.hypervisor.inner().set_pool_free(gib << 30);
    }

    fn is_clean(&self) {
        let audit = engine::audit(&self.engine()).expect("audited");
        assert!(audit.is_clean(), "{audit:?}");
    }
}

fn days(from: i8, to: i8) -> Vec<String> {
    (from..=to).map(|day| format!("web-2026-03-{day:02}")).collect()
}

/// S20.
#[test]
fn one_a_day_is_made_and_seven_are_kept() {
    let days_of = Days::new();
    days_of.on("03:00", 7);
    days_of.later(3 * HOUR - 1);
    assert_eq!(days_of.snapshots(), [""; 0], "it is not three yet");
    days_of.by_hand("by-hand");
    days_of.later(1);
    days_of.later(HOUR);
    days_of.later(8 * HOUR);
    assert_eq!(days_of.snapshots(), ["by-hand", "web-2026-03-01"], "one a day");
    for _ in 2..=8 {
        days_of.later(DAY);
    }
    assert_eq!(days_of.snapshots(), [vec!["by-hand".to_owned()], days(2, 8)].concat(), "the oldest of eight went");

    // Three days without a watcher.
    days_of.later(4 * DAY);
    assert_eq!(days_of.snapshots(), [vec!["by-hand".to_owned()], days(3, 8), days(12, 12)].concat());
    days_of.later(HOUR / 2);
    assert_eq!(days_of.snapshots().len(), 8);
    assert_eq!(days_of.failures(), [""; 0]);

    // A pool that is full.
    days_of.free(1);
    let before = days_of.snapshots();
    days_of.later(DAY);
    let [why] = &days_of.failures()[..] else { panic!("{:?}", days_of.failures()) };
    let told = "there is no automatic snapshot of `web` of 2026-03-13 yet, and none is deleted: a snapshot of instance `web` takes ";
    assert!(why.starts_with(told), "{why}");
    days_of.later(30 * MINUTE);
    days_of.later(DAY);
    assert_eq!((days_of.snapshots(), days_of.failures().len()), (before, 2), "told once a day, and none goes");
    // An hour after the last try, and there is room again.
    days_of.free(90);
    days_of.later(59 * MINUTE);
    assert_eq!(days_of.snapshots().last().map(String::as_str), Some("web-2026-03-12"), "it is too early");
    days_of.later(MINUTE);
    let kept = [vec!["by-hand".to_owned()], days(4, 8), days(12, 12), days(14, 14)].concat();
    assert_eq!((days_of.snapshots(), days_of.failures().len()), (kept, 2));
    days_of.is_clean();
}

#[test]
fn an_instance_that_is_busy_or_gone_waits_and_one_that_was_deleted_keeps_its_snapshots() {
    let days_of = Days::new();
    days_of.on("00:00", 7);
    let uuid = days_of.world.engine().store.require(&name("web")).expect("there").record.uuid;
    let lock = std::fs::File::create(days_of.world.state().join("locks").join(format!("{uuid}.lock"))).expect("a file");
    lock.lock().expect("free");
    days_of.look();
    assert_eq!((days_of.snapshots(), days_of.failures()), (vec![], vec![]), "somebody works on it");
    lock.unlock().expect("held");
    days_of.later(MINUTE);
    assert_eq!(days_of.snapshots(), days(1, 1));
    // One that was deleted by hand is not made again that day.
    let mut engine = days_of.engine();
    let gone = engine::sagas::snapshot::accept_delete(&mut engine, &name("web-2026-03-01")).expect("accepted");
    engine::sagas::snapshot::run_delete(&mut engine, gone).expect("deleted");
    days_of.later(HOUR);
    assert_eq!(days_of.snapshots(), [""; 0]);
    days_of.later(DAY);
    // Off: the guest stays off.
    let instance = engine.store.require(&name("web")).expect("there");
    changes::stop(&mut engine, &instance, true, std::time::Duration::ZERO, &mut Unobserved).expect("stopped");
    days_of.later(DAY);
    let state = days_of.world.hypervisor.domain(uuid).expect("asked").expect("there").state;
    assert_eq!((days_of.snapshots(), state), (days(2, 3), DomainState::Off));
    // Nothing more, and all stay.
    days_of.set(SetAutoSnapshot::Off, false).expect("off");
    days_of.later(DAY);
    let receipt = changes::keep_deleted(&mut engine, &instance).expect("deleted");
    let kept: Vec<String> = receipt.kept.iter().map(ToString::to_string).collect();
    let named = |text: &str| kept.iter().any(|one| one.starts_with(&format!("automatic snapshot `{text}`")));
    assert!(named("web-2026-03-02") && named("web-2026-03-03"), "{kept:?}");
    days_of.later(2 * DAY);
    assert_eq!(days_of.snapshots(), days(2, 3));
    days_of.is_clean();
}

#[test]
fn it_is_set_by_a_tag_that_outlives_the_database() {
    let days_of = Days::new();
    let time = |text: &str| AutoSnapshot::parse_time(text).ok();
    let says = |set, dry_run| days_of.set(set, dry_run).map(|mut all| all.remove(0).result.to_string());
    let on = |time, keep| SetAutoSnapshot::On { time, keep, remote: Copies::AsBefore };
    assert_eq!(says(SetAutoSnapshot::Off, false), Ok("no automatic snapshots already".to_owned()));
    let default = "a snapshot a day from 03:00 on, 7 kept";
    assert_eq!(says(on(None, None), true), Ok(default.to_owned()));
    assert_eq!(says(on(None, None), false), Ok(default.to_owned()));
    assert_eq!(says(on(None, None), false), Ok(format!("{default} already")));
    assert_eq!(says(on(time("23:30"), None), false), Ok("a snapshot a day from 23:30 on, 7 kept".to_owned()));
    // What is not said stays.
    assert_eq!(says(on(None, Some(2)), false), Ok("a snapshot a day from 23:30 on, 2 kept".to_owned()));
    let tagged = || days_of.world.engine().store.require(&name("web")).expect("there").record.tags;
    assert_eq!(tagged(), [Tag::parse("auto-snapshot=23:30/2").expect("a tag")]);
    assert_eq!(
        Tag::parse("auto-snapshot=noon").map_err(|e| (e.code.as_str(), e.exit_code())),
        Err(("invalid_schedule", 2))
    );

    let reader = Caller::limited(Requester { actor: "ann".to_owned(), via: Via::Cli, address: None }, &[Right::Read]);
    let targets = Targets { names: vec![name("web")], wait: false, dry_run: false };
    let refused = change::run(&days_of.app(), &reader, &SetAutoSnapshot::Off, &targets, &mut Unobserved);
    assert_eq!(refused.map_err(|e| e.code.as_str()), Err("forbidden"));

    days_of.later(23 * HOUR + 30 * MINUTE);
    assert_eq!(days_of.snapshots(), days(1, 1));
    // The database is lost: who has them, and which are automatic, is known by the domain and the sidecars.
    days_of.world.lose_database();
    let mut engine = days_of.engine();
    let old = OldDatabases::open(days_of.world.state()).expect("opened");
    let rebuilt = engine::rebuild(&mut engine, &days_of.world.catalog, &old).expect("rebuilt");
    assert_eq!((rebuilt.taken.len(), rebuilt.refused), (1, vec![]));
    days_of.later(20 * MINUTE);
    assert_eq!(days_of.snapshots(), days(1, 1), "that of the day is there");
    days_of.later(DAY);
    days_of.later(DAY);
    assert_eq!(days_of.snapshots(), days(2, 3));
    let untag = Retag {
        name: name("web"),
        set: vec![],
        remove: vec![AutoSnapshot::TAG.to_owned()],
        wait: false,
        dry_run: false,
    };
    tag::change(&days_of.app(), &Caller::root(Via::Cli), &untag, &mut Unobserved).expect("untagged");
    days_of.later(DAY);
    assert_eq!(days_of.snapshots(), days(2, 3));
}

#[test]
fn an_alarm_fires_where_the_newest_snapshot_is_too_old() {
    let days_of = Days::new();
    let mut engine = days_of.engine();
    let instance = engine.store.require(&name("web")).expect("there");
    let settings = AlarmSettings {
        metric: Metric::LastSnapshotAge,
        condition: Condition::parse(">= 300").expect("a condition"),
        datapoints: 1,
        of: 1,
        period_minutes: 1,
        statistic: Statistic::Maximum,
        missing: Missing::Missing,
        notify: vec![Notify::Alarm],
        repeat_minutes: AlarmSettings::REPEAT,
    };
    let stamp = engine.stamp();
    engine.store.put_alarm(&(&instance.record).into(), &name("old"), &settings, &stamp).expect("an alarm");
    days_of.by_hand("by-hand");
    let moment = || Moment { mono: 1000.0 + SINCE.get() as f64, wall: now() };
    let mut watcher =
        Watcher::new(days_of.engine(), Actor::inline(), days_of.world.hypervisor.clone(), "b", moment(), &|_| ())
            .expect("a watcher");
    let state = || {
        let all = days_of.world.engine().store.alarms_on(&engine.host_id()).expect("read");
        let all = all.into_iter().map(|row| row.expect("an alarm"));
        all.filter(|alarm| alarm.name.as_str() == "old").map(|alarm| alarm.state).collect::<Vec<_>>()
    };
    let mut pass = |seconds: i64| {
        for _ in 0..seconds / 10 {
            watcher.tick(moment()).expect("a look");
            SINCE.set(SINCE.get() + 10);
        }
    };
    pass(4 * MINUTE);
    assert_eq!(state(), [AlarmState::Ok]);
    pass(4 * MINUTE);
    assert_eq!(state(), [AlarmState::Alarm]);
    days_of.by_hand("again");
    pass(3 * MINUTE);
    assert_eq!(state(), [AlarmState::Ok]);
    let points =
        days_of.world.engine().store.points(instance.record.uuid, Metric::LastSnapshotAge, 0, now().as_second());
    assert!(points.expect("read").iter().all(|p| p.point.max <= 600.0));
}
