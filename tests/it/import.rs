//! Imports: instances of files that `lite export` wrote, and files that somebody changed.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use lite::{
    app::{
        App, Caller,
        instance::{
            create::Create,
            import::{self, Import},
        },
    },
    clock::SystemClock,
    engine,
    hypervisor::prelude::*,
    model::{DiskState, Error, LiveDefinition, Name, Observer, Phase, Size, Unobserved, Via},
    plan,
    store::OldDatabases,
};
use serde_json::json;

use crate::support::{
    changes,
    create_request::create_request,
    exports::{self, Parts, disk_of, parts},
    world::World,
};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn app(world: &World) -> App {
    App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone())
}

fn asked(file: &Path, name: Option<&str>) -> Import {
    let name = name.map(self::name);
    let create = Create { blueprint: String::new(), bundle: None, name, ..create_request() };
    Import { file: file.to_owned(), identity: None, create }
}

fn file(world: &World) -> PathBuf {
    world.state().with_file_name("file.lite")
}

/// Writes a file in the world's folder and asks for its import.
fn run(world: &World, bytes: &[u8], as_name: Option<&str>, observer: &mut dyn Observer) -> Result<(), Error> {
    let file = file(world);
    std::fs::write(&file, bytes).expect("written");
    let checked = import::check(&app(world), &Caller::root(Via::Cli), asked(&file, as_name), observer)?;
    checked.run(&app(world), observer).map(drop)
}

/// The files of exports and of image work in the pool.
fn in_pool(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(&world.settings().host.folders.pool).into_iter().flatten();
    let names = entries.map(|e| e.expect("read").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with(".lock-")).collect();
    names.sort();
    names
}

#[test]
fn an_instance_has_the_disk_of_an_export_and_an_identity_of_its_own() {
    let world = World::new();
    let source = world.create("web").expect("made").record;
    let mut parts = parts(&world, "web");
    parts.manifest["secrets"] =
        json!([{"name": "admin", "account": "root", "description": "x", "shown": true, "value": "geheim"}]);
    changes::keep_deleted(&mut world.engine(), &world.engine().store.require(&name("web")).expect("there"))
        .expect("deleted");
    let other = World::new();
    // On a host where nothing was made yet.
    assert_eq!(run(&other, &parts.file(), None, &mut Unobserved), Ok(()));
    let engine = other.engine();
    let new = engine.store.require(&name("web")).expect("there");
    let record = &new.record;
    assert_ne!((source.uuid, source.mac), (record.uuid, record.mac));
    assert_eq!((new.phase, &*record.base, &*record.bundle), (Phase::Unverified, &*source.base, &*source.bundle));
    assert_eq!(record.image_digest, exports::sha256(&parts.disk));
    let secrets = engine.store.secrets(record.uuid).expect("read");
    assert_eq!(secrets.iter().map(|secret| &*secret.name).collect::<Vec<_>>(), ["admin"]);
    // Its disk lies on the export's, which is nobody's image.
    let volume = format!("base-lite.import-{}.qcow2", &record.image_digest[..12]);
    let chain = |uuid| {
        let xml = other.hypervisor.inner().domain_xml(uuid).expect("read").expect("there");
        let chain = LiveDefinition::parse(&xml).expect("read").disk("vda").expect("a disk").chain.clone();
        chain.iter().filter_map(|path| path.rsplit('/').next()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(chain(record.uuid), [plan::root_disk(record), volume.clone()]);
    assert_eq!(engine.store.users_of_image(&volume).expect("read"), ["web"]);
    assert_eq!(in_pool(&other), std::slice::from_ref(&volume));
    assert!(engine::audit(&engine).expect("audited").is_clean());
    // A rebuild knows it too.
    drop(engine);
    other.lose_database();
    let mut engine = other.engine();
    let old = OldDatabases::open(other.state()).expect("opened");
    let done = engine::rebuild(&mut engine, &other.catalog, &old).expect("rebuilt");
    assert_eq!((done.taken.len(), done.refused), (1, vec![]));
    assert_eq!(other.engine().store.users_of_image(&volume).expect("read"), ["web"]);

    // A snapshot lies on it as well: it goes with the last that does.
    let instance = other.engine().store.require(&name("web")).expect("there");
    changes::snapshot(&mut other.engine(), &instance).expect("made");
    engine::delete(&mut other.engine(), &instance).expect("deleted");
    assert_eq!(in_pool(&other), [volume]);
    other.create_from("kept", "again").expect("made");
    let again = other.engine().store.require(&name("again")).expect("there");
    engine::delete(&mut other.engine(), &again).expect("deleted");
    changes::delete_snapshot(&mut other.engine()).expect("deleted");
    assert_eq!(in_pool(&other), Vec::<String>::new());
    assert!(engine::audit(&other.engine()).expect("audited").is_clean());
}

/// What an import of changed parts says, on a host on which nothing may change by it.
fn refused(world: &World, file: &[u8]) -> (&'static str, u8, String) {
    let before = (world.snapshot(), in_pool(world));
    let error = run(world, file, Some("new"), &mut Unobserved).expect_err("refused");
    assert_eq!((world.snapshot(), in_pool(world)), before, "{error}");
    let engine = world.engine();
    assert!(engine.store.instance(&name("new")).expect("read").is_none(), "{error}");
    assert!(engine::audit(&engine).expect("audited").is_clean(), "{error}");
    let text = error.causes.first().filter(|_| error.message.starts_with("could not create")).unwrap_or(&error.message);
    (error.code.as_str(), error.exit_code(), text.clone())
}

#[test]
fn what_no_lite_wrote_is_refused_and_nothing_is_made() {
    let world = World::new();
    world.create("web").expect("made");
    let good = parts(&world, "web");
    let changed = |change: &dyn Fn(&mut Parts)| {
        let mut parts = good.clone();
        change(&mut parts);
        refused(&world, &parts.file())
    };
    let sealed = |disk: Vec<u8>| {
        changed(&|parts| {
            parts.disk.clone_from(&disk);
            parts.seal();
        })
    };
    let unread = |why: &str| ("invalid_export", 2, format!("not an export that lite can read: {why}"));
    let said = |what: &str| ("invalid_export", 2, format!("the {what} in the export is not the one that it says"));
    // What it says of itself.
    assert_eq!(changed(&|p| p.manifest["format"] = json!("zip")), unread("it is something else"));
    let version = "it is of version 3, and this lite reads versions up to 2";
    assert_eq!(changed(&|p| p.manifest["version"] = json!(3)), unread(version));
    assert_eq!(changed(&|p| p.manifest["more"] = json!(1)).0, "invalid_export");
    assert_eq!(changed(&|p| p.manifest["record"]["base"] = json!("../etc")).0, "invalid_id");
    assert_eq!(changed(&|p| p.manifest["record"]["name"] = json!("a b")).0, "invalid_export");
    assert_eq!(changed(&|p| p.manifest["blueprint"]["user"] = json!("-oProxyCommand=x")).0, "invalid_user");
    assert_eq!(changed(&|p| p.manifest["parameters"]["x"] = json!("y")).0, "unknown_parameter");
    let secret = json!([{"name": "a\u{1b}[2J", "account": null, "description": "", "shown": true, "value": "x"}]);
    assert_eq!(changed(&|p| p.manifest["secrets"] = secret.clone()), unread("its passwords are none that lite makes"));
    let huge = changed(&|p| p.manifest["more"] = json!("x".repeat(2 << 20)));
    assert_eq!((huge.0, huge.1), ("invalid_export", 2));
    assert!(huge.2.ends_with("and at most 1048576 are allowed"), "{huge:?}");
    // What does not fit to it.
    assert_eq!(changed(&|p| p.domain.push(b' ')), said("definition"));
    assert_eq!(changed(&|p| p.manifest["disk"]["length"] = json!(1)), said("disk"));
    let flipped = changed(&|p| *p.disk.last_mut().expect("bytes") ^= 1);
    assert_eq!(flipped, ("invalid_export", 2, format!("{}: its digest differs", said("disk").2)));
    let file = good.file();
    assert_eq!(refused(&world, &file[..file.len() - 2000]), unread("it is cut off"));
    assert_eq!(refused(&world, &[&*file, b"more"].concat()), unread("something follows its last member"));
    assert_eq!(refused(&world, b""), unread("it is cut off"));
    // Disks that refer to others, are none, or are too large.
    assert_eq!(sealed(b"QFI".to_vec()).0, "image_format");
    let backed = disk_of("1G", &["-u", "-b", "/etc/passwd", "-F", "raw"]);
    assert_eq!(sealed(backed).0, "image_backing_file");
    let mut snapshots = exports::disk();
    snapshots[63] = 1;
    assert_eq!(sealed(snapshots).0, "invalid_export");
    let mut external = exports::disk();
    external[79] |= 4;
    assert_eq!(sealed(external).0, "image_external_data");
    let mut encrypted = exports::disk();
    encrypted[35] = 1;
    assert_eq!(sealed(encrypted).0, "image_refused");
    assert_eq!(sealed(disk_of("63T", &["-o", "cluster_size=2M"])).0, "bundle_too_small");
    let mut hollow = exports::disk();
    hollow[24..32].copy_from_slice(&u64::MAX.to_be_bytes());
    assert_eq!(sealed(hollow).0, "image_refused");
    // Its tables lead nowhere: only a tool sees that.
    let mut damaged = exports::disk();
    let at = usize::try_from(u64::from_be_bytes(damaged[48..56].try_into().expect("eight"))).expect("small");
    damaged[at] = 0x7f;
    assert_eq!(sealed(damaged).0, "image_damaged");
    // As it was written, it is taken.
    assert_eq!(run(&world, &good.file(), Some("new"), &mut Unobserved), Ok(()));
}

#[test]
fn a_name_that_is_taken_and_an_encrypted_file_are_told_before_the_disk_is_read() {
    let world = World::new();
    world.create("web").expect("made");
    let good = parts(&world, "web");
    let begin = &good.file()[..4096];
    let taken = run(&world, begin, None, &mut Unobserved).expect_err("taken");
    let hints = ["choose another with `--name`, or look at it: `lite show web`", "the name is the one in the export"];
    assert_eq!(
        (taken.code.as_str(), taken.exit_code(), taken.hint_texts()),
        ("name_taken", 2, hints.map(str::to_owned).to_vec())
    );
    let encrypted = refused(&world, b"age-encryption.org/v1\n-> X25519 abc\n");
    assert_eq!(encrypted, ("invalid_export", 2, format!("`{}` is encrypted", file(&world).display())));
    let folder = import::check(&app(&world), &Caller::root(Via::Cli), asked(world.state(), None), &mut Unobserved);
    assert_eq!(folder.map(drop).expect_err("a folder").code.as_str(), "file_unreadable");
}

#[test]
fn the_disks_of_an_export_are_the_instances_from_the_beginning() {
    let world = World::new();
    world.create("web").expect("made");
    changes::disk(&mut world.engine()).expect("made");
    let mut parts = parts(&world, "web");
    parts.give("data", Some("/srv/data"));
    parts.give("new", None);
    assert_eq!(run(&world, &parts.file(), Some("new"), &mut Unobserved), Ok(()));
    let engine = world.engine();
    let record = engine.store.require(&name("new")).expect("there").record;
    let given: Vec<_> = record.disks.iter().map(|one| engine.store.given_disk(one.disk).expect("there")).collect();
    // Both names were taken: by a disk, and by the instance itself.
    let told = given.iter().zip(&record.disks).map(|(disk, one)| {
        let at = one.mount.as_ref().map(|at| at.as_str().to_owned());
        (disk.name.to_string(), disk.size, disk.state, one.unit, at)
    });
    let wanted = [
        ("data-2".to_owned(), Size::mib(64), DiskState::Available, 0, Some("/srv/data".to_owned())),
        ("new-2".to_owned(), Size::mib(64), DiskState::Available, 1, None),
    ];
    assert_eq!(told.collect::<Vec<_>>(), wanted);
    let xml = world.hypervisor.inner().domain_xml(record.uuid).expect("read").expect("there");
    let live = LiveDefinition::parse(&xml).expect("read");
    for (device, disk) in ["sda", "sdb"].into_iter().zip(&given) {
        let (volume, path) = (plan::disk_volume(disk.id, None), &live.disk(device).expect("a disk").chain[0]);
        assert_eq!(path.rsplit('/').next(), Some(&*volume));
        let mut bytes = Vec::new();
        let mut held = world.hypervisor.download("lite", &volume).expect("there");
        std::io::Read::read_to_end(&mut held, &mut bytes).expect("read");
        assert!(bytes == exports::given(), "`{volume}` holds what the file held");
    }
    assert!(engine::audit(&engine).expect("audited").is_clean());
    // A delete of the instance leaves them.
    engine::delete(&mut world.engine(), &world.engine().store.require(&name("new")).expect("there")).expect("deleted");
    let left = world.engine().store.disks(&world.engine().host_id()).expect("read");
    let left: Vec<_> = left.into_iter().map(|disk| disk.name.to_string()).collect();
    assert_eq!(left, ["data", "data-2", "new-2"]);
}

#[test]
fn disks_that_no_lite_wrote_are_refused_and_nothing_is_made() {
    let world = World::new();
    world.create("web").expect("made");
    let mut good = parts(&world, "web");
    good.give("data", Some("/srv/data"));
    good.give("logs", None);
    let changed = |change: &dyn Fn(&mut Parts)| {
        let mut parts = good.clone();
        change(&mut parts);
        refused(&world, &parts.file())
    };
    let with = |disk: Vec<u8>| {
        changed(&|parts| {
            parts.given[1].clone_from(&disk);
            parts.seal();
        })
    };
    let unread = |why: &str| ("invalid_export", 2, format!("not an export that lite can read: {why}"));
    let said = |what: &str| ("invalid_export", 2, format!("the {what} in the export is not the one that it says"));
    // What it says of them.
    assert_eq!(changed(&|p| p.manifest["disks"][1]["name"] = json!("data")), unread("it tells of disk `data` twice"));
    assert_eq!(
        changed(&|p| p.manifest["disks"][1]["mount"] = json!("/srv/data")),
        unread("disk `logs` is mounted where another one is")
    );
    assert_eq!(changed(&|p| p.manifest["disks"][0]["mount"] = json!("/etc/cron.d")).0, "invalid_export");
    assert_eq!(changed(&|p| p.manifest["disks"][0]["name"] = json!("../x")).0, "invalid_export");
    assert_eq!(changed(&|p| p.manifest["disks"][0]["size"] = json!("64 TiB")).0, "invalid_size");
    assert_eq!(changed(&|p| p.manifest["disks"][0]["size"] = json!("1 MiB")).0, "invalid_size");
    assert_eq!(changed(&|p| p.manifest["disks"][0]["more"] = json!(1)).0, "invalid_export");
    assert_eq!(changed(&|p| p.manifest["version"] = json!(1)), unread("one of version 1 has no further disks"));
    let many = changed(&|p| {
        let mut told = p.manifest["disks"][1].clone();
        let named = (0..16).map(|n| {
            told["name"] = json!(format!("d{n}"));
            told.clone()
        });
        p.manifest["disks"] = named.collect();
    });
    assert_eq!(many, unread("it has 16 disks, and an instance has 15 at most"));
    // More, and fewer, than it tells.
    let more = changed(&|p| p.given.push(exports::given()));
    assert_eq!(more, unread("something follows its last member"));
    let fewer = changed(&|p| drop(p.given.pop()));
    assert_eq!(fewer, unread("the plain file `disk-2.qcow2` is not where it has to be"));
    // What does not fit to it.
    assert_eq!(changed(&|p| p.manifest["disks"][1]["file"]["length"] = json!(1)), said("disk"));
    assert_eq!(changed(&|p| p.manifest["disks"][1]["file"]["sha256"] = json!("x")).0, "invalid_export");
    let flipped = changed(&|p| *p.given[1].last_mut().expect("bytes") ^= 1);
    assert_eq!(flipped, ("invalid_export", 2, format!("{}: its digest differs", said("disk").2)));
    let file = good.file();
    assert_eq!(refused(&world, &file[..file.len() - 2000]), unread("it is cut off"));
    // Disks that refer to others, are none, or are larger than it tells.
    assert_eq!(with(b"QFI".to_vec()).0, "image_format");
    assert_eq!(with(disk_of("64M", &["-u", "-b", "/etc/passwd", "-F", "raw"])).0, "image_backing_file");
    assert_eq!(with(disk_of("63T", &["-o", "cluster_size=2M"])), said("size of a disk"));
    let header = |at: usize, byte: u8| {
        let mut disk = exports::given();
        disk[at] |= byte;
        disk
    };
    assert_eq!(with(header(79, 4)).0, "image_external_data");
    assert_eq!(with(header(35, 1)).0, "image_refused");
    let mut damaged = exports::given();
    let tables = usize::try_from(u64::from_be_bytes(damaged[48..56].try_into().expect("eight"))).expect("small");
    damaged[tables] = 0x7f;
    assert_eq!(with(damaged).0, "image_damaged");
    // Larger, all together, than the pool can promise.
    let large = changed(&|p| {
        p.manifest["disks"][1]["size"] = json!("16 TiB");
        p.given[1] = disk_of("16T", &["-o", "cluster_size=2M"]);
        p.seal();
    });
    assert_eq!((large.0, large.1), ("no_capacity", 2));
    // As it was written, it is taken.
    assert_eq!(run(&world, &good.file(), Some("new"), &mut Unobserved), Ok(()));
}

#[test]
fn a_disk_that_is_made_to_be_called_as_another_is_not_put_over_it() {
    let world = World::new();
    world.create("web").expect("made");
    let good = parts(&world, "web");
    let (hv, digest) = (world.hypervisor.inner(), exports::sha256(&good.disk));
    let volume = format!("base-lite.import-{}.qcow2", &digest[..12]);
    hv.ensure_volume("lite", &volume, &plan::seed_xml(&volume, 5).expect("XML")).expect("made");
    hv.upload("lite", &volume, b"other").expect("written");
    let says = ("invalid_export", 2, format!("volume `{volume}` is there, and another disk"));
    assert_eq!(refused(&world, &good.file()), says);
    hv.remove_volume("lite", &volume).expect("removed");
    assert_eq!(run(&world, &good.file(), Some("new"), &mut Unobserved), Ok(()));
}

/// A place that is full after so many bytes.
struct Full(usize);

impl std::io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken > 0 { Ok(taken) } else { Err(std::io::ErrorKind::StorageFull.into()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_export_holds_the_disks_of_its_snapshot_and_leaves_nothing_where_no_room_is() {
    let world = World::new();
    exports::ready(&world);
    let before = world.snapshot();
    assert_eq!(exports::export(&world), Ok(()));
    for room in [0, 511, 700, 5000] {
        let error = exports::export_by(&mut world.engine(), &mut Full(room)).expect_err("full");
        let said = (error.code.as_str(), error.exit_code(), error.causes[0].as_str());
        assert_eq!(said, ("not_writable", 1, "the export cannot be written"), "{room}");
        assert!(error.message.starts_with("an export of ") && error.message.ends_with(" was not written"), "{error}");
        exports::nothing_is_under_way(&world, "full");
    }
    assert_eq!(world.snapshot(), before);
    assert_eq!(world.engine().store.open_operations().expect("read"), []);
    assert!(engine::audit(&world.engine()).expect("audited").is_clean());
}
