//! What is refused, and changes nothing.

use std::time::Duration;

use lite::{
    app::{Caller, Right, audit, instance::change, instance::protect::Protect},
    clock::Clock,
    lightsail::operations::{Does, SERVED},
    model::{Code, Name, Requester, Role, Scope, Unobserved, Via},
    view::AuditRow,
};
use serde_json::{Value, json};

use crate::support::{
    api::{HOME, House, Wish},
    fake_clock::FakeClock,
};

fn create(member: &str, value: Value) -> Value {
    let mut body = json!({"instanceNames": ["new"], "availabilityZone": "home-1a", "blueprintId": "debian-13",
                          "bundleId": "nano"});
    body[member] = value;
    body
}

fn port(member: &str, value: Value) -> Value {
    let mut info = json!({"fromPort": 80, "toPort": 80, "protocol": "tcp"});
    info[member] = value;
    json!({"instanceName": "web", "portInfo": info, "portInfos": [info]})
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_made() {
    let house = House::with_images(100);
    let anna = house.admin();
    house.world.create("web").expect("created");
    let before = (house.world.snapshot(), house.world.engine().store.instances().expect("instances"));
    let operations = || house.world.engine().store.operations(1000).expect("operations").len();
    let count = operations();
    let names: Vec<String> = (0..30).map(|n| format!("n{n}")).collect();
    let long = "x".repeat(1 << 20);
    for (operation, body) in [
        ("CreateInstances", create("instanceNames", json!(["web"]))),
        ("CreateInstances", create("instanceNames", json!(["new", "web"]))),
        ("CreateInstances", create("instanceNames", json!(["new", "new"]))),
        ("CreateInstances", create("instanceNames", json!([]))),
        ("CreateInstances", create("instanceNames", json!(names))),
        ("CreateInstances", create("instanceNames", json!(["../x"]))),
        ("CreateInstances", create("instanceNames", json!("new"))),
        ("CreateInstances", create("availabilityZone", json!("us-east-1a"))),
        ("CreateInstances", create("blueprintId", json!("windows_server_2022"))),
        ("CreateInstances", create("bundleId", json!("nano_2_0"))),
        ("CreateInstances", create("bundleId", json!("9xlarge"))),
        ("CreateInstances", create("customImageName", json!("mine"))),
        ("CreateInstances", create("addOns", json!([{"addOnType": "StopInstanceOnIdle"}]))),
        ("CreateInstances", create("ipAddressType", json!("ipv6"))),
        ("CreateInstances", create("tags", json!([{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]))),
        ("CreateInstances", create("tags", json!([{"key": "a=b", "value": "1"}]))),
        ("CreateInstances", create("tags", json!([{"key": "\u{fc}"}]))),
        ("CreateInstances", create("userData", json!("#cloud-config\n- : :"))),
        ("CreateInstances", create("userData", json!(format!("#!/bin/sh\n{long}")))),
        ("CreateDisk", json!({"diskName": "web", "availabilityZone": "home-1a", "sizeInGb": 1})),
        ("CreateDisk", json!({"diskName": "d", "availabilityZone": "home-1b", "sizeInGb": 1})),
        ("CreateDisk", json!({"diskName": "d", "availabilityZone": "home-1a", "sizeInGb": 0})),
        ("CreateDisk", json!({"diskName": "d", "availabilityZone": "home-1a", "sizeInGb": 20_000})),
        ("CreateDisk", json!({"diskName": "d", "availabilityZone": "home-1a", "sizeInGb": -1})),
        ("AllocateStaticIp", json!({"staticIpName": "web"})),
        ("CreateInstanceSnapshot", json!({"instanceSnapshotName": "web", "instanceName": "web"})),
        ("CreateInstancesFromSnapshot", create("sourceInstanceName", json!("web"))),
        (
            "CreateInstancesFromSnapshot",
            json!({"instanceNames": ["new"], "availabilityZone": "home-1a", "bundleId": "nano",
            "sourceInstanceName": "web", "restoreDate": "2026-13-01"}),
        ),
        (
            "EnableAddOn",
            json!({"resourceName": "web", "addOnRequest": {"addOnType": "AutoSnapshot",
            "autoSnapshotAddOnRequest": {"snapshotTimeOfDay": "6:00"}}}),
        ),
        ("DisableAddOn", json!({"resourceName": "web", "addOnType": "StopInstanceOnIdle"})),
        ("SetIpAddressType", json!({"resourceType": "Instance", "resourceName": "web", "ipAddressType": "ipv6"})),
        ("SetIpAddressType", json!({"resourceType": "LoadBalancer", "resourceName": "web", "ipAddressType": "ipv4"})),
        ("CreateLoadBalancer", json!({"loadBalancerName": "web", "instancePort": 80})),
        ("CreateLoadBalancer", json!({"loadBalancerName": "lb", "instancePort": 70_000})),
        ("CreateLoadBalancer", json!({"loadBalancerName": "lb", "instancePort": 80, "healthCheckPath": "x y"})),
        ("CreateLoadBalancer", json!({"loadBalancerName": "lb", "instancePort": 80, "tags": [{"key": "a"}]})),
        ("StartInstance", json!({"instanceName": "web", "attributeUpdates": {"bundleId": "small"}})),
        ("PutInstancePublicPorts", port("protocol", json!("sctp"))),
        ("PutInstancePublicPorts", port("cidrs", json!(["10.0.0.1/8"]))),
        ("PutInstancePublicPorts", port("cidrListAliases", json!(["lightsail-connect"]))),
        ("CloseInstancePublicPorts", port("fromPort", json!(81))),
        ("OpenInstancePublicPorts", port("toPort", json!(70_000))),
        ("ImportKeyPair", json!({"keyPairName": "k", "publicKeyBase64": "-----BEGIN OPENSSH PRIVATE KEY-----"})),
        (
            "ImportKeyPair",
            json!({"keyPairName": "web", "publicKeyBase64": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDc5CWkvXUStFeTNMvlcfDkW9l8ajrMPsOZmlTLhpvA1"}),
        ),
        ("CreateKeyPair", json!({"keyPairName": "LightsailDefaultKeyPair"})),
        ("TagResource", json!({"resourceName": "web", "tags": [{"key": "", "value": "x"}]})),
        ("GetInstanceAccessDetails", json!({"instanceName": "web", "protocol": "rdp"})),
    ] {
        let told = house.call(&anna, operation, &body.to_string()).fault();
        assert_eq!((told.0, told.1.as_str()), (400, "InvalidInputException"), "{operation} {body:.120}: {}", told.2);
    }
    for (operation, body) in [
        ("CreateInstances", create("keyPairName", json!("absent"))),
        ("DeleteInstance", json!({"instanceName": "absent"})),
        ("StopInstance", json!({"instanceName": "absent"})),
        ("PutInstancePublicPorts", json!({"instanceName": "absent", "portInfos": []})),
        ("DeleteKeyPair", json!({"keyPairName": "absent"})),
        ("TagResource", json!({"resourceName": "absent", "tags": []})),
        ("AttachDisk", json!({"diskName": "absent", "instanceName": "web", "diskPath": "/dev/xvdf"})),
        ("DeleteDisk", json!({"diskName": "absent"})),
        ("CreateDiskSnapshot", json!({"diskSnapshotName": "s", "diskName": "absent"})),
        ("DeleteDiskSnapshot", json!({"diskSnapshotName": "absent"})),
        (
            "CreateDiskFromSnapshot",
            json!({"diskName": "d", "diskSnapshotName": "absent", "availabilityZone": "home-1a", "sizeInGb": 1}),
        ),
        ("AttachStaticIp", json!({"staticIpName": "absent", "instanceName": "web"})),
        ("ReleaseStaticIp", json!({"staticIpName": "absent"})),
        ("CreateInstanceSnapshot", json!({"instanceSnapshotName": "s", "instanceName": "absent"})),
        ("DeleteInstanceSnapshot", json!({"instanceSnapshotName": "absent"})),
        ("CreateInstancesFromSnapshot", create("instanceSnapshotName", json!("absent"))),
        ("GetInstanceAccessDetails", json!({"instanceName": "absent"})),
        ("GetAutoSnapshots", json!({"resourceName": "absent"})),
        ("DeleteAutoSnapshot", json!({"resourceName": "web", "date": "2026-03-01"})),
        ("SetIpAddressType", json!({"resourceType": "Instance", "resourceName": "absent", "ipAddressType": "ipv4"})),
        ("GetLoadBalancer", json!({"loadBalancerName": "absent"})),
        ("DeleteLoadBalancer", json!({"loadBalancerName": "absent"})),
        ("AttachInstancesToLoadBalancer", json!({"loadBalancerName": "absent", "instanceNames": ["web"]})),
    ] {
        assert_eq!(house.call(&anna, operation, &body.to_string()).exception(), "NotFoundException", "{operation}");
    }
    let after = (house.world.snapshot(), house.world.engine().store.instances().expect("instances"));
    assert_eq!(after, before);
    // Two creates: the second of `new` and `web` was refused, and what the first had reserved was undone.
    assert_eq!(operations(), count + 1);
}

fn asks_for_all(house: &House, key: &crate::support::api::Key) -> Vec<(&'static str, String)> {
    let body = json!({"instanceName": "web", "instanceNames": ["new"], "availabilityZone": "home-1a",
        "blueprintId": "debian-13", "bundleId": "nano", "keyPairName": "new-key", "resourceName": "web", "tags": [],
        "publicKeyBase64": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDc5CWkvXUStFeTNMvlcfDkW9l8ajrMPsOZmlTLhpvA1",
        "alarmName": "new-alarm", "metricName": "CPUUtilization", "monitoredResourceName": "web", "state": "OK",
        "comparisonOperator": "LessThanThreshold", "threshold": 1, "evaluationPeriods": 1, "protocol": "Email",
        "contactEndpoint": "a@example.org", "diskName": "new-disk", "sizeInGb": 1, "diskPath": "/dev/xvdf", "staticIpName": "new-ip",
        "instanceSnapshotName": "new-snap", "diskSnapshotName": "new-disk-snap", "loadBalancerName": "new-lb", "instancePort": 80, "resourceType": "Instance",
        "ipAddressType": "ipv4", "addOnType": "AutoSnapshot", "addOnRequest": {"addOnType": "AutoSnapshot"}, "date": "2026-03-01", "tagKeys": [], "portInfos": [], "portInfo": {"fromPort": 1, "toPort": 1, "protocol": "tcp"}});
    let changes = SERVED.iter().filter(|one| matches!(one.does, Does::Change(_)));
    let ask = |name: &'static str| {
        let mut body = body.clone();
        if name == "CreateDiskSnapshot" {
            // It is of a disk or of an instance.
            body["instanceName"] = Value::Null;
        }
        (name, house.call(key, name, &body.to_string()).exception())
    };
    changes.map(|one| ask(one.name)).collect()
}

#[test]
fn who_may_look_alone_changes_nothing() {
    let house = House::with_images(100);
    let vera = house.key("vera", Role::Viewer, None);
    house.world.create("web").expect("created");
    let before = house.world.snapshot();
    for (operation, told) in asks_for_all(&house, &vera) {
        // What they are made with is looked for first.
        let looks = [
            "CreateInstances",
            "CreateInstancesFromSnapshot",
            "DeleteInstanceSnapshot",
            "DeleteAutoSnapshot",
            "DeleteDiskSnapshot",
            "CreateDiskFromSnapshot",
        ];
        let looks = looks.contains(&operation);
        let wanted = if looks { "NotFoundException" } else { "AccessDeniedException" };
        assert_eq!(told, wanted, "{operation}");
    }
    assert_eq!(house.world.snapshot(), before);
    let access = house.call(&vera, "GetInstanceAccessDetails", r#"{"instanceName":"web"}"#).exception();
    assert_eq!(access, "AccessDeniedException");
}

#[test]
fn a_right_that_is_refused_is_in_the_audit_and_a_flood_of_them_is_not() {
    let (house, clock) = (House::with_images(100), FakeClock::new());
    let vera = house.key("vera", Role::Viewer, None);
    house.world.create("web").expect("created");
    let house = house.counting(clock.clone());
    let ask = |operation: &str| {
        let wish = Wish::of(operation, r#"{"instanceName":"web"}"#);
        house.send(&vera, &Wish { at: clock.now(), ..wish }).exception()
    };
    let filter = audit::Filter { action: Some("access-denied".to_owned()), limit: 100, ..audit::Filter::default() };
    let rows = || {
        let rows = audit::list(&house.app, &Caller::root(Via::Cli), &filter, &mut Unobserved).expect("the audit");
        let told = |row: AuditRow| {
            let of = |part: Option<String>| part.unwrap_or_default();
            format!("{} {} {} {}: {}", row.actor, row.via, row.outcome, of(row.resource), of(row.detail))
        };
        rows.into_iter().map(told).collect::<Vec<_>>()
    };
    for operation in ["StopInstance", "RebootInstance", "DeleteInstance"].into_iter().cycle().take(30) {
        assert_eq!(ask(operation), "AccessDeniedException");
    }
    let change = "vera api refused web: change this";
    assert_eq!(rows(), [change]);
    assert_eq!(ask("GetInstanceAccessDetails"), "AccessDeniedException");
    let log_in = "vera api refused web: log in to instances or see their passwords";
    assert_eq!(rows(), [change, log_in]);
    clock.sleep(Duration::from_secs(60));
    assert_eq!(ask("StopInstance"), "AccessDeniedException");
    // At the console the same use cases refuse. What is only looked at has no row, as it has none where it is shown.
    let requester = Requester { actor: "bert".to_owned(), via: Via::Console, address: Some(HOME) };
    let bert = Caller::of(requester, Role::Viewer, Scope::parse("client=acme").expect("a tag"));
    for right in [Right::Read, Right::Administer] {
        assert_eq!(house.app.require(&bert, right).map_err(|e| e.code), Err(Code::Forbidden), "{right:?}");
    }
    assert_eq!(rows(), [change, log_in, change, "bert console refused : change this host"]);
}

#[test]
fn what_is_protected_or_others_stays() {
    let house = House::with_images(100);
    let (anna, scoped) = (house.admin(), house.key("bert", Role::Operator, Some("client=acme")));
    house.world.create("web").expect("created");
    let (web, root) = (Name::parse("web").expect("a name"), Caller::root(Via::Cli));
    let protect = Protect { protected: true };
    change::accept(&house.app, &root, &protect, (&web, false), &mut Unobserved)
        .and_then(|accepted| accepted.run(&mut Unobserved))
        .expect("protected");
    let before = house.world.snapshot();
    let told = house.call(&anna, "DeleteInstance", r#"{"instanceName":"web"}"#).fault();
    assert_eq!((told.0, told.1.as_str()), (400, "InvalidInputException"), "{}", told.2);
    let lifted = house.call(&anna, "UntagResource", r#"{"resourceName":"web","tagKeys":["protected"]}"#).exception();
    assert_eq!(lifted, "AccessDeniedException");
    for operation in ["DeleteInstance", "StopInstance", "RebootInstance"] {
        let (others, absent) = (r#"{"instanceName":"web"}"#, r#"{"instanceName":"absent"}"#);
        let told = house.call(&scoped, operation, others).body.replace("web", "absent");
        assert_eq!(told, house.call(&scoped, operation, absent).body);
    }
    assert_eq!(house.world.snapshot(), before);
    let body = create("tags", json!([]));
    house.change(&scoped, "CreateInstances", &body);
    let tags = house.get(&scoped, "GetInstance", r#"{"instanceName":"new"}"#)["instance"]["tags"].clone();
    assert_eq!(tags, json!([{"key": "client", "value": "acme"}]));
    let kept = house.call(&scoped, "UntagResource", r#"{"resourceName":"new","tagKeys":["client"]}"#).exception();
    assert_eq!(kept, "AccessDeniedException");
}
