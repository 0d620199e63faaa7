//! Load balancers of the operations.

use lite::model::Result;

use super::{
    changes,
    operations::{created, delete, on},
    world::World,
};

pub fn balanced(world: &World) {
    created(world);
    changes::balance(&mut world.engine()).expect("made");
}

pub fn with_target(world: &World) {
    balanced(world);
    on(world, changes::add_target).expect("attached");
}

/// How many instances each load balancer has.
pub fn targets(world: &World) -> Vec<usize> {
    let engine = world.engine();
    let all = engine.store.load_balancers(&engine.host_id()).expect("read");
    all.iter().map(|balancer| balancer.targets.len()).collect()
}

/// A delete takes the instance out of its load balancer, which stays.
pub fn delete_of_a_target(world: &World) -> Result<()> {
    delete(world)?;
    assert_eq!(targets(world), [0]);
    Ok(())
}
