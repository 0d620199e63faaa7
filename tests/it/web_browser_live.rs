//! What moves in the console, in a browser: `make test-serve`.

use std::{fs, path::Path, process::Command};

use lite::model::{Name, Role, Scope};

use crate::{
    support::{served::Served, world::World},
    web_browser::{script, tools},
};

#[test]
#[ignore = "needs chromium and npm: make test-serve"]
fn two_browsers_watch_one_console_and_one_types() {
    let (tools, pictures) = tools();
    let script = script(&tools, "terminal.mjs");
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
    assert_eq!(record.name, Name::parse("shop").expect("a name"));
}
