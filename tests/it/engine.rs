//! The engine over libvirt's test driver: no root, no daemon.

mod stop;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{changes, world::World};
use lite::{
    clock::Clock,
    engine::{self, Created, Unobserved},
    hypervisor::{DomainState, flaky::Moment, prelude::*},
    model::{Class, DesiredState, InstanceState, Name, NetworkMode},
    plan::{Object, Step},
    store::{OldDatabases, OperationState},
};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

#[test]
fn create_makes_one_of_each_and_delete_removes_it_all() {
    let world = World::new();
    let before = world.snapshot();
    let created: Created = world.create("web").expect("created");
    assert_eq!(created.record.name, name("web"));
    assert_eq!(created.record.address.map(|a| a.to_string()), Some("192.168.150.2".to_owned()));
    assert_eq!(created.record.price.to_string(), "5.00");
    let engine = world.engine();
    let listed = engine::list(&engine).expect("listed");
    assert_eq!(
        listed.iter().map(|l| (l.instance.record.name.as_str(), l.state)).collect::<Vec<_>>(),
        [("web", InstanceState::Running)]
    );
    let calls = world.hypervisor.calls();
    let last = |call: &str| calls.iter().rposition(|c| *c == call).expect("called");
    assert!(last("load_rules") < last("start"), "the rules are there before the guest: {calls:?}");
    let volumes = world.hypervisor.volumes("lite").expect("volumes");
    assert_eq!(volumes.len(), 2);
    let families = |world: &World| world.snapshot().rules.into_iter().map(|t| t.family).collect::<Vec<_>>();
    assert_eq!(families(&world), ["bridge", "inet"]);

    let mut engine = world.engine();
    let instance = engine.store.require(&name("web")).expect("stored");
    let receipt = engine::delete(&mut engine, &instance).expect("deleted");
    assert_eq!(receipt.removed[0], "virtual machine `web`");
    assert_eq!(world.snapshot(), before);
    assert_eq!(engine::list(&engine).expect("listed"), []);
    let kinds: Vec<_> =
        engine.store.operations(10).expect("operations").into_iter().map(|o| (o.kind, o.state)).collect();
    assert_eq!(kinds.len(), 2);
    assert!(kinds.iter().all(|(_, state)| *state == OperationState::Succeeded), "{kinds:?}");
}

#[test]
fn every_failing_call_of_create_leaves_nothing() {
    for moment in [Moment::Before, Moment::After] {
        let calls = {
            let world = World::new();
            world.create("web").expect("a create without fault");
            world.hypervisor.calls().len()
        };
        assert!(calls > 8, "{calls} calls");
        for n in 1..=calls {
            let world = World::new();
            let before = world.snapshot();
            world.hypervisor.fail_nth(n, moment);
            let error = world.create("web").map(|c| c.record.name).expect_err("the fault must show");
            assert_eq!(world.hypervisor.hits(), 1, "call {n} {moment:?} was not reached");
            assert_ne!(error.exit_code(), 0);
            world.hypervisor.heal();
            assert_eq!(world.snapshot(), before, "call {n} {moment:?} left something: {error}");
            assert_eq!(world.engine().store.instances().expect("instances"), [], "call {n} {moment:?}");
            world.create("web").unwrap_or_else(|e| panic!("a second try after call {n}: {e}"));
        }
    }
}

#[test]
fn an_undo_that_fails_needs_attention_and_repair_finishes_it() {
    let world = World::new();
    let before = world.snapshot();
    world.hypervisor.fail_call("ensure_domain", 1, Moment::After);
    world.hypervisor.fail_call("remove_volume", 1, Moment::Before);
    let error = world.create("web").map(|c| c.record.name).expect_err("fails");
    assert_eq!((error.class, error.code.as_str()), (Class::NeedsAttention, "undo_failed"));
    assert_eq!(world.hypervisor.hits(), 2);
    let mut engine = world.engine();
    let open = engine.store.open_operations().expect("open");
    assert_eq!(open.iter().map(|o| o.state).collect::<Vec<_>>(), [OperationState::NeedsAttention]);
    world.hypervisor.heal();
    world.create("other").expect("other instances stay manageable");
    let other = engine.store.require(&name("other")).expect("stored");
    engine::delete(&mut engine, &other).expect("deleted");
    assert_eq!(engine::retry_attention(&mut engine).expect("repaired"), ["undid the create of `web` that was cut off"]);
    assert_eq!(world.snapshot(), before);
    assert_eq!(engine.store.open_operations().expect("open"), []);
}

#[test]
fn a_create_that_an_older_lite_left_is_undone_by_its_journal() {
    let world = World::new();
    let before = world.snapshot();
    world.create("web").expect("created");
    world.make_journal_old();
    // As if its process had died in its last step.
    world.sql(
        "UPDATE step SET state = 'intent' WHERE step ->> '$.step' = 'connect';
         UPDATE operation SET state = 'started', ended_at = NULL;",
    );
    let mut engine = world.engine();
    assert_eq!(engine::recover(&mut engine).expect("recovered"), ["undid the create of `web` that was cut off"]);
    assert_eq!(world.snapshot(), before);
    assert!(engine::audit(&engine).expect("audited").is_clean());
}

#[test]
fn an_undo_that_fails_for_good_stays_in_need_of_attention() {
    let world = World::new();
    let before = world.snapshot();
    world.hypervisor.fail_call("ensure_domain", 1, Moment::After);
    world.hypervisor.fail_every("remove_volume");
    world.create("web").map(|c| c.record.name).expect_err("fails");
    let mut engine = world.engine();
    for _ in 0..3 {
        assert_eq!(engine::recover(&mut engine), Ok(vec![]), "left alone by every other command");
        let error = engine::retry_attention(&mut engine).expect_err("it fails again");
        assert_eq!((error.class, error.code.as_str()), (Class::NeedsAttention, "undo_failed"));
        let open = engine.store.open_operations().expect("open");
        assert_eq!(open.iter().map(|o| o.state).collect::<Vec<_>>(), [OperationState::NeedsAttention]);
        // Another instance is made, stopped and started as ever.
        let other = world.create("other").map(|_| engine.store.require(&name("other")).expect("stored"));
        let other = other.or_else(|_| engine.store.require(&name("other"))).expect("manageable");
        changes::stop(&mut engine, &other, true, Duration::ZERO, &mut Unobserved).expect("stopped");
        assert!(changes::start(&mut engine, &other, None, &mut Unobserved).expect("started"));
    }
    world.hypervisor.heal();
    assert_eq!(engine::retry_attention(&mut engine).expect("repaired"), ["undid the create of `web` that was cut off"]);
    let other = engine.store.require(&name("other")).expect("stored");
    engine::delete(&mut engine, &other).expect("deleted");
    assert_eq!((world.snapshot(), engine.store.open_operations()), (before, Ok(vec![])));
}

/// libvirt goes on with a call whose client died: it may take effect after the next command has begun to undo.
/// A clock on which a call takes effect during the first wait.
struct OnWait<F>(Mutex<Option<F>>);

impl<F: FnOnce() + Send> Clock for OnWait<F> {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn sleep(&self, _: Duration) {
        if let Some(call) = self.0.lock().expect("not poisoned").take() {
            call();
        }
    }
}

#[test]
fn a_dead_creates_last_call_that_takes_effect_late_leaves_nothing() {
    let world = World::new();
    let before = world.snapshot();
    let uuid = world.create("web").expect("created").record.uuid;
    let hv = world.hypervisor.inner();
    hv.destroy(uuid).expect("off");
    hv.remove_domain(uuid).expect("removed");
    // As if its process had died while libvirt defined the domain: intended, not done. Undoing what comes after does no harm.
    let create = world.engine().store.operations(10).expect("operations").remove(0);
    let steps = world.engine().store.steps(&create.id).expect("steps");
    let (sequence, xml) = steps
        .iter()
        .find_map(|s| match serde_json::from_str(&s.step).expect("a step") {
            Step::Ensure { object: Object::Domain { .. }, xml, .. } => Some((s.sequence, xml)),
            _ => None,
        })
        .expect("a create defines a domain");
    let db = rusqlite::Connection::open(world.state().join("state.db")).expect("a database");
    db.execute("UPDATE step SET state = 'intent' WHERE sequence >= ?1", [sequence]).expect("changed");
    db.execute("UPDATE operation SET state = 'started', ended_at = NULL", []).expect("changed");
    drop(db);
    let hv = world.hypervisor.clone();
    let late = Arc::new(OnWait(Mutex::new(Some(move || hv.inner().ensure_domain(&xml).expect("defined")))));
    let mut ctx = world.engine();
    ctx.clock = late.clone();
    assert_eq!(engine::recover(&mut ctx).expect("recovered"), ["undid the create of `web` that was cut off"]);
    assert!(late.0.lock().expect("not poisoned").is_none(), "it took effect");
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_delete_that_fails_goes_on_later() {
    let world = World::new();
    let before = world.snapshot();
    world.create("web").expect("created");
    let mut engine = world.engine();
    let instance = engine.store.require(&name("web")).expect("stored");
    world.hypervisor.fail_call("remove_domain", 1, Moment::Before);
    let error = engine::delete(&mut engine, &instance).expect_err("fails");
    assert_eq!(error.exit_code(), 1);
    assert_eq!(world.hypervisor.hits(), 1);
    assert_eq!(engine::list(&engine).expect("listed")[0].state, InstanceState::Deleting);
    assert_eq!(engine::recover(&mut engine).expect("recovered"), ["finished the delete of `web` that was cut off"]);
    assert_eq!(world.snapshot(), before);
    assert_eq!(engine::recover(&mut engine).expect("recovered"), Vec::<String>::new());
}

#[test]
fn a_taken_name_is_refused_and_default_names_count_up() {
    let world = World::new();
    world.create("web").expect("created");
    let error = world.create("web").map(|c| c.record.name).expect_err("taken");
    assert_eq!((error.exit_code(), error.message.as_str()), (2, "the name `web` is taken"));
    assert_eq!(world.create_unnamed().expect("created").record.name, name("debian-13-1"));
    assert_eq!(world.create_unnamed().expect("created").record.name, name("debian-13-2"));
    world.define_foreign("debian-13-3");
    assert_eq!(world.create_unnamed().expect("created").record.name, name("debian-13-4"));
    let error = world.create("debian-13-3").map(|c| c.record.name).expect_err("foreign");
    assert_eq!(error.message, "the name `debian-13-3` is taken by a domain that is not lite's");
}

#[test]
fn what_does_not_fit_is_refused_with_the_numbers() {
    let world = World::new();
    world.hypervisor.inner().set_host(|h| h.memory_free_kib = 256 << 10);
    let error = world.create("web").map(|c| c.record.name).expect_err("no memory");
    assert_eq!(error.exit_code(), 2);
    assert_eq!(error.message, "bundle `nano` does not fit on this host: 512 MiB of memory needed, 256 MiB free");
    assert_eq!(world.engine().store.operations(10).expect("operations"), []);
}

#[test]
fn an_agent_that_lies_is_not_believed() {
    let world = World::new();
    let neighbour = world.create("other").expect("created").record.address.expect("reserved");
    let web = world.create_on("web", NetworkMode::Bridge("br0".into())).expect("created").record;
    let own = || {
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
        socket.connect("192.0.2.1:9").ok()?;
        socket.local_addr().ok()?.ip().to_string().parse::<std::net::Ipv4Addr>().ok()
    };
    let never = ["0.0.0.0", "127.0.0.1", "127.9.9.9", "169.254.169.254", "224.0.0.1", "240.0.0.1", "255.255.255.255"];
    let mut lies: Vec<std::net::Ipv4Addr> = never.iter().map(|a| a.parse().expect("an address")).collect();
    lies.extend(own());
    lies.push(neighbour);
    lies.extend(lite::doctor::gateways(&*world.engine().machine).expect("routes"));
    for lie in &lies {
        world.hypervisor.inner().say_addresses(web.uuid, &[*lie]);
        assert_eq!(engine::guest_address(&world.engine(), &web), Ok(None), "{lie}");
    }
    let truth = "198.51.100.7".parse().expect("an address");
    lies.push(truth);
    world.hypervisor.inner().say_addresses(web.uuid, &lies);
    assert_eq!(engine::guest_address(&world.engine(), &web), Ok(Some(truth)));
}

#[test]
fn a_domain_removed_by_hand_is_lost_and_can_be_deleted() {
    let world = World::new();
    let before = world.snapshot();
    let uuid = world.create("web").expect("created").record.uuid;
    world.hypervisor.destroy(uuid).expect("destroyed");
    world.hypervisor.remove_domain(uuid).expect("removed");
    let mut engine = world.engine();
    assert_eq!(engine::list(&engine).expect("listed")[0].state, InstanceState::Lost);
    let instance = engine.store.require(&name("web")).expect("stored");
    engine::delete(&mut engine, &instance).expect("deleted");
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_lost_database_is_rebuilt_from_the_domains() {
    let world = World::new();
    world.create("web").expect("created");
    let mut engine = world.engine();
    let instance = engine.store.require(&name("web")).expect("stored");
    changes::publish(&mut engine, &instance, 8080).expect("published");
    let record = engine.store.require(&name("web")).expect("stored").record;
    assert_eq!(record.published.iter().map(ToString::to_string).collect::<Vec<_>>(), ["8080/tcp to 22"]);
    world.lose_database();
    let mut engine = world.engine();
    assert_eq!(engine::list(&engine).expect("listed"), []);
    let done = engine::rebuild(&mut engine, &world.catalog, &OldDatabases::open(world.state()).expect("opened"))
        .expect("rebuilt");
    assert_eq!(
        done.taken.iter().map(|r| (r.name.as_str(), r.lost.clone())).collect::<Vec<_>>(),
        [("web", vec!["host key"])]
    );
    assert_eq!(done.refused, Vec::<String>::new());
    assert_eq!(engine.store.require(&name("web")).expect("stored").record, record);
}

#[test]
fn orphans_of_ours_are_found_and_nothing_else() {
    let world = World::new();
    world.define_foreign("somebody");
    let before = world.snapshot();
    world.create_orphan("web");
    let mut engine = world.engine();
    let orphans = engine::orphans(&engine).expect("looked");
    // Domain, two volumes, filter, address, name, two logs, lock file.
    assert_eq!(orphans.len(), 9, "{orphans:?}");
    assert_eq!(engine::collect(&mut engine, &orphans).expect("collected").len(), 9);
    assert_eq!(world.snapshot(), before);
}

#[test]
fn a_lost_database_makes_no_orphans() {
    let world = World::new();
    world.create("web").expect("created");
    let full = world.snapshot();
    world.lose_database();
    let mut engine = world.engine();
    assert_eq!(engine::orphans(&engine), Ok(vec![]));
    assert_eq!(engine::collect(&mut engine, &[]), Ok(vec![]));
    assert_eq!(world.snapshot(), full);
    let kinds: Vec<_> = engine::audit(&engine).expect("audited").findings.iter().map(|f| f.trouble).collect();
    assert_eq!(kinds, [lite::engine::Trouble::Unrecorded]);
}

#[test]
fn a_failing_look_removes_nothing() {
    let world = World::new();
    world.create_orphan("web");
    let full = world.snapshot();
    for call in
        ["domains", "domain_xml", "pool", "volumes", "filters", "network", "dhcp_hosts", "dns_hosts", "loaded_rules"]
    {
        world.hypervisor.fail_call(call, 1, Moment::Before);
        let hits = world.hypervisor.hits();
        engine::orphans(&world.engine()).expect_err("an error is no absence");
        assert_eq!(world.hypervisor.hits(), hits + 1, "{call}");
        world.hypervisor.heal();
        assert_eq!(world.snapshot(), full);
    }
}

#[test]
fn a_request_id_gives_the_first_result_again() {
    let world = World::new();
    let first = world.create_with("web", Some("r1"), "a").expect("created");
    let again = world.create_with("web", Some("r1"), "a").expect("repeated");
    assert_eq!((again.record, again.repeated), (first.record, true));
    let error = world.create_with("web", Some("r1"), "b").map(|c| c.record.name).expect_err("other arguments");
    assert_eq!((error.code.as_str(), error.exit_code()), ("request_id_reused", 2));
}

#[test]
fn a_bridge_needs_no_address_of_ours() {
    let world = World::new();
    let created = world.create_on("web", NetworkMode::parse("bridge:br0").expect("a network")).expect("created");
    assert_eq!(created.record.address, None);
    let xml = world.hypervisor.domain_xml(created.record.uuid).expect("read").expect("there");
    let document = roxmltree::Document::parse(&xml).expect("xml");
    let source = document.descendants().find(|n| n.has_tag_name("source") && n.has_attribute("bridge"));
    assert_eq!(source.and_then(|n| n.attribute("bridge")), Some("br0"));
}
