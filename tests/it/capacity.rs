//! What a host has room for, and what of its disk stays free.

use std::sync::Arc;

use lite::{
    engine::{
        self, Unobserved,
        sagas::{create, start},
    },
    model::{Name, Ratio, Size},
};

use crate::support::{warned::Warned, world::World};

/// The test driver's pool has 100 GiB, so 5 GiB stay free.
#[test]
fn below_the_reserve_nothing_is_made_or_started_and_above_it_disks_are_thin() {
    let mut world = World::new();
    let free = |world: &World, mib: u64| world.hypervisor.inner().set_pool_free(mib << 20);
    // The first line of the README, on a host with 56 GiB free.
    world.disk = Some(Size::mib(60 << 10));
    free(&world, 56 << 10);
    let uuid = world.create("web").expect("created").record.uuid;
    world.hypervisor.inner().crash(uuid).expect("down");

    free(&world, (5 << 10) - 1);
    let told = "the storage pool is nearly full: 4.9 GiB free, and `disk_reserve` keeps 5 GiB free";
    let refused = |error: lite::model::Error| (error.exit_code(), error.message);
    assert_eq!(world.create("second").map(drop).map_err(refused), Err((2, told.to_owned())));
    let mut engine = world.engine();
    let instance = engine.store.require(&Name::parse("web").expect("a name")).expect("stored");
    let start = start::accept(&mut engine, &instance, &mut Unobserved);
    assert_eq!(start.map(drop).map_err(refused), Err((2, told.to_owned())));
    let (_, generation) = engine.store.desired_generations().expect("known")[0];
    assert_eq!(engine::restart(&mut engine, uuid, generation).map_err(refused), Err((2, told.to_owned())));
    assert_eq!(engine.store.operations(10).expect("operations").len(), 1, "the create alone");

    free(&world, 5 << 10);
    assert_eq!(engine::restart(&mut engine, uuid, generation), Ok(true));
}

/// An image that is made in the middle of a create takes of the disk that was free when it was accepted.
#[test]
fn capacity_is_looked_at_again_after_the_image() {
    for memory in [false, true] {
        let world = World::new();
        let mut engine = world.engine();
        let accepted =
            create::accept(&mut engine, world.plain_request(Some("web")), &mut Unobserved).expect("accepted");
        let create::Accepted::New(job) = accepted else { panic!("a new one") };
        let told = if memory {
            world.hypervisor.inner().set_host(|h| h.memory_free_kib = 256 << 10);
            "the memory of this host was taken meanwhile: 512 MiB needed, 256 MiB free"
        } else {
            world.hypervisor.inner().set_pool_free(1 << 30);
            "the storage pool is nearly full: 1 GiB free, and `disk_reserve` keeps 5 GiB free"
        };
        let error = create::run(&mut engine, *job, None, &mut Unobserved).map(drop).expect_err("no room");
        assert_eq!(error.causes.first().map(String::as_str), Some(told));
        assert_eq!((engine.store.instances().map(|i| i.len()), world.snapshot().domains.len()), (Ok(0), 0));
    }
}

#[test]
fn more_memory_promised_than_there_is_is_warned_of() {
    let mut world = World::new();
    let settings = Arc::make_mut(&mut world.settings);
    settings.host.overcommit.memory = Ratio::times(2);
    world.hypervisor.inner().set_host(|h| h.memory_kib = 768 << 10);
    let mut warned = Warned::default();
    let request = world.plain_request(Some("web"));
    engine::create(&mut world.engine(), request, &mut warned).expect("created");
    let wanted =
        "512 MiB of memory is promised to instances, and there is 256 MiB: where all use theirs, the kernel kills some";
    assert_eq!(warned.0.last().map(String::as_str), Some(wanted), "{:?}", warned.0);
}
