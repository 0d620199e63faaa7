//! Each operation that waits is ended from elsewhere by its id: `lite operations cancel`.

use std::{path::PathBuf, process::Command, sync::Arc, time::Duration};

use lite::{
    app::{
        Accepted, App, Caller,
        image::{
            bake::{self, Bake},
            make::{self, Import, Pull},
        },
        instance::{
            change::{self, Change},
            create::{self, Create},
            power::{Start, Stop},
        },
        operation,
    },
    clock::SystemClock,
    hypervisor::{DomainState, prelude::*},
    image::{self, Images, Origin},
    model::{Code, Name, Observer, OperationState, Phase, Result, Stage, Unobserved, Via},
};

use crate::support::{create_request::create_request, world::World};

/// So long each would wait.
const LONG: Duration = Duration::from_secs(120);

/// Cancels the operation as soon as it waits.
struct Canceller<'a> {
    app: &'a App,
    id: String,
    asked: bool,
}

impl Canceller<'_> {
    fn cancel(&mut self) {
        if !std::mem::replace(&mut self.asked, true) {
            operation::cancel(self.app, &root(), std::slice::from_ref(&self.id), &mut Unobserved).expect("asked");
        }
    }
}

impl Observer for Canceller<'_> {
    fn begin(&mut self, stage: Stage) {
        if matches!(stage, Stage::Boot | Stage::Waiting) {
            self.cancel();
        }
    }
    fn note(&mut self, text: &str) {
        // A bake tells that it waits for another within its own stage.
        if text.starts_with("asked the guest to power off") || text == Stage::Waiting.as_str() {
            self.cancel();
        }
    }
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, _: &lite::model::Hint) {}
}

fn root() -> Caller {
    Caller::root(Via::Cli)
}

fn web() -> Name {
    Name::parse("web").expect("a name")
}

/// The image `debian-13`, empty; and the folder of images.
fn base(world: &World) -> PathBuf {
    let pool = world.settings().host.folders.pool.clone();
    std::fs::create_dir_all(&pool).expect("made");
    let file = pool.join("temp");
    let made = Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).arg(&file).arg("1G").status();
    assert!(made.expect("qemu-img runs").success());
    image::adopt(&Images::in_folder(&pool), "debian-13", &file, Origin::Built, None, jiff::Timestamp::UNIX_EPOCH)
        .expect("kept");
    pool
}

/// Runs what was accepted, and cancels it when it waits. Its error, and how the operation ended.
fn cancelled<V: 'static>(world: &World, app: &App, accepted: Result<Accepted<V>>) -> (Code, OperationState) {
    let accepted = accepted.expect("accepted");
    let id = accepted.operation().expect("there is something to do").id.clone();
    let mut canceller = Canceller { app, id, asked: false };
    let error = accepted.run(&mut canceller).map(drop).expect_err("cancelled");
    assert!(canceller.asked, "it did not wait: {error}");
    (error.code, world.engine().store.require_operation(&canceller.id).expect("there").state)
}

const ENDED: (Code, OperationState) = (Code::Interrupted, OperationState::Failed);

fn app(world: &World) -> App {
    App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone())
}

/// Changes `web`, whose application answered once.
fn on_web(prepare: fn(&World, uuid::Uuid), change: &impl Change) {
    let world = World::new();
    let uuid = world.create("web").expect("created").record.uuid;
    world.engine().store.set_phase(uuid, Phase::Ready, None).expect("set");
    prepare(&world, uuid);
    let app = app(&world);
    let accepted = change::accept(&app, &root(), change, (&web(), false), &mut Unobserved);
    assert_eq!(cancelled(&world, &app, accepted), ENDED);
    assert_eq!(world.engine().store.require(&web()).expect("kept").phase, Phase::Ready);
}

#[test]
fn a_start_that_waits_is_cancelled_and_the_instance_runs() {
    on_web(|world, uuid| world.hypervisor.inner().destroy(uuid).expect("off"), &Start { until_ready: Some(LONG) });
}

#[test]
fn a_stop_that_waits_is_cancelled() {
    let busy = |world: &World, uuid| world.hypervisor.inner().show(uuid, DomainState::Running);
    on_web(busy, &Stop { force: false, timeout: LONG });
}

#[test]
fn a_create_that_waits_is_cancelled_and_the_instance_stays() {
    let world = World::new();
    base(&world);
    let app = app(&world);
    let request = Create { timeout: LONG, until_ready: true, ..create_request() };
    let accepted = create::check(&app, &root(), request).expect("good").accept(&app, &mut Unobserved);
    assert_eq!(cancelled(&world, &app, accepted), ENDED);
    assert_eq!(world.engine().store.require(&web()).expect("kept").phase, Phase::Unverified);
}

fn accept_bake(app: &App) -> Result<Accepted<lite::view::ImageRow>> {
    let (blueprints, parameters) = (vec!["nginx".to_owned()], vec![]);
    let bake = Bake { blueprints, base: None, parameters, keep: false, timeout: LONG };
    Ok(bake::check(app, &root(), bake, &mut Unobserved)?.accept(app, &mut Unobserved)?.remove(0))
}

#[test]
fn a_bake_that_waits_for_its_guest_is_cancelled_and_leaves_nothing() {
    let world = World::new();
    base(&world);
    let (app, before) = (app(&world), world.snapshot());
    assert_eq!(cancelled(&world, &app, accept_bake(&app)), ENDED);
    assert_eq!(world.snapshot(), before);
}

#[test]
fn work_on_an_image_that_waits_for_another_is_cancelled() {
    let world = World::new();
    let pool = base(&world);
    let app = app(&world);
    let begin = |id: &str| {
        image::begin(&Images::in_folder(&pool), id, false, &Default::default(), &mut Unobserved).expect("free")
    };
    let bake = accept_bake(&app).expect("accepted");
    let id = bake.operation().expect("new").resource.clone();
    let (_baked, _pulled, _imported) = (begin(&id), begin("debian-12"), begin("own"));
    assert_eq!(cancelled(&world, &app, Ok(bake)), ENDED);
    let pull = Pull { ids: vec!["debian-12".to_owned()], digest: None, url: None };
    let pull = make::accept_pull(&app, &root(), ("debian-12", &pull), &mut Unobserved);
    assert_eq!(cancelled(&world, &app, pull), ENDED);
    let file = pool.with_file_name("own.qcow2");
    std::fs::copy(image::get(&Images::in_folder(&pool), "debian-13").expect("read").expect("there").path, &file)
        .expect("copied");
    let import = make::accept_import(&app, &root(), &Import { file, name: None }, &mut Unobserved);
    assert_eq!(cancelled(&world, &app, import), ENDED);
}
