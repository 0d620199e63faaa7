//! Disks that the instance was given are copied with it, at the same moment.

use lite::{hypervisor::Lifecycle as _, model::Size, plan::snapshot_part, view::CopiedDiskView};

use super::*;

/// Gives the instance the disk `data`, which is mounted if its guest has an agent.
pub fn with_disk(world: &World, has_agent: bool) -> Uuid {
    let uuid = uuid_of(world, "web");
    world.hypervisor.inner().set_agent(uuid, has_agent);
    let mut engine = world.engine();
    changes::disk(&mut engine).expect("made");
    let instance = engine.store.require(&name("web")).expect("stored");
    changes::attach_disk(&mut engine, &instance, has_agent.then_some("/srv")).expect("attached");
    uuid
}

fn data(mount: Option<&str>) -> Vec<CopiedDiskView> {
    let mount = mount.map(|at| lite::model::MountPoint::parse(at).expect("a folder"));
    vec![CopiedDiskView { name: "data".to_owned(), size: Size::mib(1 << 10), mount }]
}

/// What is done to a running guest, in order.
fn done(world: &World, calls: usize) -> Vec<&'static str> {
    let told = ["copy_disk", "freeze", "suspend", "abort_block_job", "resume", "thaw"];
    world.hypervisor.calls().split_off(calls).into_iter().filter(|call| told.contains(call)).collect()
}

#[test]
fn all_disks_of_a_guest_are_copied_at_one_moment() {
    for has_agent in [true, false] {
        let world = World::new();
        world.create("web").expect("created");
        let uuid = with_disk(&world, has_agent);
        let (snapshots, double, calls) =
            (Snapshots::of(&world), world.hypervisor.inner(), world.hypervisor.calls().len());
        let made = snapshots.create("web", Some("both")).expect("made");
        assert_eq!(made.disks, data(has_agent.then_some("/srv")));
        let copied = ["copy_disk", "copy_disk"];
        let cut = ["suspend", "abort_block_job", "abort_block_job", "resume"];
        let order = match has_agent {
            true => [copied.as_slice(), &["freeze"], &cut, &["thaw"]].concat(),
            false => [copied.as_slice(), &cut].concat(),
        };
        assert_eq!(done(&world, calls), order);
        let wanted = [snapshot_disk(snapshots.id("both")), part_of(&world, &snapshots, "both")];
        let names: Vec<(String, bool)> = double
            .copies()
            .into_iter()
            .map(|(path, whole)| (path.rsplit('/').next().expect("a name").to_owned(), whole))
            .collect();
        assert_eq!(names, wanted.clone().map(|volume| (volume, true)));
        let mut volumes = vec![snapshot_sidecar(snapshots.id("both"))];
        volumes.extend(wanted);
        volumes.sort();
        assert_eq!(snapshots.volumes(), volumes);
        assert!(engine::audit(&world.engine()).expect("audited").is_clean());
        assert_eq!(snapshots.delete(&["both"]), Ok(vec!["both".to_owned()]));
        snapshots.assert_nothing_left(uuid, "deleted");
    }
}

fn part_of(world: &World, snapshots: &Snapshots<'_>, snapshot: &str) -> String {
    let engine = world.engine();
    let disk = engine.store.require_disk(&engine.host_id(), &name("data")).expect("a disk").id;
    snapshot_part(snapshots.id(snapshot), disk)
}

#[test]
fn a_guest_that_somebody_paused_stays_paused() {
    let world = World::new();
    world.create("web").expect("created");
    let uuid = with_disk(&world, false);
    world.hypervisor.inner().suspend(uuid).expect("paused");
    let calls = world.hypervisor.calls().len();
    Snapshots::of(&world).create("web", None).expect("made");
    assert_eq!(done(&world, calls), ["copy_disk", "copy_disk", "abort_block_job", "abort_block_job"]);
    let state = world.hypervisor.inner().domain(uuid).expect("asked").map(|domain| domain.state);
    assert_eq!(state, Some(DomainState::Paused));
}

#[test]
fn a_snapshot_with_disks_outlives_the_database_whole_or_not_at_all() {
    let world = World::new();
    world.create("web").expect("created");
    with_disk(&world, true);
    let snapshots = Snapshots::of(&world);
    let made = snapshots.create("web", Some("both")).expect("made");
    let part = part_of(&world, &snapshots, "both");
    world.lose_database();
    let mut engine = world.engine();
    let old = OldDatabases::open(world.state()).expect("opened");
    engine::rebuild(&mut engine, &world.catalog, &old).expect("rebuilt");
    drop(engine);
    let shown = snapshot::show(&snapshots.app, &Snapshots::root(), &name("both"), &mut Unobserved).expect("shown");
    assert_eq!((shown.disks, shown.size), (made.disks, made.size));
    // One copy gone: the audit tells, and a rebuild takes no half one.
    world.hypervisor.inner().remove_volume("lite", &part).expect("removed");
    let audit = engine::audit(&world.engine()).expect("audited");
    let told: Vec<&str> = audit.findings.iter().map(|finding| finding.problem.as_str()).collect();
    assert_eq!(told, [format!("its volume `{part}` is gone")]);
    world.lose_database();
    let done = engine::rebuild(&mut world.engine(), &world.catalog, &old).expect("rebuilt");
    assert_eq!((done.snapshots, done.refused.len()), (vec![], 1));
    assert!(done.refused[0].ends_with(&format!("its copy `{part}` is gone")), "{:?}", done.refused);
}
