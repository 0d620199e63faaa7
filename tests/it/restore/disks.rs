//! Disks that the instance was given go back together with its root disk.

use lite::{engine::sagas::disk, hypervisor::Volumes as _, model::Size, store::OldDatabases};

use super::*;

/// An instance with the disk `data`, and the snapshot `kept` of both, whose copy of the disk holds `then`.
fn made_with_disk() -> World {
    let world = World::new();
    world.create("web").expect("created");
    world.hypervisor.inner().set_agent(web(&world).record.uuid, true);
    changes::disk(&mut world.engine()).expect("made");
    changes::attach_disk(&mut world.engine(), &web(&world), Some("/srv")).expect("attached");
    changes::snapshot(&mut world.engine(), &web(&world)).expect("made");
    world.hypervisor.inner().upload("lite", &part(&world), b"then").expect("written");
    world
}

fn row(world: &World, disk: &str) -> lite::model::Disk {
    let engine = world.engine();
    engine.store.require_disk(&engine.host_id(), &name(disk)).expect("there")
}

/// The snapshot's copy of the disk.
fn part(world: &World) -> String {
    let engine = world.engine();
    let kept = engine.store.require_snapshot(&engine.host_id(), &name("kept")).expect("there").snapshot;
    plan::snapshot_part(kept.id, kept.disks[0].disk)
}

/// The volumes of disks in the pool, and those that the run of the instance has.
fn volumes(world: &World) -> (Vec<String>, Vec<String>) {
    let all = world.snapshot().volumes.into_iter().filter(|volume| volume.starts_with("disk-")).collect();
    let live = world.hypervisor.inner().live_definition(web(world).record.uuid).expect("read").unwrap_or_default();
    let names = live.disks.iter().filter_map(|disk| disk.chain.first()?.rsplit('/').next());
    (all, names.filter(|name| name.starts_with("disk-")).map(str::to_owned).collect())
}

fn quick() -> Restore {
    Restore { keep: false, ..wanted("kept") }
}

#[test]
fn a_disk_goes_back_with_the_root_disk() {
    let world = made_with_disk();
    let before = web(&world);
    let mut found = restore::find(&app(&world), &root(), &wanted("kept"), &mut Unobserved).expect("found");
    let planned =
        "would be restored to `kept` with disk `data` and started; the disk of now would be snapshot `web-snap-1`";
    assert_eq!(found.plan(), Ok(Changed::new("web", planned)));
    let told = Changed::new("web", "restored with disk `data`, running");
    assert_eq!(restored(&world, &wanted("kept")), Ok(told.clone()));
    let id = row(&world, "data").id;
    let second = plan::disk_volume(id, Some(2));
    assert_eq!((row(&world, "data").volume, web(&world).record.disks[0].volume), (Some(2), Some(2)));
    assert_eq!(volumes(&world), (vec![second.clone()], vec![second.clone()]));
    assert_eq!(world.hypervisor.inner().uploaded("lite", &second), Some(b"then".to_vec()));
    assert_clean(&world, "restored");
    // Mounted where it was, by the same unit: nothing else of it changed.
    let mut record = web(&world).record;
    record.disks[0].volume = None;
    assert_eq!(record, Record { root_disk: Some(2), ..before.record });
    assert_eq!(restored(&world, &quick()), Ok(told));
    assert_eq!(volumes(&world).0, [plan::disk_volume(id, Some(3))]);
    // The disk is what it always was: it gets larger, is taken off, outlives the database and goes.
    changes::resize_disk(&mut world.engine()).expect("larger");
    changes::detach_disk(&mut world.engine(), &web(&world)).expect("taken off");
    assert_clean(&world, "taken off");
    world.lose_database();
    let mut engine = world.engine();
    let old = OldDatabases::open(world.state()).expect("opened");
    let done = engine::rebuild(&mut engine, &world.catalog, &old).expect("rebuilt");
    let kept = engine.store.disk_by_id(id).expect("read").expect("a disk");
    assert_eq!((done.refused, done.disks, kept.volume), (vec![], vec![kept.name.to_string()], Some(3)));
    let gone = disk::accept_delete(&mut engine, &kept.name).expect("accepted");
    disk::run_delete(&mut engine, gone).expect("deleted");
    assert_eq!(volumes(&world).0, [""; 0]);
    assert_clean(&world, "deleted");
}

#[test]
fn what_is_not_in_both_stays_or_is_left_out() {
    let world = made_with_disk();
    changes::detach_disk(&mut world.engine(), &web(&world)).expect("taken off");
    let mut engine = world.engine();
    let logs = disk::accept(&mut engine, &name("logs"), Size::mib(64)).expect("accepted");
    disk::run(&mut engine, logs).expect("made");
    let attach = lite::engine::sagas::attachment::accept_attach(&mut engine, &web(&world), &name("logs"), None);
    let attach = attach.expect("accepted").expect("something to do");
    lite::engine::sagas::attachment::run_attach(&mut engine, attach).expect("attached");
    let before = volumes(&world);
    let told = "restored, running; not in it: disk `logs`, as now; left out, as not attached any more: disk `data`";
    assert_eq!(restored(&world, &quick()), Ok(Changed::new("web", told)));
    assert_eq!(volumes(&world), before);
    assert_clean(&world, "restored");
}

#[test]
fn a_disk_keeps_the_size_that_it_got_since() {
    let world = made_with_disk();
    changes::resize_disk(&mut world.engine()).expect("larger");
    restored(&world, &quick()).expect("restored");
    let has = |volume: &str| world.hypervisor.inner().volume("lite", volume).expect("asked").expect("there").capacity;
    let now = plan::disk_volume(row(&world, "data").id, Some(2));
    assert_eq!((row(&world, "data").size, has(&now), has(&part(&world))), (Size::mib(2048), 2 << 30, 1 << 30));
}

#[test]
fn a_disk_that_cannot_go_back_is_refused_before_anything_is_stopped() {
    let world = made_with_disk();
    let part = part(&world);
    world.hypervisor.inner().set_pool_free(1 << 30);
    let full = restored(&world, &quick()).map_err(|e| (e.code.as_str(), e.exit_code()));
    assert_eq!(full, Err(("no_capacity", 2)));
    world.hypervisor.inner().set_pool_free(1 << 40);
    world.hypervisor.inner().remove_volume("lite", &part).expect("removed");
    let gone = restored(&world, &quick()).map_err(|e| short(&e));
    assert_eq!(gone, Err(("no_volume", 1, format!("the copy `{part}` of snapshot `kept` is gone"))));
    assert_eq!(state(&world), DomainState::Running);
}

/// A restore that was cut off and whose database is lost leaves a second volume of a disk. It is told, and goes only where the record of an
/// instance tells which is the disk.
#[test]
fn a_second_volume_of_a_disk_is_told_and_goes_where_a_record_tells_which_is_the_disk() {
    let world = made_with_disk();
    let double = world.hypervisor.inner();
    let id = row(&world, "data").id;
    let (first, second) = (plan::disk_volume(id, None), plan::disk_volume(id, Some(2)));
    let left = || {
        let xml = plan::empty_xml(&second, Size::mib(1024)).expect("XML");
        double.ensure_volume("lite", &second, &xml).expect("made");
    };
    let found = |world: &World| -> Vec<(engine::Trouble, String)> {
        let all = engine::audit(&world.engine()).expect("audited").findings;
        all.into_iter().map(|one| (one.trouble, one.subject)).collect()
    };
    left();
    world.lose_database();
    let mut engine = world.engine();
    let old = OldDatabases::open(world.state()).expect("opened");
    let done = engine::rebuild(&mut engine, &world.catalog, &old).expect("rebuilt");
    assert_eq!((done.refused, done.disks.len()), (vec![], 1));
    let subject = format!("volume `{second}`");
    assert_eq!(found(&world), [(engine::Trouble::Orphan, subject.clone())]);
    let orphans = engine::orphans(&engine).expect("looked");
    // Nothing goes while somebody works on who has the disk.
    let mut other = world.engine();
    let at_work =
        lite::engine::sagas::snapshot::accept(&mut other, &web(&world), Some(&name("other"))).expect("accepted");
    assert_eq!(engine::collect(&mut world.engine(), &orphans), Ok(vec![]));
    lite::engine::sagas::snapshot::run(&mut other, at_work, &mut Unobserved).expect("made");
    assert_eq!(engine::collect(&mut engine, &orphans), Ok(vec![subject.clone()]));
    assert_eq!(volumes(&world).0, std::slice::from_ref(&first));
    assert_clean(&world, "collected");
    // Of a disk that nobody has nothing tells which of the two it is.
    let disk = engine.store.disk_by_id(id).expect("read").expect("a disk").name;
    let gone = lite::engine::sagas::attachment::accept_detach(&mut engine, &web(&world), &disk, true);
    lite::engine::sagas::attachment::run_detach(&mut engine, gone.expect("accepted").expect("something to do"))
        .expect("taken off");
    left();
    assert_eq!(found(&world), [(engine::Trouble::UnknownVolume, subject)]);
    assert_eq!(engine::orphans(&engine), Ok(vec![]));
    assert_eq!(volumes(&world).0, [second, first]);
}
