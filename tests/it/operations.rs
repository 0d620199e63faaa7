//! Operations as other processes see them: how far they are, and that they can be ended.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{changes, world::World};
use lite::{
    app::{App, Caller, operation},
    clock::SystemClock,
    engine::{self, ImageCtx, Observer, Stage, Unobserved, sagas::image},
    hypervisor::DomainState,
    model::{Code, Error, Hint, Name, OperationKind, OperationState, Progress, Requester, ResourceKind, Result, Via},
    store::{Operation, Store},
    view::Changed,
};

/// At most so long a request or a note takes to the other process.
const SEEN: Duration = Duration::from_secs(10);

/// Somebody who watches from another process, and wants the operation to end when its note is there.
struct Onlooker {
    store: Store,
    seen: Option<Progress>,
}

impl Observer for Onlooker {
    fn begin(&mut self, _: Stage) {}
    fn note(&mut self, _: &str) {
        let id = self.store.open_operations().expect("read").remove(0).id;
        let begun = Instant::now();
        while self.seen.is_none() {
            assert!(begun.elapsed() < SEEN, "no note was seen");
            let progress = self.store.operation(&id).expect("read").expect("there").progress;
            self.seen = progress.note.is_some().then_some(progress);
            std::thread::sleep(Duration::from_millis(5));
        }
        self.store.request_cancel(&id, jiff::Timestamp::UNIX_EPOCH).expect("asked");
    }
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, _: &Hint) {}
}

#[test]
fn another_process_sees_the_note_and_ends_the_wait() {
    let world = World::new();
    let uuid = world.create("web").expect("created").record.uuid;
    world.hypervisor.inner().show(uuid, DomainState::Running);
    let mut ctx = world.engine();
    let instance = ctx.store.require(&Name::parse("web").expect("a name")).expect("there");
    let mut onlooker = Onlooker { store: world.engine().store, seen: None };
    let begun = Instant::now();
    let error = changes::stop(&mut ctx, &instance, false, Duration::from_secs(600), &mut onlooker).expect_err("ended");
    assert!(begun.elapsed() < SEEN * 2, "it did not wait for the guest");
    assert_eq!(error.code.as_str(), "interrupted");
    let note = Some("asked the guest to power off, waiting up to 600 s".to_owned());
    assert_eq!(onlooker.seen, Some(Progress { note, ..Progress::default() }));
    assert!(!ctx.cancelled(), "the next operation of this process is not ended");
    let operation = ctx.store.operations(1).expect("read").remove(0);
    assert_eq!(operation.state, OperationState::Failed);
    let error = ctx.store.request_cancel(&operation.id, jiff::Timestamp::UNIX_EPOCH).expect_err("refused");
    assert_eq!(
        (error.code.as_str(), error.exit_code(), error.message),
        ("operation_ended", 2, format!("operation `{}` has ended: failed", operation.id))
    );
    let error = ctx.store.request_cancel("op-ffffffff", jiff::Timestamp::UNIX_EPOCH).expect_err("refused");
    assert_eq!((error.code.as_str(), error.exit_code()), ("no_such_operation", 2));
}

/// Keeps what it is told, and does something once.
struct Lines<'a> {
    lines: Vec<String>,
    once: Option<Box<dyn FnOnce() + Send + 'a>>,
}

impl Observer for Lines<'_> {
    fn begin(&mut self, _: Stage) {}
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, text: &str) {
        self.lines.push(text.to_owned());
        if let Some(once) = self.once.take() {
            once();
        }
    }
    fn warn(&mut self, warning: &Hint) {
        self.lines.push(format!("warning: {warning}"));
    }
}

#[test]
fn an_operation_is_followed_until_somebody_cancels_it() {
    let world = World::new();
    let uuid = world.create("web").expect("created").record.uuid;
    world.hypervisor.inner().show(uuid, DomainState::Running);
    let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
    let caller = Caller::root(Via::Cli);
    let mut ctx = world.engine();
    let instance = ctx.store.require(&Name::parse("web").expect("a name")).expect("there");
    let created = ctx.store.operations(1).expect("read").remove(0).id;
    let (view, lines) = std::thread::scope(|scope| {
        let stop = scope.spawn(move || {
            changes::stop(&mut ctx, &instance, false, Duration::from_secs(600), &mut Unobserved).map(drop)
        });
        let store = world.engine().store;
        let begun = Instant::now();
        let id = loop {
            assert!(begun.elapsed() < SEEN, "no stop began");
            if let Some(operation) = store.open_operations().expect("read").pop() {
                break operation.id;
            }
        };
        let running = operation::show(&app, &caller, &id, &mut Unobserved).expect("shown");
        assert_eq!((running.row.state.as_str(), running.steps.len()), ("started", 0));
        let planned =
            operation::plan_cancel(&app, &caller, std::slice::from_ref(&id), &mut Unobserved).expect("planned");
        assert_eq!(planned, [Changed::new(&id, "would be cancelled")]);
        let cancel = || {
            let changed = operation::cancel(&app, &caller, std::slice::from_ref(&id), &mut Unobserved).expect("asked");
            assert_eq!(changed, [Changed::new(&id, "is asked to end")]);
        };
        let mut told = Lines { lines: vec![], once: Some(Box::new(cancel)) };
        let view = operation::follow(&app, &caller, &id, &mut told).expect("followed");
        assert_eq!(stop.join().expect("joined").map_err(|e| e.code.as_str()), Err("interrupted"));
        (view, std::mem::take(&mut told.lines))
    });
    assert_eq!(lines, ["asked the guest to power off, waiting up to 600 s"]);
    let error = view.row.error.as_deref();
    assert_eq!((view.row.state.as_str(), view.note, error.is_some()), ("failed", None, true));
    // Refused, each with its reason: one that has ended, and one whose process died.
    let refused = |id: &str| operation::cancel(&app, &caller, &[id.to_owned()], &mut Unobserved).expect_err("refused");
    assert_eq!(refused(&created).message, format!("operation `{created}` has ended: succeeded"));
    world.sql(&format!("UPDATE operation SET state = 'started', ended_at = NULL WHERE id = '{created}'"));
    assert_eq!(refused(&created).message, format!("nobody works on operation `{created}` any more"));
    assert_eq!(refused(&created).hints, ["`lite repair` finishes or undoes it"]);
    let view = operation::follow(&app, &caller, &created, &mut Unobserved).expect("ends at once");
    assert_eq!(view.row.state, "started");
}

#[test]
fn names_that_a_migration_changed_are_told_by_the_first_look() {
    let world = World::new();
    std::fs::create_dir_all(world.state()).expect("made");
    std::fs::copy(crate::state::v3().db(), world.state().join("state.db")).expect("copied");
    let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
    let mut told = Lines { lines: vec![], once: None };
    operation::list(&app, &Caller::root(Via::Cli), 9, &mut told).expect("listed");
    let renamed = [
        "alarm `web` is called `web-alarm-2` now: an instance has that name",
        "contact `cpu` is called `cpu-contact` now: an alarm has that name",
    ];
    assert_eq!(told.lines, renamed);
    operation::list(&app, &Caller::root(Via::Cli), 9, &mut told).expect("listed");
    assert_eq!(told.lines, renamed, "once");
}

/// Work on an image that is not there: accepted, and run.
fn on_image<T>(
    ctx: &mut ImageCtx<'_>,
    kind: OperationKind,
    id: &str,
    observer: &mut dyn Observer,
    work: impl FnOnce(&AtomicBool, &mut dyn Observer) -> Result<T>,
) -> Result<T> {
    let accepted = image::accept(ctx, kind, id)?.expect("it is to be made");
    image::run(ctx, accepted, observer, work)
}

/// A context for work on images, in a world whose pool is an empty folder.
struct Images {
    world: World,
    store: Store,
    folder: lite::image::Images,
}

impl Images {
    fn new() -> Self {
        let world = World::new();
        std::fs::create_dir_all(&world.settings().host.folders.pool).expect("made");
        let store = world.engine().store;
        let folder = lite::image::Images::in_folder(&world.settings().host.folders.pool);
        Self { world, store, folder }
    }

    fn ctx(&mut self) -> ImageCtx<'_> {
        ImageCtx {
            settings: self.world.settings(),
            images: &self.folder,
            store: &mut self.store,
            clock: &SystemClock,
            cancel: Arc::default(),
            requester: Requester::root(Via::Cli),
        }
    }

    fn last(&self) -> Operation {
        self.store.operations(1).expect("read").remove(0)
    }

    fn locks(&self) -> usize {
        std::fs::read_dir(self.world.state().join("locks")).map_or(0, Iterator::count)
    }
}

#[test]
fn work_on_an_image_is_journalled_and_ended_from_another_process() {
    let mut images = Images::new();
    let mut other = images.world.engine().store;
    // An image may have an instance's name, and a name that no instance has.
    for id in ["web", "ubuntu-24.04"] {
        let worked = on_image(&mut images.ctx(), OperationKind::Build, id, &mut Unobserved, |ending, observer| {
            observer.begin(Stage::Packages);
            let operation = other.open_operations().expect("read").remove(0);
            assert_eq!(
                (operation.kind, operation.resource.kind, operation.resource.name.as_str()),
                (OperationKind::Build, ResourceKind::Image, id)
            );
            other.request_cancel(&operation.id, jiff::Timestamp::UNIX_EPOCH).expect("asked");
            let begun = Instant::now();
            while !ending.load(Ordering::Relaxed) {
                assert!(begun.elapsed() < SEEN, "it was not told to end");
                std::thread::sleep(Duration::from_millis(5));
            }
            Err::<(), _>(Error::new(Code::Interrupted, "interrupted"))
        });
        assert_eq!(worked.map_err(|e| e.code.as_str()), Err("interrupted"));
        let last = images.last();
        assert_eq!((last.state, last.error.as_deref()), (OperationState::Failed, Some("interrupted")));
        assert_eq!(last.progress.stage.as_deref(), Some("installing packages"));
        assert_eq!(images.locks(), 0);
    }
    assert_eq!(on_image(&mut images.ctx(), OperationKind::Import, "own", &mut Unobserved, |_, _| Ok(7)), Ok(7));
    assert_eq!(images.last().state, OperationState::Succeeded);
}

#[test]
fn work_on_an_image_whose_process_died_is_closed_and_its_files_go() {
    let mut images = Images::new();
    let pool = images.world.settings().host.folders.pool.clone();
    // As `kill -9` in the middle of a build leaves it: a panic runs no line behind the work.
    let died = std::panic::catch_unwind(AssertUnwindSafe(|| {
        on_image(&mut images.ctx(), OperationKind::Build, "debian-13", &mut Unobserved, |_, _| -> Result<()> {
            std::fs::create_dir(pool.join(".build-debian-13_x")).expect("made");
            panic!("the process died");
        })
    }));
    assert!(died.is_err());
    let open = images.last();
    assert_eq!(open.state, OperationState::Started);
    // Its lock file is the operation's, and no orphan beside it.
    let findings = engine::audit(&images.world.engine()).expect("audited").findings;
    let locks: Vec<&str> = findings.iter().map(|f| f.subject.as_str()).filter(|s| s.starts_with("lock")).collect();
    assert_eq!((images.locks(), locks), (1, vec![]));
    let told = engine::recover(&mut images.world.engine()).expect("recovered");
    assert_eq!(told, ["removed what work on image `debian-13` that was cut off had left"]);
    let last = images.last();
    assert_eq!(
        (last.id, last.state, last.error.as_deref()),
        (open.id, OperationState::Failed, Some("its process died"))
    );
    assert_eq!((std::fs::read_dir(&pool).expect("read").filter(|e| !is_lock(e)).count(), images.locks()), (0, 0));
    // One whose owner lives is left alone.
    let mut other = images.world.engine();
    let done = on_image(&mut images.ctx(), OperationKind::Pull, "debian-12", &mut Unobserved, |_, _| {
        engine::recover(&mut other)?;
        Ok(other.store.open_operations()?.len())
    });
    assert_eq!(done, Ok(1));
}

/// The lock file of an image stays.
fn is_lock(entry: &std::io::Result<std::fs::DirEntry>) -> bool {
    entry.as_ref().is_ok_and(|e| e.file_name().to_string_lossy().starts_with(".lock-"))
}
