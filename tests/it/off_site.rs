//! Snapshots in a remote: whole or not there, each byte once, and nothing that comes back is believed. restic itself, over a folder.

use std::{
    io::Write,
    process::{Child, Command, Stdio},
    sync::atomic::AtomicBool,
    time::Duration,
};

use lite::{
    engine::{self, sagas::push::Pushed},
    hypervisor::prelude::*,
    image::restic::{Home, Repository, Tags},
    kill_point::in_process,
    model::{Error, Location, Name, SnapshotState},
    plan,
};
use serde_json::{Value, json};

use crate::support::{
    changes,
    off_site::{
        delete_by, far, fetch_by, push_by, push_of, ready_to_fetch, ready_to_push, with_another_snapshot,
        with_real_disk,
    },
    world::World,
};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn short(error: &Error) -> (&'static str, u8) {
    (error.code.as_str(), error.exit_code())
}

/// The snapshots that are there whole.
fn there(world: &World) -> Vec<String> {
    let ctx = world.engine();
    let remote = ctx.store.require_remote(&name("far")).expect("there");
    let contents = engine::remote_contents(&ctx.settings, &remote, &AtomicBool::new(false)).expect("told");
    contents.snapshots.iter().map(|one| one.name.to_string()).collect()
}

/// What restic has, with the kinds that lite wrote beside.
fn kinds(world: &World) -> Vec<String> {
    let kept = with_repository(world, |repository| repository.kept().expect("told"));
    kept.iter().map(|one| one.tags.get("kind").unwrap_or_default().to_owned()).collect()
}

fn with_repository<T>(world: &World, work: impl FnOnce(&Repository<'_>) -> T) -> T {
    let ctx = world.engine();
    let remote = ctx.store.require_remote(&name("far")).expect("there");
    let (home, go_on) = (Home::of(world.state(), remote.id), AtomicBool::new(false));
    work(&Repository::new(home, Location::Folder(far(world)), &go_on).expect("restic"))
}

#[test]
fn a_snapshot_is_pushed_once_and_its_image_once_for_all() {
    let world = World::new();
    ready_to_push(&world);
    assert_eq!((push_by(&mut world.engine()), there(&world)), (Ok(Pushed::Now), vec!["kept".to_owned()]));
    assert_eq!(kinds(&world), ["image", "disk", "snapshot"]);
    assert_eq!(push_by(&mut world.engine()), Ok(Pushed::Before));
    assert_eq!(kinds(&world), ["image", "disk", "snapshot"]);
    // What a push that died had kept is let go of by the next; what another host is pushing is not.
    with_repository(&world, |repository| {
        let remote = world.engine().store.require_remote(&name("far")).expect("there");
        for by in [remote.id.to_string(), "another".to_owned()] {
            let tags = Tags::default().with("kind", "disk").with("by", by).with("op", "op-1");
            repository.keep("disk.qcow2", &tags, &mut &b"half"[..]).expect("kept");
        }
    });
    assert_eq!(kinds(&world), ["image", "disk", "snapshot", "disk", "disk"]);
    assert_eq!(push_by(&mut world.engine()), Ok(Pushed::Before));
    assert_eq!(kinds(&world), ["image", "disk", "snapshot", "disk"]);
    // Deleted here, and still there.
    changes::delete_snapshot(&mut world.engine()).expect("deleted");
    assert_eq!(there(&world), ["kept"]);
    let back = fetch_by(&mut world.engine(), "kept").expect("back");
    assert_eq!(
        (back.state, back.snapshot.automatic, back.snapshot.name.as_str()),
        (SnapshotState::Available, false, "kept")
    );
}

#[test]
fn an_image_that_is_not_what_it_was_is_pushed_by_nobody() {
    let world = World::new();
    ready_to_push(&world);
    let ctx = world.engine();
    let image = ctx.store.require_snapshot(&ctx.host_id(), &name("kept")).expect("there").snapshot.image;
    world.hypervisor.inner().upload("lite", &image, b"changed").expect("written");
    assert_eq!(push_by(&mut world.engine()).map_err(|e| short(&e)), Err(("image_damaged", 1)));
    assert_eq!((there(&world), kinds(&world)), (vec![], vec![]));
}

#[test]
fn a_snapshot_comes_back_where_nothing_is_known_of_it() {
    let world = World::new();
    ready_to_fetch(&world);
    let back = fetch_by(&mut world.engine(), "kept").expect("back").snapshot;
    // Images lie in the folder of the pool, whatever the test driver knows of it.
    let image = world.settings().host.folders.pool.join(&back.image);
    assert!(std::fs::read(&image).expect("there").starts_with(b"QFI\xfb") && back.image.starts_with("base-tiny-"));
    // It lies on the image where that is here.
    let path = format!("/{}", back.image).into_bytes();
    let disk = world.hypervisor.inner().uploaded("lite", &plan::snapshot_disk(back.id)).expect("there");
    assert!(disk.windows(path.len()).any(|part| part == path), "{}", back.image);
    assert_eq!(fetch_by(&mut world.engine(), "kept").map(drop).map_err(|e| short(&e)), Err(("name_taken", 2)));
    assert_eq!(fetch_by(&mut world.engine(), "other").map(drop).map_err(|e| short(&e)), Err(("no_such_snapshot", 2)));
    changes::delete_snapshot(&mut world.engine()).expect("deleted");
    // The image was there for it alone.
    engine::recover(&mut world.engine()).expect("recovered");
    assert!(!image.exists());
}

/// Bytes of what restic keeps.
fn room(world: &World) -> u64 {
    let packs = std::fs::read_dir(far(world).join("data")).expect("a folder");
    let files = packs.flat_map(|folder| std::fs::read_dir(folder.expect("read").path()).expect("a folder"));
    files.map(|file| file.expect("read").metadata().expect("there").len()).sum()
}

/// Somebody else's copy, on its way.
fn another_push(world: &World) -> Child {
    let password = world.state().with_file_name("password");
    std::fs::write(&password, "correct-horse").expect("written");
    let mut restic = Command::new("restic");
    restic.arg("--repo").arg(far(world)).arg("--password-file").arg(password).args(["--no-cache", "backup", "--stdin"]);
    let started = restic.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = started.expect("restic runs");
    while std::fs::read_dir(far(world).join("locks")).expect("a folder").next().is_none() {
        assert_eq!(child.try_wait().expect("asked"), None, "it ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[test]
fn what_is_deleted_in_a_remote_goes_with_all_that_no_other_is_made_of() {
    let world = World::new();
    ready_to_push(&world);
    with_another_snapshot(&world);
    let push = |snapshot: &str| push_of(&mut world.engine(), snapshot).expect("pushed");
    push("kept");
    push("other");
    assert_eq!(kinds(&world), ["image", "disk", "snapshot", "disk", "snapshot"]);
    let delete = |named: &[&str]| delete_by(&mut world.engine(), named).map_err(|e| short(&e));
    assert_eq!(delete(&["kept", "none"]), Err(("no_such_snapshot", 2)));

    // Somebody else is at work there: nothing goes.
    let mut other = another_push(&world);
    assert_eq!((delete(&["kept"]), kinds(&world).len()), (Err(("remote_failed", 1)), 5));
    // It keeps nothing of nothing.
    other.stdin.take().expect("a pipe").write_all(b"theirs").expect("written");
    assert!(other.wait().expect("ended").success());
    // The image is the other's as well.
    assert_eq!(delete(&["kept"]), Ok(()));
    assert_eq!(
        (there(&world), kinds(&world)),
        (vec!["other".to_owned()], vec!["image", "disk", "snapshot"].into_iter().map(str::to_owned).collect())
    );
    with_repository(&world, |repository| repository.check(true)).expect("in order");

    // Dead before anything but the manifest is gone: the repository is in order, and the next takes back the room of all.
    assert_eq!(in_process::run(Some(2), || delete(&["other"])).result, None, "it lived");
    with_repository(&world, |repository| repository.check(true)).expect("in order");
    let told = "closed the deletion in remote `far` that was cut off: each snapshot is there whole, or gone";
    assert_eq!(engine::recover(&mut world.engine()), Ok(vec![told.to_owned()]));
    assert_eq!((there(&world), kinds(&world)), (vec![], vec![]));
    let before = room(&world);
    push("kept");
    assert_eq!(delete(&["kept"]), Ok(()));
    with_repository(&world, |repository| repository.check(true)).expect("in order");
    assert!(room(&world) < before, "{before}, {}", room(&world));
    assert_eq!(world.engine().store.open_operations().map(|open| open.len()), Ok(0));
}

/// A way to change a manifest.
type Change = fn(&mut Value);

/// Nothing comes back of a snapshot whose manifest is changed in one of these ways.
fn refuses(world: &World, changes: &[(&str, Change)]) {
    let before = world.snapshot();
    let manifest = with_repository(world, |repository| {
        let kept = repository.kept().expect("told");
        let one = kept.iter().find(|one| one.tags.get("kind") == Some("snapshot")).expect("a manifest").clone();
        let mut text = Vec::new();
        repository.give(&one, "lite.json", &mut text).expect("given");
        (one, serde_json::from_slice::<Value>(&text).expect("JSON"))
    });
    for (what, change) in changes {
        let (kept, mut text) = manifest.clone();
        change(&mut text);
        with_repository(world, |repository| {
            let all = repository.kept().expect("told");
            let old: Vec<_> = all.iter().filter(|one| one.tags.get("kind") == Some("snapshot")).collect();
            repository.forget(&old).expect("forgotten");
            repository.keep("lite.json", &kept.tags, &mut text.to_string().as_bytes()).expect("kept");
        });
        refuses_to_fetch(world, what);
        assert_eq!(world.snapshot(), before, "{what}");
    }
}

fn refuses_to_fetch(world: &World, what: &str) {
    let error = fetch_by(&mut world.engine(), "kept").expect_err(what);
    assert!(["remote_damaged", "read", "image_backing_file"].contains(&error.code.as_str()), "{what}: {error:?}");
    let ctx = world.engine();
    assert_eq!(ctx.store.snapshots(&ctx.host_id()), Ok(vec![]), "{what}");
    engine::recover(&mut world.engine()).expect("recovered");
}

#[test]
fn what_a_remote_tells_is_not_believed() {
    let world = World::new();
    ready_to_fetch(&world);
    refuses(
        &world,
        &[
            ("none", |all| *all = json!({})),
            ("of another version", |all| all["version"] = json!(2)),
            ("with more in it", |all| all["domain"] = json!("<domain/>")),
            ("of another snapshot", |all| all["snapshot"]["id"] = json!("9f1e0c5e-0000-4000-8000-000000000001")),
            ("with another name", |all| all["snapshot"]["name"] = json!("../../etc")),
            ("with a digest that is none", |all| all["disk"]["sha256"] = json!("../../../etc/passwd")),
            ("with another digest", |all| all["disk"]["sha256"] = json!("0".repeat(64))),
            ("with fewer bytes", |all| all["disk"]["length"] = json!(1)),
            ("on another image", |all| all["snapshot"]["image"] = json!("lite-web-1.qcow2")),
            ("on a file of the host", |all| all["backing"] = json!("/etc/passwd")),
            ("with a disk that is not there", |all| {
                all["disks"] = json!([all["disk"]]);
                all["snapshot"]["disks"] = json!([{
                    "disk": "9f1e0c5e-0000-4000-8000-000000000001", "name": "data", "size": "64MiB"
                }]);
            }),
        ],
    );
}

#[test]
fn disks_go_along_and_come_back() {
    let world = World::new();
    ready_to_push(&world);
    let (copied, bytes) = with_real_disk(&world, &[]);
    push_by(&mut world.engine()).expect("pushed");
    assert_eq!(kinds(&world), ["image", "disk", "data-0", "snapshot"]);
    changes::delete_snapshot(&mut world.engine()).expect("deleted");
    let back = fetch_by(&mut world.engine(), "kept").expect("back").snapshot;
    assert_eq!(back.disks, std::slice::from_ref(&copied));
    let part = world.hypervisor.inner().uploaded("lite", &plan::snapshot_part(back.id, copied.disk));
    assert!(part == Some(bytes), "it is another");
    assert!(engine::audit(&world.engine()).expect("audited").is_clean());
    changes::delete_snapshot(&mut world.engine()).expect("deleted");
    refuses(
        &world,
        &[
            ("without its disks", |all| all["snapshot"]["disks"] = json!([])),
            ("with a digest of none", |all| all["disks"] = json!([])),
            ("with more disks", |all| {
                for disks in ["/disks", "/snapshot/disks"] {
                    let disks = all.pointer_mut(disks).and_then(Value::as_array_mut).expect("disks");
                    disks.extend_from_within(..);
                }
            }),
            ("with another disk", |all| all["disks"][0]["sha256"] = json!("0".repeat(64))),
            ("of another size", |all| all["snapshot"]["disks"][0]["size"] = json!("128MiB")),
            ("of no size of a disk", |all| all["snapshot"]["disks"][0]["size"] = json!("1MiB")),
            ("of a name that is none", |all| all["snapshot"]["disks"][0]["name"] = json!("../x")),
        ],
    );
}

#[test]
fn a_disk_that_refers_to_a_file_of_the_host_does_not_come_back() {
    let world = World::new();
    ready_to_push(&world);
    with_real_disk(&world, &["-u", "-F", "raw", "-b", "/etc/passwd"]);
    push_by(&mut world.engine()).expect("pushed");
    changes::delete_snapshot(&mut world.engine()).expect("deleted");
    refuses_to_fetch(&world, "a disk on a file of the host");
}

#[test]
fn a_remote_that_is_away_is_told_of_and_changes_nothing() {
    let world = World::new();
    ready_to_push(&world);
    let gone = far(&world).with_file_name("gone");
    std::fs::rename(far(&world), &gone).expect("moved");
    assert_eq!(push_by(&mut world.engine()).map_err(|e| short(&e)), Err(("remote_unreachable", 2)));
    assert_eq!(fetch_by(&mut world.engine(), "kept").map(drop).map_err(|e| short(&e)), Err(("remote_unreachable", 2)));
    std::fs::rename(&gone, far(&world)).expect("moved");
    assert_eq!(push_by(&mut world.engine()), Ok(Pushed::Now));
    assert_eq!(world.engine().store.open_operations().map(|open| open.len()), Ok(0));
}
