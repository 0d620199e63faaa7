//! What the API changes: as the command does, once however often it is asked.

use std::collections::BTreeSet;

use lite::{
    app::{Caller, audit, instance, operation},
    model::{Name, Unobserved, Via},
};
use serde_json::{Value, json};

use crate::support::api::{House, Key, Wish};

const PUBLIC: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDc5CWkvXUStFeTNMvlcfDkW9l8ajrMPsOZmlTLhpvA1";

fn create(names: &[&str]) -> Value {
    json!({"instanceNames": names, "availabilityZone": "home-1a", "blueprintId": "debian_12", "bundleId": "nano_3_0"})
}

fn of(instance: &str) -> Value {
    json!({"instanceName": instance})
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

#[test]
fn an_instance_lives_by_the_api_and_the_command_sees_it() {
    let house = House::with_images(100);
    let anna = house.admin();
    house.change(&anna, "ImportKeyPair", &json!({"keyPairName": "laptop", "publicKeyBase64": format!("{PUBLIC} me")}));
    let body = with(create(&["web-1", "web-2"]), "keyPairName", json!("laptop"));
    let body = with(body, "tags", json!([{"key": "client", "value": "acme"}, {"key": "live"}]));
    let body = with(with(body, "userData", json!("echo hi")), "ipAddressType", json!("dualstack"));
    let made = house.change(&anna, "CreateInstances", &body);
    let told: Vec<_> = made.iter().map(|one| (&one["resourceName"], &one["operationType"])).collect();
    assert_eq!(told, [(&json!("web-1"), &json!("CreateInstance")), (&json!("web-2"), &json!("CreateInstance"))]);
    let shown = house.get(&anna, "GetInstance", &of("web-1").to_string())["instance"].clone();
    // As it was asked for, or clients would make it anew.
    let asked = ["blueprintId", "bundleId", "sshKeyName", "ipAddressType"].map(|member| shown[member].clone());
    assert_eq!(asked, ["debian_12", "nano_3_0", "laptop", "dualstack"].map(|text| json!(text)));
    assert_eq!(shown["tags"], json!([{"key": "client", "value": "acme"}, {"key": "live", "value": ""}]));
    let store = house.world.engine().store;
    let record = store.require(&Name::parse("web-1").expect("a name")).expect("there").record;
    assert_eq!((record.blueprint.as_str(), record.bundle.as_str()), ("debian-12", "nano"));

    let ports = json!({"instanceName": "web-1", "portInfos": [
        {"fromPort": 80, "toPort": 80, "protocol": "tcp"},
        {"fromPort": 22, "toPort": 22, "protocol": "tcp", "cidrs": ["192.168.150.1/32"]}]});
    house.change(&anna, "PutInstancePublicPorts", &ports);
    let info =
        |from: u16, to: u16| json!({"fromPort": from, "toPort": to, "protocol": "udp", "ipv6Cidrs": ["2001:db8::/32"]});
    house.change(&anna, "OpenInstancePublicPorts", &json!({"instanceName": "web-1", "portInfo": info(53, 54)}));
    let states = || {
        let states = house.get(&anna, "GetInstancePortStates", &of("web-1").to_string())["portStates"].clone();
        let one = |state: &Value| {
            let of = ["protocol", "fromPort", "toPort", "cidrs", "ipv6Cidrs"].map(|member| state[member].to_string());
            of.join(" ").replace('"', "")
        };
        states.as_array().expect("a list").iter().map(one).collect::<Vec<_>>()
    };
    let two = ["tcp 22 22 [192.168.150.1/32] []".to_owned(), "tcp 80 80 [] []".to_owned()];
    assert_eq!(states(), [&two[..1], &["udp 53 54 [] [2001:db8::/32]".to_owned()], &two[1..]].concat());
    house.change(&anna, "CloseInstancePublicPorts", &json!({"instanceName": "web-1", "portInfo": info(53, 54)}));
    assert_eq!(states(), two);

    let state = |instance: &str| {
        house.get(&anna, "GetInstanceState", &of(instance).to_string())["state"]["name"].as_str().map(str::to_owned)
    };
    house.change(&anna, "StopInstance", &with(of("web-1"), "force", json!(true)));
    assert_eq!(state("web-1").as_deref(), Some("stopped"));
    // What is so already is done, with an operation of its own that can be asked for.
    let again = house.change(&anna, "StopInstance", &of("web-1"));
    assert!(again[0]["id"].as_str().is_some_and(|id| id.starts_with("done-")), "{again:?}");
    house.change(&anna, "StartInstance", &of("web-1"));
    assert_eq!(state("web-1").as_deref(), Some("running"));

    house.change(&anna, "TagResource", &json!({"resourceName": "web-1", "tags": [{"key": "env", "value": "prod"}]}));
    house.change(&anna, "UntagResource", &json!({"resourceName": "web-1", "tagKeys": ["live", "never"]}));
    let tags = house.get(&anna, "GetInstance", &of("web-1").to_string())["instance"]["tags"].clone();
    assert_eq!(tags, json!([{"key": "client", "value": "acme"}, {"key": "env", "value": "prod"}]));
    house.change(&anna, "TagResource", &json!({"resourceName": "laptop", "tags": [{"key": "env", "value": "prod"}]}));
    let pair = house.get(&anna, "GetKeyPair", r#"{"keyPairName":"laptop"}"#)["keyPair"].clone();
    assert_eq!((&pair["tags"], &pair["resourceType"]), (&json!([{"key": "env", "value": "prod"}]), &json!("KeyPair")));

    house.change(&anna, "DeleteInstance", &with(of("web-1"), "forceDeleteAddOns", json!(true)));
    assert_eq!(house.call(&anna, "GetInstance", &of("web-1").to_string()).exception(), "NotFoundException");
    assert_eq!(state("web-2").as_deref(), Some("running"));
    house.change(&anna, "DeleteKeyPair", &json!({"keyPairName": "laptop"}));
    assert_eq!(house.get(&anna, "GetKeyPairs", "{}"), json!({"keyPairs": []}));

    // Who did it, and by which way.
    let filter = audit::Filter { via: Some(Via::Api), limit: 1000, ..audit::Filter::default() };
    let rows = audit::list(&house.app, &Caller::root(Via::Cli), &filter, &mut Unobserved).expect("the audit");
    assert!(rows.iter().all(|row| row.actor == "anna" && row.address == Some(crate::support::api::HOME)));
    let done: BTreeSet<String> = rows.into_iter().map(|row| row.action).collect();
    let all =
        ["create", "delete", "firewall", "key-pair-delete", "key-pair-import", "key-pair-tag", "start", "stop", "tag"];
    assert_eq!(done, all.map(str::to_owned).into());
}

/// What one way changed, the others see at once.
#[test]
fn what_one_way_changes_the_others_see_at_once() {
    let house = House::with_images(100);
    let (anna, root, quiet) = (house.admin(), Caller::root(Via::Cli), &mut Unobserved);
    // By the API: in `lite list --json`, `lite operations` and `lite audit`.
    let made = house.change(&anna, "CreateInstances", &create(&["web"]));
    let row = |name: &str| {
        let (rows, ..) = instance::list::list(&house.app, &root, &[], &mut Unobserved).expect("listed");
        let found = rows.into_iter().find(|row| row.name == name)?;
        let told = serde_json::to_value(&found).expect("JSON");
        Some(["state", "blueprint", "bundle"].map(|member| told[member].as_str().map(str::to_owned)))
    };
    let wanted = |state: &str| Some([state, "debian-12", "nano"].map(|text| Some(text.to_owned())));
    assert_eq!(row("web"), wanted("running"));
    let id = made[0]["id"].as_str().expect("an id").to_owned();
    let shown = operation::show(&house.app, &root, &id, quiet).expect("shown").row;
    assert_eq!((shown.kind.as_str(), shown.state.as_str(), shown.actor.as_str()), ("create", "succeeded", "anna"));
    let audited = |id: &str| {
        let filter = audit::Filter { limit: 1000, ..audit::Filter::default() };
        let rows = audit::list(&house.app, &root, &filter, &mut Unobserved).expect("the audit");
        let row = rows.into_iter().find(|row| row.operation.as_deref() == Some(id)).expect("its row");
        (row.actor, row.via, row.outcome)
    };
    let by = |actor: &str, via: &str| (actor.to_owned(), via.to_owned(), "succeeded".to_owned());
    assert_eq!(audited(&id), by("anna", "api"));
    // By the command: in the API.
    let stop = instance::power::Stop { force: true, timeout: std::time::Duration::from_secs(1) };
    let web = Name::parse("web").expect("a name");
    let accepted = instance::change::accept(&house.app, &root, &stop, (&web, false), quiet).expect("accepted");
    let id = accepted.operation().expect("an operation").id.clone();
    let body = json!({"operationId": id}).to_string();
    let status = || house.get(&anna, "GetOperation", &body)["operation"].clone();
    assert_eq!((&status()["status"], &status()["operationType"]), (&json!("Started"), &json!("StopInstance")));
    accepted.run(quiet).expect("stopped");
    assert_eq!(status()["status"], "Succeeded");
    let state = house.get(&anna, "GetInstanceState", &of("web").to_string());
    assert_eq!(state, json!({"state": {"code": 80, "name": "stopped"}}));
    assert_eq!((row("web"), audited(&id)), (wanted("stopped"), by("root", "cli")));
    let last = house.get(&anna, "GetOperationsForResource", r#"{"resourceName":"web"}"#)["operations"].clone();
    assert_eq!(last.as_array().and_then(|all| all.last()).map(|one| one["id"].clone()), Some(json!(id)));
    house.change(&anna, "DeleteInstance", &of("web"));
    assert_eq!(row("web"), None);
}

/// A request that a client sends again, a second later than it did.
fn sent(house: &House, key: &Key, operation: &str, body: &Value, (id, later): (&str, i64)) -> (u16, String) {
    let mut wish = Wish::of(operation, &body.to_string()).seconds_off(later);
    wish.after.push(("amz-sdk-invocation-id".to_owned(), id.to_owned()));
    let reply = house.send(key, &wish);
    (reply.status, reply.body)
}

#[test]
fn an_answer_that_was_lost_comes_again_and_nothing_is_done_twice() {
    let house = House::with_images(100);
    let (anna, bert) = (house.admin(), house.key("bert", lite::model::Role::Operator, None));
    let body = create(&["web"]);
    let first = sent(&house, &anna, "CreateInstances", &body, ("id-1", 0));
    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(sent(&house, &anna, "CreateInstances", &body, ("id-1", 1)), first);
    // Another asking, and another key with the same id.
    for (key, id) in [(&anna, "id-2"), (&bert, "id-1")] {
        let (status, text) = sent(&house, key, "CreateInstances", &body, (id, 2));
        assert!(status == 400 && text.contains("name_taken"), "{text}");
    }
    // The id is not signed: one that was replaced on the way changes nothing.
    let wish = Wish::of("RebootInstance", &of("web").to_string());
    let replayed = |id: &str| {
        let mut wish = wish.clone();
        wish.after.push(("amz-sdk-invocation-id".to_owned(), id.to_owned()));
        house.send(&anna, &wish).body
    };
    house.ended(
        &anna,
        serde_json::from_str::<Value>(&first.1).expect("JSON")["operations"][0]["id"].as_str().expect("an id"),
    );
    let rebooted = replayed("a");
    assert!(rebooted.contains("RebootInstance") && replayed("b") == rebooted, "{rebooted}");
    let pair = json!({"keyPairName": "made"});
    let made = sent(&house, &anna, "CreateKeyPair", &pair, ("id-9", 0));
    assert_eq!((made.0, sent(&house, &anna, "CreateKeyPair", &pair, ("id-9", 1))), (200, made.clone()));
    let answer: Value = serde_json::from_str(&made.1).expect("JSON");
    let private = answer["privateKeyBase64"].as_str().expect("a key");
    let public =
        ssh_key::PrivateKey::from_openssh(private).and_then(|key| key.public_key().to_openssh()).expect("a key");
    assert_eq!(answer["publicKeyBase64"], json!(public));

    let house = house.restarted();
    assert_eq!(sent(&house, &anna, "CreateInstances", &body, ("id-1", 4)), first);
    // A private key is kept nowhere.
    let (status, text) = sent(&house, &anna, "CreateKeyPair", &pair, ("id-9", 4));
    assert!(status == 400 && text.contains("name_taken"), "{text}");
    let database = std::fs::read(house.world.state().join("state.db")).expect("read");
    let line = private.lines().nth(1).expect("a line").as_bytes();
    assert!(!database.windows(line.len()).any(|part| part == line));
    let creates = house.world.engine().store.operations(1000).expect("operations");
    assert_eq!(creates.iter().filter(|one| one.kind.as_str() == "create").count(), 1);
}

#[test]
fn twenty_at_once_make_what_each_asked_for_and_one_name_once() {
    let house = House::with_images(100);
    let anna = house.admin();
    let (house, anna) = (&house, &anna);
    let all: Vec<(u16, String)> = std::thread::scope(|scope| {
        let ask = |n: usize| {
            let id = format!("id-{n}");
            move || sent(house, anna, "CreateInstances", &create(&["web"]), (&id, 0))
        };
        let threads: Vec<_> = (0..20).map(|n| scope.spawn(ask(n))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let bodies: BTreeSet<&String> = all.iter().filter(|(status, _)| *status == 200).map(|(_, body)| body).collect();
    assert_eq!(bodies.len(), 1, "{all:?}");
    let refused = all.iter().filter(|(status, body)| *status == 400 && body.contains("name_taken")).count();
    assert_eq!(all.iter().filter(|(status, _)| *status == 200).count() + refused, 20, "{all:?}");
    let store = house.world.engine().store;
    assert_eq!(store.instances().expect("instances").len(), 1);
}
