//! Disks and pools that run full, and a QEMU that hangs.

use super::*;

#[test]
fn a_full_disk_and_a_hung_qemu_are_told_once() {
    let world = World::new();
    let ids = instances(&world, &["full", "hung"]);
    let mut watcher = watcher(&world, "b");
    run(&mut watcher, 20);
    let hv = world.hypervisor.inner();
    hv.tell(ids[0], |s| s.state = DomainState::PausedIoError);
    hv.tell(ids[1], |s| s.state = DomainState::Unresponsive);
    run(&mut watcher, 20);
    assert_eq!(told(&world), ["instance.disk_full"]);
    run(&mut watcher, 300);
    assert_eq!(told(&world), ["instance.disk_full", "instance.unresponsive"]);
    assert!(!world.hypervisor.calls().contains(&"reset"), "nobody opted in");
    hv.tell_nothing(ids[0]);
    hv.tell_nothing(ids[1]);
    run(&mut watcher, 20);
    hv.tell(ids[0], |s| s.state = DomainState::PausedIoError);
    run(&mut watcher, 20);
    assert_eq!(told(&world).len(), 3, "a second time is told again");
}

/// An alarm on the memory of an instance, and a guest whose memory is used to that share.
#[test]
fn a_pool_that_runs_full_is_told_in_two_levels_and_starts_wait_for_room() {
    let world = World::new();
    let ids = instances(&world, &["web"]);
    let free = |gib: u64| world.hypervisor.inner().set_pool_free(gib << 30);
    let said = |world: &World| {
        let all = store(world).events(&Which { limit: 10_000, ..Which::default() }).expect("events");
        let all = all.into_iter().filter(|e| e.event.kind == EventKind::HostCapacity);
        all.map(|e| e.event.data.reason).collect::<Vec<_>>()
    };
    free(50);
    let mut first = watcher(&world, "b");
    run(&mut first, 70);
    assert_eq!(said(&world), [""; 0]);
    let place =
        format!("is free where the disks of the instances lie ({})", world.settings().host.folders.pool.display());
    let mut wanted = Vec::new();
    for (gib, text) in [
        (12, "below 5 GiB nothing is made or started"),
        (7, "soon, below 5 GiB, nothing is made or started; make room now"),
        (4, "nothing is made or started until 5 GiB is free"),
    ] {
        free(gib);
        run(&mut first, 130);
        wanted.push(format!("{gib} GiB {place}: {text}"));
        assert_eq!(said(&world), wanted);
    }
    // The next watcher knows it, and a start waits: it does not count as one that failed.
    drop(first);
    let mut second = watcher(&world, "b");
    world.hypervisor.inner().crash(ids[0]).expect("down");
    run(&mut second, 600);
    assert_eq!((state(&world, ids[0]), said(&world)), (DomainState::Crashed, wanted.clone()));
    free(50);
    run(&mut second, 70);
    assert_eq!(state(&world, ids[0]), DomainState::Running);
    assert_eq!(said(&world)[3], format!("50 GiB {place}: enough again"));
    assert_eq!(told(&world)[4..], ["instance.crashed", "instance.restarted"]);
}
