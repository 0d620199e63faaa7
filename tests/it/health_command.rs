//! A health check that the guest runs: what create and start make of its reports. libvirt's test driver, a log written by hand.

use std::{fs::OpenOptions, io::Write, path::PathBuf, time::Duration};

use crate::support::{changes, world::World};
use lite::{
    catalog::Health,
    engine::{self, Ctx, Observer, Stage},
    model::{Hint, Instance, Name, Phase},
    plan::report_log,
};

/// A running instance whose blueprint has a command, and the log of its reports.
fn instance(world: &mut World) -> (Instance, PathBuf) {
    let blueprint = world.catalog.blueprints.get_mut("debian-13").expect("there");
    blueprint.health = Some(Health::Command { run: "test -e /srv/up".to_owned(), timeout: 10 });
    let record = world.create("web").expect("created").record;
    let engine = world.engine();
    let log = report_log(&record, &engine.settings.host.folders.logs);
    (engine.store.require(&record.name).expect("stored"), log)
}

fn write(log: &PathBuf, lines: &[&str]) {
    let mut file = OpenOptions::new().create(true).append(true).open(log).expect("opens");
    file.write_all((lines.join("\n") + "\n").as_bytes()).expect("writes");
}

fn phase(engine: &Ctx) -> (Phase, Option<String>) {
    let instance = engine.store.require(&Name::parse("web").expect("a name")).expect("stored");
    (instance.phase, instance.failure)
}

const UP: &str = r#"{"event":"status","disk":3,"disk_path":"/","health":"ok"}"#;
const DOWN: &str = r#"{"event":"status","disk":3,"disk_path":"/","health":"exit 1: no \u001b[2J"}"#;

/// A guest: what it reports once a stage has begun, and once an answer has been told.
struct Guest<'a> {
    log: &'a PathBuf,
    boots: &'a [&'a str],
    heals: bool,
    stage: Option<Stage>,
    seen: Vec<String>,
}

impl Observer for Guest<'_> {
    fn begin(&mut self, stage: Stage) {
        self.stage = Some(stage);
        self.seen.push(format!("begin {}", stage.as_str()));
        if stage == Stage::Boot {
            write(self.log, self.boots);
        }
    }
    fn note(&mut self, text: &str) {
        self.seen.push(text.to_owned());
        if text.starts_with("exit") && self.heals {
            write(self.log, &[UP]);
        }
    }
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {
        self.seen.push(format!("fail {}", self.stage.map_or("", Stage::as_str)));
    }
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, _: &Hint) {}
}

/// How a start ended, its error as message and causes; and what was seen of it.
type Started = (Result<bool, (String, Vec<String>)>, Vec<String>);

/// Starts the instance again; `boots` is what its guest reports then.
fn start(world: &mut World, boots: &[&str], heals: bool, limit: Duration) -> Started {
    let (_, log) = instance(world);
    let mut engine = world.engine();
    write(&log, &[r#"{"event":"done","seconds":{}}"#, UP]);
    engine::adopt_reports(&mut engine).expect("settled");
    let instance = engine.store.require(&Name::parse("web").expect("a name")).expect("stored");
    changes::stop(&mut engine, &instance, true, Duration::ZERO, &mut lite::engine::Unobserved).expect("stopped");
    let mut guest = Guest { log: &log, boots, heals, stage: None, seen: Vec::new() };
    let result = changes::start(&mut engine, &instance, Some(limit), &mut guest);
    (result.map_err(|e| (e.message, e.causes)), guest.seen)
}

#[test]
fn the_first_good_answer_of_this_boot_is_waited_for() {
    // The `ok` before the stop, and one before the boot is through, count for nothing.
    let boots = [r#"{"event":"stage","stage":"cloud-init"}"#, UP, r#"{"event":"booted"}"#, DOWN];
    let (result, seen) = start(&mut World::new(), &boots, true, Duration::from_secs(60));
    assert_eq!(result, Ok(true));
    let told = [
        "begin boot",
        "begin address",
        "cloud-init",
        "begin cloud-init",
        "begin application",
        "exit 1: no \\u{1b}[2J",
        "ok",
    ];
    assert_eq!(seen.iter().filter(|s| !s.starts_with("waiting")).collect::<Vec<_>>(), told);
}

#[test]
fn a_bad_answer_ends_with_the_time_out_and_is_named() {
    let (result, seen) = start(&mut World::new(), &[r#"{"event":"booted"}"#, DOWN], false, Duration::from_secs(2));
    let (message, causes) = result.expect_err("never healthy");
    assert_eq!(message, "instance `web` was not ready after 2 s: stage `application`");
    assert_eq!(causes, ["last answer: exit 1: no \\u{1b}[2J"]);
    assert_eq!(seen.last().map(String::as_str), Some("fail application"));
}

#[test]
fn no_answer_at_all_is_named_too() {
    let boots =
        [r#"{"event":"booted"}"#, r#"{"event":"status","disk":3}"#, "garbage", r#"{"event":"status","health":5}"#];
    let (result, _) = start(&mut World::new(), &boots, false, Duration::from_secs(2));
    assert_eq!(result.expect_err("never healthy").1, ["last answer: none yet"]);
}

#[test]
fn months_of_statuses_do_not_hide_how_the_set_up_ended() {
    let months: Vec<&str> = std::iter::repeat_n(DOWN, 3000).collect();
    let mut world = World::new();
    let (_, log) = instance(&mut world);
    let mut engine = world.engine();
    engine::adopt_reports(&mut engine).expect("settled");
    assert_eq!(phase(&engine), (Phase::Unverified, None));
    write(&log, &months);
    engine::adopt_reports(&mut engine).expect("settled");
    assert_eq!(phase(&engine), (Phase::Ready, None));

    let mut world = World::new();
    let (_, log) = instance(&mut world);
    let mut engine = world.engine();
    write(&log, &[&[r#"{"event":"failed","module":"install"}"#], &months[..]].concat());
    write(&log, &[r#"{"event":"status","failed":"install"}"#]);
    engine::adopt_reports(&mut engine).expect("settled");
    assert_eq!(phase(&engine), (Phase::Failed, Some("set-up failed in module `install`".to_owned())));
}
