//! Snapshots: what they hold, what is refused, and what is left where one comes to nothing.

mod disks;
mod listed;
mod refused;

use std::sync::{Arc, Mutex};

use lite::{
    app::{
        App, Caller,
        snapshot::{self, Flags},
    },
    clock::SystemClock,
    engine,
    hypervisor::{DomainState, flaky::Moment, prelude::*},
    kill_point::in_process,
    model::{Consistency, Error, InstanceState, Name, Result, SnapshotState, Unobserved, Via},
    plan::{snapshot_disk, snapshot_sidecar},
    store::OldDatabases,
    view::SnapshotView,
};
use uuid::Uuid;

use crate::support::{changes, world::World};

const NOT_MADE: &str = "could not make snapshot `web-snap-1`; nothing of it is left";

/// Use cases, with the names of what they are about as text.
struct Snapshots<'a> {
    world: &'a World,
    app: App,
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn short(error: &Error) -> (&'static str, u8, String) {
    (error.code.as_str(), error.exit_code(), error.message.clone())
}

impl<'a> Snapshots<'a> {
    fn of(world: &'a World) -> Self {
        let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
        Self { world, app }
    }

    fn root() -> Caller {
        Caller::root(Via::Cli)
    }

    fn create(&self, instance: &str, snapshot: Option<&str>) -> Result<SnapshotView> {
        let (instance, snapshot) = (name(instance), snapshot.map(name));
        let named = (&instance, snapshot.as_ref());
        let accepted = snapshot::create(&self.app, &Self::root(), named, Flags::default(), &mut Unobserved)?;
        accepted.run(&mut Unobserved).map(|mut made| made.remove(0))
    }

    fn list(&self, instance: Option<&str>) -> Result<Vec<String>> {
        let instance = instance.map(name);
        let all = snapshot::list(&self.app, &Self::root(), instance.as_ref(), &mut Unobserved)?;
        Ok(all.into_iter().map(|view| view.name).collect())
    }

    fn delete(&self, names: &[&str]) -> Result<Vec<String>> {
        let names: Vec<Name> = names.iter().map(|text| name(text)).collect();
        let found = snapshot::find(&self.app, &Self::root(), &names, false, &mut Unobserved)?;
        Ok(found.run(&self.app)?.into_iter().map(|changed| changed.name).collect())
    }

    /// The id of a snapshot.
    fn id(&self, snapshot: &str) -> Uuid {
        let engine = self.world.engine();
        engine.store.require_snapshot(&engine.host_id(), &name(snapshot)).expect("a snapshot").snapshot.id
    }

    /// The names of the volumes of snapshots.
    fn volumes(&self) -> Vec<String> {
        let volumes = self.world.snapshot().volumes;
        volumes.into_iter().filter(|volume| volume.starts_with("snap-")).collect()
    }

    /// As if nobody had ever wanted a snapshot, and the guest runs on.
    fn assert_nothing_left(&self, uuid: Uuid, when: &str) {
        let double = self.world.hypervisor.inner();
        assert_eq!((self.volumes(), double.jobs(), double.frozen()), (vec![], vec![], vec![]), "{when}");
        assert_eq!(self.list(None), Ok(vec![]), "{when}");
        let state = double.domain(uuid).expect("asked").map(|domain| domain.state);
        assert_eq!(state, Some(DomainState::Running), "{when}");
        let engine = self.world.engine();
        assert_eq!(engine.store.open_operations().expect("read"), [], "{when}");
        let audit = engine::audit(&engine).expect("audited");
        assert!(audit.is_clean(), "{when}: {audit:?}");
    }
}

fn uuid_of(world: &World, instance: &str) -> Uuid {
    world.engine().store.require(&name(instance)).expect("stored").record.uuid
}

fn stop(world: &World, instance: &str) {
    let mut engine = world.engine();
    let instance = engine.store.require(&name(instance)).expect("stored");
    changes::stop(&mut engine, &instance, true, std::time::Duration::ZERO, &mut Unobserved).expect("stopped");
}

#[test]
fn a_running_guest_is_frozen_for_its_snapshot_if_it_has_an_agent() {
    let world = World::new();
    world.create("web").expect("created");
    let (snapshots, uuid, double) = (Snapshots::of(&world), uuid_of(&world, "web"), world.hypervisor.inner());
    let bare = snapshots.create("web", None).expect("made");
    assert_eq!((bare.name.as_str(), bare.instance.as_deref()), ("web-snap-1", Some("web")));
    assert_eq!((bare.state, bare.consistency), (SnapshotState::Available, Some(Consistency::Crash)));
    assert_eq!(double.programs(), [""; 0]);
    double.set_agent(uuid, true);
    // Not whole at once.
    double.slow_jobs(3);
    let calls = world.hypervisor.calls().len();
    let frozen = snapshots.create("web", None).expect("made");
    assert_eq!((frozen.name.as_str(), frozen.consistency), ("web-snap-2", Some(Consistency::Frozen)));
    let timer = "/usr/bin/systemd-run --on-active=20 --timer-property=AccuracySec=1s --collect \
                 /usr/sbin/fsfreeze --unfreeze /";
    assert_eq!((double.programs(), double.frozen()), (vec![timer.to_owned()], vec![]));
    // The copy is ended while nothing is written.
    let order = ["copy_disk", "run_in_guest", "freeze", "abort_block_job", "thaw", "is_frozen"];
    let calls = world.hypervisor.calls().split_off(calls);
    assert_eq!(calls.into_iter().filter(|call| order.contains(call)).collect::<Vec<_>>(), order);
    let copies: Vec<(bool, bool)> =
        double.copies().into_iter().map(|(path, whole)| (path.contains("/snap-"), whole)).collect();
    assert_eq!((copies, double.jobs()), (vec![(true, true); 2], vec![]));
    let mut volumes: Vec<String> = ["web-snap-1", "web-snap-2"]
        .iter()
        .flat_map(|name| [snapshot_disk(snapshots.id(name)), snapshot_sidecar(snapshots.id(name))])
        .collect();
    volumes.sort();
    assert_eq!(snapshots.volumes(), volumes);
    assert!(engine::audit(&world.engine()).expect("audited").is_clean());
}

#[test]
fn a_snapshot_outlives_the_database_by_its_sidecar() {
    let world = World::new();
    world.create("web").expect("created");
    let snapshots = Snapshots::of(&world);
    snapshots.create("web", Some("kept")).expect("made");
    let volume = snapshot_sidecar(snapshots.id("kept"));
    let text = world.hypervisor.inner().uploaded("lite", &volume).expect("written");
    let sidecar: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let told = |key: &str| sidecar["snapshot"][key].as_str().expect("text").to_owned();
    assert_eq!(
        (sidecar["schema"].as_u64(), told("name"), told("consistency")),
        (Some(1), "kept".into(), "crash-consistent".into())
    );
    assert_eq!(sidecar["snapshot"]["record"]["name"], "web");
    assert_eq!(sidecar["blueprint"]["id"], "debian-13");
    let keys: Vec<&String> = sidecar.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["blueprint", "parameters", "schema", "snapshot"]);
    // The row goes with the database, and the volumes stay: nobody can say whose they are.
    world.lose_database();
    let mut engine = world.engine();
    let found = engine::find_orphans(&mut engine, true).expect("looked");
    let orphans: Vec<_> = found.seen.into_iter().map(|seen| seen.orphan).collect();
    engine::collect(&mut engine, &orphans).expect("collected");
    assert_eq!(snapshots.volumes().len(), 2);
    let old = OldDatabases::open(world.state()).expect("opened");
    let before = snapshots.list(None);
    let done = engine::rebuild(&mut engine, &world.catalog, &old).expect("rebuilt");
    assert_eq!((before, done.snapshots, done.refused), (Ok(vec![]), vec!["kept".to_owned()], vec![]));
    let shown = snapshot::show(&snapshots.app, &Snapshots::root(), &name("kept"), &mut Unobserved).expect("shown");
    assert_eq!((shown.state, shown.consistency), (SnapshotState::Available, Some(Consistency::Crash)));
    assert_eq!(engine::rebuild(&mut engine, &world.catalog, &old).expect("rebuilt").snapshots, [""; 0]);
    assert_eq!(snapshots.delete(&["kept"]), Ok(vec!["kept".to_owned()]));
    assert_eq!(snapshots.volumes(), [""; 0]);
}

#[test]
fn a_stopped_instance_stays_stopped_and_says_what_happens() {
    let instance = |world: &World| {
        let listed = engine::list(&world.engine()).expect("listed");
        listed.into_iter().map(|one| one.state).collect::<Vec<_>>()
    };
    let run = |hook: Option<usize>| {
        let world = Arc::new(World::new());
        world.create("web").expect("created");
        stop(&world, "web");
        assert_eq!(instance(&world), [InstanceState::Stopped]);
        let seen = Arc::new(Mutex::new(Vec::new()));
        if let Some(calls) = hook {
            let (watched, seen) = (world.clone(), seen.clone());
            world.hypervisor.after_nth(calls, move || *seen.lock().expect("whole") = instance(&watched));
        }
        let before = world.hypervisor.calls().len();
        let made = Snapshots::of(&world).create("web", None).expect("made");
        assert_eq!((made.consistency, instance(&world)), (Some(Consistency::Stopped), vec![InstanceState::Stopped]));
        let calls = world.hypervisor.calls().split_off(before);
        assert!(engine::audit(&world.engine()).expect("audited").is_clean());
        let seen = seen.lock().expect("whole").clone();
        (calls, seen)
    };
    let (calls, _) = run(None);
    let copied = calls.iter().position(|call| *call == "copy_disk").expect("copied") + 1;
    assert_eq!(run(Some(copied)).1, [InstanceState::Snapshotting]);
}

#[test]
fn a_snapshot_outlives_its_instance_and_holds_its_image() {
    let world = World::new();
    world.create("web").expect("created");
    let snapshots = Snapshots::of(&world);
    snapshots.create("web", Some("before")).expect("made");
    let users = |world: &World| world.engine().store.users_of_image("base.qcow2").expect("read");
    assert_eq!(users(&world), ["web", "snapshot before"]);
    let mut engine = world.engine();
    let instance = engine.store.require(&name("web")).expect("stored");
    engine::delete(&mut engine, &instance).expect("deleted");
    assert_eq!(
        (users(&world), snapshots.list(Some("web"))),
        (vec!["snapshot before".to_owned()], Ok(vec!["before".to_owned()]))
    );
    assert_eq!(engine.store.images_in_use(), Ok(vec!["base.qcow2".to_owned()]));
    assert!(engine::audit(&engine).expect("audited").is_clean());
    assert_eq!(snapshots.delete(&["before"]), Ok(vec!["before".to_owned()]));
    assert_eq!((snapshots.volumes(), users(&world), snapshots.list(None)), (vec![], vec![], Ok(vec![])));
    assert!(engine::audit(&engine).expect("audited").is_clean());
}

/// Instances of such names have volumes that look like a snapshot's, and the other way round.
#[test]
fn gc_takes_no_snapshot_for_a_disk_of_an_instance_that_is_called_so() {
    let world = World::new();
    for instance in ["snap", "disk"] {
        world.create(instance).expect("created");
        Snapshots::of(&world).create(instance, Some(&format!("of-{instance}"))).expect("made");
    }
    let snapshots = Snapshots::of(&world);
    let gone = snapshots.id("of-snap");
    let before = world.snapshot();
    let mut engine = world.engine();
    let orphans = |engine: &mut engine::Ctx| {
        let found = engine::find_orphans(engine, true).expect("looked");
        found.seen.into_iter().map(|seen| seen.orphan).collect::<Vec<_>>()
    };
    assert_eq!((orphans(&mut engine), world.snapshot()), (vec![], before));
    // What the journal knows, and no row does.
    world.sql("DELETE FROM snapshot WHERE name = 'of-snap'");
    let found = orphans(&mut engine);
    let mut subjects: Vec<String> = found.iter().map(|orphan| orphan.subject.clone()).collect();
    subjects.sort();
    let mut wanted = [snapshot_disk(gone), snapshot_sidecar(gone)].map(|volume| format!("volume `{volume}`"));
    wanted.sort();
    assert_eq!(subjects, wanted);
    engine::collect(&mut engine, &found).expect("collected");
    assert_eq!(snapshots.volumes().len(), 2);
}

#[test]
fn a_copy_that_ends_early_is_no_snapshot() {
    let world = World::new();
    world.create("web").expect("created");
    let (snapshots, uuid) = (Snapshots::of(&world), uuid_of(&world, "web"));
    world.hypervisor.inner().lose_jobs(true);
    let error = snapshots.create("web", None).expect_err("no copy");
    assert_eq!(short(&error), ("snapshot_failed", 1, NOT_MADE.to_owned()));
    assert_eq!(
        error.causes[..2],
        [
            format!("copy of disk `vda` of domain {uuid} failed"),
            "the copy of disk `vda` ended before it was whole".to_owned()
        ]
    );
    assert!(error.causes[2].starts_with("storage pool `lite` has "), "{error:?}");
    world.hypervisor.inner().lose_jobs(false);
    snapshots.assert_nothing_left(uuid, "after the copy");
}

#[test]
fn a_guest_that_freezes_late_is_thawed() {
    let world = World::new();
    world.create("web").expect("created");
    let (snapshots, uuid) = (Snapshots::of(&world), uuid_of(&world, "web"));
    world.hypervisor.inner().set_agent(uuid, true);
    world.hypervisor.inner().freeze_late(true);
    let error = snapshots.create("web", None).expect_err("not frozen in time");
    assert_eq!(short(&error), ("guest_agent", 1, NOT_MADE.to_owned()));
    let causes =
        [format!("freeze of the guest of domain {uuid} failed"), format!("the agent in domain {uuid} does not answer")];
    assert_eq!(error.causes, causes);
    snapshots.assert_nothing_left(uuid, "after the freeze");
}

/// A thaw that cannot be done is not given up: the next command tries it again, before anything else.
#[test]
fn a_guest_that_cannot_be_thawed_is_by_the_next_command() {
    let world = World::new();
    world.create("web").expect("created");
    let (snapshots, uuid) = (Snapshots::of(&world), uuid_of(&world, "web"));
    world.hypervisor.inner().set_agent(uuid, true);
    world.hypervisor.inner().freeze_late(true);
    world.hypervisor.fail_every("thaw");
    assert_eq!(snapshots.create("web", None).map_err(|e| e.code.as_str()), Err("undo_failed"));
    assert_eq!(world.hypervisor.inner().frozen(), [uuid]);
    world.hypervisor.heal();
    let told = engine::recover(&mut world.engine()).expect("recovered");
    assert_eq!(told, ["removed what was there of snapshot `web-snap-1`, which was cut off"]);
    snapshots.assert_nothing_left(uuid, "after the next command");
}

/// Dead right after the copy was begun: by then somebody else mirrors the disk elsewhere.
#[test]
fn the_copy_of_somebody_else_is_not_ended() {
    let world = World::new();
    world.create("web").expect("created");
    let (snapshots, uuid) = (Snapshots::of(&world), uuid_of(&world, "web"));
    let make = |world: &World| {
        let mut engine = world.engine();
        let instance = engine.store.require(&name("web")).expect("stored");
        changes::snapshot(&mut engine, &instance)
    };
    let whole = World::new();
    whole.create("web").expect("created");
    let passed = in_process::run(None, || make(&whole)).passed;
    for n in 1..=passed.len() {
        let world = World::new();
        world.create("web").expect("created");
        let (snapshots, uuid) = (Snapshots::of(&world), uuid_of(&world, "web"));
        assert!(in_process::run(Some(n), || make(&world)).result.is_none(), "{n}: it lived");
        let double = world.hypervisor.inner();
        double.abort_block_job(uuid, "vda").expect("aborted");
        double.copy_disk(uuid, "vda", "<disk><source file='/elsewhere'/></disk>").expect("begun");
        engine::recover(&mut world.engine()).expect("recovered");
        assert_eq!(double.jobs(), [("vda".to_owned(), "/elsewhere".to_owned())], "{n}");
        double.abort_block_job(uuid, "vda").expect("aborted");
        snapshots.assert_nothing_left(uuid, &format!("dead at point {n}"));
    }
    let double = world.hypervisor.inner();
    double.copy_disk(uuid, "vda", "<disk><source file='/elsewhere'/></disk>").expect("begun");
    let busy = snapshots.create("web", None).map(drop).map_err(|e| short(&e));
    assert_eq!(busy, Err(("domain_busy", 3, "instance `web` has a block job on its disk already".to_owned())));
}

/// Dead at each point: no copy, no frozen or paused guest, no volume; and a stopped instance is stopped.
#[test]
fn a_snapshot_that_dies_leaves_a_guest_that_runs_or_is_off_as_before() {
    for is_stopped in [false, true] {
        let prepared = || {
            let world = World::new();
            world.create("web").expect("created");
            if is_stopped {
                stop(&world, "web");
            } else {
                disks::with_disk(&world, true);
            }
            world
        };
        let make = |world: &World| {
            let mut engine = world.engine();
            let instance = engine.store.require(&name("web")).expect("stored");
            changes::snapshot(&mut engine, &instance)
        };
        let whole = prepared();
        let passed = in_process::run(None, || make(&whole)).passed;
        for (n, place) in (1..).zip(&passed) {
            let when = format!("stopped: {is_stopped}, dead at point {n}, {place}");
            let world = prepared();
            assert!(in_process::run(Some(n), || make(&world)).result.is_none(), "{when}: it lived");
            engine::recover(&mut world.engine()).unwrap_or_else(|e| panic!("{when}: {e}"));
            let (snapshots, uuid) = (Snapshots::of(&world), uuid_of(&world, "web"));
            if is_stopped {
                let state = world.hypervisor.inner().domain(uuid).expect("asked").map(|domain| domain.state);
                assert_eq!(state, Some(DomainState::Off), "{when}");
                world.hypervisor.inner().start(uuid).expect("started");
            }
            snapshots.assert_nothing_left(uuid, &when);
        }
    }
}

/// A delete that fails is gone on with, and what is half there is no snapshot.
#[test]
fn a_delete_that_fails_goes_on() {
    let world = World::new();
    world.create("web").expect("created");
    let snapshots = Snapshots::of(&world);
    snapshots.create("web", Some("before")).expect("made");
    world.hypervisor.fail_call("remove_volume", 2, Moment::Before);
    assert_eq!(snapshots.delete(&["before"]).map_err(|e| e.code.as_str()), Err("injected"));
    assert_eq!(snapshots.volumes(), [snapshot_disk(snapshots.id("before"))]);
    let told = engine::recover(&mut world.engine()).expect("recovered");
    assert_eq!(told, ["finished the delete of snapshot `before` that was cut off"]);
    snapshots.assert_nothing_left(uuid_of(&world, "web"), "after the delete");
}
