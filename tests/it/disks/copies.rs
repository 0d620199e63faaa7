//! Disks that are made of those in a snapshot.

use lite::plan::snapshot_part;

use super::*;

/// The disk `data` in the snapshot `kept` of an instance, whose copy holds `then`.
pub(super) fn made() -> World {
    let world = World::new();
    world.create("web").expect("created");
    let mut engine = world.engine();
    let web = |engine: &engine::Ctx| engine.store.require(&name("web")).expect("stored");
    changes::disk(&mut engine).expect("made");
    let instance = web(&engine);
    changes::attach_disk(&mut engine, &instance, None).expect("attached");
    let instance = web(&engine);
    changes::snapshot(&mut engine, &instance).expect("made");
    let kept = engine.store.require_snapshot(&engine.host_id(), &name("kept")).expect("there").snapshot;
    world.hypervisor.inner().upload("lite", &snapshot_part(kept.id, kept.disks[0].disk), b"then").expect("written");
    world
}

#[test]
fn a_disk_is_made_of_one_in_a_snapshot() {
    let world = made();
    let disks = Disks::of(&world);
    let row = disks.make("as-it-was", None, Some(("kept", None))).expect("made");
    assert_eq!((row.size, row.instance), (Size::mib(1024), None));
    let row = disks.make("larger", Some(2048), Some(("kept", Some("data")))).expect("made");
    assert_eq!(row.size, Size::mib(2048));
    let double = world.hypervisor.inner();
    for (disk, mib) in [("as-it-was", 1024), ("larger", 2048)] {
        let volume = disk_volume(disks.id(disk), None);
        assert_eq!(double.uploaded("lite", &volume), Some(b"then".to_vec()), "{disk}");
        assert_eq!(double.volume("lite", &volume).expect("asked").expect("there").capacity, mib << 20, "{disk}");
    }
    disks.assert_clean("made of a snapshot");
    // It depends on nothing: the snapshot may go.
    changes::delete_snapshot(&mut world.engine()).expect("deleted");
    disks.attach("larger", "web", None).expect("attached");
    disks.assert_clean("attached");
}

#[test]
fn what_a_snapshot_does_not_hold_is_refused() {
    let world = made();
    let disks = Disks::of(&world);
    let refused = |mib, from| disks.make("new", mib, Some(from)).map(drop).map_err(|e| short(&e));
    let unknown = ("no_such_snapshot", 2, "there is no snapshot `kep`".to_owned());
    assert_eq!(refused(None, ("kep", None)), Err(unknown));
    let other = ("no_such_disk", 2, "snapshot `kept` holds no disk `logs`".to_owned());
    assert_eq!(refused(None, ("kept", Some("logs"))), Err(other));
    let smaller = "disk `data` of snapshot `kept` has 1 GiB, and cannot get smaller (0.5 GiB)".to_owned();
    assert_eq!(refused(Some(512), ("kept", None)), Err(("invalid_size", 2, smaller)));
    let bare = ("usage", 2, "an empty disk needs a size".to_owned());
    assert_eq!(disks.make("new", None, None).map(drop).map_err(|e| short(&e)), Err(bare));
    disks.detach("data", true).expect("taken off");
    let mut engine = world.engine();
    let web = engine.store.require(&name("web")).expect("stored");
    let alone = lite::engine::sagas::snapshot::accept(&mut engine, &web, Some(&name("alone"))).expect("accepted");
    lite::engine::sagas::snapshot::run(&mut engine, alone, &mut Unobserved).expect("made");
    let none = ("no_such_disk", 2, "snapshot `alone` holds no disk beside the root disk".to_owned());
    assert_eq!(refused(None, ("alone", None)), Err(none));
    assert_eq!(disks.list().len(), 1);
    disks.assert_clean("refused");
}
