//! Changes that come to nothing, and whose undo does too.

use super::*;

/// libvirt goes in the middle, and is not there to put back what was taken out.
#[test]
fn a_detach_that_cannot_be_put_back_is_by_the_next_command() {
    let world = World::new();
    world.create("web").expect("created");
    let (disks, web) = (Disks::of(&world), uuid_of(&world, "web"));
    disks.create("data", 1024).expect("made");
    disks.attach("data", "web", None).expect("attached");
    let before = disks.had(web);
    world.hypervisor.fail_call("detach_device", 1, Moment::Before);
    world.hypervisor.fail_call("ensure_domain", 2, Moment::Before);
    disks.detach("data", true).expect_err("failed");
    assert_eq!((world.hypervisor.hits(), disks.had(web).0), (2, vec![]));
    world.hypervisor.heal();
    assert_eq!(engine::recover(&mut world.engine()).expect("recovered").len(), 1);
    assert_eq!(disks.had(web), before);
    disks.assert_clean("put back");
}
