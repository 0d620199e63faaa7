//! The console's pages in a browser: `make test-serve`.

use std::{fs, path::Path, process::Command};

use crate::support::{served::Served, world::World};

/// Installs what the script needs beside it, by the lock file.
fn script(folder: &Path) -> std::path::PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web");
    for name in ["package.json", "package-lock.json", "look.mjs"] {
        fs::copy(own.join(name), folder.join(name)).expect("copied");
    }
    let made = Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(folder).status();
    assert!(made.expect("npm").success(), "npm ci");
    folder.join("look.mjs")
}

/// Looks at the pages, and gives what was found.
fn look(served: &Served, script: &Path, pictures: &Path, paths: &[&str]) -> serde_json::Value {
    fs::create_dir_all(pictures).expect("a folder");
    let url = format!("http://{}", served.address);
    let mut node = Command::new("node");
    node.arg(script).arg(url).arg(served.code()).arg(pictures).args(paths);
    let done = node.output().expect("node");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("findings")
}

#[test]
#[ignore = "needs chromium and npm: make test-serve"]
fn a_browser_finds_nothing_wrong_with_any_page() {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new("target").to_owned(), Into::into);
    let (tools, pictures) = (target.join("web"), target.join("pictures"));
    fs::create_dir_all(&tools).expect("a folder");
    let script = script(&tools);
    let lists = ["/instances", "/create", "/operations", "/alarms", "/cost", "/images", "/host", "/access", "/audit"];
    let empty = look(&Served::new(), &script, &pictures.join("none"), &lists);
    assert_eq!(empty, serde_json::json!({ "looked": (lists.len() + 1) * 6, "findings": [] }));
    let world = World::new();
    for name in ["shop", "blog", "a-name-of-sixty-three-characters-which-is-as-long-as-they-can-be"] {
        world.create(name).expect("made");
    }
    world.sql("UPDATE instance SET phase = 'failed', failure = 'module `packages`: E: Unable to locate package nginz' WHERE name = 'blog'");
    let operation = world.engine().store.operations(1).expect("operations").remove(0).id;
    let operation = format!("/operations/{operation}");
    let paths = [
        "/instances",
        "/instances?q=stat:x",
        "/instances/shop",
        "/instances/blog",
        "/instances/none",
        "/instances/shop/delete",
        "/instances/shop/metrics",
        "/instances/shop/firewall",
        "/create",
        "/create?blueprint=wordpress",
        "/operations",
        &operation,
        "/alarms",
        "/cost",
        "/cost?tag=%3D",
        "/images",
        "/host",
        "/access",
        "/audit",
    ];
    let found = look(&Served::of(world, |_| {}), &script, &pictures.join("some"), &paths);
    assert_eq!(found, serde_json::json!({ "looked": (paths.len() + 1) * 6, "findings": [] }));
}
