//! Images and who uses them: a removal and a create at once, and an image that is damaged.

use std::{
    path::Path,
    process::Command,
    sync::{Arc, atomic::AtomicBool},
};

use lite::{
    app::{
        App, Caller,
        image::{self as images, remove},
        instance::create,
    },
    clock::SystemClock,
    image::{self, Image, Images, Origin},
    model::{Unobserved, Via},
};

use crate::support::{create_request::create_request, warned::Warned, world::World};

/// Puts a version of an image into the pool.
fn put(world: &World, id: &str, size: &str) -> Image {
    let pool = &world.settings().host.folders.pool;
    std::fs::create_dir_all(pool).expect("made");
    let file = pool.join("new");
    let made = Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).arg(&file).arg(size).status();
    assert!(made.expect("qemu-img runs").success());
    let now = jiff::Timestamp::UNIX_EPOCH;
    image::adopt(&Images::in_folder(pool), id, &file, Origin::Built, None, now).expect("kept")
}

fn app(world: &World) -> App {
    App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone())
}

fn root() -> Caller {
    Caller::root(Via::Cli)
}

#[test]
fn an_image_that_a_create_took_after_the_question_is_not_removed() {
    let world = World::new();
    let (app, debian) = (app(&world), put(&world, "debian-13", "1M"));
    let asked = remove::find(&app, &root(), &["debian-13".to_owned()], &mut Unobserved).expect("unused");
    let made = create::check(&app, &root(), create_request()).and_then(|c| c.accept(&app, &mut Unobserved));
    made.expect("accepted").run(&mut Unobserved).expect("created");
    let refused = |result: lite::model::Result<_>| result.map(drop).map_err(|e| (e.code.as_str(), e.message));
    let used = Err(("image_in_use", "image `debian-13` is in use by web".to_owned()));
    assert_eq!(refused(asked.run(&app, &mut |_| Ok(()))), used);
    assert!(Path::new(&debian.path).exists());

    // The disk lies on the version that is older by now, and a removal takes all versions.
    put(&world, "debian-13", "2M");
    let again = remove::find(&app, &root(), &["debian-13".to_owned()], &mut Unobserved);
    assert_eq!(again.map(drop).map_err(|e| (e.code.as_str(), e.message)), used);
}

#[test]
fn a_create_on_its_way_keeps_the_image() {
    let world = World::new();
    put(&world, "debian-13", "1M");
    let at = Images::in_folder(&world.settings().host.folders.pool);
    let removed = || image::remove(&at, "debian-13", &|_| Ok(vec![])).map(|i| i.id).map_err(|e| e.code.as_str());
    let cancel = AtomicBool::new(false);
    let (one, two) = (image::hold(&at, "debian-13", &cancel), image::hold(&at, "debian-13", &cancel));
    assert_eq!(removed(), Err("image_busy"));
    drop(one.expect("held"));
    assert_eq!(removed(), Err("image_busy"));
    drop(two.expect("held"));
    assert_eq!(removed(), Ok("debian-13".to_owned()));
}

#[test]
fn a_damaged_record_spoils_its_image_alone() {
    let world = World::new();
    let (app, good) = (app(&world), put(&world, "debian-13", "1M"));
    let pool = &world.settings().host.folders.pool;
    for (id, text) in [("bad", "{"), ("empty", ""), ("more", "{\"digest\": \"\"}")] {
        put(&world, id, "1M");
        std::fs::write(pool.join(format!("base-{id}.json")), text).expect("written");
    }
    let mut warned = Warned::default();
    let ids = |warned: &mut Warned| {
        let rows = images::list(&app, &root(), warned).expect("listed");
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&mut warned), ["debian-13"]);
    let start = ["bad", "empty", "more"].map(|id| format!("image `{id}` is damaged: "));
    assert_eq!(warned.0.len(), 3, "{:?}", warned.0);
    for (said, start) in warned.0.iter().zip(&start) {
        assert!(said.starts_with(start) && said.contains("`lite image remove "), "{said}");
    }
    // The command of the hint works, and so do the others.
    for id in ["bad", "empty", "more", "debian-13"] {
        let found = remove::find(&app, &root(), &[id.to_owned()], &mut Unobserved).expect("found");
        assert_eq!(found.run(&app, &mut |_| Ok(())).map(|all| all.len()), Ok(1), "{id}");
    }
    let left = std::fs::read_dir(pool).expect("a folder").map(|e| e.expect("read").file_name());
    let left: Vec<_> = left.map(|n| n.to_string_lossy().into_owned()).filter(|n| n.starts_with("base-")).collect();
    assert!(left.is_empty() && !Path::new(&good.path).exists(), "{left:?}");
}
