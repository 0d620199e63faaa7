//! Operations that fail, and are undone.

use lite::{
    engine::{self, Ctx},
    hypervisor::flaky::Moment,
    model::Result,
};

use super::{
    balanced::targets,
    changes, exports,
    operations::{
        Leaves, Operation, created, instance, move_network, not_upgradable, on, on_old_network, with_disk,
        with_snapshot,
    },
    world::World,
};

/// Operations that fail and are undone.
pub const UNLOADED: [Operation; 11] = [
    ("import whose disk is another", |_| (), not_imported, Leaves::Nothing),
    ("network that is not moved", on_old_network, immovable, Leaves::Whole),
    ("resize that is undone", created, not_resized, Leaves::Whole),
    ("disk attach that is undone", with_disk, not_attached, Leaves::Whole),
    ("restore that is undone", with_snapshot, not_restored, Leaves::Whole),
    ("upgrade that goes back", not_upgradable, not_upgraded, Leaves::Whole),
    ("firewall that is not loaded", created, unloaded, Leaves::Whole),
    ("publication that is not loaded", created, unpublishable, Leaves::Whole),
    ("static address that is not loaded", created, unattachable, Leaves::Whole),
    ("domain that is not served", created, not_served, Leaves::Whole),
    ("load balancer that is not served", created, not_balanced, Leaves::Whole),
];

/// Rules that are not loaded: those from before are there again.
fn unloaded(world: &World) -> Result<()> {
    world.hypervisor.fail_call("load_rules", 1, Moment::Before);
    let error = on(world, |e, i| changes::open(e, i, "8080")).expect_err("not loaded");
    world.hypervisor.heal();
    let rules: Vec<String> = instance(&world.engine()).record.rules().iter().map(ToString::to_string).collect();
    assert_eq!((error.exit_code(), rules), (1, vec!["22/tcp".to_owned(), "icmp".to_owned()]));
    Ok(())
}

/// A publication that is not loaded: there is none then.
fn unpublishable(world: &World) -> Result<()> {
    world.hypervisor.fail_call("load_rules", 1, Moment::Before);
    let error = on(world, |e, i| changes::publish(e, i, 8080)).expect_err("not loaded");
    world.hypervisor.heal();
    let engine = world.engine();
    assert_eq!((error.exit_code(), engine.store.publications_on(&engine.host_id())?), (1, vec![]));
    Ok(())
}

/// A network whose new definition libvirt refuses: it runs as before.
fn immovable(world: &World) -> Result<()> {
    world.hypervisor.fail_call("define_network", 1, Moment::Before);
    let error = move_network(world).expect_err("not defined");
    world.hypervisor.heal();
    assert_eq!((error.exit_code(), engine::refusing_network(&world.engine())?), (1, Some("lite".to_owned())));
    Ok(())
}

/// A static address that is not loaded: it leads nowhere then.
fn unattachable(world: &World) -> Result<()> {
    changes::keep(&mut world.engine())?;
    world.hypervisor.fail_call("load_rules", 1, Moment::Before);
    let error = on(world, changes::attach).expect_err("not loaded");
    world.hypervisor.heal();
    let engine = world.engine();
    let kept = engine.store.static_ips(&engine.host_id())?;
    assert_eq!((error.exit_code(), kept.len(), kept[0].instance), (1, 1, None));
    Ok(())
}

/// A domain that is not served: there is none then.
fn not_served(world: &World) -> Result<()> {
    world.hypervisor.fail_call("load_proxy", 1, Moment::Before);
    let error = on(world, |e, i| changes::publish_site(e, i, "a.example.org")).expect_err("not loaded");
    world.hypervisor.heal();
    let engine = world.engine();
    assert_eq!((error.exit_code(), engine.store.sites_on(&engine.host_id())?), (1, vec![]));
    Ok(())
}

fn not_attached(world: &World) -> Result<()> {
    world.hypervisor.fail_call("attach_device", 1, Moment::Before);
    let error = on(world, |ctx, instance| changes::attach_disk(ctx, instance, None)).expect_err("not attached");
    world.hypervisor.heal();
    assert_eq!((error.exit_code(), instance(&world.engine()).record.disks), (1, vec![]));
    Ok(())
}

/// A restore whose instance does not start: it has its disk of before.
fn not_restored(world: &World) -> Result<()> {
    let before = instance(&world.engine());
    world.hypervisor.fail_call("start", 1, Moment::Before);
    let error = on(world, |ctx, instance| changes::restore(ctx, instance).map(drop)).expect_err("not started");
    world.hypervisor.heal();
    let told = "restored nothing; instance `web` runs as before";
    assert_eq!((error.exit_code(), error.message.as_str(), instance(&world.engine())), (1, told, before));
    Ok(())
}

/// An import whose second disk is not the one that is told: nothing of it is left, the first one neither.
fn not_imported(world: &World) -> Result<()> {
    let [root, given] = [exports::disk(), exports::given()];
    let mut other = given.clone();
    *other.last_mut().expect("bytes") ^= 1;
    let arriving = exports::arriving(&[root.clone(), other], &[root, given])?;
    let error = world.import_of("web", &["data"], arriving).expect_err("another");
    let cause = "the disk in the export is not the one that it says: its digest differs";
    assert_eq!((error.exit_code(), error.causes.first().map(String::as_str)), (2, Some(cause)));
    let engine = world.engine();
    assert_eq!((engine.store.disks(&engine.host_id())?, engine.store.instances()?.len()), (vec![], 0));
    Ok(())
}

/// An upgrade whose part fails: the instance runs with the disk of its snapshot.
fn not_upgraded(world: &World) -> Result<()> {
    let before = instance(&world.engine());
    let error = on(world, changes::upgrade).expect_err("not upgraded");
    let told = "could not upgrade instance `web`: it runs as before, with the disk of snapshot `web-snap-1`";
    let after = instance(&world.engine());
    assert_eq!((error.exit_code(), error.message.as_str(), after.record.root_disk), (1, told, Some(2)));
    assert_eq!(after.record.blueprint_version, before.record.blueprint_version);
    Ok(())
}

/// A resize whose instance does not start: it runs as before, but for its disk.
fn not_resized(world: &World) -> Result<()> {
    let before = instance(&world.engine());
    world.hypervisor.fail_call("start", 1, Moment::Before);
    let error = on(world, changes::resize).expect_err("not started");
    world.hypervisor.heal();
    assert_eq!((error.exit_code(), instance(&world.engine())), (1, before));
    Ok(())
}

/// Changes of a load balancer that is not served: all is as it was.
fn not_balanced(world: &World) -> Result<()> {
    let failing = |what: &str, change: &dyn Fn(&mut Ctx) -> Result<()>, left: &[usize]| {
        world.hypervisor.fail_call("load_proxy", 1, Moment::Before);
        let error = change(&mut world.engine()).expect_err(what);
        world.hypervisor.heal();
        assert_eq!((error.exit_code(), targets(world)), (1, left.to_vec()), "{what}");
    };
    let instance = instance(&world.engine());
    failing("made", &changes::balance, &[]);
    changes::balance(&mut world.engine())?;
    failing("attached", &|e| changes::add_target(e, &instance), &[0]);
    changes::add_target(&mut world.engine(), &instance)?;
    failing("detached", &changes::remove_targets, &[1]);
    failing("deleted", &changes::unbalance, &[1]);
    Ok(())
}
