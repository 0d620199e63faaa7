//! Upgrading what runs in an instance: it is its blueprint's of today then, or has the disk of the snapshot that was made before.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use lite::{
    app::{
        App, Caller, blueprint,
        instance::upgrade::{self, Upgrade},
        snapshot,
    },
    clock::SystemClock,
    engine::{self, Unobserved},
    hypervisor::{DomainState, prelude::*},
    kill_point::in_process,
    model::{Error, Instance, Name, OperationKind, Paths, Phase, Record, Result, Settings, Tag, Via},
    plan::{self, report_log},
    store::OperationState,
    view::Changed,
};

use crate::support::{changes, world::World};

pub const THROUGH: &str = "{\"event\":\"progress\",\"line\":\"Setting up nginx\"}\n{\"event\":\"upgraded\",\"code\":0}\n\
                       {\"event\":\"status\",\"health\":\"ok\"}\n";
/// As it is told where the guest starts anew: what a boot tells comes behind it.
const REBOOTED: &str = "{\"event\":\"upgraded\",\"code\":0,\"reboot\":true}\n{\"event\":\"booted\"}\n\
                        {\"event\":\"status\",\"health\":\"ok\"}\n";
pub const FAILED: &str = "{\"event\":\"upgraded\",\"code\":100,\"command\":\"apt-get upgrade\",\"line\":4,\
                      \"tail\":[\"Reading package lists\",\"E: no\\u001b\"]}\n";
const SILENT: &str = "{\"event\":\"upgraded\",\"code\":0}\n{\"event\":\"status\",\"health\":\"exit 1\"}\n";

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

fn wanted() -> Upgrade {
    Upgrade { name: name("web"), timeout: Duration::from_secs(60), wait: false }
}

fn upgraded(world: &World, wanted: &Upgrade) -> Result<Changed> {
    upgrade::find(&app(world), &root(), wanted, &mut Unobserved)?.accept()?.run(&mut Unobserved)
}

fn short(error: &Error) -> (&'static str, u8, String) {
    (error.code.as_str(), error.exit_code(), error.message.clone())
}

/// A host whose blueprint `debian-13` has another version today, with this part, and an instance of the one before that is ready; its guest
/// says this to whatever it is brought.
pub fn made(part: &str, said: &str) -> (World, tempfile::TempDir) {
    let mut world = World::new();
    let folder = tempfile::tempdir().expect("a folder");
    blueprint(&folder, "debian-13", part);
    let of_world = world.settings().clone();
    let paths = Paths { blueprints: vec![folder.path().to_owned()], ..of_world.paths.clone() };
    world.settings = Arc::new(Settings { paths, ..of_world });
    world.create("web").expect("created");
    let mut engine = world.engine();
    let record = web(&world).record;
    engine.store.set_phase(record.uuid, Phase::Ready, None).expect("ready");
    world.hypervisor.inner().set_agent(record.uuid, true);
    let log = report_log(&record, &engine.settings.host.folders.logs);
    world.hypervisor.inner().answer_input(&log, said);
    (world, folder)
}

/// Writes a blueprint of today.
fn blueprint(folder: &tempfile::TempDir, base: &str, part: &str) {
    let text = format!(
        "id: debian-13\ntitle: Debian\ndescription: Another version.\ngroup: os\nversion: \"of-today\"\nbases: [{base}]\n\
         minimum: {{memory: 512 MiB, disk: 3 GiB}}\nports: [22/tcp]\nuser: debian\n{part}\
         health:\n  command: {{run: 'true', timeout: 7}}\n"
    );
    std::fs::write(folder.path().join("debian-13.yaml"), text).expect("written");
}

pub const PART: &str = "upgrade: |\n  apt-get upgrade\n";

fn snapshots(world: &World) -> Vec<(String, Vec<String>, Option<Timestamp>)> {
    let all = snapshot::list(&app(world), &root(), None, &mut Unobserved).expect("listed");
    all.into_iter().map(|one| (one.name, one.used_by, one.expires_at)).collect()
}

fn state(world: &World) -> DomainState {
    world.hypervisor.inner().domain(web(world).record.uuid).expect("asked").expect("there").state
}

fn outdated(world: &World) -> Vec<(String, Option<String>, Option<String>)> {
    let rows = blueprint::outdated(&app(world), &root(), &mut Unobserved).expect("listed");
    rows.into_iter().map(|row| (row.version, row.today, row.command)).collect()
}

fn assert_clean(world: &World, when: &str) {
    let engine = world.engine();
    assert_eq!(engine.store.open_operations().expect("read"), [], "{when}");
    let audit = engine::audit(&engine).expect("audited");
    assert!(audit.is_clean(), "{when}: {audit:?}");
    let domains = engine::our_domains(&*engine.hypervisor, &engine.settings).expect("read");
    assert_eq!(domains.into_iter().filter_map(|d| d.record).collect::<Vec<_>>(), [web(world).record], "{when}");
}

#[test]
fn an_instance_is_brought_to_todays_version() {
    for said in [THROUGH, REBOOTED] {
        let (world, _folder) = made(PART, said);
        let before = web(&world);
        let was = before.record.blueprint_version.clone();
        let command = Some("lite upgrade web".to_owned());
        assert_eq!(outdated(&world), [(was, Some("of-today".to_owned()), command)]);
        let mut found = upgrade::find(&app(&world), &root(), &wanted(), &mut Unobserved).expect("found");
        let planned = "would be upgraded by version of-today of blueprint `debian-13`, with snapshot `web-snap-1` as the way back";
        assert_eq!((found.plan(), web(&world)), (Ok(Changed::new("web", planned)), before.clone()));
        drop(found);
        let done = upgraded(&world, &wanted()).expect("upgraded");
        let until = snapshots(&world)[0].2.expect("a time").strftime("%F").to_string();
        let told = format!("upgraded by version of-today; snapshot `web-snap-1` of before is kept until {until}");
        assert_eq!(done, Changed::new("web", told));
        let after = web(&world);
        let record = Record { blueprint_version: "of-today".to_owned(), ..before.record.clone() };
        assert_eq!((after, state(&world)), (Instance { record, ..before }, DomainState::Running));
        let by = world.engine().store.last_started_by(web(&world).record.uuid).expect("read").map(|by| by.kind);
        assert_eq!(by, Some(OperationKind::Upgrade));
        assert_eq!(outdated(&world), []);
        // What the guest was brought: today's part and runner, and the health check of today.
        let brought: serde_json::Value =
            serde_json::from_str(&world.hypervisor.inner().inputs().concat()).expect("one document");
        assert_eq!(brought["upgrade.sh"], "apt-get upgrade\n");
        assert_eq!(brought["health.json"], r#"{"run":"true","timeout":7}"#);
        assert_eq!(brought["lite-guest.py"], include_str!("../../cloud-init/lite-guest.py"));
        assert_eq!(brought.as_object().map(serde_json::Map::len), Some(3));
        let (kept, _) = world.engine().store.blueprint_of(web(&world).record.uuid).expect("read");
        assert_eq!(
            (kept.version.as_str(), kept.description.as_str()),
            ("of-today", "A plain Debian 13 server with SSH, nothing else.")
        );
        assert_clean(&world, "upgraded");
    }
}

/// Its part fails, its application says no, or its guest nothing at all: in each case it runs with the disk of its snapshot.
#[test]
fn a_part_that_fails_has_the_instance_as_before() {
    let part = "could not upgrade instance `web`: it runs as before, with the disk of snapshot `web-snap-1`";
    let told = |cause: &str| (cause.to_owned(), part.to_owned());
    for (said, code, causes) in [
        (
            FAILED,
            "upgrade_failed",
            vec![
                told("the part `upgrade` of blueprint `debian-13` failed").0,
                "command in line 4: apt-get upgrade (exit 100)".to_owned(),
                "Reading package lists".to_owned(),
                "E: no\\u{1b}".to_owned(),
            ],
        ),
        (
            SILENT,
            "timeout",
            vec![
                "instance `web` was not ready after 0 s: stage `application`".to_owned(),
                "last answer: exit 1".to_owned(),
            ],
        ),
        ("", "timeout", vec!["instance `web` was not ready after 0 s: stage `upgrade`".to_owned()]),
    ] {
        let (world, _folder) = made(PART, said);
        let before = web(&world);
        let soon = Upgrade { timeout: Duration::from_millis(if said == FAILED { 60_000 } else { 300 }), ..wanted() };
        let error = upgraded(&world, &soon).expect_err("gone back");
        assert_eq!(short(&error), (code, 1, part.to_owned()));
        assert_eq!((error.causes.clone(), error.hint_texts()), (causes, vec![]));
        let record = Record { root_disk: Some(2), ..before.record.clone() };
        assert_eq!((web(&world), state(&world)), (Instance { record, ..before }, DomainState::Running));
        let held: Vec<_> = snapshots(&world).into_iter().map(|(name, used_by, _)| (name, used_by)).collect();
        assert_eq!(held, [("web-snap-1".to_owned(), vec![])]);
        let engine = world.engine();
        let ended = engine.store.operations(1).expect("read").remove(0);
        assert_eq!((ended.kind, ended.state), (OperationKind::Upgrade, OperationState::Failed));
        assert_clean(&world, said);
        assert_eq!(outdated(&world).len(), 1);
    }
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let (world, folder) = made(PART, THROUGH);
    let before = (world.snapshot(), web(&world));
    let refused = || upgraded(&world, &wanted()).map_err(|e| short(&e));
    let uuid = web(&world).record.uuid;
    blueprint(&folder, "debian-13", "");
    let text = "blueprint `debian-13` of instance `web` has no part `upgrade`".to_owned();
    assert_eq!((refused(), outdated(&world)[0].2.clone()), (Err(("no_upgrade", 2, text)), None));
    blueprint(&folder, "debian-12", PART);
    let text = "blueprint `debian-13` is for `debian-12` today, and instance `web` runs `debian-13`".to_owned();
    assert_eq!((refused(), outdated(&world)[0].2.clone()), (Err(("no_upgrade", 2, text)), None));
    for faulty in ["upgrade: |\n  if true\n", "upgrade: gone.sh\n", "upgrade: \"a\\rb\"\n", "upgrade: {}\n"] {
        blueprint(&folder, "debian-13", faulty);
        let text =
            "instance `web` cannot be upgraded: its blueprint `debian-13` is not there, or has faults".to_owned();
        assert_eq!(refused(), Err(("no_upgrade", 2, text)), "{faulty}");
    }
    blueprint(&folder, "debian-13", PART);
    changes::set_tags(&mut world.engine(), &web(&world), vec![Tag::protection()]).expect("protected");
    let text = "instance `web` is protected: an upgrade that fails would replace its disk".to_owned();
    assert_eq!(refused(), Err(("protected", 2, text)));
    changes::set_tags(&mut world.engine(), &web(&world), vec![]).expect("unprotected");
    let phase = |phase| world.engine().store.set_phase(uuid, phase, None).expect("set");
    phase(Phase::Failed);
    assert_eq!(refused(), Err(("not_settled", 2, "the set-up of instance `web` failed".to_owned())));
    phase(Phase::Unverified);
    assert_eq!(refused(), Err(("not_settled", 2, "instance `web` is not set up yet".to_owned())));
    phase(Phase::Ready);
    let shows = |state| world.hypervisor.inner().show(uuid, state);
    shows(DomainState::Unresponsive);
    let text = "the QEMU process of instance `web` does not answer".to_owned();
    assert_eq!(refused(), Err(("unresponsive", 1, text)));
    shows(DomainState::Off);
    let text = "instance `web` does not run, so nothing can be upgraded in it".to_owned();
    assert_eq!(refused(), Err(("not_running", 2, text)));
    shows(DomainState::Running);
    world.hypervisor.inner().set_pool_free(0);
    let error = upgraded(&world, &wanted()).expect_err("no room");
    assert_eq!((error.code.as_str(), error.exit_code()), ("no_capacity", 2));
    world.hypervisor.inner().set_pool_free(100 << 30);
    // Without an agent by SSH, where that is let in; nobody knows the host key of a guest that never was.
    world.hypervisor.inner().set_agent(uuid, false);
    changes::close(&mut world.engine(), &web(&world), "22").expect("closed");
    let text = "the guest of instance `web` has no agent that could be asked, and lets nobody in at 22/tcp".to_owned();
    assert_eq!(refused(), Err(("no_agent", 2, text)));
    changes::open(&mut world.engine(), &web(&world), "22").expect("open");
    assert_eq!((world.snapshot().volumes, web(&world)), (before.0.volumes, before.1));
    assert_eq!((snapshots(&world), world.hypervisor.inner().inputs()), (vec![], vec![]));
}

/// Dead at each point: the next command leaves an instance that runs, by its disk of before or, from when the guest was told, its
/// snapshot's.
#[test]
fn an_upgrade_that_dies_leaves_an_instance_that_runs() {
    let act = |world: &World| upgraded(world, &wanted()).map_err(|e| e.code);
    let (whole, _folder) = made(PART, THROUGH);
    let passed = in_process::run(None, || act(&whole)).passed;
    let mut disks = Vec::new();
    for (n, place) in (1..).zip(&passed) {
        let when = format!("dead at point {n}, {place}");
        let (world, _folder) = made(PART, THROUGH);
        assert!(in_process::run(Some(n), || act(&world)).result.is_none(), "{when}: it lived");
        // While nobody has looked, the way back stays: who wants to delete it goes back first.
        let goes = snapshots(&world).first().map(|one| one.0.clone()).map(|one| name(&one));
        if let Some(goes) = goes {
            let found = snapshot::find(&app(&world), &root(), &[goes], false, &mut Unobserved);
            drop(found.and_then(|found| found.run(&app(&world))));
        }
        (0..4).for_each(|_| drop(engine::recover(&mut world.engine()).unwrap_or_else(|e| panic!("{when}: {e}"))));
        let record = web(&world).record;
        assert_eq!((state(&world), record.lies_on), (DomainState::Running, None), "{when}");
        assert!(world.snapshot().volumes.contains(&plan::root_disk(&record)), "{when}");
        assert_clean(&world, &when);
        disks.push(record.root_disk);
    }
    assert!(disks.contains(&None) && disks.contains(&Some(2)), "{disks:?}");
}

/// A way back that fails too: the snapshot is held, and the next command tries it again.
#[test]
fn what_cannot_go_back_does_with_the_next_command() {
    let (world, _folder) = made(PART, FAILED);
    world.hypervisor.fail_every("start");
    let error = upgraded(&world, &wanted()).expect_err("not started");
    let text = "could not upgrade instance `web`, nor bring it back to its snapshot yet".to_owned();
    assert_eq!(short(&error), ("undo_failed", 4, text));
    let held = world.engine().store.users_of_snapshots().expect("read");
    assert_eq!(held.into_iter().map(|user| user.name).collect::<Vec<_>>(), ["web"]);
    world.hypervisor.heal();
    let told = engine::retry_attention(&mut world.engine()).expect("tried");
    assert_eq!(told, ["undid the upgrade of `web` that was cut off: it runs as before, with the disk of its snapshot"]);
    (0..3).for_each(|_| drop(engine::recover(&mut world.engine()).expect("looked")));
    assert_eq!((state(&world), web(&world).record.root_disk), (DomainState::Running, Some(2)));
    assert_clean(&world, "tried again");
}

#[test]
fn the_snapshot_of_before_goes_after_a_week() {
    let (world, _folder) = made(PART, THROUGH);
    changes::snapshot(&mut world.engine(), &web(&world)).expect("made");
    upgraded(&world, &wanted()).expect("upgraded");
    let after = |hours: i64| {
        let mut engine = world.engine();
        engine.clock = match hours {
            167 => Arc::new((|| Timestamp::now() + SignedDuration::from_hours(167)) as fn() -> Timestamp),
            _ => Arc::new((|| Timestamp::now() + SignedDuration::from_hours(169)) as fn() -> Timestamp),
        };
        engine::purge_due(&mut engine)
    };
    assert_eq!(after(167), Ok(vec![]));
    let gone = "deleted snapshot `web-snap-1`, made before an upgrade: its time is over".to_owned();
    assert_eq!(after(169), Ok(vec![gone]));
    let left: Vec<_> = snapshots(&world).into_iter().map(|(name, _, until)| (name, until)).collect();
    assert_eq!(left, [("kept".to_owned(), None)]);
    assert_clean(&world, "gone");
}
