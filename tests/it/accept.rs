//! A change is accepted at once: it looks at the host, writes the journal, and leaves all else to its run, on whatever thread.

use std::{path::PathBuf, process::Command, time::Duration};

use lite::{
    app::{
        Accepted, App, Caller,
        image::{
            bake::{self, Bake},
            make::{self, Import, Pull},
            prune, remove,
        },
        instance::{
            change::{self, Change},
            create,
            delete::Delete,
            firewall::{self, Action, Refirewall},
            power::{Reboot, Start, Stop},
            protect::Protect,
            publish::{Publish, Unpublish},
            tag::{self, Retag},
            undelete::{self, Deleted, Target, Undelete},
        },
    },
    engine::{has_owner, recover},
    hypervisor::prelude::*,
    image::{self, Origin},
    model::{Hint, Name, Observer, OperationState, PortPair, Protocol, Result, Service, Stage, Tag, Unobserved, Via},
    view::OperationRow,
};

use crate::support::{changes, create_request::create_request, fake_clock::FakeClock, world::World};

/// Calls that change nothing, and of which none takes long.
const LOOKS: &[&str] =
    &["host", "domains", "domain", "domain_xml", "pool", "volumes", "volume", "network", "loaded_rules"];

/// Watches an acceptance: nothing is fetched, built or waited for in it.
struct Hasty;

impl Observer for Hasty {
    fn begin(&mut self, stage: Stage) {
        assert_eq!(stage, Stage::Host, "a stage of the run");
    }
    fn note(&mut self, text: &str) {
        panic!("it takes long enough to tell: {text}");
    }
    fn bytes(&mut self, _: u64, _: Option<u64>) {
        panic!("it copies something");
    }
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, _: &Hint) {}
}

/// What was accepted, whatever its view is.
struct Started {
    operation: OperationRow,
    run: Box<dyn FnOnce() -> Result<()> + Send>,
}

fn started<V: 'static>(accepted: Accepted<V>) -> Started {
    let operation = accepted.operation().expect("there is something to do").clone();
    Started { operation, run: Box::new(|| accepted.run(&mut Unobserved).map(drop)) }
}

fn root() -> Caller {
    Caller::root(Via::Cli)
}

fn web() -> Name {
    Name::parse("web").expect("a name")
}

fn on_web(app: &App, change: &impl Change) -> Result<Started> {
    change::accept(app, &root(), change, (&web(), false), &mut Hasty).map(started)
}

fn create(app: &App) -> Result<Started> {
    create::check(app, &root(), create_request())?.accept(app, &mut Hasty).map(started)
}

fn created(world: &World) {
    world.create("web").expect("created");
}

fn stopped(world: &World) {
    created(world);
    world.hypervisor.inner().destroy(world.engine().store.require(&web()).expect("there").record.uuid).expect("off");
}

/// An empty disk beside the pool.
fn disk(world: &World, size: &str) -> PathBuf {
    let pool = &world.settings().host.folders.pool;
    std::fs::create_dir_all(pool).expect("made");
    let disk = pool.with_file_name("disk.qcow2");
    let made = Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).arg(&disk).arg(size).status();
    assert!(made.expect("qemu-img runs").success());
    disk
}

/// An image that is there, in a version of this size.
fn image(world: &World, size: &str) {
    let pool = &world.settings().host.folders.pool;
    let file = pool.join("temp");
    std::fs::rename(disk(world, size), &file).expect("moved");
    image::adopt(&image::Images::in_folder(pool), "debian-13", &file, Origin::Built, None, jiff::Timestamp::UNIX_EPOCH)
        .expect("kept");
}

/// The kind of its operation and the resource, what is there before, its acceptance, and what is there when it is run; none: it
/// is not run here, as it needs a network.
type Case = ((&'static str, &'static str), fn(&World), fn(&App) -> Result<Started>, Option<fn(&World)>);

const CASES: &[Case] = &[
    (("create", "web"), |_| (), create, Some(|w| image(w, "1G"))),
    (("start", "web"), stopped, |app| on_web(app, &Start { until_ready: None }), Some(|_| ())),
    (("stop", "web"), created, |app| on_web(app, &Stop { force: true, timeout: Duration::ZERO }), Some(|_| ())),
    (("reboot", "web"), created, |app| on_web(app, &Reboot { force: true }), Some(|_| ())),
    (("tag", "web"), created, retag, Some(|_| ())),
    (("tag", "web"), created, |app| on_web(app, &Protect { protected: true }), Some(|_| ())),
    (("firewall", "web"), created, refirewall, Some(|_| ())),
    (("publish", "web"), created, |app| on_web(app, &publish()), Some(|_| ())),
    (("unpublish", "web"), published, |app| on_web(app, &Unpublish { ports: vec![], domains: vec![] }), Some(|_| ())),
    (("delete", "web"), created, |app| on_web(app, &Delete { now: true }), Some(|_| ())),
    (("delete", "web"), created, |app| on_web(app, &Delete { now: false }), Some(|_| ())),
    (("undelete", "web"), deleted, undelete, Some(|_| ())),
    (
        ("build", "debian-13"),
        |_| (),
        |app| make::accept_build(app, &root(), "debian-13", &mut Hasty).map(started),
        None,
    ),
    // Without its base, a bake is first what makes that.
    (("build", "debian-13"), |_| (), bake, None),
    (("pull", "debian-12"), |_| (), pull, None),
    (("import", "ubuntu-24.04"), |w| drop(disk(w, "1M")), import, Some(|_| ())),
    (("remove", "debian-13"), |w| image(w, "1M"), remove, Some(|_| ())),
    (("prune", "debian-13"), |w| ["1M", "2M"].into_iter().for_each(|size| image(w, size)), prune, Some(|_| ())),
];

fn deleted(world: &World) {
    created(world);
    let mut engine = world.engine();
    let instance = engine.store.require(&web()).expect("stored");
    changes::keep_deleted(&mut engine, &instance).expect("deleted");
}

fn undelete(app: &App) -> Result<Started> {
    let undelete = Undelete { name: None, start: true, until_ready: None };
    let target = Target { deleted: Deleted::Name(web()), wait: false, dry_run: false };
    undelete::accept(app, &root(), &undelete, &target, &mut Hasty).map(started)
}

fn retag(app: &App) -> Result<Started> {
    let retag = Retag { name: web(), set: vec![Tag::parse("a=b")?], remove: vec![], wait: false, dry_run: false };
    tag::accept(app, &root(), &retag, &mut Hasty).map(started)
}

/// A port that nothing of the host has.
fn publish() -> Publish {
    let port = std::net::TcpListener::bind(("0.0.0.0", 0)).expect("bound").local_addr().expect("an address").port();
    let pair = PortPair { guest_port: 22, port, protocol: Protocol::Tcp };
    Publish { pairs: vec![pair], address: None, sources: vec![] }
}

fn published(world: &World) {
    created(world);
    let mut engine = world.engine();
    let instance = engine.store.require(&web()).expect("stored");
    changes::publish(&mut engine, &instance, 8080).expect("published");
}

fn refirewall(app: &App) -> Result<Started> {
    let request = Refirewall {
        name: web(),
        action: Action::Open,
        services: vec![Service::parse("8080")?],
        sources: vec![],
        seen: None,
        wait: false,
        dry_run: false,
    };
    firewall::accept(app, &root(), &request, &mut Hasty).map(started)
}

fn bake(app: &App) -> Result<Started> {
    let bake = Bake {
        blueprints: vec!["nginx".to_owned()],
        base: None,
        parameters: vec![],
        keep: false,
        timeout: Duration::ZERO,
    };
    let mut accepted = bake::check(app, &root(), bake, &mut Hasty)?.accept(app, &mut Hasty)?;
    Ok(started(accepted.remove(0)))
}

fn pull(app: &App) -> Result<Started> {
    let pull = Pull { ids: vec!["debian-12".to_owned()], digest: None, url: None };
    make::accept_pull(app, &root(), ("debian-12", &pull), &mut Hasty).map(started)
}

fn import(app: &App) -> Result<Started> {
    let file = app.settings.host.folders.pool.with_file_name("disk.qcow2");
    let import = Import { file, name: Some("ubuntu-24.04".to_owned()) };
    make::accept_import(app, &root(), &import, &mut Hasty).map(started)
}

fn remove(app: &App) -> Result<Started> {
    let found = remove::find(app, &root(), &["debian-13".to_owned()], &mut Hasty)?;
    found.accept(app).next().expect("one").map(started)
}

fn prune(app: &App) -> Result<Started> {
    prune::find(app, &root(), &mut Hasty)?.accept(app).next().expect("one").map(started)
}

/// The files of the pool's folder, and the host.
fn there(world: &World) -> (Vec<String>, crate::support::world::Snapshot) {
    let files = std::fs::read_dir(&world.settings().host.folders.pool).into_iter().flatten();
    let mut files: Vec<_> = files.map(|e| e.expect("read").file_name().to_string_lossy().into_owned()).collect();
    files.sort();
    (files, world.snapshot())
}

#[test]
fn a_change_is_accepted_without_a_wait_and_run_on_another_thread() {
    for ((kind, resource), prepare, accept, before_run) in CASES {
        let world = World::new();
        prepare(&world);
        let clock = FakeClock::new();
        let app = App::of_host(world.settings().clone(), clock.clone(), world.hypervisor.clone());
        let before = there(&world);
        world.hypervisor.allow_only(LOOKS);
        let accepted = accept(&app).unwrap_or_else(|e| panic!("{kind}: {e}"));
        assert_eq!((world.hypervisor.hits(), clock.waited()), (0, Duration::ZERO), "{kind}");
        assert_eq!(there(&world), before, "{kind}");
        world.hypervisor.heal();

        let operation = &accepted.operation;
        assert_eq!((&*operation.kind, &*operation.resource, &*operation.state), (*kind, *resource, "started"));
        let store = world.engine().store;
        let journalled = || store.require_operation(&operation.id).expect("journalled");
        assert_eq!((journalled().state, journalled().ended_at), (OperationState::Started, None), "{kind}");
        assert_eq!(has_owner(world.state(), &journalled()), Ok(true), "{kind}");
        let Some(before_run) = before_run else {
            drop(accepted.run);
            recover(&mut world.engine()).expect("closed");
            assert_eq!(journalled().error.as_deref(), Some("its process died"), "{kind}");
            continue;
        };
        before_run(&world);
        let run = std::thread::spawn(accepted.run).join().expect("no panic");
        assert_eq!(run, Ok(()), "{kind}");
        assert_eq!(journalled().state, OperationState::Succeeded, "{kind}");
        assert_eq!(has_owner(world.state(), &journalled()), Ok(false), "{kind}");
    }
}
