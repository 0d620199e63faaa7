//! Automatic snapshots by the API: set, listed, made an instance of, deleted.

use lite::{
    app::{Caller, snapshot},
    engine::sagas::snapshot as saga,
    model::{Name, Unobserved, Via},
};
use serde_json::{Value, json};

use crate::support::api::House;

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn create(instance: &str) -> Value {
    json!({"instanceNames": [instance], "availabilityZone": "home-1a", "blueprintId": "debian-13", "bundleId": "nano"})
}

fn enable(time: &str) -> Value {
    json!({"addOnType": "AutoSnapshot", "autoSnapshotAddOnRequest": {"snapshotTimeOfDay": time}})
}

#[test]
fn an_add_on_is_what_the_command_sets_and_no_tag() {
    let house = House::with_images(100);
    let anna = house.admin();
    let mut body = create("web");
    body["addOns"] = json!([enable("06:00")]);
    body["tags"] = json!([{"key": "a", "value": "1"}]);
    house.change(&anna, "CreateInstances", &body);
    let shown = || house.get(&anna, "GetInstance", r#"{"instanceName":"web"}"#)["instance"].clone();
    let on = |time: &str| json!([{"name": "AutoSnapshot", "status": "Enabled", "snapshotTimeOfDay": time, "nextSnapshotTimeOfDay": time}]);
    let is = |add_ons: Value| assert_eq!((&shown()["addOns"], &shown()["tags"]), (&add_ons, &body["tags"]));
    is(on("06:00"));
    house.change(&anna, "EnableAddOn", &json!({"resourceName": "web", "addOnRequest": enable("23:00")}));
    is(on("23:00"));
    let record = house.world.engine().store.require(&name("web")).expect("there").record;
    let zone = house.app.clock.zone().to_offset(house.app.clock.now());
    let here = jiff::civil::time(23, 0, 0, 0).wrapping_add(jiff::SignedDuration::from_secs(zone.seconds().into()));
    assert_eq!(record.auto_snapshot().map(|auto| (auto.time, auto.keep)), Some((here, 7)));
    house.change(&anna, "DisableAddOn", &json!({"resourceName": "web", "addOnType": "AutoSnapshot"}));
    is(json!([]));
    let kind = json!({"resourceType": "Instance", "resourceName": "web", "ipAddressType": shown()["ipAddressType"]});
    house.change(&anna, "SetIpAddressType", &kind);
}

#[test]
fn automatic_snapshots_are_named_by_their_days() {
    let house = House::with_images(100);
    let anna = house.admin();
    house.change(&anna, "CreateInstances", &create("web"));
    let all = || house.get(&anna, "GetAutoSnapshots", r#"{"resourceName":"web"}"#)["autoSnapshots"].clone();
    assert_eq!(all(), json!([]));
    // One by hand is none of them.
    let flags = snapshot::Flags::default();
    let by_hand = (&name("web"), Some(&name("by-hand")));
    let root = Caller::root(Via::Cli);
    snapshot::create(&house.app, &root, by_hand, flags, &mut Unobserved)
        .and_then(|accepted| accepted.run(&mut Unobserved))
        .expect("made");
    let mut engine = house.world.engine();
    let instance = engine.store.require(&name("web")).expect("there");
    let mut by_the_watcher = || {
        let accepted = saga::accept_automatic(&mut engine, &instance, jiff::civil::date(2026, 3, 1)).expect("accepted");
        saga::run(&mut engine, accepted, &mut Unobserved).expect("made");
    };
    by_the_watcher();
    let made = all();
    let day = made[0]["date"].as_str().expect("a day").to_owned();
    assert_eq!((made.as_array().map(Vec::len), &made[0]["status"]), (Some(1), &json!("Success")), "{made}");
    assert_eq!(made[0]["fromAttachedDisks"], json!([]));
    house.change(&anna, "DeleteAutoSnapshot", &json!({"resourceName": "web", "date": day}));
    assert_eq!(all(), json!([]));
    // The pool has room for so many.
    house.change(&anna, "DeleteInstanceSnapshot", &json!({"instanceSnapshotName": "by-hand"}));
    by_the_watcher();
    let day = all()[0]["date"].as_str().expect("a day").to_owned();
    let from = |member: &str, value: Value| {
        let mut body = json!({"instanceNames": [format!("by-{}", &member[..3])], "availabilityZone": "home-1a",
                              "bundleId": "nano", "sourceInstanceName": "web"});
        body[member] = value;
        body
    };
    house.change(&anna, "CreateInstancesFromSnapshot", &from("restoreDate", json!(day)));
    house.change(&anna, "CreateInstancesFromSnapshot", &from("useLatestRestorableAutoSnapshot", json!(true)));
    let other = from("restoreDate", json!("2020-01-01")).to_string();
    assert_eq!(house.call(&anna, "CreateInstancesFromSnapshot", &other).exception(), "NotFoundException");
    let left = house.get(&anna, "GetInstanceSnapshots", "{}")["instanceSnapshots"].clone();
    let told: Vec<_> = left.as_array().expect("a list").iter().map(|one| &one["isFromAutoSnapshot"]).collect();
    assert_eq!(told, [&json!(true)], "{left}");
}
