//! What moves in the console, in a browser: `make test-serve`.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use lite::{
    app::{
        Caller,
        instance::{change, delete::Delete, power},
        user,
    },
    model::{Name, Role, Scope, Unobserved, Via},
};

use crate::{
    support::{served::Served, world::World},
    web_browser::{folders, script},
};

#[test]
#[ignore = "needs chromium and npm: make test-serve"]
fn two_browsers_watch_one_console_and_one_types() {
    let (tools, pictures) = folders();
    let script = script(&tools).with_file_name("terminal.mjs");
    let world = World::new();
    let record = world.create("shop").expect("made").record;
    let log = world.names(&record.name, record.uuid).console_log;
    let served = Served::of(world, |_| {});
    let (root, anna) = (served.code(), served.add("anna", Role::Operator, Scope::All));
    let mut node = Command::new("node");
    node.arg(script).arg(format!("http://{}", served.address)).args([&root, &anna, &log]).arg(&pictures);
    let done = node.output().expect("node");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let found: serde_json::Value = serde_json::from_slice(&done.stdout).expect("findings");
    assert_eq!(found, serde_json::json!({ "findings": [] }));
    let typed = served.world.hypervisor.inner().typed(record.uuid);
    assert_eq!(String::from_utf8(typed).expect("text"), "ls\rw\r");
    assert!(Path::new(&log).exists() && fs::metadata(pictures.join("console-1280.png")).is_ok());
}

/// Does in a shell what a script asks for.
fn shell(served: &Served, command: &str) {
    let (verb, of) = command.split_once(' ').expect("a command");
    let (root, of, quiet) = (Caller::root(Via::Cli), Name::parse(of).expect("a name"), &mut Unobserved);
    let stop = power::Stop { force: true, timeout: Duration::ZERO };
    let start = power::Start { until_ready: None };
    match verb {
        "stop" => {
            change::accept(&served.app, &root, &stop, (&of, false), quiet).and_then(|begun| begun.run(quiet)).map(drop)
        }
        "start" => {
            change::accept(&served.app, &root, &start, (&of, false), quiet).and_then(|begun| begun.run(quiet)).map(drop)
        }
        "create" => served.world.create(of.as_str()).map(drop),
        "delete" => change::accept(&served.app, &root, &Delete { now: true }, (&of, false), quiet)
            .and_then(|begun| begun.run(quiet))
            .map(drop),
        "logout" => user::log_out(&served.app, &root, &of).map(drop),
        _ => panic!("{command}"),
    }
    .expect(command);
}

#[test]
#[ignore = "needs chromium and npm: make test-serve"]
fn an_open_page_follows_what_is_done_in_a_shell() {
    let (tools, pictures) = folders();
    let script = script(&tools).with_file_name("live.mjs");
    let world = World::new();
    world.create("blog").expect("made");
    world.create("shop").expect("made");
    let served = Served::of(world, |_| {});
    let mut node = Command::new("node");
    node.arg(script).arg(format!("http://{}", served.address)).arg(served.code()).arg(&pictures);
    let mut node = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node");
    let (mut to, from) = (node.stdin.take().expect("a pipe"), node.stdout.take().expect("a pipe"));
    let mut last = String::new();
    for line in BufReader::new(from).lines() {
        last = line.expect("a line");
        if !last.starts_with('{') {
            shell(&served, &last);
            to.write_all(b"done\n").expect("told");
        }
    }
    assert!(node.wait().expect("it ends").success());
    let found: serde_json::Value = serde_json::from_str(&last).expect("findings");
    println!("the page changed {} ms after the command had ended", found["took"]);
    assert_eq!(found["findings"], serde_json::json!([]));
}
