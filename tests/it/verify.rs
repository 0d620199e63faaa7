//! Verifications of snapshots: each is booted where no network reaches it, and goes whatever comes of it.

use std::{
    io,
    os::fd::BorrowedFd,
    sync::Arc,
    time::{Duration, Instant},
};

use lite::{
    app::{
        App, Caller,
        snapshot::{self, Flags},
    },
    clock::{Clock, SystemClock},
    engine::{self, Observer, Stage, Unobserved},
    hypervisor::prelude::*,
    model::{Code, EventKind, Hint, Instance, Name, OperationState, Phase, Settings, Via},
    plan,
    store::events::Which,
    view::Changed,
};

use crate::support::{changes, fake_clock::FakeClock, world::World};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn app(world: &World) -> App {
    App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone())
}

fn root() -> Caller {
    Caller::root(Via::Cli)
}

/// `web`, with the snapshot `kept`.
fn made() -> World {
    let world = World::new();
    world.create("web").expect("created");
    let web = world.engine().store.require(&name("web")).expect("there");
    changes::snapshot(&mut world.engine(), &web).expect("made");
    world
}

/// A guest that says these lines when its machine runs.
struct Guest<'a> {
    world: &'a World,
    says: &'a str,
    seen: Option<Instance>,
}

impl Observer for Guest<'_> {
    fn begin(&mut self, stage: Stage) {
        if stage != Stage::Boot {
            return;
        }
        let engine = self.world.engine();
        let machine = engine.store.instances().expect("read").into_iter().find(|one| one.phase == Phase::Baking);
        let machine = machine.expect("a machine");
        let log = plan::report_log(&machine.record, &engine.settings.host.folders.logs);
        std::fs::write(log, self.says).expect("written");
        let xml = self.world.hypervisor.inner().domain_xml(machine.record.uuid).expect("read").expect("there");
        assert_eq!(xml.matches("<link state='down'/>").count(), 1, "{xml}");
        self.seen = Some(machine);
    }
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, _: &Hint) {}
}

/// What a verification says of a guest that says this; nothing may be left of it.
fn verified(world: &World, says: &str) -> Result<Duration, (Code, u8, String, Option<String>)> {
    let before = world.snapshot();
    let mut guest = Guest { world, says, seen: None };
    let result = changes::verify_snapshot(&mut world.engine(), &mut guest);
    let machine = guest.seen.expect("it ran").record;
    let engine = world.engine();
    assert_eq!(world.snapshot(), before, "nothing is left");
    assert!(engine.store.instance_by_uuid(machine.uuid).expect("read").is_none());
    assert!(engine::audit(&engine).expect("audited").is_clean());
    assert!(machine.lies_on.is_some());
    let last = engine.store.operations(1).expect("read").remove(0);
    let state = if result.is_ok() { OperationState::Succeeded } else { OperationState::Failed };
    assert_eq!((last.kind.as_str(), last.state), ("snapshot-verify", state));
    result.map_err(|e| (e.code, e.exit_code(), e.message.clone(), e.causes.first().cloned()))
}

#[test]
fn a_snapshot_is_booted_without_a_network_and_what_came_of_it_is_kept() {
    let world = made();
    let listed = || snapshot::list(&app(&world), &root(), None, &mut Unobserved).expect("listed").remove(0);
    assert_eq!((listed().verified_at, listed().verify_failure), (None, None));
    let begun = jiff::Timestamp::now();
    let took = verified(&world, "{\"event\":\"stage\",\"stage\":\"cloud-init\"}\n{\"event\":\"booted\"}\n");
    assert!(took.is_ok(), "{took:?}");
    let at = listed().verified_at.expect("a time");
    assert!(at.as_second() >= begun.as_second() && at <= jiff::Timestamp::now(), "{at}");
    assert_eq!(listed().verify_failure, None);

    let silent = verified(&world, "");
    let told = "snapshot `kept` was not found whole; the machine it was booted in is gone".to_owned();
    let why = "the guest on snapshot `kept` was not up after 1 s: stage `boot`".to_owned();
    assert_eq!(silent, Err((Code::Timeout, 1, told.clone(), Some(why.clone()))));
    assert_eq!((listed().verified_at >= Some(at), listed().verify_failure), (true, Some(why)));
    let failed =
        verified(&world, "{\"event\":\"failed\",\"module\":\"fsck\",\"command\":\"\",\"code\":1,\"tail\":[]}\n");
    let why = "the guest on snapshot `kept` says that module `fsck` failed".to_owned();
    assert_eq!(failed, Err((Code::SetupFailed, 1, told, Some(why))));
}

#[test]
fn a_verification_that_cannot_be_says_nothing_of_the_snapshot() {
    let world = made();
    let flags = Flags { dry_run: true, ..Flags::default() };
    let verify = |of: &str, flags| {
        let asked = (&name(of), Duration::from_secs(1));
        snapshot::verify(&app(&world), &root(), asked, flags, &mut Unobserved)
    };
    let planned = verify("kept", flags).expect("accepted").run(&mut Unobserved);
    assert_eq!(planned, Ok(Changed::new("kept", "would be booted, without a network")));
    let unknown = verify("kep", flags).map(drop).expect_err("unknown");
    assert_eq!((unknown.code, unknown.exit_code()), (Code::NoSuchSnapshot, 2));
    // There is no room for its machine.
    world.sql(&format!("UPDATE snapshot SET size = {}", 4_u64 << 40));
    let full = changes::verify_snapshot(&mut world.engine(), &mut Unobserved).expect_err("too large");
    assert_eq!((full.code, full.exit_code()), (Code::NoCapacity, 2));
    world.sql("UPDATE snapshot SET state = 'deleting'");
    let going = changes::verify_snapshot(&mut world.engine(), &mut Unobserved).expect_err("going");
    assert_eq!((going.code, going.message.as_str()), (Code::Busy, "snapshot `kept` is being made, or goes"));
    let engine = world.engine();
    let stored = engine.store.require_snapshot(&engine.host_id(), &name("kept")).expect("there");
    assert_eq!(stored.verification, None);
}

/// A clock that is so far on, and on which no wait takes time.
struct Later(jiff::Timestamp, Arc<FakeClock>);

impl Clock for Later {
    fn now(&self) -> jiff::Timestamp {
        self.0
    }
    fn instant(&self) -> Instant {
        self.1.instant()
    }
    fn sleep(&self, duration: Duration) {
        self.1.sleep(duration);
    }
    fn wait_readable(&self, fd: BorrowedFd<'_>, limit: Duration) -> io::Result<bool> {
        self.1.wait_readable(fd, limit)
    }
}

#[test]
fn the_watcher_verifies_the_newest_automatic_snapshot_once_a_week() {
    let mut world = made();
    let begun = jiff::Timestamp::now();
    let set = |world: &mut World, verify_snapshots: bool| {
        world.settings = Arc::new(Settings { verify_snapshots, ..world.settings().clone() });
    };
    // How many it begins after so many hours, and what it says.
    let due = |world: &World, hours: i64| {
        let mut engine = world.engine();
        let known = engine.store.operations(1000).expect("read").len();
        engine.clock = Arc::new(Later(begun + jiff::SignedDuration::from_hours(hours), FakeClock::new()));
        let told = engine::verify_due(&mut engine).map_err(|e| (e.code, e.exit_code()));
        (engine.store.operations(1000).expect("read").len() - known, told)
    };
    let (nothing, not_whole) = ((0, Ok(vec![])), (1, Err((Code::Timeout, 1))));
    let events = |world: &World| {
        let all = world.engine().store.events(&Which { limit: 1000, ..Which::default() }).expect("read");
        all.iter().filter(|stored| stored.event.kind == EventKind::SnapshotFailed).count()
    };
    set(&mut world, true);
    assert_eq!(due(&world, 1), nothing, "one that somebody made");
    world.sql("UPDATE snapshot SET automatic = 1");
    set(&mut world, false);
    assert_eq!(due(&world, 1), nothing, "it is switched off");
    set(&mut world, true);
    assert_eq!((due(&world, 1), events(&world)), (not_whole.clone(), 1));
    assert_eq!((due(&world, 2), due(&world, 7 * 24), events(&world)), (nothing.clone(), nothing.clone(), 1));
    assert_eq!((due(&world, 7 * 24 + 1), events(&world)), (not_whole.clone(), 2));
    // One of which nothing was learnt is tried again a day later, not with every look.
    world.sql("UPDATE snapshot SET verified_at = NULL, verify_failure = NULL");
    assert_eq!((due(&world, 7 * 24 + 2), due(&world, 8 * 24), events(&world)), (nothing.clone(), nothing.clone(), 2));
    assert_eq!((due(&world, 8 * 24 + 2), events(&world)), (not_whole, 3));
    // There is no room for its machine: it is tried again, and nothing is told.
    world.sql(&format!("UPDATE snapshot SET size = {}", 4_u64 << 40));
    assert_eq!((due(&world, 30 * 24), events(&world)), (nothing.clone(), 3));
    // Another is verified just now.
    world.sql("UPDATE operation SET state = 'started' WHERE kind = 'snapshot-verify'");
    assert_eq!(due(&world, 60 * 24), nothing);
}
