//! Jobs on the double: how each ends, what stays, who waits, and what is refused.

mod place;

use std::{fs, sync::atomic::Ordering, thread, time::Duration};

use lite::{
    app::{
        App,
        audit::{self, Filter},
        instance::{
            delete::{self, Delete},
            list,
        },
        job::{self, Collected, Finished, Run},
    },
    engine::{self, jobs},
    model::{Code, Error, JobState, Name, Unobserved},
    view::JobRow,
};
use place::{Heard, Place, of, root, shell};

use crate::support::{jobs::new_job, operations, world::World};

#[test]
fn its_output_and_its_exit_code_are_passed_on_and_nothing_is_left() {
    let place = Place::new();
    let mut heard = Heard::default();
    let run = shell("echo one; echo two >&2; exit 3");
    let finished = place.run(&place.app(), run, &mut heard).expect("run");
    assert_eq!((finished.result, finished.left, finished.timed_out), (Ok(3), None, false));
    assert_eq!((place.said("stdout").as_str(), place.said("stderr").as_str()), ("one\n", "two\n"));
    assert_eq!(heard.0, [format!("this is job `{}`", finished.id), "the command runs in `job-plain-1`".to_owned()]);
    place.is_empty();
    let all = place.jobs();
    let [row] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((&row.id, row.state, row.exit_code), (&finished.id, JobState::Exited, Some(3)));
    assert_eq!((row.command.as_str(), row.bundle.as_str()), ("sh -c 'echo one; echo two >&2; exit 3'", "nano"));
    assert_eq!((row.instance.as_deref(), row.actor.as_str()), (Some("job-plain-1"), "root"));
    let filter = Filter { limit: 10, ..Filter::default() };
    let rows = audit::list(&place.app(), &root(), &filter, &mut Unobserved).expect("listed");
    let rows: Vec<_> =
        rows.into_iter().map(|row| format!("{} {}", row.action, row.resource.unwrap_or_default())).collect();
    assert_eq!(rows, ["create job-plain-1", "run job-plain-1", "delete job-plain-1"]);
    assert_eq!(place.world.engine().store.alarms().map(|alarms| alarms.len()), Ok(0));
}

#[test]
fn each_word_arrives_as_it_is_and_a_signal_is_128_and_its_number() {
    let place = Place::new();
    let words = of(&["printf", "<%s>", "a b", "$HOME; exit 9", "'\"`"]);
    assert_eq!(place.run(&place.app(), words, &mut Unobserved).expect("run").result, Ok(0));
    assert_eq!(place.said("stdout"), "<a b><$HOME; exit 9><'\"`>");
    for (script, code) in [("exit 255", 255), ("kill -KILL $$", 137), ("exit 125", 125)] {
        assert_eq!(place.run(&place.app(), shell(script), &mut Unobserved).expect("run").result, Ok(code), "{script}");
    }
    assert_eq!(place.run(&place.app(), of(&["/no/such"]), &mut Unobserved).expect("run").result, Ok(127));
    place.is_empty();
}

#[test]
fn what_is_wrong_is_refused_and_nothing_is_made() {
    let place = Place::new();
    let full = place.at("full");
    fs::create_dir_all(full.join("x")).expect("made");
    let long = "x".repeat(70 << 10);
    let cases = [
        (Run { blueprint: "plane".to_owned(), ..of(&["true"]) }, Code::UnknownBlueprint),
        (Run { bundle: Some("giant".to_owned()), ..of(&["true"]) }, Code::UnknownBundle),
        (of(&[]), Code::InvalidCommand),
        (of(&["", "a"]), Code::InvalidCommand),
        (of(&["echo", "a\0b"]), Code::InvalidCommand),
        (of(&["echo", &long]), Code::InvalidCommand),
        (Run { out: Some(full), ..of(&["true"]) }, Code::FileExists),
        (Run { out: Some(place.at("none/here")), ..of(&["true"]) }, Code::InvalidPath),
    ];
    for (run, code) in cases {
        let error = place.run(&place.app(), run, &mut Unobserved).map(|done| done.id).expect_err("refused");
        assert_eq!((error.code, error.exit_code()), (code, 2), "{error}");
        assert!(!error.hints.is_empty(), "{error}");
    }
    assert_eq!((place.jobs(), place.world.snapshot().domains), (vec![], vec![]));
    let missing = ["job-00000000".to_owned()];
    let error = job::cancel(&place.app(), &root(), &missing, &mut Unobserved).expect_err("there is none");
    assert_eq!((error.code, error.message.as_str()), (Code::NoSuchJob, "there is no job `job-00000000`"));
}

#[test]
fn what_it_leaves_is_brought_and_more_is_not() {
    let place = Place::new();
    let run = Run {
        out: Some(place.at("out")),
        ..shell("mkdir \"$LITE_OUT/a\"; echo 12345 > \"$LITE_OUT/a/b\"; ln -s /etc/passwd \"$LITE_OUT/l\"; exit 4")
    };
    let finished = place.run(&place.app(), run, &mut Unobserved).expect("run");
    let collected = Collected { files: 1, bytes: 6, left_out: 1, named: vec!["./l".to_owned()] };
    assert_eq!((finished.result, finished.collected), (Ok(4), Some(collected)), "also of one that fails");
    assert_eq!(fs::read_to_string(place.at("out/a/b")).ok().as_deref(), Some("12345\n"));
    assert!(place.at("out/l").symlink_metadata().is_err());
    // What cannot be brought is lite's own failure, and tells how the command had ended.
    let gone = Run { out: Some(place.at("second")), ..shell("rm -r \"$LITE_OUT\"; exit 5") };
    let error = place.run(&place.app(), gone, &mut Unobserved).expect("run").result.expect_err("nothing there");
    assert_eq!(error.code, Code::OutputRefused, "{error}");
    assert_eq!(error.causes.last().map(String::as_str), Some("its command had ended with exit code 5"));
    assert!(!place.at("second").exists());
    place.is_empty();
}

#[test]
fn one_whose_time_is_over_is_ended() {
    let place = Place::new();
    let run = Run { timeout: Duration::from_secs(3), ..shell("echo begun; exec sleep 600") };
    let finished = place.run(&place.app(), run, &mut Unobserved).expect("run");
    let error = finished.result.expect_err("too late");
    let text = format!("job `{}` did not end within 3 s", finished.id);
    assert_eq!((error.code, error.message, finished.timed_out), (Code::Timeout, text, true));
    assert_eq!(place.said("stdout"), "begun\n");
    let row = place.jobs().remove(0);
    assert_eq!((row.state, row.exit_code), (JobState::TimedOut, None));
    place.is_empty();
}

/// Runs a job that lasts, and does something once its command runs.
fn during(place: &Place, run: Run, act: impl FnOnce(&App, &JobRow)) -> Finished {
    let app = place.app();
    thread::scope(|scope| {
        let job = scope.spawn(|| place.run(&app, run, &mut Unobserved).expect("run"));
        place.until("it does not begin", || place.said("stdout").contains("begun"));
        act(&app, &place.jobs().remove(0));
        job.join().expect("joined")
    })
}

#[test]
fn one_that_runs_is_in_the_list_counts_and_is_cancelled_from_elsewhere() {
    let place = Place::new();
    let finished = during(&place, shell("echo begun; exec sleep 600"), |_, row| {
        assert_eq!((row.state, row.instance.as_deref()), (JobState::Running, Some("job-plain-1")));
        let (rows, ..) = list::list(&place.app(), &root(), &[], &mut Unobserved).expect("listed");
        let marked: Vec<_> =
            rows.iter().map(|row| (row.name.as_str(), row.job.clone(), row.price.to_string())).collect();
        assert_eq!(marked, [("job-plain-1", Some(row.id.clone()), "5.00".to_owned())]);
        let engine = place.world.engine();
        assert_eq!(engine.store.allocated(&engine.host_id()).map(|held| held.memory), Ok(512 << 20));
        let asked = job::cancel(&place.app(), &root(), std::slice::from_ref(&row.id), &mut Unobserved);
        assert_eq!(asked.map(|all| all[0].result.to_string()), Ok("is asked to end".to_owned()));
    });
    let error = finished.result.expect_err("cancelled");
    assert_eq!((error.code, error.message), (Code::Interrupted, format!("job `{}` was cancelled", finished.id)));
    assert_eq!(place.jobs()[0].state, JobState::Cancelled);
    let again = job::cancel(&place.app(), &root(), &[finished.id], &mut Unobserved).expect_err("it has ended");
    assert_eq!(again.code, Code::JobEnded);
    place.is_empty();
}

#[test]
fn ctrl_c_and_a_machine_that_somebody_deletes_end_it() {
    let place = Place::new();
    let finished =
        during(&place, shell("echo begun; exec sleep 600"), |app, _| app.cancel.store(true, Ordering::Relaxed));
    assert_eq!(finished.result.map_err(|e| e.code), Err(Code::Interrupted));
    place.is_empty();
    // Whoever deletes its machine keeps nothing of it; the command ends with its guest.
    let place = Place::new();
    let finished = during(&place, shell("echo begun; while test ! -e \"$HOME/gone\"; do sleep 0.1; done"), |app, _| {
        let names = [Name::parse("job-plain-1").expect("a name")];
        let found = delete::find(app, &root(), &names, (Delete { now: false }, false), &mut Unobserved);
        let receipts = found.and_then(|found| found.run(app, &mut Unobserved)).expect("deleted");
        assert_eq!(receipts[0].kept_until, None, "not for a day");
        fs::write(place.at("job-plain-1/gone"), "").expect("written");
    });
    assert_eq!((finished.result, finished.left), (Ok(0), None));
    place.is_empty();
}

#[test]
fn one_that_is_kept_is_an_ordinary_instance() {
    let place = Place::new();
    let finished = place.run(&place.app(), Run { keep: true, ..of(&["false"]) }, &mut Unobserved).expect("run");
    let left = finished.left.expect("it stays");
    assert_eq!((finished.result, left.name.as_str(), left.price.to_string().as_str()), (Ok(1), "job-plain-1", "5.00"));
    let engine = place.world.engine();
    let instance = engine.store.require(&left.name).expect("there");
    assert_eq!(engine.store.job_of(instance.record.uuid), Ok(None));
    assert_eq!(place.jobs()[0].state, JobState::Exited);
    let (rows, ..) = list::list(&place.app(), &root(), &[], &mut Unobserved).expect("listed");
    assert_eq!(rows[0].job, None);
    // Also where its time was over.
    let run = Run { keep: true, timeout: Duration::from_secs(2), ..of(&["sleep", "600"]) };
    let late = place.run(&place.app(), run, &mut Unobserved).expect("run");
    assert_eq!((late.timed_out, late.left.map(|left| left.name.to_string())), (true, Some("job-plain-2".to_owned())));
}

#[test]
fn a_process_that_dies_leaves_what_the_next_command_removes() {
    let world = World::new();
    operations_dead(&world);
    let job = world.engine().store.open_jobs(&world.settings().host.id).expect("read").remove(0);
    let told = format!("removed `web`, the machine of job `{}`, which was cut off", job.id);
    assert_eq!(engine::recover(&mut world.engine()), Ok(vec![told]));
    assert_eq!(world.snapshot().domains, Vec::<String>::new());
    let ended = world.engine().store.job(&job.id).expect("read").expect("there");
    assert_eq!((ended.state, ended.is_settled()), (JobState::CutOff, true));
}

fn operations_dead(world: &World) {
    crate::support::jobs::dead_job(world);
    assert_eq!(world.engine().store.require(&Name::parse(operations::NAME).expect("a name")).map(drop), Ok(()));
}

/// No more room than for what is there.
fn fill(place: &Place) {
    place.world.create("filler").expect("created");
    place.world.hypervisor.inner().set_host(|host| host.memory_free_kib = 64 << 10);
}

fn make_room(place: &Place) {
    let mut engine = place.world.engine();
    let filler = engine.store.require(&Name::parse("filler").expect("a name")).expect("there");
    place.world.hypervisor.inner().set_host(|host| host.memory_free_kib = 600 << 10);
    engine::delete(&mut engine, &filler).expect("deleted");
}

#[test]
fn without_room_it_is_refused_with_the_numbers_and_the_way_to_wait() {
    let place = Place::new();
    fill(&place);
    let refused = |run: Run| -> Error {
        let finished = place.run(&place.app(), run, &mut Unobserved).expect("accepted");
        finished.result.expect_err("refused")
    };
    let error = refused(of(&["true"]));
    let told = "bundle `nano` does not fit on this host: 512 MiB of memory needed, 64 MiB free";
    assert_eq!((error.code, error.message.as_str()), (Code::NoCapacity, told));
    let hint = "with `--queue` it waits in the order of arrival until there is room";
    assert_eq!(error.hint_texts().last().map(String::as_str), Some(hint));
    assert_eq!(place.jobs(), vec![], "nothing was written of it");
    // What would never fit does not wait.
    place.world.hypervisor.inner().set_host(|host| host.memory_kib = 768 << 10);
    let error = refused(Run { queue: true, ..of(&["true"]) });
    assert_eq!(error.code, Code::NoCapacity, "{error}");
    assert_eq!(place.jobs(), vec![]);
    // One that waits has its time too.
    place.world.hypervisor.inner().set_host(|host| host.memory_kib = 8 << 20);
    let error = refused(Run { queue: true, timeout: Duration::from_secs(1), ..of(&["true"]) });
    assert_eq!((error.code, error.message.as_str()), (Code::Timeout, "there was no room for it in time"));
    assert_eq!(place.jobs()[0].state, JobState::TimedOut);
}

#[test]
fn those_that_wait_come_in_the_order_of_their_arrival_and_the_dead_and_the_cancelled_do_not() {
    let place = Place::new();
    fill(&place);
    // One is first whose process will die.
    let mut engine = place.world.engine();
    let held = jobs::open(&engine, new_job(false)).expect("opened");
    let (host, dead) = (engine.host_id(), held.job.id.clone());
    engine.store.insert_job(&host, &held.job).expect("written");
    let run = |word: &str| Run { queue: true, ..shell(&format!("echo {word} >> {}", place.at("order").display())) };
    let waiting = |count: usize| {
        let is_there = || place.jobs().iter().filter(|row| row.state == JobState::Waiting).count() == count;
        place.until("it does not wait", is_there);
    };
    thread::scope(|scope| {
        let start = |word: &'static str| {
            let (place, run) = (&place, run(word));
            scope.spawn(move || {
                let mut heard = Heard::default();
                (place.run(&place.app(), run, &mut heard).expect("run"), heard.0)
            })
        };
        let first = start("first");
        waiting(2);
        drop(held);
        place.until("the dead one is not dropped", || {
            let state = place.world.engine().store.job(&dead).expect("read").expect("there").state;
            state == JobState::CutOff
        });
        waiting(1);
        let second = start("second");
        waiting(2);
        let third = start("third");
        waiting(3);
        let places: Vec<_> = place.jobs().into_iter().filter_map(|row| row.place).collect();
        assert_eq!(places, [1, 2, 3]);
        let ids: Vec<_> = place.jobs().into_iter().filter(|row| row.place == Some(2)).map(|row| row.id).collect();
        job::cancel(&place.app(), &root(), &ids, &mut Unobserved).expect("asked");
        let (cancelled, _) = second.join().expect("joined");
        assert_eq!(cancelled.result.map_err(|e| e.code), Err(Code::Interrupted));
        make_room(&place);
        let places =
            |heard: &[String]| heard.iter().filter(|line| line.starts_with("place")).cloned().collect::<Vec<_>>();
        let (done, heard) = first.join().expect("joined");
        assert_eq!((done.result, places(&heard).last().map(String::as_str)), (Ok(0), Some("place 1 in the queue")));
        let (done, heard) = third.join().expect("joined");
        assert_eq!(done.result, Ok(0));
        let wanted = ["place 3 in the queue", "place 2 in the queue", "place 1 in the queue"];
        assert_eq!(places(&heard), wanted);
    });
    assert_eq!(place.said("order"), "first\nthird\n");
}
