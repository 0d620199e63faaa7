//! Restoring: the disk of a snapshot becomes the instance's, or all is as before.

mod disks;

use std::{sync::Arc, time::Duration};

use lite::{
    app::{
        App, Caller,
        instance::restore::{self, Restore},
        snapshot,
    },
    clock::SystemClock,
    engine::{self, Ctx, Unobserved},
    hypervisor::{DomainState, flaky::Moment, prelude::*},
    kill_point::in_process,
    model::{Error, Instance, LiveDefinition, Name, OperationKind, OperationState, Phase, Record, Result, Tag, Via},
    plan::{self, snapshot_disk},
    view::Changed,
};

use crate::support::{changes, world::World};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn web(world: &World) -> Instance {
    world.engine().store.require(&name("web")).expect("there")
}

fn app(world: &World) -> App {
    App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone())
}

fn root() -> Caller {
    Caller::root(Via::Cli)
}

fn wanted(snapshot: &str) -> Restore {
    let (name, snapshot) = (name("web"), name(snapshot));
    Restore { name, snapshot, keep: true, force: true, until_ready: None, wait: false }
}

fn restored(world: &World, wanted: &Restore) -> Result<Changed> {
    restore::find(&app(world), &root(), wanted, &mut Unobserved)?.accept(&mut Unobserved)?.run(&mut Unobserved)
}

fn short(error: &Error) -> (&'static str, u8, String) {
    (error.code.as_str(), error.exit_code(), error.message.clone())
}

/// An instance with the snapshot `kept`.
fn made() -> World {
    let world = World::new();
    world.create("web").expect("created");
    changes::snapshot(&mut world.engine(), &web(&world)).expect("made");
    world
}

fn stop(world: &World) {
    let instance = web(world);
    changes::stop(&mut world.engine(), &instance, true, Duration::ZERO, &mut Unobserved).expect("stopped");
}

fn snapshots(world: &World) -> Vec<(String, Vec<String>)> {
    let all = snapshot::list(&app(world), &root(), None, &mut Unobserved).expect("listed");
    all.into_iter().map(|one| (one.name, one.used_by)).collect()
}

fn delete_snapshot(world: &World, text: &str) -> Result<Vec<Changed>> {
    snapshot::find(&app(world), &root(), &[name(text)], false, &mut Unobserved)?.run(&app(world))
}

/// The root disks of the instance, by what their names end in.
fn root_disks(world: &World) -> Vec<String> {
    let all = world.snapshot().volumes.into_iter().filter(|volume| volume.starts_with("lite-web-"));
    let own = all.filter(|volume| plan::root_disk_number(&web(world).record, volume).is_some());
    own.map(|volume| volume.rsplit_once(&web(world).record.uuid.simple().to_string()).expect("an id").1.to_owned())
        .collect()
}

fn state(world: &World) -> DomainState {
    world.hypervisor.inner().domain(web(world).record.uuid).expect("asked").expect("there").state
}

/// The files of the root disk in the definition, by their names: the disk first, each lies on the next.
fn chain(world: &World) -> Vec<String> {
    let xml = world.hypervisor.inner().domain_xml(web(world).record.uuid).expect("read").expect("there");
    let disk = LiveDefinition::parse(&xml).expect("read").disk("vda").expect("a disk").clone();
    disk.chain.iter().map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

fn assert_clean(world: &World, when: &str) {
    let engine = world.engine();
    assert_eq!(engine.store.open_operations().expect("read"), [], "{when}");
    let audit = engine::audit(&engine).expect("audited");
    assert!(audit.is_clean(), "{when}: {audit:?}");
    assert_eq!(world.hypervisor.inner().jobs(), [], "{when}");
}

#[test]
fn a_running_instance_gets_the_disk_of_its_snapshot_and_that_is_its_own() {
    let world = made();
    let before = web(&world);
    world.hypervisor.inner().slow_jobs(2);
    let mut found = restore::find(&app(&world), &root(), &wanted("kept"), &mut Unobserved).expect("found");
    let planned = "would be restored to `kept` and started; the disk of now would be snapshot `web-snap-1`";
    assert_eq!((found.plan(), web(&world)), (Ok(Changed::new("web", planned)), before.clone()));
    assert_eq!(restored(&world, &wanted("kept")), Ok(Changed::new("web", "restored, running")));
    let after = web(&world);
    assert_eq!(after, Instance { record: Record { root_disk: Some(2), ..before.record }, ..before });
    assert_eq!((root_disks(&world), state(&world)), (vec![".2.qcow2".to_owned()], DomainState::Running));
    assert_eq!(chain(&world), [plan::root_disk(&after.record), "base.qcow2".to_owned()]);
    assert_eq!(snapshots(&world), [("kept".to_owned(), vec![]), ("web-snap-1".to_owned(), vec![])]);
    assert_clean(&world, "restored");
    // Again, and without a snapshot of the disk of now.
    let again = Restore { keep: false, ..wanted("web-snap-1") };
    assert_eq!(restored(&world, &again), Ok(Changed::new("web", "restored, running")));
    assert_eq!((root_disks(&world), snapshots(&world).len()), (vec![".3.qcow2".to_owned()], 2));
    assert_eq!(delete_snapshot(&world, "kept"), Ok(vec![Changed::new("kept", "deleted")]));
    assert_clean(&world, "restored again");
    engine::delete(&mut world.engine(), &web(&world)).expect("deleted");
    assert_eq!(world.snapshot().volumes.iter().filter(|volume| volume.starts_with("lite-web")).count(), 0);
}

#[test]
fn a_stopped_instance_stays_so_and_holds_the_snapshot_until_it_ran() {
    let world = made();
    stop(&world);
    let planned = "would be restored to `kept` and stay stopped; the disk of now would be lost";
    let quick = Restore { keep: false, ..wanted("kept") };
    let mut found = restore::find(&app(&world), &root(), &quick, &mut Unobserved).expect("found");
    assert_eq!(found.plan(), Ok(Changed::new("web", planned)));
    drop(found);
    let told = "restored, stopped; snapshot `kept` is in use until it ran";
    assert_eq!(restored(&world, &quick), Ok(Changed::new("web", told)));
    let record = web(&world).record;
    let kept = world.engine().store.snapshot_by_id(record.lies_on.expect("a snapshot")).expect("read").expect("there");
    let files = [plan::root_disk(&record), snapshot_disk(kept.snapshot.id), "base.qcow2".to_owned()];
    assert_eq!((chain(&world), state(&world), root_disks(&world).len()), (files.to_vec(), DomainState::Off, 1));
    assert_eq!(snapshots(&world), [("kept".to_owned(), vec!["web".to_owned()])]);
    let held = ("snapshot_in_use", 3, "the disk of instance `web` still lies on snapshot `kept`".to_owned());
    assert_eq!(delete_snapshot(&world, "kept").map_err(|e| short(&e)), Err(held.clone()));
    let copied = changes::snapshot(&mut world.engine(), &web(&world)).map_err(|e| short(&e));
    let lies = "the disk of instance `web` still lies on the snapshot that it was made from".to_owned();
    assert_eq!(copied, Err(("domain_busy", 3, lies)));
    assert_clean(&world, "restored");
    // A repair defines it as it is.
    let instance = web(&world);
    engine::redefine(&mut world.engine(), &instance).expect("repaired");
    assert_eq!(chain(&world), files);
    changes::start(&mut world.engine(), &instance, None, &mut Unobserved).expect("started");
    let own = "the disk of `web` is its own now: it lies on no snapshot".to_owned();
    let told: Vec<Vec<String>> = (0..3).map(|_| engine::recover(&mut world.engine()).expect("looked")).collect();
    assert_eq!(told, [vec![], vec![own], vec![]]);
    assert_eq!((web(&world).record.lies_on, chain(&world).len()), (None, 2));
    assert_eq!(delete_snapshot(&world, "kept"), Ok(vec![Changed::new("kept", "deleted")]));
    assert_clean(&world, "its own");
}

/// An instance that is kept after its delete holds its snapshot too, and comes back on it.
#[test]
fn a_deleted_instance_that_is_kept_holds_its_snapshot() {
    let world = made();
    stop(&world);
    restored(&world, &Restore { keep: false, ..wanted("kept") }).expect("restored");
    let before = web(&world);
    changes::keep_deleted(&mut world.engine(), &before).expect("deleted");
    assert_eq!(snapshots(&world), [("kept".to_owned(), vec!["web (deleted)".to_owned()])]);
    assert_eq!(delete_snapshot(&world, "kept").map_err(|e| e.code.as_str()), Err("snapshot_in_use"));
    let engine = world.engine();
    let kept = engine.store.kept(&engine.host_id()).expect("read").remove(0);
    changes::undelete(&mut world.engine(), &kept, None).expect("back");
    assert_eq!(web(&world).record, before.record);
    assert_clean(&world, "back");
}

/// What the watcher, `list` and `show` take for the instance's last start.
#[test]
fn a_restore_is_a_start_and_so_is_one_that_went_back() {
    let world = made();
    let uuid = web(&world).record.uuid;
    let last = || {
        let store = world.engine().store;
        let by = store.last_started_by(uuid).expect("read").expect("one");
        assert_eq!(store.starts_since(by.started_at).expect("read").get(&uuid), Some(&by.started_at));
        (by.kind, by.state, by.started_at)
    };
    assert_eq!(last().0, OperationKind::Create);
    let quick = Restore { keep: false, ..wanted("kept") };
    restored(&world, &quick).expect("restored");
    let (kind, state, first) = last();
    assert_eq!((kind, state), (OperationKind::Restore, OperationState::Succeeded));
    world.hypervisor.fail_call("start", 1, Moment::Before);
    restored(&world, &quick).expect_err("not started");
    world.hypervisor.heal();
    let (kind, state, second) = last();
    assert_eq!((kind, state, second > first), (OperationKind::Restore, OperationState::Failed, true));
    // One that failed before anything was stopped started nothing.
    world.hypervisor.fail_call("destroy", 1, Moment::Before);
    restored(&world, &quick).expect_err("not stopped");
    world.hypervisor.heal();
    assert_eq!(last(), (kind, state, second));
}

/// A guest that says nothing in its time.
#[test]
fn an_application_that_does_not_answer_has_its_instance_as_before() {
    let world = made();
    let uuid = web(&world).record.uuid;
    world.engine().store.set_phase(uuid, Phase::Ready, None).expect("ready");
    let (before, definition) = (web(&world), world.hypervisor.inner().domain_xml(uuid).expect("read"));
    let soon = Restore { until_ready: Some(Duration::from_millis(10)), ..wanted("kept") };
    let error = restored(&world, &soon).expect_err("no answer");
    assert_eq!(short(&error), ("timeout", 1, "restored nothing; instance `web` runs as before".to_owned()));
    assert_eq!(error.hint_texts(), [""; 0]);
    assert_eq!(
        (web(&world), state(&world), root_disks(&world)),
        (before, DomainState::Running, vec![".qcow2".to_owned()])
    );
    assert_eq!(world.hypervisor.inner().domain_xml(uuid).expect("read"), definition);
    // What was kept of the disk stays.
    assert_eq!(snapshots(&world).len(), 2);
    assert_clean(&world, "gone back");
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let world = made();
    world.create("other").expect("created");
    let refused = |wanted: &Restore| restored(&world, wanted).map_err(|e| short(&e));
    let quick = Restore { keep: false, ..wanted("kept") };
    let unknown = Err(("no_such_snapshot", 2, "there is no snapshot `kep`".to_owned()));
    assert_eq!(refused(&wanted("kep")), unknown);
    let text = "snapshot `kept` is one of another instance, which was called `web`: `other` cannot have its disk";
    assert_eq!(refused(&Restore { name: name("other"), ..quick.clone() }), Err(("other_instance", 2, text.to_owned())));
    let protection = vec![Tag::protection()];
    let before = (world.snapshot(), web(&world));
    changes::set_tags(&mut world.engine(), &web(&world), protection).expect("protected");
    let text = "instance `web` is protected: its disk is not replaced".to_owned();
    for wanted in [wanted("kept"), quick.clone()] {
        assert_eq!(refused(&wanted), Err(("protected", 2, text.clone())));
    }
    changes::set_tags(&mut world.engine(), &web(&world), vec![]).expect("unprotected");
    let uuid = web(&world).record.uuid;
    world.hypervisor.inner().show(uuid, DomainState::Unresponsive);
    let hangs = Err(("unresponsive", 1, "the QEMU process of instance `web` does not answer".to_owned()));
    assert_eq!(refused(&quick), hangs);
    world.hypervisor.inner().show(uuid, DomainState::Running);
    assert_eq!((world.snapshot(), web(&world)), before);
    let snapshot = world.engine().store.require_snapshot(&world.engine().host_id(), &name("kept")).expect("there");
    world.hypervisor.inner().remove_volume("lite", &snapshot_disk(snapshot.snapshot.id)).expect("removed");
    let gone = format!("the copy `{}` of snapshot `kept` is gone", snapshot_disk(snapshot.snapshot.id));
    assert_eq!(refused(&quick), Err(("no_volume", 1, gone)));
}

/// Dead at each point: the instance is as before, or has the new disk alone.
#[test]
fn a_restore_that_dies_leaves_one_disk_and_an_instance_that_runs_or_is_off() {
    for is_stopped in [false, true] {
        let prepared = || {
            let world = made();
            if is_stopped {
                stop(&world);
            }
            world
        };
        let act = |world: &World| changes::restore(&mut world.engine(), &web(world));
        let whole = prepared();
        let passed = in_process::run(None, || act(&whole)).passed;
        let mut disks = Vec::new();
        for (n, place) in (1..).zip(&passed) {
            let when = format!("stopped: {is_stopped}, dead at point {n}, {place}");
            let world = prepared();
            assert!(in_process::run(Some(n), || act(&world)).result.is_none(), "{when}: it lived");
            let recover = |engine: &mut Ctx| engine::recover(engine).unwrap_or_else(|e| panic!("{when}: {e}"));
            (0..3).for_each(|_| drop(recover(&mut world.engine())));
            let wanted = if is_stopped { DomainState::Off } else { DomainState::Running };
            let (has, record) = (root_disks(&world), web(&world).record);
            assert_eq!((state(&world), has.len()), (wanted, 1), "{when}");
            assert_eq!(chain(&world)[0], plan::root_disk(&record), "{when}");
            assert_eq!(record.lies_on.is_some(), is_stopped && record.root_disk == Some(2), "{when}");
            assert_clean(&world, &when);
            disks.extend(has);
        }
        // Some of the deaths were before, and some after.
        assert!(disks.contains(&".qcow2".to_owned()) && disks.contains(&".2.qcow2".to_owned()), "{disks:?}");
    }
}

/// A disk that was put back cannot be started: the next command tries it again.
#[test]
fn what_cannot_be_put_back_is_by_the_next_command() {
    let world = made();
    let before = web(&world);
    world.hypervisor.fail_every("start");
    let error = changes::restore(&mut world.engine(), &before).expect_err("not started");
    assert_eq!(short(&error), ("undo_failed", 4, "could not put instance `web` back".to_owned()));
    world.hypervisor.heal();
    let told = engine::retry_attention(&mut world.engine()).expect("tried");
    assert_eq!(told, ["restored nothing of `web`, as that was cut off: it is as before"]);
    assert_eq!(
        (web(&world), state(&world), root_disks(&world)),
        (before, DomainState::Running, vec![".qcow2".to_owned()])
    );
    assert_clean(&world, "tried again");
}

/// What a restore left that died with the database.
#[test]
fn a_root_disk_of_before_is_an_orphan_and_goes() {
    let world = made();
    restored(&world, &Restore { keep: false, ..wanted("kept") }).expect("restored");
    let record = web(&world).record;
    let volumes = world.snapshot().volumes;
    let lost = [
        plan::root_disk(&Record { root_disk: None, ..record.clone() }),
        plan::root_disk(&Record { root_disk: Some(3), ..record.clone() }),
    ];
    for volume in &lost {
        let xml = plan::empty_xml(volume, record.disk).expect("XML");
        world.hypervisor.inner().ensure_volume("lite", volume, &xml).expect("made");
    }
    let mut engine = world.engine();
    let found = engine::find_orphans(&mut engine, true).expect("looked");
    let orphans: Vec<_> = found.seen.into_iter().map(|seen| seen.orphan).collect();
    let mut subjects: Vec<_> = orphans.iter().map(|orphan| orphan.subject.clone()).collect();
    let mut wanted = lost.map(|volume| format!("volume `{volume}`"));
    subjects.sort();
    wanted.sort();
    assert_eq!(subjects, wanted);
    engine::collect(&mut engine, &orphans).expect("collected");
    assert_eq!(world.snapshot().volumes, volumes);
    assert_clean(&world, "collected");
}
