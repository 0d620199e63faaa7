//! A host with saved memory to go on from.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    path::Path,
    process::Command,
    sync::{OnceLock, atomic::AtomicBool},
    time::Duration,
};

use lite::{
    clock::{Clock, SystemClock},
    engine::{self, Created, ImageChoice, Kind, Unobserved, sagas::warm},
    hypervisor::prelude::*,
    image::{self, Image, Images, Memory, Origin, SavedBy},
    model::{Code, Result, SaveImage},
    plan,
};

use super::world::World;

fn qemu_img(words: &[&str], file: &Path) {
    let made = Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).args(words).arg(file).arg("20G").status();
    assert!(made.expect("qemu-img runs").success());
}

/// What the memory file of a template holds, as libvirt writes it.
pub fn saved() -> Vec<u8> {
    let head = SaveImage { xml: "<domain/>".to_owned(), cookie: Some("<cookie/>".to_owned()), stream_at: 0 };
    [head.head("<domain/>").expect("a head"), b"QEVM memory".to_vec()].concat()
}

/// The files of a pool with an image `debian-13` and the memory of a machine of the bundle `nano` on it: made once.
fn files(world: &World) -> &'static [(String, Vec<u8>)] {
    static FILES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let (pool, aside) = (folder.path().join("pool"), folder.path().join("memory"));
        std::fs::create_dir(&pool).expect("made");
        let images = Images::in_folder(&pool);
        let disk = pool.join("temp");
        qemu_img(&[], &disk);
        let base = image::adopt(&images, "debian-13", &disk, Origin::Built, None, jiff::Timestamp::UNIX_EPOCH);
        let base = base.expect("kept");
        let overlay = folder.path().join("overlay");
        qemu_img(&["-b", &base.path, "-F", "qcow2"], &overlay);
        std::fs::write(&aside, saved()).expect("written");
        let request = world.plain_request(None);
        let (bundle, blueprint) = (&request.bundle, &request.blueprint);
        let (vcpus, memory, disk) = (bundle.vcpus, bundle.memory, bundle.disk);
        let baked = engine::warm_of(Kind { blueprint, image: &base, vcpus, memory, disk }).expect("a key");
        let info = world.hypervisor.inner().host().expect("the host");
        let by = SavedBy { qemu: info.hypervisor, libvirt: info.libvirt, arch: info.arch, q35: info.q35, cpu: None };
        let of = Memory { size: 0, digest: String::new(), vcpus, memory: memory.as_bytes(), by, tried: true };
        let never = AtomicBool::new(false);
        let lock = image::lock(images.work(), &baked.id(), &never, &mut Unobserved).expect("the lock");
        let (disks, by) = ((overlay.as_path(), base.path.as_ref()), (&lock, &SystemClock as &dyn Clock, &never));
        image::keep_warm(&images, disks, (&aside, of), baked, by, &mut Unobserved).expect("kept");
        let all = std::fs::read_dir(&pool).expect("read").map(|entry| entry.expect("an entry"));
        let kept = all.filter(|entry| entry.file_name().to_string_lossy().starts_with("base-"));
        kept.map(|e| (e.file_name().into_string().expect("text"), std::fs::read(e.path()).expect("read"))).collect()
    })
}

/// Puts the image and the memory on a host. The image with the memory.
pub fn warmed(world: &World) -> Image {
    let pool = &world.settings().host.folders.pool;
    std::fs::create_dir_all(pool).expect("made");
    for (name, bytes) in files(world) {
        let path = pool.join(name);
        std::fs::write(&path, bytes).expect("written");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, private).expect("set");
    }
    let all = image::list(&Images::in_folder(pool)).expect("read");
    let warm = all.into_iter().find(|image| image.memory.is_some()).expect("there");
    // The double's own volume of it.
    let (hv, name, bytes) = (world.hypervisor.inner(), image::memory_name(&warm.volume), saved());
    engine::prepare_host(&world.engine(), &lite::model::NetworkMode::Nat, &mut Unobserved).expect("a pool");
    let xml = plan::image_xml(&name, bytes.len() as u64).expect("XML");
    hv.ensure_volume("lite", &name, &xml).expect("made");
    hv.upload("lite", &name, &bytes).expect("written");
    warm
}

/// The memory of a machine whose guest never says that it is ready is not saved.
pub fn not_warm(world: &World) -> Result<()> {
    let image = image::list(&Images::in_folder(&world.settings().host.folders.pool)).expect("read").remove(0);
    let request = world.plain_request(None);
    let mut bundle = request.bundle;
    bundle.vcpus += 1;
    let wanted = warm::WarmRequest {
        blueprint: request.blueprint,
        bundle,
        image,
        parameters: Default::default(),
        timeout: Duration::ZERO,
        kvm: false,
    };
    let mut engine = world.engine();
    let accepted = match warm::accept(&mut engine, wanted)? {
        warm::Accepted::New(accepted) => accepted,
        warm::Accepted::Present(image) => panic!("{image:?}"),
    };
    match warm::run(&mut engine, *accepted, &mut Unobserved) {
        Ok(outcome) => panic!("{outcome:?}"),
        Err(error) if error.code == Code::Timeout => Ok(()),
        Err(error) => Err(error),
    }
}

/// Has the memory tried that is there.
pub fn try_it(world: &World) -> Result<Image> {
    let all = image::list(&Images::in_folder(&world.settings().host.folders.pool)).expect("read");
    let image = all.into_iter().find(|image| image.memory.is_none()).expect("the image below");
    let request = world.plain_request(None);
    let (blueprint, bundle, timeout) = (request.blueprint, request.bundle, Duration::ZERO);
    let wanted = warm::WarmRequest { blueprint, bundle, image, parameters: Default::default(), timeout, kvm: false };
    let mut engine = world.engine();
    match warm::accept(&mut engine, wanted)? {
        warm::Accepted::New(accepted) => {
            warm::run(&mut engine, *accepted, &mut Unobserved).map(|outcome| outcome.image)
        }
        warm::Accepted::Present(image) => panic!("it was tried: {image:?}"),
    }
}

/// Makes an instance that goes on from it, if it can.
pub fn create_warm(world: &World, name: &str) -> Result<Created> {
    let request = lite::engine::Request { image: ImageChoice::Warm, ..world.plain_request(Some(name)) };
    engine::create(&mut world.engine(), request, &mut Unobserved)
}
