//! What goes wrong, and as which exception clients meet it: each row of the table by one request.

use std::{fs::File, time::Duration};

use lite::{
    hypervisor::flaky::Moment,
    model::{Code, Error, Role},
};

use crate::support::{
    api::{House, Key, Wish},
    fake_clock::FakeClock,
};

/// The status, the exception, and lite's code.
type Told = (u16, String, String);

fn told(house: &House, key: &Key, operation: &str, body: &str) -> Told {
    let reply = house.call(key, operation, body);
    let code = reply.json()["code"].as_str().unwrap_or_default().to_owned();
    (reply.status, reply.exception(), code)
}

fn wanted(status: u16, kind: &str, code: &str) -> Told {
    (status, kind.to_owned(), code.to_owned())
}

const WEB: &str = r#"{"instanceName":"web"}"#;

#[test]
fn each_kind_of_error_is_the_exception_that_the_table_says() {
    let house = House::with_images(100);
    let (anna, vera) = (house.admin(), house.key("vera", Role::Viewer, None));
    house.world.create("web").expect("created");
    let absent = house.call(&anna, "StopInstance", r#"{"instanceName":"wep"}"#);
    assert_eq!(absent.fault().1, "NotFoundException");
    assert_eq!(absent.json()["code"], "no_such_instance");
    assert!(absent.json()["tip"].as_str().is_some_and(|tip| tip.contains("web")), "the hint: {absent:?}");
    let again = r#"{"instanceNames":["web"],"availabilityZone":"home-1a","blueprintId":"debian-13","bundleId":"nano"}"#;
    assert_eq!(told(&house, &anna, "CreateInstances", again), wanted(400, "InvalidInputException", "name_taken"));
    assert_eq!(told(&house, &vera, "StopInstance", WEB), wanted(400, "AccessDeniedException", "forbidden"));
    house.world.hypervisor.fail_call("domains", 1, Moment::Before);
    assert_eq!(told(&house, &anna, "GetInstances", "{}"), wanted(400, "OperationFailureException", "injected"));
    house.world.hypervisor.fail_all(Error::new(Code::LibvirtUnreachable, "gone"));
    for (operation, body) in [("GetInstances", "{}"), ("StopInstance", WEB)] {
        assert_eq!(told(&house, &anna, operation, body), wanted(500, "ServiceException", "libvirt_unreachable"));
    }
    assert!(house.world.hypervisor.hits() >= 3);
    house.world.hypervisor.heal();
    assert_eq!(house.call(&anna, "GetInstances", "{}").status, 200);
    // A text that clients take for "not found" is in no other error.
    assert!(!absent.body.contains("DoesNotExist"));
}

#[test]
fn who_finds_an_instance_busy_waits_and_is_told_by_whom() {
    let house = House::with_images(100);
    let anna = house.admin();
    house.world.create("web").expect("created");
    let clock = FakeClock::new();
    let house = house.counting(clock.clone());
    let (engine, locks) = (house.world.engine(), house.world.state().join("locks"));
    let uuid = engine.store.instances().expect("instances")[0].record.uuid;
    // As another process holds it.
    let held = File::options().create(true).truncate(false).write(true).open(locks.join(format!("{uuid}.lock")));
    let held = held.expect("opened");
    held.lock().expect("locked");
    let wish = Wish { at: jiff::Timestamp::UNIX_EPOCH, ..Wish::of("StopInstance", WEB) };
    let (status, kind, text) = house.send(&anna, &wish).fault();
    assert_eq!((status, kind.as_str()), (400, "OperationFailureException"));
    assert!(text.starts_with("instance `web` is busy: "), "{text}");
    assert!(clock.waited() >= Duration::from_secs(10));
}
