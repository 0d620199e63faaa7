//! What is seen of a host.

use std::{collections::BTreeSet, time::Duration};

use lite::{
    app::{Caller, disk, key_pair, snapshot, static_ip},
    clock::Clock as _,
    engine,
    hypervisor::prelude::*,
    lightsail::operations::{Does, SERVED},
    model::{Name, Role, Size, Tag, Unobserved, Via},
};
use serde_json::{Value, json};

use crate::support::{
    api::{House, Wish},
    fake_clock::FakeClock,
    world::World,
};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// Instances `mine`, which has a tag, and `theirs`, each with a disk, a snapshot and a static address.
fn two(page: usize) -> House {
    let house = House::of(World::new(), page);
    let (app, root, quiet) = (&house.app, Caller::root(Via::Cli), &mut Unobserved);
    for (instance, tags) in [("mine", vec![Tag::parse("client=acme").expect("a tag")]), ("theirs", vec![])] {
        let request = engine::Request { tags, ..house.world.plain_request(Some(instance)) };
        engine::create(&mut house.world.engine(), request, quiet).expect("created");
        let part = |what: &str| name(&format!("{instance}-{what}"));
        let (of, snap, data, address) = (name(instance), part("snap"), part("disk"), part("ip"));
        let flags = snapshot::Flags::default();
        snapshot::create(app, &root, (&of, Some(&snap)), flags, quiet).expect("accepted").run(quiet).expect("made");
        let new = disk::NewDisk { name: &data, size: Some(Size::mib(2048)), from: None };
        disk::create(app, &root, new, disk::Flags::default(), quiet).expect("accepted").run(quiet).expect("a disk");
        let tags = house.world.engine().store.require(&of).expect("there").record.tags;
        key_pair::create(app, &root, &part("key"), &tags, quiet).expect("a key pair");
        let given = disk::attach(app, &root, (&data, &of), None, disk::Flags::default(), quiet);
        given.expect("accepted").run(quiet).expect("attached");
        static_ip::allocate(app, &root, (&address, None), false, quiet).expect("an address");
        let led = static_ip::attach(app, &root, (&address, &of), (false, false), quiet);
        led.expect("accepted").run(quiet).expect("attached");
    }
    house
}

/// All that is in a list, page by page.
fn listed(house: &House, key: &crate::support::api::Key, operation: &str, member: &str) -> (Vec<Value>, usize) {
    let (mut all, mut pages, mut token) = (Vec::new(), 0, None::<String>);
    loop {
        let body = token.as_ref().map_or(json!({}), |token| json!({"pageToken": token}));
        let reply = house.get(key, operation, &body.to_string());
        all.extend(reply[member].as_array().unwrap_or_else(|| panic!("{operation}: {reply}")).clone());
        pages += 1;
        assert!(pages < 100, "{operation} goes on for ever");
        match reply.get("nextPageToken") {
            Some(next) => token = next.as_str().map(str::to_owned),
            None => return (all, pages),
        }
    }
}

fn names(all: &[Value]) -> Vec<&str> {
    all.iter().filter_map(|one| one["name"].as_str()).collect()
}

#[test]
fn pages_of_one_list_tell_of_one_look_for_a_moment() {
    let (house, clock) = (two(1), FakeClock::new());
    let house = house.counting(clock.clone());
    let anna = house.admin();
    let looks = || house.world.hypervisor.calls().iter().filter(|call| **call == "domains").count();
    let get = |body: &str| house.send(&anna, &Wish { at: clock.now(), ..Wish::of("GetInstances", body) }).json();
    let next = json!({"pageToken": get("{}")["nextPageToken"]}).to_string();
    let before = looks();
    assert_eq!(get(&next)["instances"][0]["name"], "theirs");
    assert_eq!(looks() - before, 0);
    clock.sleep(Duration::from_millis(500));
    assert_eq!(get(&next)["instances"][0]["name"], "theirs");
    assert_eq!(looks() - before, 1);
    // A list that begins sees what was changed just now.
    let record = house.world.engine().store.require(&name("mine")).expect("there").record;
    house.world.hypervisor.inner().destroy(record.uuid).expect("off");
    assert_eq!(get("{}")["instances"][0]["state"]["name"], "stopped");
    assert_eq!(looks() - before, 2);
}

#[test]
fn an_instance_is_shown_with_what_clients_need() {
    let house = two(100);
    let anna = house.admin();
    let shown = &house.get(&anna, "GetInstance", r#"{"instanceName":"mine"}"#)["instance"];
    let record = house.world.engine().store.require(&name("mine")).expect("there").record;
    let account = house.world.engine().store.account_number().expect("a number");
    let ip = &house.get(&anna, "GetStaticIp", r#"{"staticIpName":"mine-ip"}"#)["staticIp"];
    let location = json!({"availabilityZone": "home-1a", "regionName": "home-1"});
    #[allow(clippy::cast_precision_loss, reason = "a time of today")]
    let created = record.created_at.as_millisecond() as f64 / 1000.0;
    let port = |number: i32, protocol: &str| {
        json!({"fromPort": number, "toPort": number, "protocol": protocol, "accessFrom": "Anywhere (0.0.0.0/0 and ::/0)",
               "accessType": "Public", "commonName": "", "accessDirection": "inbound", "cidrs": [], "ipv6Cidrs": [],
               "cidrListAliases": []})
    };
    let wanted = json!({
        "name": "mine", "addOns": [], "arn": format!("arn:aws:lightsail:home-1:{account}:Instance/{}", record.uuid),
        "supportCode": format!("{account}/{}", record.uuid), "createdAt": created, "location": location,
        "resourceType": "Instance", "tags": [{"key": "client", "value": "acme"}], "blueprintId": "debian-13",
        "blueprintName": "Debian 13", "bundleId": "nano", "isStaticIp": true, "privateIpAddress": record.address,
        "publicIpAddress": ip["ipAddress"], "ipv6Addresses": record.address6.iter().collect::<Vec<_>>(),
        "ipAddressType": if record.address6.is_some() { "dualstack" } else { "ipv4" },
        "hardware": {
            "cpuCount": 2, "ramSizeInGb": 0.5,
            "disks": [
                {"createdAt": created, "location": location, "resourceType": "Disk", "tags": [], "sizeInGb": 20,
                 "isSystemDisk": true, "path": "/dev/vda", "state": "in-use", "attachedTo": "mine", "isAttached": true},
                {"name": "mine-disk", "location": location, "resourceType": "Disk", "tags": [], "sizeInGb": 2,
                 "isSystemDisk": false, "state": "in-use", "attachedTo": "mine", "isAttached": true},
            ],
        },
        "networking": {"monthlyTransfer": {"gbPerMonthAllocated": 1024}, "ports": [port(22, "tcp"), port(-1, "icmp")]},
        "state": {"code": 16, "name": "running"}, "username": "debian", "sshKeyName": "LightsailDefaultKeyPair",
    });
    assert_eq!(shown, &wanted);
    let state = house.get(&anna, "GetInstanceState", r#"{"instanceName":"mine"}"#);
    assert_eq!(state, json!({"state": {"code": 16, "name": "running"}}));
    let ports = house.get(&anna, "GetInstancePortStates", r#"{"instanceName":"mine"}"#);
    let open = |number: i32, protocol: &str| {
        json!({"fromPort": number, "toPort": number, "protocol": protocol, "state": "open", "cidrs": [],
               "ipv6Cidrs": [], "cidrListAliases": []})
    };
    assert_eq!(ports, json!({"portStates": [open(22, "tcp"), open(-1, "icmp")]}));
    let regions = house.get(&anna, "GetRegions", r#"{"includeAvailabilityZones":true}"#);
    let zones: Vec<_> =
        regions["regions"].as_array().expect("a list").iter().map(|r| &r["availabilityZones"]).collect();
    assert_eq!(
        zones,
        [
            &json!([{"zoneName": "home-1a", "state": "available"}]),
            &json!([{"zoneName": "us-east-1a", "state": "available"}])
        ]
    );
    let absent = house.call(&anna, "GetInstance", r#"{"instanceName":"absent"}"#).fault();
    assert_eq!(absent, (400, "NotFoundException".to_owned(), "there is no instance `absent`".to_owned()));
}

#[test]
fn lists_come_in_pages_that_follow_each_other() {
    let house = two(1);
    let anna = house.admin();
    let of = |operation: &str, member: &str| listed(&house, &anna, operation, member);
    let (instances, pages) = of("GetInstances", "instances");
    assert_eq!((names(&instances), pages), (vec!["mine", "theirs"], 2));
    assert_eq!(names(&of("GetDisks", "disks").0), ["mine-disk", "theirs-disk"]);
    assert_eq!(names(&of("GetInstanceSnapshots", "instanceSnapshots").0), ["mine-snap", "theirs-snap"]);
    assert_eq!(names(&of("GetStaticIps", "staticIps").0), ["mine-ip", "theirs-ip"]);
    let bundles = of("GetBundles", "bundles").0;
    let nano = json!({"price": 5.0, "cpuCount": 2, "diskSizeInGb": 20, "bundleId": "nano", "isActive": true, "name": "nano",
                      "power": 512, "ramSizeInGb": 0.5, "transferPerMonthInGb": 1024, "supportedPlatforms": ["LINUX_UNIX"],
                      "publicIpv4AddressCount": 1});
    assert_eq!((bundles.len(), &bundles[0]), (7, &nano));
    let blueprints = of("GetBlueprints", "blueprints").0;
    assert_eq!(blueprints.len(), house.world.catalog.blueprints.len());
    let active: BTreeSet<String> =
        of("GetActiveNames", "activeNames").0.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
    let all = ["", "-disk", "-ip", "-key", "-snap", "-disk-space-utilization", "-memory-utilization"]
        .into_iter()
        .flat_map(|part| ["mine", "theirs"].map(|of| format!("{of}{part}")));
    assert_eq!(active, all.collect());
    let operations = of("GetOperations", "operations").0;
    let created: Vec<f64> = operations.iter().filter_map(|one| one["createdAt"].as_f64()).collect();
    assert!(operations.len() >= 10 && created.is_sorted(), "{created:?}");
    let of_mine = house.get(&anna, "GetOperationsForResource", r#"{"resourceName":"mine"}"#);
    let first = &of_mine["operations"][0];
    assert_eq!((&first["operationType"], &first["status"]), (&json!("CreateInstance"), &json!("Succeeded")));
    let same = house.get(&anna, "GetOperation", &json!({"operationId": first["id"]}).to_string());
    assert_eq!(&same["operation"], first);
    let text = |reply: crate::support::api::Reply| reply.fault().1;
    for id in ["op-ffffffff", "", "../x", "ü"] {
        let body = json!({"operationId": id}).to_string();
        assert_eq!(text(house.call(&anna, "GetOperation", &body)), "NotFoundException", "{id}");
    }
    // A token is of one list.
    let token = house.get(&anna, "GetDisks", "{}")["nextPageToken"].clone();
    let reply = house.call(&anna, "GetInstances", &json!({"pageToken": token}).to_string());
    assert_eq!(text(reply), "InvalidInputException");
}

#[test]
fn a_key_with_a_scope_sees_no_byte_of_others() {
    let house = two(100);
    let anna = house.key("anna", Role::Admin, Some("client=acme"));
    let id = |of: &str| {
        let all = house.world.engine().store.operations(1000).expect("operations");
        all.into_iter().find(|one| one.resource.name == of).expect("one").id
    };
    let body = |of: &str| {
        let operation = if of == "absent" { "op-ffffffff".to_owned() } else { id(of) };
        let now = jiff::Timestamp::now().as_second();
        json!({"instanceName": of, "resourceName": of, "metricName": "CPUUtilization", "period": 300, "unit": "Percent",
               "statistics": ["Sum"], "startTime": now - 600, "endTime": now, "monitoredResourceName": of, "diskName": format!("{of}-disk"), "staticIpName": format!("{of}-ip"),
               "instanceSnapshotName": format!("{of}-snap"), "keyPairName": format!("{of}-key"), "loadBalancerName": of, "diskSnapshotName": format!("{of}-disk-snap"), "operationId": operation, "includeHealthStatus": true})
    };
    let of_the_host = ["GetContactMethods", "GetLoadBalancer", "GetLoadBalancers"];
    for served in SERVED.iter().filter(|served| matches!(served.does, Does::Read(_))) {
        let ask = |of: &str| house.call(&anna, served.name, &body(of).to_string());
        // What belongs to no instance is not for who sees a part of the host, whatever its name is.
        if served.name == "GetDiskSnapshot" {
            // There are none here.
            assert_eq!(ask("mine").exception(), "NotFoundException");
            continue;
        }
        if of_the_host.contains(&served.name) {
            assert_eq!(ask("mine").exception(), "AccessDeniedException", "{}", served.name);
            continue;
        }
        let (mine, other, absent) = (ask("mine"), ask("theirs"), ask("absent"));
        assert_eq!(mine.status, 200, "{}: {mine:?}", served.name);
        assert!(!mine.body.contains("theirs"), "{}: {}", served.name, mine.body);
        // What is others' answers as what is not there.
        let as_absent = other.body.replace(&id("theirs"), "op-ffffffff").replace("theirs", "absent");
        assert_eq!((other.status, as_absent), (absent.status, absent.body), "{}", served.name);
    }
}

#[test]
fn a_host_that_does_not_answer_is_told_of_and_nothing_made_up() {
    let house = two(100);
    let anna = house.key("vera", Role::Viewer, None);
    house.world.hypervisor.fail_every("domains");
    let told = |operation: &str| {
        let (status, kind, _) = house.call(&anna, operation, r#"{"instanceName":"mine"}"#).fault();
        (status, kind)
    };
    for operation in ["GetInstance", "GetInstances", "GetInstanceState"] {
        let (status, kind) = told(operation);
        assert!(
            status == 500 && kind == "ServiceException" || status == 400 && kind == "OperationFailureException",
            "{operation}: {status} {kind}"
        );
    }
}

#[test]
fn a_key_for_ten_minutes_is_made_for_one_instance() {
    let house = two(100);
    let anna = house.admin();
    let record = house.world.engine().store.require(&name("mine")).expect("there").record;
    assert!(record.trusts_authority);
    let before = house.app.clock.now();
    let details = house.get(&anna, "GetInstanceAccessDetails", r#"{"instanceName":"mine"}"#)["accessDetails"].clone();
    let text = |of: &str| details[of].as_str().expect(of).to_owned();
    let own = ssh_key::PrivateKey::from_openssh(text("privateKey")).expect("a key");
    let certificate = ssh_key::Certificate::from_openssh(&text("certKey")).expect("a certificate");
    assert_eq!(certificate.public_key(), own.public_key().key_data());
    assert_eq!(certificate.valid_principals(), [record.uuid.to_string()]);
    assert_eq!(certificate.key_id(), "lite anna mine");
    let ends = details["expiresAt"].as_f64().expect("a time");
    #[allow(clippy::cast_precision_loss, reason = "a time of today")]
    let begun = before.as_second() as f64;
    assert!((begun + 599.0..begun + 660.0).contains(&ends), "{ends} after {begun}");
    assert_eq!((text("username"), text("ipAddress")), ("debian".to_owned(), record.address.expect("one").to_string()));

    // One that an earlier lite made knows no authority, and gets none.
    house.world.sql("UPDATE instance SET record = json_remove(record, '$.trusts_authority')");
    let details = house.get(&anna, "GetInstanceAccessDetails", r#"{"instanceName":"mine"}"#)["accessDetails"].clone();
    let there = ["privateKey", "certKey", "expiresAt"].map(|of| details.get(of).is_some());
    assert_eq!((there, details["username"].as_str()), ([false; 3], Some("debian")));
}
