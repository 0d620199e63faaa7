//! Operations as other processes see them: how far they are, and that they can be ended.

use std::time::{Duration, Instant};

use crate::support::world::World;
use lite::{
    engine::{self, Observer, Stage},
    hypervisor::DomainState,
    model::{Name, OperationState, Progress},
    store::Store,
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
    fn warn(&mut self, _: &str) {}
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
    let error = engine::stop(&mut ctx, &instance, false, Duration::from_secs(600), &mut onlooker).expect_err("ended");
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
