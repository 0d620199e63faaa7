//! What the next command makes of an operation that was cut off or failed.

use lite::{
    engine,
    hypervisor::{DomainState, prelude::*},
    model::InstanceState,
};

use super::{
    exports,
    operations::{Leaves, NAME, on},
    world::World,
};

/// The next command, of another process. What it leaves is whole or gone, and the audit finds nothing.
pub fn look_after(world: &World, leaves: Leaves, when: &str) {
    // What only a guest gets into is over.
    for instance in world.engine().store.instances().expect("rows") {
        if world.hypervisor.domain(instance.record.uuid).is_ok_and(|d| d.is_some()) {
            world.hypervisor.inner().show(instance.record.uuid, DomainState::Running);
        }
    }
    let mut engine = world.engine();
    engine::recover(&mut engine).unwrap_or_else(|e| panic!("{when}: {e}"));
    let states: Vec<InstanceState> =
        engine::list(&engine).expect("listed").into_iter().map(|listed| listed.state).collect();
    assert_eq!(engine.store.open_operations().expect("read"), [], "{when}");
    assert_eq!(engine.store.open_jobs(&engine.host_id()).expect("read"), [], "{when}");
    match (leaves, states.as_slice()) {
        (Leaves::Either, [InstanceState::Lost]) => {
            on(world, |e, i| engine::redefine(e, i).map(drop)).unwrap_or_else(|e| panic!("{when}: {e}"));
        }
        (Leaves::KeptOrWhole, []) => {
            let kept = engine.store.kept(&engine.host_id()).expect("read");
            assert_eq!(kept.len(), 1, "{when}");
            let domain = world.hypervisor.domain(kept[0].record.uuid).expect("asked").expect("there");
            assert_eq!((domain.name, domain.state), (kept[0].record.kept_name(), DomainState::Off), "{when}");
        }
        (Leaves::Whole | Leaves::Either | Leaves::KeptOrWhole, [InstanceState::Running | InstanceState::Stopped]) => {}
        (Leaves::Nothing | Leaves::Either, []) => {
            assert_eq!(world.hypervisor.domains(), Ok(vec![]), "{when}");
            if leaves == Leaves::Either {
                world.create(NAME).unwrap_or_else(|e| panic!("{when}: made again: {e}"));
            }
        }
        _ => panic!("{when}: {states:?}"),
    }
    exports::nothing_is_under_way(world, when);
    let audit = engine::audit(&engine).expect("audited");
    assert!(audit.is_clean(), "{when}: {audit:?}");
    // A rebuild would find what the database says.
    let kept = engine.store.kept(&engine.host_id()).expect("read");
    let rows = engine.store.instances().expect("rows").into_iter().chain(kept);
    let records: Vec<_> = rows.map(|i| Some(i.record)).collect();
    let domains = engine::our_domains(&*engine.hypervisor, &engine.settings).expect("read");
    assert_eq!(domains.into_iter().map(|d| d.record).collect::<Vec<_>>(), records, "{when}");
}
