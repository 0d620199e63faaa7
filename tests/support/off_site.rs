//! Snapshots that go to a remote and come back, over libvirt's test driver: the disks are real files of QEMU's, the remote a folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use lite::{
    engine::{
        Ctx, Unobserved,
        sagas::{fetch, push, remote, remote_delete, snapshot},
    },
    hypervisor::prelude::*,
    model::{CopiedDisk, Location, Name, Result, Size, StoredSnapshot, hex},
    plan,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    operations::{created, with_snapshot},
    world::World,
};

/// The disks, in bytes.
const SIZE: u64 = 1 << 20;

/// What opens the remote.
const PASSWORD: &str = "correct-horse";

/// All that a repository holds: its files, and folders without content.
type Repository = Vec<(PathBuf, Option<Vec<u8>>)>;

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// The folder of the remote `far`.
pub fn far(world: &World) -> PathBuf {
    world.state().with_file_name("far")
}

/// Adds it, with a password of its own.
fn add(world: &World) {
    let mut ctx = world.engine();
    let accepted = remote::accept(&mut ctx, &name("far"), &Location::Folder(far(world))).expect("accepted");
    let keys = remote::Keys { password: PASSWORD.into(), given: true, credentials: None };
    remote::run(&mut ctx, accepted, &keys, &mut Unobserved).expect("added");
}

/// Takes the work out of the key of a repository, which restic derives anew at each call.
pub fn make_cheap(world: &World) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/restic_key.py");
    let made = Command::new("python3").arg(script).arg(far(world)).arg(PASSWORD).status();
    assert!(made.expect("python3 runs").success());
}

fn read(folder: &Path) -> Repository {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).expect("a folder") {
            let path = entry.expect("read").path();
            let inside = path.strip_prefix(folder).expect("inside").to_owned();
            let content = path.is_file().then(|| fs::read(&path).expect("read"));
            if content.is_none() {
                folders.push(path);
            }
            all.push((inside, content));
        }
    }
    // Folders before what is in them.
    all.sort();
    all
}

fn write(repository: &Repository, folder: &Path) {
    fs::create_dir(folder).expect("a folder");
    for (inside, content) in repository {
        match content {
            None => fs::create_dir(folder.join(inside)).expect("a folder"),
            Some(bytes) => fs::write(folder.join(inside), bytes).expect("written"),
        }
    }
}

fn qemu_img(args: &[&str], file: &Path, size: u64) -> Vec<u8> {
    let mut command = Command::new("qemu-img");
    let made = command.args(["create", "-q", "-f", "qcow2"]).args(args).arg(file).arg(size.to_string()).status();
    assert!(made.expect("qemu-img runs").success());
    fs::read(file).expect("read")
}

fn put(world: &World, volume: &str, bytes: &[u8]) -> String {
    let hv = world.hypervisor.inner();
    hv.remove_volume("lite", volume).expect("removed");
    let xml = plan::seed_xml(volume, bytes.len() as u64).expect("XML");
    hv.ensure_volume("lite", volume, &xml).expect("made");
    hv.upload("lite", volume, bytes).expect("written");
    hv.volume("lite", volume).expect("asked").expect("there").path
}

/// The snapshot `kept`, whose disk is a real overlay on a real image.
pub fn with_real_snapshot(world: &World) {
    with_snapshot(world);
    make_real(world);
}

/// Makes the disk of the snapshot `kept` a real overlay on a real image, and disks that it holds beside it real ones.
pub fn make_real(world: &World) {
    let folder = tempfile::tempdir().expect("a folder");
    let image = qemu_img(&[], &folder.path().join("image"), SIZE);
    let digest = hex(&Sha256::digest(&image));
    let volume = format!("base-tiny-{}.qcow2", &digest[..12]);
    let path = put(world, &volume, &image);
    let overlay = qemu_img(&["-u", "-F", "qcow2", "-b", &path], &folder.path().join("disk"), SIZE);
    let ctx = world.engine();
    let snapshot = ctx.store.require_snapshot(&ctx.host_id(), &name("kept")).expect("there").snapshot;
    put(world, &plan::snapshot_disk(snapshot.id), &overlay);
    let given = snapshot.disks.iter().map(|one| plan::snapshot_part(snapshot.id, one.disk));
    given.for_each(|volume| drop(put(world, &volume, &image)));
    world.sql(&format!(
        "UPDATE snapshot SET image = '{volume}', size = {SIZE},
             record = json_set(record, '$.image_digest', '{digest}', '$.base', 'tiny')"
    ));
}

/// The snapshot `kept` holds a disk as well, a real one made by `qemu-img create` with these arguments; what its copy holds.
pub fn with_real_disk(world: &World, args: &[&str]) -> (CopiedDisk, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let copied = CopiedDisk { disk: Uuid::new_v4(), name: name("data"), size: Size::mib(64), mount: None };
    let bytes = qemu_img(args, &folder.path().join("data"), copied.size.as_bytes());
    let ctx = world.engine();
    let snapshot = ctx.store.require_snapshot(&ctx.host_id(), &name("kept")).expect("there").snapshot;
    put(world, &plan::snapshot_part(snapshot.id, copied.disk), &bytes);
    let json = serde_json::to_string(&[&copied]).expect("JSON");
    world.sql(&format!("UPDATE snapshot SET disks = '{json}' WHERE name = 'kept'"));
    (copied, bytes)
}

/// Another one of the same instance, on the same image.
pub fn with_another_snapshot(world: &World) {
    let mut ctx = world.engine();
    let instance = super::operations::instance(&ctx);
    let accepted = snapshot::accept(&mut ctx, &instance, Some(&name("other"))).expect("accepted");
    let made = snapshot::run(&mut ctx, accepted, &mut Unobserved).expect("made").snapshot;
    put(world, &plan::snapshot_disk(made.id), b"overlay");
    world.sql(
        "UPDATE snapshot SET image = kept.image,
             record = json_set(snapshot.record, '$.image_digest', json_extract(kept.record, '$.image_digest'))
         FROM (SELECT image, record FROM snapshot WHERE name = 'kept') AS kept WHERE name = 'other'",
    );
}

/// It, and an empty remote.
pub fn ready_to_push(world: &World) {
    static EMPTY: OnceLock<Repository> = OnceLock::new();
    with_real_snapshot(world);
    let empty = EMPTY.get_or_init(|| {
        let world = World::new();
        created(&world);
        add(&world);
        make_cheap(&world);
        read(&far(&world))
    });
    write(empty, &far(world));
    add(world);
}

/// An instance, and a remote that has the snapshot of another host.
pub fn ready_to_fetch(world: &World) {
    static PUSHED: OnceLock<Repository> = OnceLock::new();
    created(world);
    let pushed = PUSHED.get_or_init(|| {
        let world = World::new();
        ready_to_push(&world);
        push(&world).expect("pushed");
        read(&far(&world))
    });
    write(pushed, &far(world));
    add(world);
}

/// Pushes the snapshot.
pub fn push(world: &World) -> Result<()> {
    push_by(&mut world.engine()).map(drop)
}

/// The same, and what came of it.
pub fn push_by(ctx: &mut Ctx) -> Result<push::Pushed> {
    push_of(ctx, "kept")
}

/// The same, of another one.
pub fn push_of(ctx: &mut Ctx, snapshot: &str) -> Result<push::Pushed> {
    let accepted = push::accept(ctx, &name(snapshot), &name("far"))?;
    push::run(ctx, accepted, &mut Unobserved)
}

/// Brings it back.
pub fn fetch(world: &World) -> Result<()> {
    fetch_by(&mut world.engine(), "kept").map(drop)
}

/// The same, and what it is here.
pub fn fetch_by(ctx: &mut Ctx, snapshot: &str) -> Result<StoredSnapshot> {
    let found = fetch::find(ctx, &name("far"), snapshot, None)?;
    let accepted = fetch::accept(ctx, found)?;
    fetch::run(ctx, accepted, &mut Unobserved)
}

/// Deletes it in the remote.
pub fn delete(world: &World) -> Result<()> {
    delete_by(&mut world.engine(), &["kept"])
}

/// The same, of several.
pub fn delete_by(ctx: &mut Ctx, snapshots: &[&str]) -> Result<()> {
    let named: Vec<String> = snapshots.iter().map(|&one| one.to_owned()).collect();
    let found = remote_delete::find(ctx, &name("far"), &named)?;
    let accepted = remote_delete::accept(ctx, found)?;
    remote_delete::run(ctx, accepted, &mut Unobserved)
}
