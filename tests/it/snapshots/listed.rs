//! What a listing of instances costs that have many snapshots.

use jiff::SignedDuration;
use lite::{app::instance::list, model::Size, store::snapshots, view::ListRow};

use super::*;

/// What `lite list` shows, and what it asks libvirt for that.
fn listed(app: &App, world: &World) -> (Vec<ListRow>, Vec<&'static str>) {
    let before = world.hypervisor.calls().len();
    let (rows, ..) = list::list(app, &Snapshots::root(), &[], &mut Unobserved).expect("listed");
    (rows, world.hypervisor.calls().split_off(before))
}

#[test]
fn a_list_with_500_snapshots_asks_no_qemu_and_no_more_than_without() {
    let world = World::new();
    world.create("web").expect("created");
    let snapshots = Snapshots::of(&world);
    let (rows, calls) = listed(&snapshots.app, &world);
    assert_eq!((rows.len(), rows[0].last_snapshot), (1, None));
    // Bulk questions alone, none of which waits for a QEMU.
    assert_eq!(calls, ["domains", "taps", "pool", "volumes"]);
    snapshots.create("web", Some("first")).expect("made");
    let mut engine = world.engine();
    let host = engine.host_id();
    let first = engine.store.require_snapshot(&host, &name("first")).expect("a snapshot").snapshot;
    let (blueprint, parameters) = engine.store.blueprint_of_snapshot(first.id).expect("read");
    let at = |n: i64| first.created_at.checked_add(SignedDuration::from_hours(n)).expect("a time");
    engine
        .store
        .write(|t| {
            (1..500).try_for_each(|n| {
                let (id, name) = (Uuid::new_v4(), name(&format!("many-{n}")));
                let one = lite::model::Snapshot { id, name, created_at: at(n), ..first.clone() };
                snapshots::take_in(t, &host, (&one, Size::mib(1)), &blueprint, &parameters)
            })
        })
        .expect("written");
    assert_eq!(snapshots.list(None).map(|all| all.len()), Ok(500));
    let (rows, again) = listed(&snapshots.app, &world);
    assert_eq!((rows.len(), rows[0].last_snapshot, again), (1, Some(at(499)), calls));
}
