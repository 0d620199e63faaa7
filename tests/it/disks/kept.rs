//! Snapshots of single disks: whoever has one, and what is refused.

use lite::{app::snapshot, engine::sagas::disk_snapshot, model::Consistency, view::SnapshotView};

use super::{copies::made, *};

/// Makes a snapshot of a disk.
fn kept(world: &World, disk: &str, snapshot: Option<&str>) -> Result<SnapshotView> {
    let (disks, disk, snapshot) = (Disks::of(world), name(disk), snapshot.map(name));
    let named = (&disk, snapshot.as_ref());
    let accepted = disk::snapshot(&disks.app, &Disks::root(), named, Flags::default(), &mut Unobserved)?;
    accepted.run(&mut Unobserved).map(|mut made| made.remove(0))
}

/// Snapshots by name, each with the instance or the disk that it is of.
fn listed(world: &World, of: Option<&str>) -> Vec<(String, Option<String>, Option<String>)> {
    let of = of.map(name);
    let all = snapshot::list(&Disks::of(world).app, &Disks::root(), of.as_ref(), &mut Unobserved).expect("listed");
    all.into_iter().map(|one| (one.name, one.instance, one.of_disk)).collect()
}

#[test]
fn a_disk_is_kept_as_it_is_whoever_has_it() {
    let world = made();
    let (disks, uuid, double) = (Disks::of(&world), uuid_of(&world, "web"), world.hypervisor.inner());
    let shown = |view: &SnapshotView| (view.name.clone(), view.of_disk.clone(), view.consistency, view.disk);
    let row = |snapshot: &str, consistency| {
        (snapshot.to_owned(), Some("data".to_owned()), Some(consistency), Size::mib(1024))
    };
    let running = kept(&world, "data", None).expect("made");
    assert_eq!(shown(&running), row("data-snap-1", Consistency::Crash));
    double.set_agent(uuid, true);
    let frozen = kept(&world, "data", None).expect("made");
    assert_eq!((shown(&frozen), double.frozen()), (row("data-snap-2", Consistency::Frozen), vec![]));
    let timer =
        "/usr/bin/systemd-run --on-active=20 --timer-property=AccuracySec=1s --collect /usr/sbin/fsfreeze --unfreeze /";
    assert_eq!(double.programs(), [timer]);
    assert_eq!(double.jobs(), []);
    stop(&world, "web");
    assert_eq!(shown(&kept(&world, "data", None).expect("made")), row("data-snap-3", Consistency::Stopped));
    disks.detach("data", false).expect("taken off");
    double.upload("lite", &disk_volume(disks.id("data"), None), b"free").expect("written");
    assert_eq!(shown(&kept(&world, "data", Some("free")).expect("made")), row("free", Consistency::Stopped));
    disks.assert_clean("kept");
    disks.make("again", None, Some(("free", None))).expect("made");
    let volume = disk_volume(disks.id("again"), None);
    assert_eq!(double.uploaded("lite", &volume), Some(b"free".to_vec()));
    // By what they are of, and no instance can have one.
    let own = |snapshot: &str| (snapshot.to_owned(), None, Some("data".to_owned()));
    assert_eq!(listed(&world, Some("data")), ["data-snap-1", "data-snap-2", "data-snap-3", "free"].map(own));
    assert_eq!((listed(&world, None).len(), listed(&world, Some("web")).len()), (5, 1));
    let engine = world.engine();
    let wrong = engine.store.require_snapshot(&engine.host_id(), &name("free")).map(drop).map_err(|e| short(&e));
    let said = "snapshot `free` is one of disk `data`, and of no instance".to_owned();
    assert_eq!(wrong, Err(("no_such_snapshot", 2, said)));
}

#[test]
fn a_snapshot_of_a_disk_outlives_disk_and_database() {
    let world = made();
    let disks = Disks::of(&world);
    kept(&world, "data", Some("alone")).expect("made");
    disks.detach("data", true).expect("taken off");
    disks.delete("data").expect("deleted");
    disks.assert_clean("deleted");
    world.lose_database();
    let mut engine = world.engine();
    let old = OldDatabases::open(world.state()).expect("opened");
    let mut taken = engine::rebuild(&mut engine, &world.catalog, &old).expect("rebuilt").snapshots;
    taken.sort();
    assert_eq!(taken, ["alone", "kept"]);
    assert_eq!(listed(&world, Some("data")), [("alone".to_owned(), None, Some("data".to_owned()))]);
    disks.assert_clean("rebuilt");
    let part = world.snapshot().volumes.into_iter().filter(|volume| volume.starts_with("snap-")).count();
    let gone = snapshot::find(&disks.app, &Disks::root(), &[name("alone")], false, &mut Unobserved).expect("found");
    gone.run(&disks.app).expect("deleted");
    let left = world.snapshot().volumes.into_iter().filter(|volume| volume.starts_with("snap-")).count();
    assert_eq!((part, left), (5, 3));
    disks.assert_clean("deleted");
}

#[test]
fn a_disk_that_cannot_be_kept_is_refused() {
    let world = made();
    let (disks, double) = (Disks::of(&world), world.hypervisor.inner());
    let refused = |disk, snapshot| kept(&world, disk, snapshot).map(drop).map_err(|e| short(&e));
    let unknown = ("no_such_disk", 2, "there is no disk `dat`".to_owned());
    assert_eq!(refused("dat", None), Err(unknown));
    let taken = |says: &str| Err(("name_taken", 2, says.to_owned()));
    assert_eq!(refused("data", Some("kept")), taken("there is a snapshot `kept` already"));
    assert_eq!(refused("data", Some("web")), taken("an instance is called `web`"));
    double.set_pool_free(0);
    assert_eq!(refused("data", None).map_err(|(code, exit, _)| (code, exit)), Err(("no_capacity", 2)));
    double.set_pool_free(1 << 40);
    // One that is copied while nobody has it is given to nobody, and is not removed; one that was given meanwhile is copied by nobody.
    disks.detach("data", true).expect("taken off");
    let mut engine = world.engine();
    let alone = name("alone");
    let accepted = disk_snapshot::accept(&mut engine, &name("data"), Some(&alone)).expect("accepted");
    let busy = |e: Error| (e.code.as_str(), e.exit_code());
    assert_eq!(disks.attach("data", "web", None).map(drop).map_err(busy), Err(("busy", 3)));
    assert_eq!(disks.delete("data").map_err(busy), Err(("busy", 3)));
    let cut_off = snapshot::find(&disks.app, &Disks::root(), &[alone], false, &mut Unobserved).map(drop).map_err(busy);
    assert_eq!(cut_off, Err(("busy", 3)));
    disk_snapshot::run(&mut engine, accepted, &mut Unobserved).expect("made");
    disks.attach("data", "web", None).expect("attached");
    // That of an instance which is deleted and kept waits for it.
    let web = engine.store.require(&name("web")).expect("stored");
    changes::keep_deleted(&mut engine, &web).expect("deleted");
    let said = "the disk is that of the deleted instance `web`".to_owned();
    assert_eq!(refused("data", None), Err(("not_settled", 2, said.clone())));
    let rows = disk::list(&disks.app, &Disks::root(), &mut Unobserved).expect("listed");
    assert_eq!((rows[0].instance.as_deref(), rows[0].is_instance_deleted), (Some("web"), true));
    // Whatever is wanted of it is answered by the way back, under the name that it had.
    world.create("db").expect("created");
    let answers = [
        disks.delete("data"),
        disks.detach("data", false).map(drop),
        disks.detach("data", true).map(drop),
        disks.attach("data", "db", None).map(drop),
    ];
    for answer in answers {
        let error = answer.expect_err("refused");
        assert_eq!(short(&error), ("not_settled", 2, said.clone()));
        assert!(error.hint_texts()[0].ends_with(": `lite undelete web` brings it back"), "{error:?}");
    }
    disks.assert_clean("refused");
}
