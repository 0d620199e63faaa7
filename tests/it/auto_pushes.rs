//! Copies of automatic snapshots, by the watcher's own calls on a clock of the test's: each is tried again, told once, and as many are kept
//! there as here.

use std::{
    cell::Cell,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lite::{
    app::{
        App, Caller,
        instance::{
            auto_snapshot::{Copies, SetAutoSnapshot},
            change::{self, Targets},
        },
    },
    clock::Clock,
    engine::{self, Ctx},
    hypervisor::prelude::*,
    kill_point::in_process,
    model::{Error, EventKind, Name, Phase, Result, Size, Unobserved, Via, hex},
    plan,
    store::events::Which,
    view::Changed,
};
use sha2::{Digest, Sha256};

use crate::support::{
    changes,
    off_site::{self, far},
    world::World,
};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;

thread_local! {
    /// Seconds since the begin.
    static SINCE: Cell<i64> = const { Cell::new(0) };
}

/// A clock that stands still until it is set on.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(SINCE.get())
    }

    fn zone(&self) -> TimeZone {
        TimeZone::UTC
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn short(error: &Error) -> (&'static str, u8) {
    (error.code.as_str(), error.exit_code())
}

fn later(seconds: i64) {
    SINCE.set(SINCE.get() + seconds);
}

fn engine(world: &World) -> Ctx {
    Ctx { clock: Arc::new(Still), ..world.engine() }
}

/// `web`, whose snapshots lie on an image that is what it is said to be.
fn world() -> World {
    SINCE.set(0);
    let mut world = World::new();
    world.disk = Some(Size::mib(1));
    let uuid = world.create("web").expect("created").record.uuid;
    world.engine().store.set_phase(uuid, Phase::Ready, None).expect("ready");
    let hv = world.hypervisor.inner();
    hv.ensure_volume("lite", "base.qcow2", &plan::seed_xml("base.qcow2", 5).expect("XML")).expect("made");
    hv.upload("lite", "base.qcow2", b"image").expect("written");
    world.sql(&format!(
        "CREATE TRIGGER image AFTER INSERT ON snapshot BEGIN
             UPDATE snapshot SET image = 'base.qcow2', record = json_set(record, '$.image_digest', '{}') WHERE id = NEW.id;
         END",
        hex(&Sha256::digest(b"image"))
    ));
    world
}

fn set(world: &World, remote: Copies) -> Result<Vec<Changed>> {
    let app = App::of_host(world.settings().clone(), Arc::new(Still), world.hypervisor.clone());
    let targets = Targets { names: vec![name("web")], wait: false, dry_run: false };
    let set = SetAutoSnapshot::On { time: None, keep: Some(2), remote };
    change::run(&app, &Caller::root(Via::Cli), &set, &targets, &mut Unobserved)
}

fn add_remote(world: &World) {
    changes::add_remote(&mut world.engine()).expect("added");
    off_site::make_cheap(world);
}

/// A day's snapshot is made.
fn made(world: &World) {
    engine::make_due_snapshots(&mut engine(world)).expect("made");
}

fn pushed(world: &World) -> Result<Vec<String>> {
    engine::push_due(&mut engine(world))
}

fn there(world: &World) -> Vec<String> {
    let ctx = world.engine();
    let remote = ctx.store.require_remote(&name("far")).expect("there");
    let contents = engine::remote_contents(&ctx.settings, &remote, &AtomicBool::new(false)).expect("told");
    contents.snapshots.iter().map(|one| one.name.to_string()).collect()
}

fn events(world: &World) -> Vec<EventKind> {
    let all = world.engine().store.events(&Which { limit: 1000, ..Which::default() }).expect("read");
    let kinds = all.into_iter().map(|stored| stored.event.kind);
    let mut kinds: Vec<_> =
        kinds.filter(|kind| matches!(kind, EventKind::PushFailed | EventKind::PushRestored)).collect();
    kinds.sort();
    kinds
}

#[test]
fn automatic_snapshots_are_copied_tried_again_and_as_many_kept_there() {
    let world = world();
    let to_far = || Copies::To(name("far"));
    assert_eq!(set(&world, to_far()).map_err(|e| short(&e)), Err(("no_such_remote", 2)));
    add_remote(&world);
    let says = "a snapshot a day from 03:00 on, 2 kept, copied to `far`";
    assert_eq!(set(&world, to_far()).expect("on")[0].result, says);
    assert_eq!(pushed(&world), Ok(vec![]));
    made(&world);
    assert_eq!(pushed(&world), Ok(vec!["pushed automatic snapshot `web-2026-03-01` to `far`".to_owned()]));
    assert_eq!((pushed(&world), there(&world)), (Ok(vec![]), vec!["web-2026-03-01".to_owned()]));

    // The watcher dies in the midst of a copy: the next one has it there whole.
    later(DAY);
    made(&world);
    assert!(in_process::run(Some(3), || pushed(&world)).result.is_none(), "it lived");
    assert_eq!(there(&world), ["web-2026-03-01"]);
    let told = "closed the push of snapshot `web-2026-03-02` that was cut off; nothing of it counts";
    assert_eq!(engine::recover(&mut engine(&world)), Ok(vec![told.to_owned()]));
    assert_eq!(pushed(&world), Ok(vec!["pushed automatic snapshot `web-2026-03-02` to `far`".to_owned()]));

    // Away: told once, tried again after a minute and then two.
    let away: PathBuf = far(&world).with_file_name("away");
    std::fs::rename(far(&world), &away).expect("moved");
    later(DAY);
    made(&world);
    let failed = || Err(("remote_unreachable", 2));
    let tried = || pushed(&world).map_err(|e| short(&e));
    assert_eq!((tried(), tried()), (failed(), Ok(vec![])));
    later(MINUTE);
    assert_eq!((tried(), tried()), (failed(), Ok(vec![])));
    later(MINUTE);
    assert_eq!(tried(), Ok(vec![]));
    assert_eq!(events(&world), [EventKind::PushFailed]);
    std::fs::rename(&away, far(&world)).expect("moved");
    later(MINUTE);
    // The oldest goes there too, now that the new one is there.
    let told = [
        "pushed automatic snapshot `web-2026-03-03` to `far`",
        "deleted automatic snapshot `web-2026-03-01` in `far`: 2 are kept",
    ];
    assert_eq!(tried(), Ok(told.map(str::to_owned).to_vec()));
    assert_eq!(events(&world), [EventKind::PushFailed, EventKind::PushRestored]);
    assert_eq!(there(&world), ["web-2026-03-02", "web-2026-03-03"]);

    // No more of them; those that are there stay.
    let says = "a snapshot a day from 03:00 on, 2 kept";
    assert_eq!(set(&world, Copies::None).expect("on")[0].result, says);
    later(DAY);
    made(&world);
    assert_eq!((pushed(&world), there(&world).len()), (Ok(vec![]), 2));
}

#[test]
fn what_somebody_asked_for_stays_in_a_remote_and_another_remote_gets_the_newest() {
    let world = world();
    add_remote(&world);
    set(&world, Copies::To(name("far"))).expect("on");
    made(&world);
    // An automatic one by hand: it is there before the watcher looks, and stays.
    off_site::push_of(&mut world.engine(), "web-2026-03-01").expect("pushed");
    assert_eq!(pushed(&world), Ok(vec![]));
    for day in 2..=4 {
        later(DAY);
        made(&world);
        let told = pushed(&world).expect("pushed");
        assert_eq!((day, told.len()), (day, if day == 4 { 2 } else { 1 }), "{told:?}");
    }
    assert_eq!(there(&world), ["web-2026-03-01", "web-2026-03-03", "web-2026-03-04"]);

    // The remote is forgotten, and told of when there is something to copy; another of the name has nothing yet.
    changes::remove_remote(&mut world.engine()).expect("forgotten");
    later(DAY);
    made(&world);
    assert_eq!(pushed(&world).map_err(|e| short(&e)), Err(("no_such_remote", 2)));
    assert_eq!(events(&world), [EventKind::PushFailed]);
    std::fs::remove_dir_all(far(&world)).expect("removed");
    add_remote(&world);
    // At once.
    assert_eq!(pushed(&world), Ok(vec!["pushed automatic snapshot `web-2026-03-05` to `far`".to_owned()]));
    assert_eq!(events(&world), [EventKind::PushFailed, EventKind::PushRestored]);
    assert_eq!(there(&world), ["web-2026-03-05"]);
}
