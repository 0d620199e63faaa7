//! A host whose guests are folders of this machine.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use lite::{
    app::{
        App, Caller,
        job::{self, Finished, Run},
    },
    clock::SystemClock,
    engine,
    guest::ssh::Login,
    model::{Hint, Observer, Paths, Phase, Result, Settings, Stage, Unobserved, Via},
    plan::report_log,
    view::JobRow,
};

use crate::support::world::World;

/// A Debian whose health nobody asks for: nothing answers on the double.
const PLAIN: &str = "
id: plain
title: Plain
description: A plain Debian without a health check.
group: os
version: \"1\"
bases: [debian-13]
minimum: {memory: 512 MiB, disk: 3 GiB}
ports: [22/tcp]
user: debian
";

/// A host, and a home for what its guests do.
pub struct Place {
    pub world: World,
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let blueprints = folder.path().join("blueprints");
        fs::create_dir(&blueprints).expect("made");
        fs::write(blueprints.join("plain.yaml"), PLAIN).expect("written");
        let mut world = World::with_images();
        let paths = Paths { blueprints: vec![blueprints], ..world.settings().paths.clone() };
        world.settings = Arc::new(Settings { paths, ..world.settings().clone() });
        Self { world, folder }
    }

    pub fn app(&self) -> App {
        App::of_host(self.world.settings().clone(), Arc::new(SystemClock), self.world.hypervisor.clone())
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn said(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_default()
    }

    /// Runs a job of this process, whose guest is this machine: its home is a folder, its output goes into files.
    pub fn run(&self, app: &App, run: Run, observer: &mut dyn Observer) -> Result<Finished> {
        let checked = job::check(app, &root(), run)?;
        let open = |login: &Login, words: &[String]| {
            let home = self.at(&login.name);
            fs::create_dir_all(&home).expect("made");
            let file = |name: &str| fs::File::options().create(true).append(true).open(self.at(name)).expect("opened");
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]).env("HOME", home).stdout(file("stdout")).stderr(file("stderr"));
            Ok(command)
        };
        thread::scope(|scope| {
            let job = scope.spawn(|| {
                let mut heard = Heard::default();
                let finished = checked.run_by(app, &open, &mut heard);
                (finished, heard)
            });
            while !job.is_finished() {
                self.guests_are_ready();
                thread::sleep(Duration::from_millis(20));
            }
            let (finished, heard) = job.join().expect("joined");
            heard.0.iter().for_each(|line| observer.status(line));
            finished
        })
    }

    /// The guests that were started say that they are set up.
    fn guests_are_ready(&self) {
        let engine = self.world.engine();
        let new = engine.store.instances().expect("rows").into_iter().filter(|i| i.phase == Phase::Creating);
        for instance in new {
            let log = report_log(&instance.record, &engine.settings.host.folders.logs);
            // Once: its job may be over by the next time.
            if log.metadata().is_ok_and(|log| log.len() > 0) {
                continue;
            }
            fs::create_dir_all(log.parent().expect("a folder")).expect("made");
            fs::write(log, "{\"event\":\"done\",\"seconds\":{}}\n").expect("written");
        }
    }

    pub fn jobs(&self) -> Vec<JobRow> {
        job::list(&self.app(), &root(), &mut Unobserved).expect("listed")
    }

    /// Waits until it is so.
    pub fn until(&self, what: &str, so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !so() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Nothing of a machine is left, and nothing counts any more.
    pub fn is_empty(&self) {
        let mut engine = self.world.engine();
        assert_eq!(self.world.snapshot().domains, Vec::<String>::new());
        assert_eq!(engine.store.allocated(&engine.host_id()).map(|held| (held.memory, held.disk)), Ok((0, 0)));
        assert_eq!(engine.store.kept(&engine.host_id()).map(|kept| kept.len()), Ok(0), "it is not kept for a day");
        assert_eq!(engine::recover(&mut engine), Ok(vec![]));
        let audit = engine::audit(&engine).expect("audited");
        assert!(audit.is_clean(), "{audit:?}");
    }
}

/// What is said beside the stages.
#[derive(Default)]
pub struct Heard(pub Vec<String>);

impl Observer for Heard {
    fn begin(&mut self, _: Stage) {}
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }
    fn warn(&mut self, _: &Hint) {}
}

pub fn root() -> Caller {
    Caller::root(Via::Cli)
}

pub fn of(words: &[&str]) -> Run {
    Run {
        blueprint: "plain".to_owned(),
        bundle: None,
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        timeout: Duration::from_secs(600),
        out: None,
        keep: false,
        use_warm: true,
        queue: false,
        input: false,
    }
}

pub fn shell(script: &str) -> Run {
    of(&["sh", "-c", script])
}
