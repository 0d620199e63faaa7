//! Disks that instances are given: who has one, what is refused, and what a domain and its run have then.

mod copies;
mod kept;
mod undone;

use std::sync::Arc;

use lite::{
    app::{
        App, Caller,
        disk::{self, Flags, NewDisk, Source},
    },
    clock::SystemClock,
    engine,
    hypervisor::{flaky::Moment, prelude::*},
    model::{DiskState, DomainDefinition, Error, MountPoint, Name, Result, Size, Unobserved, Via},
    plan::disk_volume,
    store::OldDatabases,
    view::DiskRow,
};
use uuid::Uuid;

use crate::support::{changes, warned::Warned, world::World};

/// Use cases, with the names of what they are about as text.
struct Disks<'a> {
    world: &'a World,
    app: App,
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn short(error: &Error) -> (&'static str, u8, String) {
    (error.code.as_str(), error.exit_code(), error.message.clone())
}

impl<'a> Disks<'a> {
    fn of(world: &'a World) -> Self {
        let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
        Self { world, app }
    }

    fn root() -> Caller {
        Caller::root(Via::Cli)
    }

    fn create(&self, disk: &str, mib: u64) -> Result<DiskRow> {
        self.make(disk, Some(mib), None)
    }

    /// An empty disk, or one of a disk in a snapshot.
    fn make(&self, disk: &str, mib: Option<u64>, from: Option<(&str, Option<&str>)>) -> Result<DiskRow> {
        let (name, from) = (name(disk), from.map(|(snapshot, disk)| (name(snapshot), disk.map(name))));
        let from = from.as_ref().map(|(snapshot, disk)| Source { snapshot, disk: disk.as_ref() });
        let new = NewDisk { name: &name, size: mib.map(Size::mib), from };
        let accepted = disk::create(&self.app, &Self::root(), new, Flags::default(), &mut Unobserved)?;
        accepted.run(&mut Unobserved).map(|mut made| made.remove(0))
    }

    fn attach(&self, disk: &str, instance: &str, mount: Option<&str>) -> Result<DiskRow> {
        let mount = mount.map(|at| MountPoint::parse(at).expect("a folder"));
        let named = (&name(disk), &name(instance));
        let accepted =
            disk::attach(&self.app, &Self::root(), named, mount.as_ref(), Flags::default(), &mut Unobserved)?;
        accepted.run(&mut Unobserved).map(|mut made| made.remove(0))
    }

    fn detach(&self, disk: &str, force: bool) -> Result<DiskRow> {
        let how = (force, Flags::default());
        let accepted = disk::detach(&self.app, &Self::root(), &name(disk), how, &mut Unobserved)?;
        accepted.run(&mut Unobserved).map(|mut made| made.remove(0))
    }

    fn delete(&self, disk: &str) -> Result<()> {
        disk::find(&self.app, &Self::root(), &[name(disk)], false, &mut Unobserved)?.run(&self.app).map(drop)
    }

    /// The disks, each with its instance and folder.
    fn list(&self) -> Vec<(String, Option<String>, Option<String>)> {
        let all = disk::list(&self.app, &Self::root(), &mut Unobserved).expect("listed");
        all.into_iter().map(|row| (row.name, row.instance, row.mount)).collect()
    }

    fn id(&self, disk: &str) -> Uuid {
        let engine = self.world.engine();
        engine.store.require_disk(&engine.host_id(), &name(disk)).expect("a disk").id
    }

    /// Volumes of disks that the definition of a domain has, and those that its run has.
    fn had(&self, uuid: Uuid) -> (Vec<String>, Vec<String>) {
        let double = self.world.hypervisor.inner();
        let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let ours = |all: Vec<String>| all.into_iter().filter(|volume| volume.starts_with("disk-")).collect();
        let xml = double.domain_xml(uuid).expect("asked").expect("a domain");
        let defined = DomainDefinition::parse(&xml).expect("read").disk_paths().map(last).collect();
        let live = double.live_definition(uuid).expect("asked").unwrap_or_default();
        let run = live.disks.iter().filter_map(|disk| disk.chain.first()).map(|path| last(path)).collect();
        (ours(defined), ours(run))
    }

    fn assert_clean(&self, when: &str) {
        let engine = self.world.engine();
        assert_eq!(engine.store.open_operations().expect("read"), [], "{when}");
        let audit = engine::audit(&engine).expect("audited");
        assert!(audit.is_clean(), "{when}: {audit:?}");
    }
}

fn uuid_of(world: &World, instance: &str) -> Uuid {
    world.engine().store.require(&name(instance)).expect("stored").record.uuid
}

fn stop(world: &World, instance: &str) {
    let mut engine = world.engine();
    let instance = engine.store.require(&name(instance)).expect("stored");
    changes::stop(&mut engine, &instance, true, std::time::Duration::ZERO, &mut Unobserved).expect("stopped");
}

#[test]
fn a_disk_is_given_to_one_instance_after_the_other() {
    let world = World::new();
    world.create("web").expect("created");
    world.create("db").expect("created");
    let (disks, web, db) = (Disks::of(&world), uuid_of(&world, "web"), uuid_of(&world, "db"));
    let made = disks.create("data", 1024).expect("made");
    assert_eq!((made.name.as_str(), made.size, made.instance), ("data", Size::mib(1024), None));
    let volume = disk_volume(disks.id("data"), None);
    let row = disks.attach("data", "web", None).expect("attached");
    assert_eq!((row.instance.as_deref(), row.mount), (Some("web"), None));
    assert_eq!(disks.had(web), (vec![volume.clone()], vec![volume.clone()]));
    disks.assert_clean("attached");
    // Again is content.
    assert_eq!(disks.attach("data", "web", None).map(|row| row.instance), Ok(Some("web".to_owned())));
    let mounted = disks.attach("data", "web", Some("/srv")).expect_err("not mounted");
    let text = "instance `web` has disk `data` already, not mounted by lite".to_owned();
    assert_eq!(short(&mounted), ("disk_attached", 2, text));
    let taken = disks.attach("data", "db", None).expect_err("taken");
    assert_eq!(short(&taken), ("disk_attached", 2, "instance `web` has disk `data`".to_owned()));
    let held = disks.delete("data").expect_err("held");
    assert_eq!(short(&held), ("disk_attached", 2, "instance `web` has disk `data`".to_owned()));
    // No agent: the guest cannot be asked to let go of it.
    let asked = disks.detach("data", false).expect_err("no agent");
    assert_eq!(asked.code.as_str(), "no_agent");
    disks.detach("data", true).expect("taken off");
    assert_eq!(disks.had(web), (vec![], vec![]));
    stop(&world, "db");
    disks.attach("data", "db", None).expect("attached");
    assert_eq!(disks.had(db), (vec![volume], vec![]));
    disks.assert_clean("attached to one that is off");
    disks.detach("data", false).expect("taken off");
    disks.delete("data").expect("deleted");
    assert_eq!(disks.list(), []);
    disks.assert_clean("deleted");
    assert!(world.snapshot().volumes.iter().all(|volume| !volume.starts_with("disk-")));
}

#[test]
fn a_guest_mounts_a_disk_and_lets_go_of_it() {
    let world = World::new();
    world.create("web").expect("created");
    let (disks, web, double) = (Disks::of(&world), uuid_of(&world, "web"), world.hypervisor.inner());
    disks.create("data", 1024).expect("made");
    let mute = disks.attach("data", "web", Some("/srv")).expect_err("no agent");
    assert_eq!(
        short(&mute),
        ("no_agent", 2, "the guest of instance `web` has no agent that could be asked".to_owned())
    );
    double.set_agent(web, true);
    // The folder is not empty: all is as before.
    double.end_programs_with(42);
    let full = disks.attach("data", "web", Some("/srv")).expect_err("not empty");
    let text = "could not mount the disk on `/srv` in instance `web`".to_owned();
    assert_eq!(short(&full), ("mount_failed", 1, text));
    assert_eq!((disks.had(web), disks.list()), ((vec![], vec![]), vec![("data".to_owned(), None, None)]));
    disks.assert_clean("not mounted");
    double.end_programs_with(0);
    let row = disks.attach("data", "web", Some("/srv")).expect("mounted");
    assert_eq!((row.instance.as_deref(), row.mount.as_deref()), (Some("web"), Some("/srv")));
    // Again is content, and elsewhere is not what it has.
    assert_eq!(disks.attach("data", "web", Some("/srv")).map(|row| row.instance), Ok(Some("web".to_owned())));
    let elsewhere = disks.attach("data", "web", Some("/mnt/x")).expect_err("mounted already");
    let text = "instance `web` has disk `data` already, mounted on `/srv`".to_owned();
    let hints = ["take it off first: `lite disk detach data`, then attach it again"];
    assert_eq!(
        (short(&elsewhere), elsewhere.hint_texts()),
        (("disk_attached", 2, text), hints.map(Into::into).to_vec())
    );
    let serial = row.device.rsplit('_').next().expect("a serial").to_owned();
    let asked = double.programs().pop().expect("asked");
    assert!(asked.starts_with("/bin/sh -c ") && asked.ends_with(&format!(" lite {serial} /srv")), "{asked}");
    disks.assert_clean("mounted");
    // In use: nothing is changed.
    double.end_programs_with(32);
    let before = disks.had(web);
    let busy = disks.detach("data", false).expect_err("in use");
    let text = "the disk is in use in instance `web`, mounted on `/srv`".to_owned();
    assert_eq!((short(&busy), disks.had(web)), (("disk_in_use", 2, text), before));
    disks.assert_clean("in use");
    double.end_programs_with(0);
    assert_eq!(disks.detach("data", false).map(|row| row.instance), Ok(None));
    assert_eq!(disks.had(web), (vec![], vec![]));
}

#[test]
fn a_guest_that_holds_on_to_a_disk_keeps_it() {
    let world = World::new();
    world.create("web").expect("created");
    let (disks, web, double) = (Disks::of(&world), uuid_of(&world, "web"), world.hypervisor.inner());
    double.set_agent(web, true);
    disks.create("data", 1024).expect("made");
    disks.attach("data", "web", None).expect("attached");
    let before = disks.had(web);
    double.hold_devices(true);
    let held = disks.detach("data", false).expect_err("held");
    assert_eq!(
        short(&held),
        ("disk_in_use", 1, "the guest of instance `web` does not let go of disk `sda`".to_owned())
    );
    assert_eq!((disks.had(web), disks.list()[0].1.as_deref()), (before, Some("web")));
    disks.assert_clean("held");
    double.hold_devices(false);
    disks.detach("data", false).expect("taken off");
    disks.assert_clean("taken off");
}

#[test]
fn a_disk_outlives_its_instance() {
    let world = World::new();
    world.create("web").expect("created");
    let disks = Disks::of(&world);
    disks.create("data", 1024).expect("made");
    disks.attach("data", "web", None).expect("attached");
    let mut engine = world.engine();
    let web = engine.store.require(&name("web")).expect("stored");
    let receipt = engine::delete(&mut engine, &web).expect("deleted");
    let kept: Vec<String> = receipt.kept.iter().map(ToString::to_string).collect();
    assert!(kept.contains(&"disk `data` (1 GiB) with its data".to_owned()), "{kept:?}");
    assert_eq!(disks.list(), [("data".to_owned(), None, None)]);
    disks.assert_clean("without its instance");
}

#[test]
fn a_disk_outlives_the_database_but_for_its_name() {
    let world = World::new();
    world.create("web").expect("created");
    let disks = Disks::of(&world);
    disks.create("data", 1024).expect("made");
    disks.attach("data", "web", None).expect("attached");
    let name = format!("disk-{}", &disks.id("data").simple().to_string()[..8]);
    world.lose_database();
    let mut engine = world.engine();
    let old = OldDatabases::open(world.state()).expect("opened");
    let done = engine::rebuild(&mut engine, &world.catalog, &old).expect("rebuilt");
    assert_eq!((done.disks, done.refused), (vec![name.clone()], vec![]));
    assert_eq!(disks.list(), [(name.clone(), Some("web".to_owned()), None)]);
    disks.detach(&name, true).expect("taken off");
    disks.delete(&name).expect("deleted");
    disks.assert_clean("deleted");
}

#[test]
fn what_no_disk_can_be_is_refused_before_anything_is_made() {
    let world = World::new();
    world.create("web").expect("created");
    let disks = Disks::of(&world);
    let before = world.snapshot();
    let says = |disk: &str, mib: u64| disks.create(disk, mib).map(|row| row.name).map_err(|error| short(&error));
    assert_eq!(says("data", 1), Err(("invalid_size", 2, "1 MiB is no size of a disk".to_owned())));
    let taken = says("web", 1024).expect_err("taken");
    assert_eq!((taken.0, taken.1), ("name_taken", 2));
    let large = says("data", 16 << 20).expect_err("too large");
    assert_eq!((large.0, large.1), ("no_capacity", 2), "{}", large.2);
    assert_eq!(disks.attach("data", "web", None).map_err(|e| e.code.as_str()), Err("no_such_disk"));
    assert_eq!(disks.detach("data", false).map_err(|e| e.code.as_str()), Err("no_such_disk"));
    assert_eq!(disks.delete("data").map_err(|e| e.code.as_str()), Err("no_such_disk"));
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_call_that_fails_leaves_the_disk_where_it_was() {
    for (call, moment) in
        [("attach_device", Moment::Before), ("attach_device", Moment::After), ("ensure_domain", Moment::Before)]
    {
        let world = World::new();
        world.create("web").expect("created");
        let (disks, web) = (Disks::of(&world), uuid_of(&world, "web"));
        disks.create("data", 1024).expect("made");
        world.hypervisor.fail_call(call, 1, moment);
        let error = disks.attach("data", "web", None).expect_err(call);
        assert_eq!((error.exit_code(), world.hypervisor.hits()), (1, 1), "{call}: {error}");
        world.hypervisor.heal();
        assert_eq!((disks.had(web), disks.list()[0].1.clone()), ((vec![], vec![]), None), "{call}");
        disks.assert_clean(call);
    }
}

#[test]
fn a_disk_gets_larger_and_never_smaller() {
    let world = World::new();
    world.create("web").expect("created");
    let (disks, web, double) = (Disks::of(&world), uuid_of(&world, "web"), world.hypervisor.inner());
    let resize = |mib: u64, observer: &mut dyn lite::model::Observer| {
        let how = (&name("data"), Size::mib(mib));
        let accepted = disk::resize(&disks.app, &Disks::root(), how, Flags::default(), observer)?;
        accepted.run(observer).map(|mut rows| rows.remove(0).size)
    };
    let has = || {
        let volume = double.volume("lite", &disk_volume(disks.id("data"), None)).expect("asked").expect("a volume");
        let stored = world.engine().store.disk_by_id(disks.id("data")).expect("read").expect("a disk");
        assert_eq!((stored.size, stored.state), (Size::bytes(volume.capacity), DiskState::Available));
        stored.size
    };
    disks.create("data", 1024).expect("made");
    assert_eq!((resize(2048, &mut Unobserved), has()), (Ok(Size::mib(2048)), Size::mib(2048)));
    let smaller = resize(1024, &mut Unobserved).expect_err("smaller");
    let says = "disk `data` has 2 GiB, and cannot get smaller (1 GiB)".to_owned();
    assert_eq!((short(&smaller), has()), (("invalid_size", 2, says), Size::mib(2048)));
    let large = resize(16 << 20, &mut Unobserved).expect_err("too large");
    assert_eq!((large.code.as_str(), large.exit_code(), has()), ("no_capacity", 2, Size::mib(2048)));
    double.set_agent(web, true);
    disks.attach("data", "web", Some("/srv")).expect("attached");
    assert_eq!((resize(3072, &mut Unobserved), has()), (Ok(Size::mib(3072)), Size::mib(3072)));
    let asked = double.programs().pop().expect("asked");
    assert!(asked.ends_with(&format!(" {}", 3072_u64 << 20)), "{asked}");
    // As large as it is: what is on it is asked to use it.
    double.end_programs_with(53);
    let mut warned = Warned::default();
    assert_eq!((resize(3072, &mut warned), has()), (Ok(Size::mib(3072)), Size::mib(3072)));
    let says = "what is on the disk does not use all of it yet in instance `web`: it is not mounted there (exit 53)";
    assert_eq!(warned.0, [says]);
    // A call that fails leaves it as it is, and one whose answer is lost as it became.
    for (moment, mib) in [(Moment::Before, 3072), (Moment::After, 4096)] {
        world.hypervisor.fail_call("resize_disk", 1, moment);
        let error = resize(4096, &mut Unobserved).expect_err("failed");
        let says = format!("could not make disk `data` larger; it has {}", Size::mib(mib));
        assert_eq!((error.exit_code(), error.message, has()), (1, says, Size::mib(mib)));
    }
    disks.assert_clean("larger");
    stop(&world, "web");
    double.set_pool_free(6 << 30);
    let off = resize(20 << 10, &mut Unobserved).expect_err("nobody runs with it");
    let says = "disk `data` cannot grow by 16 GiB while no guest runs with it: 6 GiB are free".to_owned();
    assert_eq!((short(&off), has()), (("no_capacity", 2, says), Size::mib(4096)));
}

#[test]
fn a_disk_whose_volume_is_gone_is_told_of() {
    let world = World::new();
    world.create("web").expect("created");
    let (disks, double) = (Disks::of(&world), world.hypervisor.inner());
    disks.create("data", 1024).expect("made");
    let volume = disk_volume(disks.id("data"), None);
    double.remove_volume("lite", &volume).expect("removed by hand");
    let found = || {
        let audit = engine::audit(&world.engine()).expect("audited");
        audit.findings.into_iter().map(|f| (f.trouble, f.subject, f.problem, f.fix.to_string())).collect::<Vec<_>>()
    };
    let fix = "put it back from a backup, or `lite disk delete data`".to_owned();
    let wanted = (engine::Trouble::Missing, "disk `data`".to_owned(), format!("its volume `{volume}` is gone"), fix);
    assert_eq!(found(), [wanted]);
    disks.delete("data").expect("deleted");
    assert_eq!(found(), []);
}

#[test]
fn a_dry_run_refuses_what_an_attach_would() {
    let world = World::new();
    world.create("web").expect("created");
    let (disks, uuid) = (Disks::of(&world), uuid_of(&world, "web"));
    disks.create("data", 1024).expect("made");
    let plan = |mount: Option<&str>| {
        let mount = mount.map(|at| MountPoint::parse(at).expect("a folder"));
        let (named, flags) = ((&name("data"), &name("web")), Flags { dry_run: true, ..Flags::default() });
        disk::attach(&disks.app, &Disks::root(), named, mount.as_ref(), flags, &mut Unobserved)
            .map(drop)
            .map_err(|error| error.code.as_str())
    };
    assert_eq!((plan(None), plan(Some("/srv"))), (Ok(()), Err("no_agent")));
    world.hypervisor.inner().set_agent(uuid, true);
    assert_eq!((plan(Some("/srv")), disks.list()), (Ok(()), vec![("data".to_owned(), None, None)]));
}
