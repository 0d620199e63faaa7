//! A server that dies at any point of a change by the API: once it was started anew each operation has ended, what it was about is whole
//! or gone, and whoever asks again gets what was asked for, once.

use std::time::Duration;

use lite::{
    app::{Caller, front},
    engine,
    kill_point::in_process,
    model::Via,
};
use serde_json::{Value, json};

use crate::support::api::{House, Key, Wish};

/// A change: its operation, its body, and what there is once it is done.
struct Change {
    operation: &'static str,
    body: Value,
    /// The instances that are there before.
    before: &'static [&'static str],
    /// Whether it is done.
    done: fn(&House, &Key) -> bool,
}

fn create(name: &str) -> Value {
    json!({"instanceNames": [name], "availabilityZone": "home-1a", "blueprintId": "debian-13", "bundleId": "nano"})
}

fn names(house: &House) -> Vec<String> {
    let all = house.world.engine().store.instances().expect("instances");
    all.into_iter().map(|instance| instance.record.name.to_string()).collect()
}

/// Sends a change, again with the same id, and waits until nobody works on it.
fn ask(house: &House, key: &Key, change: &Change, (id, later): (&str, i64)) -> (u16, String) {
    let mut wish = Wish::of(change.operation, &change.body.to_string()).seconds_off(later);
    wish.after.push(("amz-sdk-invocation-id".to_owned(), id.to_owned()));
    let reply = house.send(key, &wish);
    for _ in 0..3000 {
        if house.api.at_work() == 0 {
            return (reply.status, reply.body);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{} does not end", change.operation);
}

fn ready(change: &Change) -> (House, Key) {
    let house = House::with_images(100);
    let anna = house.admin();
    for name in change.before {
        house.change(&anna, "CreateInstances", &create(name));
    }
    (house, anna)
}

/// All operations have ended, and nothing is half there.
fn is_whole(house: &House, anna: &Key, when: &str) {
    let engine = house.world.engine();
    let audit = engine::audit(&engine).expect("audited");
    assert!(audit.is_clean(), "{when}: {audit:?}");
    let told = house.get(anna, "GetOperations", "{}")["operations"].clone();
    let open: Vec<&Value> = told.as_array().expect("a list").iter().filter(|one| one["isTerminal"] != true).collect();
    assert_eq!(open, Vec::<&Value>::new(), "{when}");
}

fn dead_in(change: &Change) {
    let (house, anna) = ready(change);
    let whole = in_process::run(None, || ask(&house, &anna, change, ("lost", 0)));
    assert_eq!(whole.result.as_ref().map(|(status, _)| *status), Some(200), "{:?}", whole.result);
    assert!((change.done)(&house, &anna), "{}", change.operation);
    assert!(!whole.passed.is_empty(), "{} passes no point", change.operation);
    let places = &whole.passed;
    let first = |n: &usize| !places[..n - 1].contains(&places[n - 1]);
    for n in (1..=places.len()).filter(first) {
        let when = format!("{}, dead at point {n}, {}", change.operation, places[n - 1]);
        let (house, anna) = ready(change);
        let dead = in_process::run(Some(n), || ask(&house, &anna, change, ("lost", 0)));
        assert_eq!(dead.passed.len(), n, "{when}: it lived");
        let house = house.restarted();
        front::begin(&house.app, &Caller::root(Via::Cli)).expect("begun");
        front::go_on(&house.app, &Caller::root(Via::Cli), &front::Waits::default()).expect("gone on");
        is_whole(&house, &anna, &when);
        if let Some((200, body)) = &dead.result {
            let told: Value = serde_json::from_str(body).expect("JSON");
            let id =
                told["operations"][0]["id"].as_str().or(told["operation"]["id"].as_str()).expect("an id").to_owned();
            assert_eq!(house.ended(&anna, &id)["id"], json!(id), "{when}");
        }
        // The same again by a client that lost its answer; and anew, by one who was told that it failed.
        let (status, body) = ask(&house, &anna, change, ("lost", 60));
        let is_done = || (change.done)(&house, &anna);
        assert!(status == 200 || is_done(), "{when}: {body}");
        if !is_done() {
            ask(&house, &anna, change, ("another", 120));
        }
        assert!(is_done(), "{when}");
        is_whole(&house, &anna, &when);
    }
}

#[test]
fn killed_at_each_point_of_a_create() {
    dead_in(&Change {
        operation: "CreateInstances",
        body: create("web"),
        before: &[],
        done: |house, _| names(house) == ["web"],
    });
}

#[test]
fn killed_at_each_point_of_a_delete() {
    let body = json!({"instanceName": "web"});
    dead_in(&Change { operation: "DeleteInstance", body, before: &["web"], done: |house, _| names(house).is_empty() });
}

#[test]
fn killed_at_each_point_of_a_change_of_the_firewall() {
    let port = json!({"fromPort": 8080, "toPort": 8080, "protocol": "tcp"});
    let body = json!({"instanceName": "web", "portInfos": [port]});
    let done = |house: &House, anna: &Key| {
        let states = house.get(anna, "GetInstancePortStates", r#"{"instanceName":"web"}"#)["portStates"].clone();
        states.as_array().is_some_and(|all| all.len() == 1) && states[0]["fromPort"] == 8080
    };
    dead_in(&Change { operation: "PutInstancePublicPorts", body, before: &["web"], done });
}
