//! When `gc` lets something go: over libvirt's test driver, with a clock of the test's own.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use crate::support::world::World;
use jiff::{SignedDuration, Timestamp};
use lite::{
    clock::Clock,
    engine::{self, Ctx, Orphan},
    hypervisor::{flaky::Moment, prelude::*},
    model::Name,
};

/// Seconds that have passed, and how far people moved the clock. One test alone sets them.
static UPTIME: AtomicU64 = AtomicU64::new(5000);
static MOVED: AtomicI64 = AtomicI64::new(0);

struct Movable;

impl Clock for Movable {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(UPTIME.load(Ordering::SeqCst)).expect("few");
        Timestamp::from_second(1_700_000_000 + passed + MOVED.load(Ordering::SeqCst)).expect("a time")
    }

    fn since_boot(&self) -> Duration {
        Duration::from_secs(UPTIME.load(Ordering::SeqCst))
    }
}

fn clock() -> Timestamp {
    Movable.now()
}

fn engine(world: &World) -> Ctx {
    Ctx { clock: std::sync::Arc::new(Movable), ..world.engine() }
}

/// What would go now.
fn due(engine: &mut Ctx, keep: bool) -> Vec<Orphan> {
    let found = engine::find_orphans(engine, keep).expect("looked");
    found.seen.into_iter().filter(|s| s.is_due()).map(|s| s.orphan).collect()
}

/// What is kept, each with the reason as it is read.
fn kept(found: &engine::Found) -> Vec<(String, String)> {
    found.kept.iter().map(|(subject, reason)| (subject.clone(), reason.to_string())).collect()
}

#[test]
fn only_what_was_seen_twice_in_ten_minutes_goes() {
    let world = World::new();
    let before = world.snapshot();
    let uuid = world.create_orphan("web");
    let full = world.snapshot();
    let mut engine = engine(&world);
    // A dry run is no sighting.
    for _ in 0..3 {
        assert_eq!(due(&mut engine, false), []);
    }
    assert!(!world.settings.paths.state.join("gc.json").exists());
    let first = engine::find_orphans(&mut engine, true).expect("looked").seen;
    assert_eq!(first.len(), 9);
    assert!(first.iter().all(|s| s.times == 1 && s.first == clock()));
    assert_eq!(due(&mut engine, true), []);
    // A clock that is set says nothing of how much time has passed.
    for moved in [1_000_000, -1_000_000] {
        MOVED.store(moved, Ordering::SeqCst);
        assert_eq!(due(&mut engine, false), []);
    }
    UPTIME.store(5599, Ordering::SeqCst);
    assert_eq!(due(&mut engine, true), []);
    UPTIME.store(5600, Ordering::SeqCst);
    assert_eq!(due(&mut engine, false).len(), 9);

    // A look that fails is no sighting and takes none away; one that leaves something out starts it anew.
    world.hypervisor.fail_call("domains", 1, Moment::Before);
    engine::find_orphans(&mut engine, true).expect_err("a failed look");
    assert_eq!(world.hypervisor.hits(), 1);
    world.hypervisor.heal();
    assert_eq!(due(&mut engine, false).len(), 9);
    world.hypervisor.empty_call("volumes", 1);
    assert_eq!(due(&mut engine, true).len(), 7);
    assert_eq!(world.hypervisor.hits(), 2);
    let again = engine::find_orphans(&mut engine, true).expect("looked").seen;
    assert_eq!(again.iter().filter(|s| s.times == 1).count(), 2);
    assert_eq!(world.snapshot(), full);

    // After a boot it has been there since that at least.
    UPTIME.store(599, Ordering::SeqCst);
    let booted = engine::find_orphans(&mut engine, false).expect("looked").seen;
    let left = SignedDuration::from_secs(1);
    assert!(booted.iter().all(|s| !s.is_due() && s.due.duration_since(clock()) == left), "{booted:?}");
    UPTIME.store(600, Ordering::SeqCst);
    assert_eq!(due(&mut engine, true).len(), 9);
    UPTIME.store(6200, Ordering::SeqCst);
    let due = due(&mut engine, true);
    assert_eq!(engine::collect(&mut engine, &due).expect("collected").len(), 9);
    assert_eq!(world.snapshot(), before);
    assert_eq!(engine::find_orphans(&mut engine, true).expect("looked").seen, []);
    assert!(!world.settings.paths.state.join(format!("locks/{uuid}.lock")).exists());
}

#[test]
fn a_damaged_file_of_sightings_starts_anew() {
    let world = World::new();
    world.create_orphan("web");
    let file = world.settings.paths.state.join("gc.json");
    for text in ["", "{", r#"{"schema": 9, "seen": {"network": 1}}"#] {
        std::fs::write(&file, text).expect("written");
        let found = engine::find_orphans(&mut world.engine(), true).expect("looked").seen;
        assert!(found.len() == 9 && found.iter().all(|s| s.times == 1), "{text}: {found:?}");
        assert!(engine::find_orphans(&mut world.engine(), false).expect("looked").seen.iter().all(|s| s.times == 2));
    }
}

#[test]
fn what_a_domain_uses_or_the_database_lost_stays_and_is_told() {
    let world = World::new();
    let uuid = world.create_orphan("web");
    let r = world.names(&Name::parse("web").expect("a name"), uuid);
    let hv = world.hypervisor.inner();
    let disk = hv.volume("lite", &r.root).expect("asked").expect("there").path;
    hv.ensure_domain(&format!(
        "<domain type='test'><name>user</name><memory unit='MiB'>32</memory><os><type>hvm</type></os><devices>\
         <disk type='file'><source file='{disk}'/><target dev='vda'/></disk></devices></domain>"
    ))
    .expect("defined");
    let mut engine = world.engine();
    let found = engine::find_orphans(&mut engine, false).expect("looked");
    assert_eq!(kept(&found), [(format!("volume `{}`", r.root), "domain `user` uses it".to_owned())]);
    let all: Vec<Orphan> = found.seen.into_iter().map(|s| s.orphan).collect();
    assert_eq!(engine::collect(&mut engine, &all).expect("collected").len(), 8);
    assert!(hv.volume("lite", &r.root).expect("asked").is_some());

    let lost = World::new();
    lost.create("shop").expect("created");
    lost.lose_database();
    let found = engine::find_orphans(&mut lost.engine(), false).expect("looked");
    assert_eq!(found.seen, []);
    let reason = "the database does not know it: `lite repair --rebuild` takes it in";
    assert_eq!(kept(&found), [("domain `shop`".to_owned(), reason.to_owned())]);
}

#[test]
fn an_empty_or_short_list_of_domains_lets_no_disk_of_an_unknown_domain_go() {
    let world = World::new();
    world.create("web").expect("created");
    world.lose_database();
    let full = world.snapshot();
    let mut engine = world.engine();
    // Once: it is asked again, and the domain is there. Twice: nobody knows what else is left out.
    world.hypervisor.empty_call("domains", 1);
    assert_eq!(engine::find_orphans(&mut engine, true).expect("looked").seen, []);
    world.hypervisor.empty_call("domains", 1);
    world.hypervisor.empty_call("domains", 1);
    let error = engine::find_orphans(&mut engine, true).expect_err("the domain of the disk is there after all");
    assert_eq!((error.code.as_str(), world.hypervisor.hits()), ("list_incomplete", 3));
    assert_eq!(error.message, "libvirt's list of domains leaves out `web`");
    assert_eq!(world.snapshot(), full);
    // The same of a list that lacks its second half.
    world.hypervisor.heal();
    world.create("shop").expect("created");
    world.lose_database();
    let full = world.snapshot();
    let mut engine = world.engine();
    world.hypervisor.shorten_call("domains", 1);
    world.hypervisor.shorten_call("domains", 1);
    let error = engine::find_orphans(&mut engine, true).expect_err("the other is there after all");
    assert_eq!((error.code.as_str(), world.hypervisor.hits()), ("list_incomplete", 5));
    assert_eq!(world.snapshot(), full);
}

#[test]
fn what_gets_an_owner_between_look_and_removal_stays() {
    let world = World::new();
    let uuid = world.create_orphan("web");
    let mut engine = world.engine();
    let seen = engine::orphans(&engine).expect("looked");
    let lock = std::fs::File::open(world.settings.paths.state.join(format!("locks/{uuid}.lock"))).expect("a lock file");
    lock.lock().expect("held");
    let full = world.snapshot();
    assert_eq!(engine::collect(&mut engine, &seen), Ok(vec![]));
    assert_eq!(world.snapshot(), full);
    drop(lock);
    assert_eq!(engine::collect(&mut engine, &seen).expect("collected").len(), 9);
}

/// As `what_gets_an_owner_between_look_and_removal_stays`, with an owner that is through with its work: only its row is there.
#[test]
fn what_got_a_row_after_the_last_look_stays() {
    let world = World::new();
    let record = world.create("web").expect("created").record;
    let database = world.state().join("state.db");
    let copy = world.state().join("copy.db");
    let open = |path: &std::path::Path| rusqlite::Connection::open(path).expect("a database");
    world.add_former(&record);
    open(&database).execute("VACUUM INTO ?1", [copy.display().to_string()]).expect("copied");
    world.orphan(&record);
    let mut engine = world.engine();
    let seen = engine::orphans(&engine).expect("looked");
    assert_eq!(seen.len(), 9);
    let full = world.snapshot();
    // The row comes back when the second look is through: with the first call behind it, which is about the first orphan.
    let before = world.hypervisor.calls().len();
    engine::orphans(&engine).expect("looked");
    let calls = world.hypervisor.calls().len() - before;
    world.hypervisor.after_nth(calls + 1, move || {
        let db = open(&database);
        db.execute("ATTACH ?1 AS old", [copy.display().to_string()]).expect("attached");
        for table in ["resource", "instance", "firewall_rule"] {
            // Without columns that SQLite computes.
            let columns = "SELECT group_concat(name) FROM pragma_table_info(?1)";
            let columns: String = db.query_row(columns, [table], |row| row.get(0)).expect("columns");
            let insert = format!("INSERT OR IGNORE INTO main.{table} ({columns}) SELECT {columns} FROM old.{table}");
            db.execute(&insert, []).expect("inserted");
        }
    });
    let removed = engine::collect(&mut engine, &seen).expect("collected");
    assert_eq!(engine.store.require(&record.name).expect("the row came back").record, record);
    assert_eq!(removed, [seen[0].subject.clone()]);
    let left = world.snapshot();
    assert_eq!(
        (left.volumes, left.filters, left.network, left.logs),
        (full.volumes, full.filters, full.network, full.logs)
    );
}

#[test]
fn the_time_it_goes_is_ten_minutes_after_the_first_sighting() {
    let world = World::new();
    world.create_orphan("web");
    let seen = engine::find_orphans(&mut world.engine(), true).expect("looked").seen;
    assert!(seen.iter().all(|s| s.due.duration_since(s.first) == SignedDuration::from_mins(10)));
}

#[test]
fn a_volume_of_ours_that_no_kind_of_thing_has_stays() {
    let world = World::new();
    let gone = world.create_orphan("gone");
    world.create("web").expect("created");
    let hv = world.hypervisor.inner();
    let id = uuid::Uuid::from_u128(7).simple();
    // A snapshot of a later lite, one that reads like the root disk of an instance `snap-web`, and a further disk of a deleted
    // instance; beside them the seed of an instance that nobody knows, which can be nothing else.
    let unknown = [
        format!("lite-snap-web-{id}.qcow2"),
        format!("lite-snap-web-{id}.snap.qcow2"),
        format!("lite-gone-{}.data.qcow2", gone.simple()),
    ];
    let seed = format!("lite-web-{}.seed.iso", uuid::Uuid::from_u128(8).simple());
    for name in unknown.iter().chain([&seed]) {
        let xml = format!("<volume><name>{name}</name><capacity>1</capacity></volume>");
        hv.ensure_volume("lite", name, &xml).expect("made");
    }
    let mut engine = world.engine();
    let found = engine::find_orphans(&mut engine, true).expect("looked");
    let why = "it is named as one of lite's, and this lite does not know what it is".to_owned();
    let stays: Vec<(String, String)> = unknown.iter().map(|name| (format!("volume `{name}`"), why.clone())).collect();
    let mut told = kept(&found);
    told.sort();
    let mut wanted = stays.clone();
    wanted.sort();
    assert_eq!(told, wanted);
    let all: Vec<Orphan> = found.seen.into_iter().map(|s| s.orphan).collect();
    let removed = engine::collect(&mut engine, &all).expect("collected");
    assert!(removed.contains(&format!("volume `{seed}`")), "{removed:?}");
    assert_eq!(removed.len(), 10, "the nine of `gone` and the seed: {removed:?}");
    for name in &unknown {
        assert!(hv.volume("lite", name).expect("asked").is_some(), "{name}");
    }
    let audit = engine::audit(&engine).expect("the database answers");
    let mut findings: Vec<_> = audit.findings.iter().map(|f| (f.trouble.as_str(), f.subject.clone())).collect();
    findings.sort();
    assert_eq!(findings, wanted.into_iter().map(|(subject, _)| ("unknown-volume", subject)).collect::<Vec<_>>());
    let fix = format!("it stays; see what it is: `virsh vol-dumpxml lite-snap-web-{id}.qcow2 --pool lite`");
    assert!(audit.findings.iter().any(|f| f.fix == fix && f.problem == why), "{:?}", audit.findings);
}

#[test]
fn an_address_in_the_journal_of_an_older_lite_is_ours() {
    let world = World::new();
    let before = world.snapshot();
    let uuid = world.create_orphan("web");
    let hv = world.hypervisor.inner();
    // Without its domain nothing but the journal tells whose the address is.
    hv.destroy(uuid).expect("off");
    hv.remove_domain(uuid).expect("removed");
    world.make_journal_old();
    let mut engine = world.engine();
    let orphans = engine::orphans(&engine).expect("looked");
    assert!(orphans.iter().any(|o| o.subject.starts_with("address ")), "{orphans:?}");
    engine::collect(&mut engine, &orphans).expect("collected");
    assert_eq!(world.snapshot(), before);
}
