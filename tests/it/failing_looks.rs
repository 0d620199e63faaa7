//! A failure to look is not proof of absence: libvirt errors, time-outs, empty and shortened lists at random while `list`, `repair`,
//! `gc` and the audit run again and again over a world with instances, orphans, lost instances and foreign things.
//!
//! The seed is printed; `LITE_TEST_SEED` gives another.

use std::collections::BTreeSet;

use crate::support::{
    changes,
    world::{Snapshot, World},
};
use lite::{
    engine::{self, Ctx, Orphan, Trouble, Unobserved},
    hypervisor::{DhcpHost, prelude::*},
    model::{InstanceState, Mac, Name, Record, Size},
    monitor::{actor::Actor, clock::Moment, watcher::Watcher},
    store::{OldDatabases, OperationState},
};
use uuid::Uuid;

/// Of a hundred calls so many have a fault.
const PERCENT: u64 = 10;

fn seed() -> u64 {
    let seed = std::env::var("LITE_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_250_301);
    println!("LITE_TEST_SEED={seed}");
    seed
}

/// What is in the world.
struct Crowd {
    world: World,
    /// All but the orphans.
    kept: Snapshot,
    instances: Vec<Record>,
    orphans: Vec<Record>,
    unrecorded: Record,
}

impl Crowd {
    fn new(orphans: &[&str]) -> Self {
        let mut world = World::new();
        world.disk = Some(Size::mib(1024));
        let create = |name: &str| world.create(name).expect("created").record;
        let instances: Vec<Record> = ["shop", "blog", "off"].map(create).into();
        let mut engine = world.engine();
        let off = engine.store.require(&Name::parse("off").expect("a name")).expect("stored");
        changes::stop(&mut engine, &off, true, std::time::Duration::ZERO, &mut Unobserved).expect("stopped");
        // As if the database were older than this one: no row, and the journal has never heard of it.
        let unrecorded = create("late");
        world.sql(&format!("DELETE FROM operation WHERE resource_id = '{}'", unrecorded.uuid));
        engine.store.forget(unrecorded.uuid).expect("forgotten");
        engine::apply_firewall(&engine).expect("loaded without it");
        add_foreign(&world);
        let kept = world.snapshot();
        let orphans: Vec<Record> = orphans.iter().map(|name| create(name)).collect();
        orphans.iter().for_each(|record| {
            world.add_former(record);
            world.orphan(record);
        });
        Self { world, kept, instances, orphans, unrecorded }
    }

    /// Whether a call is about a thing of one of these.
    fn is_about(call: &str, of: &[Record]) -> bool {
        of.iter().any(|r| {
            let words = [
                r.uuid.to_string(),
                r.uuid.simple().to_string(),
                format!("{:?}", r.mac),
                format!("{}.lite.internal", r.name),
            ];
            words.iter().any(|word| call.contains(word))
        })
    }

    fn check_instances(&self, when: &str) {
        let engine = self.world.engine();
        let rows: Vec<Record> = engine.store.instances().expect("rows").into_iter().map(|i| i.record).collect();
        for record in &self.instances {
            assert!(rows.contains(record), "{when}: the row of `{}` is gone", record.name);
        }
        assert_eq!(engine.store.open_operations().expect("operations"), [], "{when}");
    }
}

/// The id in the names of things of others that are named like ours.
const FOREIGN: Uuid = Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef);

/// Volumes in our pool with names that lite gives to nothing: the audit tells of these, and of nothing else of others.
fn unknown_volumes() -> [String; 2] {
    let id = FOREIGN.simple().to_string();
    [id.to_uppercase(), id[..31].to_owned()].map(|id| format!("lite-web-{id}.qcow2"))
}

/// What the audit and gc say of these, in order.
fn unknown_subjects() -> Vec<String> {
    let mut subjects = unknown_volumes().map(|name| format!("volume `{name}`")).to_vec();
    subjects.sort();
    subjects
}

fn audited(engine: &Ctx) -> Vec<String> {
    let audit = engine::audit(engine).expect("audited");
    assert_eq!(audit.unknown, []);
    assert!(audit.findings.iter().all(|f| f.trouble == Trouble::UnknownVolume), "{:?}", audit.findings);
    let mut subjects: Vec<String> = audit.findings.into_iter().map(|f| f.subject).collect();
    subjects.sort();
    subjects
}

/// Things of others, some with names like ours.
fn add_foreign(world: &World) {
    let (hv, id) = (world.hypervisor.inner(), FOREIGN);
    for name in ["somebody".to_owned(), format!("lite-web-{}", id.simple())] {
        world.define_foreign(&name);
    }
    for name in unknown_volumes().into_iter().chain(["data.raw".to_owned()]) {
        let xml = format!("<volume><name>{name}</name><capacity unit='KiB'>64</capacity></volume>");
        hv.ensure_volume("lite", &name, &xml).expect("a volume");
    }
    for name in [format!("lite-{id}"), "lite-web".to_owned()] {
        hv.ensure_filter(&name, &format!("<filter name='{name}'><uuid>{id}</uuid></filter>")).expect("a filter");
    }
    let host = DhcpHost { mac: Mac::ours([1, 2, 3]), address: [192, 168, 150, 99].into(), name: "web".to_owned() };
    hv.ensure_dhcp_host("lite", &host).expect("an address");
}

/// One command, as far as the engine goes. Its result does not matter: what it does to the host does.
fn command(world: &World, n: usize) -> &'static str {
    let mut engine = world.engine();
    match n % 7 {
        0 => {
            let _ = engine::recover(&mut engine);
            let states = engine::list(&engine).unwrap_or_default().into_iter().map(|l| l.state);
            assert!(states.into_iter().all(|s| s != InstanceState::Lost), "nobody took a domain away");
            "list"
        }
        1 => {
            let _ = engine::recover(&mut engine);
            let _ = engine::retry_attention(&mut engine);
            let _ = engine::adopt_reports(&mut engine);
            let _ = engine::list(&engine);
            "repair"
        }
        2 => {
            let _ = engine::audit(&engine);
            "doctor --audit"
        }
        3 => {
            let name = Name::parse("off").expect("a name");
            let instance = engine.store.instance(&name).expect("the database answers");
            let _ = instance.map(|instance| engine::redefine(&mut engine, &instance));
            "repair off"
        }
        4 => {
            let found = engine::find_orphans(&mut engine, true).map(|found| found.seen).unwrap_or_default();
            assert!(found.iter().all(|s| !s.is_due()), "nothing is ten minutes old");
            "gc"
        }
        5 => {
            watch(world);
            "watch"
        }
        _ => {
            let found = engine::find_orphans(&mut engine, false).map(|found| found.seen).unwrap_or_default();
            let all: Vec<Orphan> = found.into_iter().map(|s| s.orphan).collect();
            let _ = engine::collect(&mut engine, &all);
            "gc --now"
        }
    }
}

/// One look of a watcher, which finds a guest that has crashed in none of them, and stops nothing.
fn watch(world: &World) {
    let at = || Moment { mono: 1000.0, wall: jiff::Timestamp::now() };
    let watcher = Watcher::new(world.engine(), Actor::inline(), world.hypervisor.clone(), "b", at(), &|_| {});
    let _ = watcher.and_then(|mut watcher| watcher.tick(at()));
}

/// A thousand commands with faults at random, none of which may try to take anything from the host.
fn a_thousand_runs(world: &World) {
    let hv = &world.hypervisor;
    let (before, destroyed, calls) = (world.snapshot(), hv.destructive(), hv.calls().len());
    hv.chaos(seed(), PERCENT);
    for n in 0..1000 {
        let hits = hv.hits();
        let verb = command(world, n);
        assert_eq!(hv.destructive(), destroyed, "run {n}, `{verb}`, after {} faults", hv.hits() - hits);
    }
    hv.heal();
    let faults = hv.hits_by_fault();
    println!("1000 runs, {} calls, faults: {faults:?}", hv.calls().len() - calls);
    let kinds: Vec<&str> = faults.keys().copied().collect();
    assert_eq!(kinds, ["empty", "injected", "libvirt_timeout", "libvirt_unreachable", "short"]);
    assert!(faults.values().all(|hits| *hits >= 50), "{faults:?}");
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_thousand_failing_looks_destroy_nothing() {
    let crowd = Crowd::new(&[]);
    a_thousand_runs(&crowd.world);
    crowd.check_instances("after 1000 runs");
    assert_eq!(engine::orphans(&crowd.world.engine()), Ok(vec![]));
}

#[test]
fn a_thousand_failing_looks_without_a_database_destroy_nothing() {
    let crowd = Crowd::new(&[]);
    crowd.world.lose_database();
    a_thousand_runs(&crowd.world);
    let mut engine = crowd.world.engine();
    let wreckage = OldDatabases::open(crowd.world.state()).expect("opened");
    let done = engine::rebuild(&mut engine, &crowd.world.catalog, &wreckage).expect("rebuilt");
    assert_eq!((done.taken.len(), done.refused), (4, vec![]));
    crowd.check_instances("after 1000 runs and a rebuild");
    assert_eq!(audited(&engine), unknown_subjects());
}

/// Faults at random hit the same list in a look and in the look before the removal too seldom: here every look is wrong.
#[test]
fn a_list_that_is_always_empty_or_short_destroys_nothing() {
    for is_database_lost in [false, true] {
        let crowd = Crowd::new(&[]);
        if is_database_lost {
            crowd.world.lose_database();
        }
        let hv = &crowd.world.hypervisor;
        let (before, destroyed) = (crowd.world.snapshot(), hv.destructive());
        for list in ["domains", "volumes", "filters", "dhcp_hosts", "dns_hosts"] {
            for fault in ["short", "empty"] {
                if fault == "short" {
                    hv.shorten_every(list)
                } else {
                    hv.empty_every(list)
                }
                let hits = hv.hits();
                for n in 0..7 {
                    let verb = command(&crowd.world, n);
                    assert_eq!(hv.destructive(), destroyed, "`{verb}` while the list `{list}` is always {fault}");
                }
                assert!(hv.hits() > hits, "nobody asked for the list `{list}`");
                hv.heal();
            }
        }
        assert_eq!(crowd.world.snapshot(), before);
    }
}

#[test]
fn gc_now_takes_orphans_alone_whatever_fails() {
    let crowd = Crowd::new(&["dead", "gone"]);
    let (hv, seed) = (&crowd.world.hypervisor, seed());
    let made = hv.destructive().len();
    let mut engine = crowd.world.engine();
    // Half as many faults: a look asks for so much by now that hardly one was whole, and a kind of thing was never taken.
    hv.chaos(seed, PERCENT / 2);
    let mut whole = 0;
    for n in 0..300 {
        let calls = hv.destructive().len();
        let looked = engine::find_orphans(&mut engine, true);
        assert_eq!(hv.destructive().len(), calls, "run {n}: looking destroys nothing");
        let Ok(found) = looked else { continue };
        whole += 1;
        let all: Vec<Orphan> = found.seen.into_iter().map(|s| s.orphan).collect();
        let _ = engine::collect(&mut engine, &all);
        if n % 10 == 9 {
            // What went comes back, so that there is something to take in each run.
            hv.heal();
            crowd.orphans.iter().for_each(|record| crowd.world.make_again(record));
            hv.chaos(seed + n, PERCENT / 2);
        }
    }
    hv.heal();
    println!("300 runs, {whole} whole looks, faults: {:?}", hv.hits_by_fault());
    assert!(hv.hits() >= 100 && whole >= 50, "{whole} {:?}", hv.hits_by_fault());
    let destroyed = hv.destructive().split_off(made);
    let verbs: BTreeSet<&str> = destroyed.iter().filter_map(|call| call.split('(').next()).collect();
    let wanted = ["destroy", "remove_dhcp_host", "remove_dns_host", "remove_domain", "remove_filter", "remove_volume"];
    assert_eq!(verbs.into_iter().collect::<Vec<_>>(), wanted);
    for call in &destroyed {
        assert!(Crowd::is_about(call, &crowd.orphans), "{call}");
    }
    crowd.check_instances("after gc --now");

    // All else is as it was, and what is left of the orphans goes without faults.
    let rest = engine::orphans(&engine).expect("looked");
    engine::collect(&mut engine, &rest).expect("collected");
    assert_eq!(crowd.world.snapshot(), crowd.kept);
    let found = engine::find_orphans(&mut engine, false).expect("looked");
    let mut stays: Vec<String> = found.kept.into_iter().map(|(subject, _)| subject).collect();
    stays.sort();
    let unrecorded = [format!("domain `{}`", crowd.unrecorded.name)];
    assert_eq!((found.seen, stays), (vec![], unrecorded.into_iter().chain(unknown_subjects()).collect()));
    let wreckage = OldDatabases::open(crowd.world.state()).expect("opened");
    let done = engine::rebuild(&mut engine, &crowd.world.catalog, &wreckage).expect("rebuilt");
    let taken: Vec<String> = done.taken.into_iter().map(|t| t.name).collect();
    assert_eq!((taken, done.refused), (vec![crowd.unrecorded.name.to_string()], vec![]));
    assert_eq!(audited(&engine), unknown_subjects());
    let closed = engine.store.operations(50).expect("operations");
    assert!(closed.iter().all(|o| o.state == OperationState::Succeeded), "{closed:?}");
}
