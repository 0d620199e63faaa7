//! Images of a host elsewhere: volumes of its pool, with nothing of them on this machine.

use std::{collections::BTreeSet, path::Path, process::Command, sync::Arc};

use lite::{
    app::{
        App, Caller,
        image::{
            list,
            make::{self, Import},
            remove,
        },
    },
    clock::SystemClock,
    engine::{self, images_of},
    hypervisor::{
        double::{self, Double},
        prelude::*,
    },
    image::{Image, leftovers::tidy},
    kill_point::in_process,
    model::{Name, Size, Unobserved, Via},
    plan::{image_xml, overlay_xml},
};

use crate::support::{
    image_contract::{bake, bring, elsewhere, images_lie_in_the_pool},
    world::World,
};

fn host() -> Arc<Double> {
    let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/node.xml");
    Arc::new(double::open(&node).expect("the test driver opens"))
}

#[test]
fn images_lie_in_a_pool_that_only_libvirt_reaches() {
    let host = host();
    // The double copies the bytes of a volume, not of what it lies on: the disk holds all of them.
    let disk = |image: &Image| {
        let bytes = host.uploaded("lite", &image.volume).expect("written");
        let xml = overlay_xml("root.qcow2", Size::mib(64), &image.path).expect("XML");
        host.ensure_volume("lite", "root.qcow2", &xml).expect("made");
        host.upload("lite", "root.qcow2", &bytes).expect("written");
    };
    images_lie_in_the_pool(host.clone(), "lite", &disk);
}

#[test]
fn what_a_disk_without_a_row_may_lie_on_stays() {
    let mut world = World::new();
    world.settings = Arc::new(elsewhere(world.state().parent().expect("a folder"), "lite"));
    let hv = world.hypervisor.clone();
    let half = "base-half-00112233aabb.qcow2";
    let uuid = world.create_orphan("web");
    let names = world.names(&Name::parse("web").expect("a name"), uuid);
    hv.ensure_volume("lite", half, &image_xml(half, 1024).expect("XML")).expect("made");
    let mut ctx = world.engine();
    assert_eq!(engine::recover(&mut ctx), Ok(vec![]));
    assert!(hv.volume("lite", half).expect("asked").is_some());
    [names.root, names.seed].iter().for_each(|volume| hv.remove_volume("lite", volume).expect("removed"));
    let told = "removed what work on image `half` that was cut off had left".to_owned();
    assert_eq!(engine::recover(&mut ctx), Ok(vec![told]));
    assert_eq!(hv.volume("lite", half), Ok(None));
}

/// Work on images dies. What another command does first, and the same again, leave what a whole one leaves.
pub fn dead_in_image_work() -> Vec<String> {
    let work = |host: &Arc<Double>, folder: &Path| {
        let images = images_of(&elsewhere(folder, "lite"), || Ok(host.clone())).expect("a host");
        tidy(&images, &|_| Ok(false)).expect("looked");
        let image = bring(&images, &folder.join("disk.qcow2"), false);
        let bytes = host.uploaded("lite", &image.volume).expect("written");
        let xml = overlay_xml("root.qcow2", Size::mib(64), &image.path).expect("XML");
        host.ensure_volume("lite", "root.qcow2", &xml).expect("made");
        host.upload("lite", "root.qcow2", &bytes).expect("written");
        bake(&images);
    };
    let ready = || {
        let folder = tempfile::tempdir().expect("a folder");
        empty_disk(&folder.path().join("disk.qcow2"));
        (host(), folder)
    };
    let left = |host: &Double, folder: &Path| -> BTreeSet<String> {
        let files = std::fs::read_dir(folder.join("state/images")).expect("a folder");
        let files = files.map(|f| f.expect("read").file_name().to_string_lossy().into_owned());
        host.volumes("lite").expect("listed").into_iter().map(|v| v.name).chain(files).collect()
    };
    let (another, away) = ready();
    let whole = in_process::run(None, || work(&another, away.path())).passed;
    let wanted = left(&another, away.path());
    assert_eq!(wanted.len(), 7, "two images with their sidecars, a disk and two locks: {wanted:?}");
    for (n, place) in (1..).zip(&whole) {
        let (host, folder) = ready();
        let dead = in_process::run(Some(n), || work(&host, folder.path())).result;
        assert!(dead.is_none(), "dead at point {n}, {place}: it lived");
        work(&host, folder.path());
        // The packed file holds no time, so the names are the same.
        assert_eq!(left(&host, folder.path()), wanted, "dead at point {n}, {place}");
    }
    whole.into_iter().filter(|place| place.starts_with("src/engine/")).collect()
}

/// A qcow2 file.
fn empty_disk(file: &Path) {
    let made = Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).arg(file).arg("1M").status();
    assert!(made.expect("qemu-img runs").success());
}

#[test]
fn the_use_cases_find_them_there() {
    let (folder, host) = (tempfile::tempdir().expect("a folder"), host());
    let app = App::of_host(elsewhere(folder.path(), "lite"), Arc::new(SystemClock), host.clone());
    let caller = Caller::root(Via::Cli);
    let file = folder.path().join("disk.qcow2");
    let made =
        std::process::Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).arg(&file).arg("1M").status();
    assert!(made.expect("qemu-img runs").success());
    let import = Import { file, name: Some("golden".to_owned()) };
    make::import(&app, &caller, &import, &mut Unobserved).expect("imported");
    let ids = || -> Vec<String> {
        list(&app, &caller, &mut Unobserved).expect("listed").into_iter().map(|row| row.id).collect()
    };
    assert_eq!(ids(), ["golden"]);
    let found = remove::find(&app, &caller, &["golden".to_owned()], &mut Unobserved).expect("found");
    found.run(&app, &mut |_| Ok(())).expect("removed");
    assert_eq!(ids(), Vec::<String>::new());
    assert_eq!(host.volumes("lite").expect("listed"), vec![]);
    assert!(!folder.path().join("none").exists());
}
