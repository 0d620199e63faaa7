//! A guest is asked to power off, until it hears.

use super::*;

#[test]
fn a_guest_that_still_boots_is_asked_until_it_hears() {
    let world = World::new();
    let mut engine = world.engine();
    let clock = crate::support::fake_clock::FakeClock::new();
    engine.clock = clock.clone();
    world.create("web").expect("created");
    let instance = engine.store.require(&Name::parse("web").expect("a name")).expect("there");
    world.hypervisor.inner().ignore_presses(7);
    changes::stop(&mut engine, &instance, false, Duration::from_secs(180), &mut Unobserved).expect("stopped");
    assert_eq!(clock.waited(), Duration::from_secs(35));
    assert_eq!(world.hypervisor.calls().iter().filter(|call| **call == "shutdown").count(), 8);
}

#[test]
fn a_host_that_shuts_down_asks_its_guests_until_they_hear_and_they_stay_wanted() {
    let world = World::new();
    let mut engine = world.engine();
    let clock = crate::support::fake_clock::FakeClock::new();
    engine.clock = clock.clone();
    for name in ["web", "db"] {
        world.create(name).expect("created");
    }
    world.hypervisor.inner().ignore_presses(7);
    assert_eq!(engine::shut_down_guests(&engine, Duration::from_secs(180)), Ok(vec![]));
    // Four rounds of two presses, of which seven are missed, and one more.
    assert_eq!(clock.waited(), Duration::from_millis(20_250));
    let wanted: Vec<_> = engine.store.instances().expect("read").iter().map(|i| i.desired_state).collect();
    assert_eq!(wanted, [DesiredState::Running; 2]);
    world.hypervisor.start(engine.store.instances().expect("read")[0].record.uuid).expect("up");
    world.hypervisor.inner().ignore_power_button(true);
    assert_eq!(engine::shut_down_guests(&engine, Duration::from_secs(20)), Ok(vec![name("db")]));
}

#[test]
fn stop_asks_first_and_pulls_the_plug_only_when_told() {
    let world = World::new();
    let uuid = world.create("web").expect("created").record.uuid;
    let mut engine = world.engine();
    let instance = engine.store.require(&name("web")).expect("stored");
    world.hypervisor.inner().ignore_power_button(true);
    let short = std::time::Duration::from_millis(10);
    let error = changes::stop(&mut engine, &instance, false, short, &mut Unobserved).expect_err("the guest ignores it");
    assert_eq!(error.code.as_str(), "guest_did_not_stop");
    assert_eq!(engine.store.require(&name("web")).expect("stored").desired_state, DesiredState::Running);
    changes::stop(&mut engine, &instance, true, short, &mut Unobserved).expect("forced");
    assert_eq!(world.hypervisor.domain(uuid).expect("seen").map(|d| d.state), Some(DomainState::Off));
    assert_eq!(engine.store.require(&name("web")).expect("stored").desired_state, DesiredState::Stopped);
    assert!(changes::start(&mut engine, &instance, None, &mut Unobserved).expect("started"));
    assert!(!changes::start(&mut engine, &instance, None, &mut Unobserved).expect("content"));
}
