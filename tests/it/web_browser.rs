//! The console's pages in a browser: `make test-serve`.

use std::{fs, path::Path, process::Command, sync::OnceLock};

use lite::{
    engine,
    model::{HostId, Metric, Name, Point, Size, Unobserved},
    store::metrics::{MinuteOf, SeriesCache, insert_minute},
    web::{Needs, PAGES},
};

use crate::{
    support::{furnished::furnished, served::Served, world::World},
    web_vendor,
};

/// Installs what the scripts need beside them, by the lock file, once: another test may be using it.
pub fn script(folder: &Path) -> std::path::PathBuf {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| install(folder));
    folder.join("look.mjs")
}

fn install(folder: &Path) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web");
    for name in ["package.json", "package-lock.json", "look.mjs", "picture.mjs", "terminal.mjs", "live.mjs"] {
        fs::copy(own.join(name), folder.join(name)).expect("copied");
    }
    let made = Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(folder).status();
    assert!(made.expect("npm").success(), "npm ci");
    for one in web_vendor::all() {
        let theirs = fs::read(folder.join("node_modules").join(&one.package).join(&one.path)).expect(&one.file);
        assert!(fs::read(web_vendor::folder().join(&one.file)).expect(&one.file) == theirs, "{}", one.file);
    }
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

/// Every page that is opened with a session: who adds one has it looked at.
fn pages() -> Vec<&'static str> {
    let is_page = |example: &str| {
        !["/", "/login", "/live", "/assets/style.css"].contains(&example) && !example.ends_with("/stream")
    };
    let opened = PAGES.iter().filter(|page| page.method == "GET" && page.needs != Needs::Token);
    opened.map(|page| page.example).filter(|path| is_page(path)).collect()
}

fn nothing(paths: &[&str]) -> serde_json::Value {
    serde_json::json!({ "looked": (paths.len() + 1) * 6, "findings": [] })
}

/// An hour of measurements of `shop`, with a gap.
fn measure(world: &World) {
    let mut store = world.engine().store;
    let uuid = store.require(&Name::parse("shop").expect("a name")).expect("there").record.uuid;
    let (now, mut cache) = (jiff::Timestamp::now().as_second() / 60, SeriesCache::default());
    let written = store.write(|t| {
        for n in (0..58).filter(|n| !(20..27).contains(n)) {
            let at = |scale: f64, base: f64| Point::of(base + scale * (f64::from(n) / 7.0).sin().abs());
            let all = [(Metric::CpuUtilization, at(40.0, 4.0)), (Metric::MemoryUtilization, at(8.0, 52.0))];
            let points = all.into_iter().filter_map(|(metric, point)| Some((metric, point?))).collect();
            let minute = now - 58 + i64::from(n);
            let known = [MinuteOf { instance: uuid, points }];
            insert_minute(t, &mut cache, &HostId::local(), minute, minute * 60, &known, |_| true)?;
        }
        Ok(())
    });
    written.expect("written");
}

/// So many instances, as small as they can be.
fn many(count: usize) -> World {
    let world = World::new();
    for n in 0..count {
        let mut request = world.plain_request(Some(&format!("shop-{n}")));
        (request.bundle.vcpus, request.bundle.memory, request.bundle.disk) = (1, Size::mib(16), Size::mib(16));
        engine::create(&mut world.engine(), request, &mut Unobserved).expect("made");
        // As the host has no room for so many that are to run.
        world.sql("UPDATE instance SET desired_state = 'stopped'");
    }
    world
}

/// With what hostile guests, tools and people can put into it.
fn hostile(world: &World) {
    let script = "<script>alert(1)</script>\"><img onerror=alert(1) src=x>{{7*7}}\u{202e}\u{1b}[2J";
    world.sql(&format!("UPDATE instance SET phase = 'failed', failure = '{script}' WHERE name = 'blog'"));
    world.sql(&format!("UPDATE operation SET error = '{script}' WHERE kind = 'create'"));
}

/// Where what a browser needs, and the pictures it takes, lie.
pub fn folders() -> (std::path::PathBuf, std::path::PathBuf) {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new("target").to_owned(), Into::into);
    let (tools, pictures) = (target.join("web"), target.join("pictures"));
    fs::create_dir_all(&tools).expect("a folder");
    (tools, pictures)
}

#[test]
#[ignore = "needs chromium and npm: make test-serve"]
fn pictures_are_taken_of_the_list_and_of_metrics() {
    let (tools, pictures) = folders();
    let script = script(&tools).with_file_name("picture.mjs");
    let world = furnished();
    measure(&world);
    let (served, folder) = (Served::of(world, |_| {}), pictures.join("readme"));
    fs::create_dir_all(&folder).expect("a folder");
    let mut node = Command::new("node");
    node.arg(script).arg(format!("http://{}", served.address)).arg(served.code()).arg(&folder);
    let done = node.args(["instances=/instances", "metrics=/instances/shop/metrics"]).output().expect("node");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for name in ["instances.png", "metrics.png"] {
        let picture = fs::read(folder.join(name)).expect("a picture");
        assert!(picture.starts_with(b"\x89PNG"), "{name}");
    }
}

#[test]
#[ignore = "needs chromium and npm: make test-serve"]
fn a_browser_finds_nothing_wrong_with_any_page() {
    let (tools, pictures) = folders();
    let script = script(&tools);
    let lists: Vec<&str> = pages().into_iter().filter(|path| path.matches('/').count() == 1).collect();
    let empty = look(&Served::new(), &script, &pictures.join("none"), &lists);
    assert_eq!(empty, nothing(&lists));
    let world = furnished();
    world.create("a-name-of-sixty-three-characters-which-is-as-long-as-they-may-b").expect("made");
    measure(&world);
    hostile(&world);
    let operation = world.engine().store.operations(1).expect("operations").remove(0).id;
    let operation = format!("/operations/{operation}");
    let mut paths = pages();
    paths.extend([
        "/instances?q=stat:x",
        "/instances/blog",
        "/instances/none",
        "/instances/blog/delete",
        "/instances/blog/history",
        "/create?blueprint=wordpress",
        "/cost?tag=%3D",
        "/users/root",
        "/disks/spare",
        &operation,
    ]);
    let found = look(&Served::of(world, |_| {}), &script, &pictures.join("some"), &paths);
    assert_eq!(found, nothing(&paths));
    let paths = ["/instances", "/operations", "/cost", "/create", "/snapshots", "/network"];
    let found = look(&Served::of(many(200), |_| {}), &script, &pictures.join("many"), &paths);
    assert_eq!(found, nothing(&paths));
}
