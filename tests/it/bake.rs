//! Baking without a guest: what goes into the key, the copy that is kept, what is pruned, and a bake that fails and leaves nothing.

use std::{collections::BTreeMap, path::Path, process::Command, sync::atomic::AtomicBool};

use crate::support::{
    bakes::{request, unsealed},
    world::World,
};
use lite::{
    catalog::{Blueprint, Catalog},
    engine::{
        self, Unobserved, bake_of, check_bakeable,
        sagas::bake::{Accepted, accept},
    },
    hypervisor::flaky::Moment,
    image::{self, Baked, Image, Images, Origin},
    model::{InstanceState, ResourceKind, Result},
    store::OperationState,
};

fn nginx() -> Blueprint {
    Catalog::embedded().expect("the embedded catalog").blueprint("nginx").expect("nginx").clone()
}

fn key(blueprint: &Blueprint, digest: &str, parameters: &[(&str, &str)]) -> String {
    let parameters = parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    bake_of(blueprint, "debian-13", digest, &parameters).expect("a key").expect("can be baked").key
}

#[test]
fn the_key_holds_all_that_goes_in_and_nothing_else() {
    let plain = nginx();
    let first = key(&plain, "aa", &[("title", "x")]);
    assert_eq!(first.len(), 64);
    assert_eq!(first, key(&plain, "aa", &[("title", "another: the install part does not read it")]));
    let changed = |change: fn(&mut Blueprint)| {
        let mut blueprint = nginx();
        change(&mut blueprint);
        key(&blueprint, "aa", &[("title", "x")])
    };
    for (what, same) in [
        ("configure", changed(|b| b.configure.push_str("echo\n"))),
        ("output", changed(|b| b.output.clear())),
        ("ports", changed(|b| b.ports.clear())),
        ("health", changed(|b| b.health = None)),
    ] {
        assert_eq!(same, first, "{what} is no part of it");
    }
    let mut keys = vec![
        first,
        key(&plain, "ab", &[]),
        changed(|b| b.version.push('x')),
        changed(|b| b.install.push_str("echo\n")),
        changed(|b| b.id = "other".to_owned()),
        changed(|b| drop(b.cloud_config.insert("packages".to_owned(), serde_json::json!(["curl"])))),
    ];
    let mut reads = nginx();
    reads.install.push_str("curl \"$LITE_PARAM_TITLE\"\n");
    keys.push(key(&reads, "aa", &[("title", "x")]));
    keys.push(key(&reads, "aa", &[("title", "y")]));
    keys.push(changed(|b| b.seal.push("/etc/app/*.key".to_owned())));
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count, "each change makes another key");
}

/// Plesk's installer makes keys, passwords and certificates that two servers must not share.
#[test]
fn of_lites_own_blueprints_all_that_install_something_are_baked_but_plesk() {
    let catalog = Catalog::embedded().expect("the embedded catalog");
    let refused: Vec<(&str, String)> = catalog
        .blueprints
        .iter()
        .filter(|(_, blueprint)| !blueprint.install.is_empty())
        .filter_map(|(id, blueprint)| Some((id.as_str(), check_bakeable(blueprint).err()?.message)))
        .collect();
    let why = "`plesk` cannot be baked: its install part makes what only one machine may have (`bake: false`)";
    assert_eq!(refused, [("plesk", why.to_owned())]);
    let plesk = catalog.blueprint("plesk").expect("plesk");
    assert_eq!(bake_of(plesk, "debian-12", "aa", &BTreeMap::new()), Ok(None), "its instances take the base image");
}

#[test]
fn what_differs_from_instance_to_instance_is_not_baked() {
    let refused = |install: &str| {
        let mut blueprint = nginx();
        blueprint.install = install.to_owned();
        let error = check_bakeable(&blueprint).expect_err("refused");
        assert_eq!(bake_of(&blueprint, "debian-13", "aa", &BTreeMap::new()), Ok(None));
        (error.code.as_str(), error.exit_code(), error.message)
    };
    let reads = |word: &str| {
        format!("`nginx` cannot be baked: its install part reads `${word}`, which differs from instance to instance")
    };
    assert_eq!(refused(""), ("not_bakeable", 2, "`nginx` cannot be baked: it has no install part".to_owned()));
    assert_eq!(refused("echo $LITE_SECRET_X\n"), ("not_bakeable", 2, reads("LITE_SECRET_")));
    assert_eq!(refused("echo ${LITE_NAME}\n"), ("not_bakeable", 2, reads("LITE_NAME")));
    assert_eq!(check_bakeable(&nginx()), Ok(()));
}

fn baked(key: char) -> Baked {
    Baked {
        key: key.to_string().repeat(64),
        blueprint: "nginx".to_owned(),
        version: "1".to_owned(),
        base: "debian-13".to_owned(),
        parameters: BTreeMap::from([("edition".to_owned(), "full".to_owned())]),
    }
}

#[test]
fn the_id_of_a_baked_image_is_no_name_of_a_users() {
    assert_eq!(baked('a').id(), "nginx.debian-13.aaaaaaaaaaaa");
    let long = Baked { blueprint: "b".repeat(63), base: "c".repeat(63), ..baked('d') };
    let id = long.id();
    assert_eq!(id.len(), 62);
    assert!(lite::model::Name::parse(&id).is_err());
    assert_eq!(image::get(&Images::in_folder("/nonexistent"), &id), Ok(None));
}

fn qemu_img(args: &[&str]) -> String {
    let out = Command::new("qemu-img").args(args).output().expect("qemu-img runs");
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A base with one block of ones, and an overlay with another of twos.
fn overlay(dir: &Path) -> std::path::PathBuf {
    let at = |name: &str| dir.join(name).display().to_string();
    std::fs::write(dir.join("one"), [1; 65536]).expect("written");
    qemu_img(&["convert", "-q", "-f", "raw", "-O", "qcow2", &at("one"), &at("base.qcow2")]);
    qemu_img(&["create", "-q", "-f", "qcow2", "-b", &at("base.qcow2"), "-F", "qcow2", &at("overlay.qcow2"), "4M"]);
    dir.join("overlay.qcow2")
}

fn flatten(dir: &Path, overlay: &Path, what: Baked) -> Result<Image> {
    let (images, cancel) = (Images::in_folder(dir), AtomicBool::new(false));
    let (lock, present) = image::begin(&images, &what.id(), false, &cancel, &mut Unobserved)?;
    match present {
        Some(image) => Ok(image),
        None => image::flatten(
            &images,
            (overlay, &overlay.with_file_name("base.qcow2")),
            what,
            &lock,
            &lite::clock::SystemClock,
            &cancel,
            &mut Unobserved,
        ),
    }
}

#[test]
fn the_disk_becomes_an_image_that_lies_on_nothing() {
    let (dir, away) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let overlay = overlay(away.path());
    // What a bake that was killed left goes before the next.
    let half = dir.path().join(".bake-nginx.debian-13.aaaaaaaaaaaa_x");
    std::fs::write(&half, "half").expect("written");
    let image = flatten(dir.path(), &overlay, baked('a')).expect("kept");
    assert!(!half.exists());
    assert_eq!((image.origin, image.baked.clone(), image.virtual_size), (Origin::Baked, Some(baked('a')), 4 << 20));
    assert_eq!(image::get(&Images::in_folder(dir.path()), "nginx.debian-13.aaaaaaaaaaaa"), Ok(Some(image.clone())));
    assert_eq!(image::list(&Images::in_folder(dir.path())), Ok(vec![image.clone()]));
    let info: serde_json::Value =
        serde_json::from_str(&qemu_img(&["info", "-f", "qcow2", "--output=json", &image.path])).expect("JSON");
    assert_eq!((&info["backing-filename"], &info["format"]), (&serde_json::Value::Null, &"qcow2".into()));
    drop(away);
    let raw = dir.path().join("raw").display().to_string();
    qemu_img(&["convert", "-f", "qcow2", "-O", "raw", &image.path, &raw]);
    assert_eq!(std::fs::read(&raw).expect("read")[..65536], [1; 65536]);

    // The same again does nothing; a damaged disk leaves nothing.
    assert_eq!(flatten(dir.path(), Path::new("/nonexistent"), baked('a')), Ok(image));
    std::fs::remove_file(raw).expect("removed");
    let before = names(dir.path());
    let broken = dir.path().join("broken");
    std::fs::write(&broken, "no qcow2").expect("written");
    let error = flatten(dir.path(), &broken, baked('b')).expect_err("not an image");
    std::fs::remove_file(broken).expect("removed");
    assert_eq!(error.code.as_str(), "image_io", "there is no base beside it");
    let mut wanted = before;
    wanted.push(".lock-nginx.debian-13.bbbbbbbbbbbb".to_owned());
    wanted.sort();
    assert_eq!(names(dir.path()), wanted);
}

/// QEMU could write to the disk: what it names now is read by a tool that runs as root.
#[test]
fn a_disk_that_names_another_file_by_now_is_not_baked() {
    let (dir, away) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let at = |name: &str| away.path().join(name).display().to_string();
    let disk = overlay(away.path());
    std::fs::write(away.path().join("shadow"), [7; 65536]).expect("written");
    qemu_img(&["rebase", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", &at("shadow"), &at("overlay.qcow2")]);
    let error = flatten(dir.path(), &disk, baked('a')).expect_err("refused");
    let wanted =
        format!("the disk does not lie on `{}` as it was made: its guest, or somebody, changed it", at("base.qcow2"));
    assert_eq!((error.code.as_str(), error.message, error.class.exit_code()), ("image_backing_file", wanted, 1));

    // And so is a base that names one.
    let disk = overlay(away.path());
    qemu_img(&["create", "-q", "-f", "qcow2", "-F", "raw", "-b", &at("shadow"), &at("base.qcow2")]);
    let error = flatten(dir.path(), &disk, baked('a')).expect_err("refused");
    assert_eq!(error.message, "the image has a backing file: it refers to another file on the host");
}

fn names(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).expect("a folder").map(|e| e.expect("read").file_name());
    let mut names: Vec<String> = names.map(|n| n.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn an_older_version_is_told_apart_from_the_current_one() {
    let dir = tempfile::tempdir().expect("a folder");
    let (dir, images) = (dir.path(), &Images::in_folder(dir.path()));
    let version = |size: &str| {
        let temp = dir.join("temp").display().to_string();
        qemu_img(&["create", "-q", "-f", "qcow2", &temp, size]);
        image::adopt(images, "debian-13", Path::new(&temp), Origin::Built, None, jiff::Timestamp::UNIX_EPOCH)
    };
    let (old, new) = (version("1M").expect("kept"), version("2M").expect("kept"));
    let found = image::superseded(images).expect("listed");
    assert_eq!(found.iter().map(|v| (&*v.id, &*v.volume)).collect::<Vec<_>>(), [("debian-13", &*old.volume)]);
    assert_eq!(image::remove_version(images, &found[0], &|_| Ok(vec![])), Ok(true));
    assert_eq!(image::remove_version(images, &found[0], &|_| Ok(vec![])), Ok(false));
    assert_eq!((image::superseded(images), image::get(images, "debian-13")), (Ok(vec![]), Ok(Some(new))));
}

fn operations(world: &World) -> Vec<(String, OperationState)> {
    let all = world.engine().store.operations(10).expect("operations");
    all.into_iter().map(|o| (o.kind.to_string(), o.state)).collect()
}

#[test]
fn a_bake_that_fails_leaves_nothing() {
    let world = World::new();
    let before = world.snapshot();
    let error = unsealed(&world, false);
    assert_eq!((error.code.as_str(), error.exit_code()), ("timeout", 1));
    assert_eq!(error.message, "could not bake the image; everything was undone, nothing is left");
    assert_eq!(error.causes[0], "not baked after 0 s: stage `boot`");
    assert!(error.hints.iter().any(|h| h.contains("--keep")), "{error:?}");
    assert_eq!(world.snapshot(), before);
    assert_eq!(world.engine().store.instances().expect("instances"), []);
    assert_eq!(operations(&world), [("bake".to_owned(), OperationState::Failed)]);
    assert_eq!(names(&world.settings.host.folders.pool), [format!(".lock-{}", id(&world))]);
}

fn id(world: &World) -> String {
    let nginx = world.catalog.blueprint("nginx").expect("nginx");
    bake_of(nginx, "debian-13", "00", &BTreeMap::new()).expect("a key").expect("can be baked").id()
}

#[test]
fn a_bake_is_journalled_on_the_image_it_makes_and_closed_where_it_died_before_it_had_a_machine() {
    let world = World::new();
    let mut ctx = world.engine();
    world.hypervisor.allow_only(&[]);
    let request = request(&world, false);
    let Accepted::New(bake) = accept(&mut ctx, request).expect("accepted") else { panic!("there is no image") };
    let resource = bake.operation.resource.clone();
    assert_eq!((resource.kind, resource.name.as_str()), (ResourceKind::Image, id(&world).as_str()));
    assert_eq!(ctx.store.open_operation_of(resource.id), Ok(Some(bake.operation.id.clone())));
    world.hypervisor.heal();
    assert_eq!(engine::recover(&mut world.engine()), Ok(vec![]), "its owner lives");
    drop(bake);
    let closed = format!("closed the bake of `{}` that was cut off", id(&world));
    assert_eq!(engine::recover(&mut world.engine()), Ok(vec![closed]));
    assert_eq!(operations(&world), [("bake".to_owned(), OperationState::Failed)]);
    assert_eq!(ctx.store.has_resource(resource.id), Ok(false));
    let locks = std::fs::read_dir(world.state().join("locks")).expect("locks").count();
    assert_eq!(locks, 0);
    // One that came to its end, too, is on the image.
    unsealed(&world, false);
    let last = world.engine().store.operations(1).expect("operations").remove(0);
    assert_eq!((last.resource.kind, last.resource.name), (ResourceKind::Image, id(&world)));
    assert_eq!(ctx.store.has_resource(last.resource.id), Ok(false));
}

#[test]
fn a_bake_of_an_older_lite_that_was_cut_off_is_undone() {
    let world = World::new();
    let before = world.snapshot();
    world.hypervisor.fail_call("destroy", 1, Moment::Before);
    unsealed(&world, false);
    world.hypervisor.heal();
    world.sql(
        "UPDATE operation SET resource_kind = 'instance', resource_id = machine, resource_name = 'bake-nginx-1',
                              machine = NULL, state = 'started'",
    );
    let removed = "removed `bake-nginx-1`, which baked an image and was cut off".to_owned();
    assert_eq!(engine::recover(&mut world.engine()), Ok(vec![removed]));
    assert_eq!(world.snapshot(), before);
    assert_eq!(world.engine().store.instances(), Ok(vec![]));
}

#[test]
fn kept_for_a_look_it_is_a_failed_instance_that_delete_removes() {
    let world = World::new();
    let before = world.snapshot();
    let error = unsealed(&world, true);
    assert_eq!((error.code.as_str(), error.message.as_str()), ("timeout", "not baked after 0 s: stage `boot`"));
    assert!(error.hint_texts().contains(&"to remove it: `lite delete bake-nginx-1`".to_owned()), "{error:?}");
    let listed = engine::list(&world.engine()).expect("listed");
    let seen: Vec<_> = listed.iter().map(|l| (l.instance.record.name.as_str(), l.state)).collect();
    assert_eq!(seen, [("bake-nginx-1", InstanceState::Failed)]);
    let record = &listed[0].instance.record;
    assert_eq!((record.price.to_string(), record.ports.len()), ("0.00".to_owned(), 1));
    engine::delete(&mut world.engine(), &listed[0].instance).expect("deleted");
    assert_eq!(world.snapshot(), before);
}

#[test]
fn every_failing_call_of_a_bake_leaves_nothing() {
    let calls = {
        let world = World::new();
        unsealed(&world, false);
        world.hypervisor.calls().len()
    };
    assert!(calls > 12, "{calls} calls");
    for n in 1..=calls {
        let world = World::new();
        let before = world.snapshot();
        world.hypervisor.fail_nth(n, Moment::After);
        unsealed(&world, false);
        world.hypervisor.heal();
        // An undo that failed is tried again.
        engine::retry_attention(&mut world.engine()).expect("repaired");
        assert_eq!(world.snapshot(), before, "call {n} left something");
        assert_eq!(world.engine().store.instances().expect("instances"), [], "call {n}");
    }
}

#[test]
fn a_bake_that_died_is_undone_by_the_next_command_and_is_in_no_listing() {
    let world = World::new();
    let before = world.snapshot();
    // All calls fail from the first undo on: as if the process had died there.
    world.hypervisor.fail_call("destroy", 1, Moment::Before);
    let error = unsealed(&world, false);
    assert_eq!((error.code.as_str(), error.exit_code()), ("undo_failed", 4));
    let mut engine = world.engine();
    assert_eq!(engine.store.instances().expect("instances").len(), 1);
    assert_eq!(engine::list(&engine).expect("listed"), []);
    world.hypervisor.heal();
    assert_eq!(
        engine::retry_attention(&mut engine),
        Ok(vec!["removed `bake-nginx-1`, which baked an image and was cut off".to_owned()])
    );
    assert_eq!(world.snapshot(), before);
}
