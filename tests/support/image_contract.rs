//! What becomes of images whose pool only libvirt reaches.

use std::{
    io::Read,
    path::Path,
    process::Command,
    sync::{Arc, atomic::AtomicBool},
};

use lite::{
    clock::SystemClock,
    engine::images_of,
    hypervisor::Hypervisor,
    image::{self, Baked, Image, Images, Origin, leftovers::tidy},
    model::{Accel, Acme, Folders, Host, HostId, Overcommit, Paths, Serving, Settings, Subnet6, Unobserved},
};

/// Settings of a host elsewhere, with its pool; what is of this machine lies in `folder`.
pub fn elsewhere(folder: &Path, pool: &str) -> Settings {
    Settings {
        host: Host {
            id: HostId::local(),
            connect: "qemu+ssh://root@elsewhere/system".to_owned(),
            pool: pool.to_owned(),
            network: "lite".to_owned(),
            subnet: None,
            subnet6: Subnet6::Auto,
            accel: Accel::Tcg,
            // Nothing of this machine comes to lie in that pool.
            overcommit: Overcommit::default(),
            folders: Folders { pool: folder.join("none/pool"), logs: folder.join("logs") },
        },
        mirror: String::new(),
        loopback_webhooks: false,
        keep_deleted: std::time::Duration::ZERO,
        verify_snapshots: false,
        mail: None,
        acme: Acme::default(),
        serve: Serving::default(),
        api: lite::model::Api::default(),
        paths: Paths { state: folder.join("state"), blueprints: vec![] },
    }
}

fn qemu_img(args: &[&str]) {
    let out = Command::new("qemu-img").args(args).output().expect("qemu-img runs");
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

fn content(host: &dyn Hypervisor, pool: &str, volume: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    host.download(pool, volume).expect("opened").read_to_end(&mut bytes).expect("read");
    bytes
}

/// The first bytes of the disk inside a volume.
fn inside(folder: &Path, host: &dyn Hypervisor, pool: &str, volume: &str) -> Vec<u8> {
    let (file, raw) = (folder.join("inside.qcow2"), folder.join("inside.raw"));
    std::fs::write(&file, content(host, pool, volume)).expect("written");
    qemu_img(&["convert", "-f", "qcow2", "-O", "raw", &file.display().to_string(), &raw.display().to_string()]);
    std::fs::read(raw).expect("read")[..65536].to_vec()
}

struct Pool<'a> {
    host: &'a dyn Hypervisor,
    name: &'a str,
    work: &'a Path,
}

impl Pool<'_> {
    fn volumes(&self) -> Vec<String> {
        let volumes = self.host.volumes(self.name).expect("listed");
        let mut names: Vec<_> = volumes.into_iter().map(|v| v.name).filter(|n| n != "root.qcow2").collect();
        names.sort();
        names
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.work).expect("a folder");
        let mut names: Vec<_> = entries.map(|e| e.expect("read").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// A volume of 1 KiB that nothing was written to.
    fn empty(&self, name: &str) {
        let xml = format!(
            "<volume><name>{name}</name><capacity unit='bytes'>1024</capacity><target><format type='raw'/></target></volume>"
        );
        self.host.ensure_volume(self.name, name, &xml).expect("made");
    }
}

/// Imports a file as `golden`.
pub fn bring(images: &Images, file: &Path, force: bool) -> Image {
    let (clock, cancel) = (SystemClock, AtomicBool::new(false));
    image::import(images, file, "golden", force, &clock, &cancel, &mut Unobserved).expect("imported")
}

/// Bakes the volume `root.qcow2`, unless that is done.
pub fn bake(images: &Images) -> Image {
    let what = Baked {
        key: "a".repeat(64),
        blueprint: "nginx".to_owned(),
        version: "1".to_owned(),
        base: "golden".to_owned(),
        parameters: [].into(),
    };
    let cancel = AtomicBool::new(false);
    let (lock, present) = image::begin(images, &what.id(), false, &cancel, &mut Unobserved).expect("begun");
    present.unwrap_or_else(|| {
        let disk = Path::new("/elsewhere/pool/root.qcow2");
        image::flatten(
            images,
            (disk, Path::new("/elsewhere/base")),
            what,
            &lock,
            &SystemClock,
            &cancel,
            &mut Unobserved,
        )
        .expect("baked")
    })
}

/// An image goes into the pool, is found, replaced, baked from and removed; what is cut off goes with the next look. `disk`
/// makes the volume `root.qcow2`, the disk of a guest, on an image.
pub fn images_lie_in_the_pool(host: Arc<dyn Hypervisor>, pool: &str, disk: &dyn Fn(&Image)) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let images = images_of(&elsewhere(folder.path(), pool), || Ok(host.clone())).expect("a host");
    let seen = Pool { host: &*host, name: pool, work: &at("state/images") };
    assert_eq!(image::list(&images), Ok(vec![]));
    for (name, byte) in [("one", 1), ("two", 2)] {
        std::fs::write(at("raw"), [byte; 65536]).expect("written");
        let (raw, file) = (at("raw").display().to_string(), at(name).display().to_string());
        qemu_img(&["convert", "-q", "-f", "raw", "-O", "qcow2", &raw, &file]);
    }

    let first = bring(&images, &at("one"), false);
    assert_eq!(first.path, host.volume(pool, &first.volume).expect("asked").expect("there").path);
    assert!(content(&*host, pool, &first.volume) == std::fs::read(at("one")).expect("read"), "the bytes are the same");
    assert_eq!(image::list(&images), Ok(vec![first.clone()]));
    assert_eq!(image::get(&images, "golden"), Ok(Some(first.clone())));
    assert_eq!(seen.volumes(), [first.volume.as_str(), "base-golden.json"]);
    assert_eq!(seen.files(), [".lock-golden"]);

    // Another one by force: the older stays until it is pruned.
    let second = bring(&images, &at("two"), true);
    let older = image::superseded(&images).expect("listed");
    assert_eq!(older.iter().map(|v| (&*v.id, &*v.volume)).collect::<Vec<_>>(), [("golden", &*first.volume)]);
    assert_eq!([(); 2].map(|()| image::remove_version(&images, &older[0], &|_| Ok(vec![]))), [Ok(true), Ok(false)]);
    assert_eq!(image::list(&images), Ok(vec![second.clone()]));

    // The disk of a guest becomes an image that lies on nothing.
    disk(&second);
    seen.empty(".bake-nginx.golden.aaaaaaaaaaaa_copy");
    let baked = bake(&images);
    assert_eq!((baked.origin, inside(folder.path(), &*host, pool, &baked.volume)), (Origin::Baked, vec![2; 65536]));
    let all =
        [second.volume.as_str(), "base-golden.json", baked.volume.as_str(), "base-nginx.golden.aaaaaaaaaaaa.json"];
    assert_eq!(seen.volumes(), all);
    assert_eq!(seen.files(), [".lock-golden", ".lock-golden_use", ".lock-nginx.golden.aaaaaaaaaaaa"]);

    // Cut off: a copy of a disk, an image without its sidecar, and one whose sidecar nothing was written to.
    let half = ["base-half-00112233aabb.qcow2", "base-used-00112233aabb.qcow2", "base-zero-00112233aabb.qcow2"];
    half.iter().chain(&[".bake-half_copy", "base-zero.json"]).for_each(|name| seen.empty(name));
    assert_eq!(image::get(&images, "zero"), Ok(None));
    let told = |id: &str| format!("removed what work on image `{id}` that was cut off had left");
    let used = |volume: &str| Ok(volume == half[1]);
    assert_eq!(tidy(&images, &used), Ok(vec![told("half"), told("half"), told("zero")]));
    let mut left = [&all[..], &[half[1], "base-zero.json"]].concat();
    left.sort_unstable();
    assert_eq!(seen.volumes(), left);

    assert_eq!(image::remove(&images, "golden", &|_| Ok(vec![])), Ok(second));
    assert_eq!(image::list(&images), Ok(vec![baked]));
}
