//! Disks, snapshots and static addresses by the API.

use serde_json::{Value, json};

use crate::support::api::House;

#[test]
fn disks_snapshots_and_addresses_live_by_the_api() {
    let house = House::with_images(100);
    let anna = house.admin();
    let change = |operation: &str, body: Value| house.change(&anna, operation, &body);
    let get = |operation: &str, body: Value| house.get(&anna, operation, &body.to_string());
    let create = json!({"instanceNames": ["web"], "availabilityZone": "home-1a", "blueprintId": "debian-13",
                        "bundleId": "nano"});
    change("CreateInstances", create);

    let made = change("CreateDisk", json!({"diskName": "data", "availabilityZone": "home-1a", "sizeInGb": 1}));
    assert_eq!((&made[0]["operationType"], &made[0]["resourceType"]), (&json!("CreateDisk"), &json!("Disk")));
    let disk = || {
        let disk = get("GetDisk", json!({"diskName": "data"}))["disk"].clone();
        ["state", "isAttached", "attachedTo", "sizeInGb"].map(|member| disk[member].clone())
    };
    assert_eq!(disk(), [json!("available"), json!(false), Value::Null, json!(1)]);
    change("AttachDisk", json!({"diskName": "data", "instanceName": "web", "diskPath": "/dev/xvdf"}));
    assert_eq!(disk(), [json!("in-use"), json!(true), json!("web"), json!(1)]);
    let in_use = house.call(&anna, "DeleteDisk", r#"{"diskName":"data"}"#).exception();
    assert_eq!(in_use, "InvalidInputException");

    let named = || json!({"staticIpName": "front"});
    let kept = change("AllocateStaticIp", named());
    assert_eq!((&kept[0]["resourceName"], &kept[0]["resourceType"]), (&json!("front"), &json!("StaticIp")));
    change("AttachStaticIp", json!({"staticIpName": "front", "instanceName": "web"}));
    let ip = get("GetStaticIp", named())["staticIp"].clone();
    let instance = get("GetInstance", json!({"instanceName": "web"}))["instance"].clone();
    assert_eq!((&ip["attachedTo"], &ip["isAttached"]), (&json!("web"), &json!(true)));
    assert_eq!((&instance["publicIpAddress"], &instance["isStaticIp"]), (&ip["ipAddress"], &json!(true)));
    let led = house.call(&anna, "ReleaseStaticIp", &named().to_string()).exception();
    assert_eq!(led, "InvalidInputException");
    change("DetachStaticIp", named());
    change("ReleaseStaticIp", named());
    assert_eq!(get("GetStaticIps", json!({})), json!({"staticIps": []}));

    // A disk by itself: its snapshot, and another disk with what it had.
    let made = change("CreateDiskSnapshot", json!({"diskSnapshotName": "data-1", "diskName": "data"}));
    assert_eq!(made[0]["isTerminal"], json!(true));
    let shown = get("GetDiskSnapshot", json!({"diskSnapshotName": "data-1"}))["diskSnapshot"].clone();
    let told = ["state", "fromDiskName", "resourceType"].map(|member| shown[member].clone());
    assert_eq!(told, ["completed", "data", "DiskSnapshot"].map(|text| json!(text)));
    assert_eq!(get("GetDiskSnapshots", json!({}))["diskSnapshots"], json!([shown]));
    let wrong = house.call(&anna, "GetInstanceSnapshot", r#"{"instanceSnapshotName":"data-1"}"#).exception();
    assert_eq!(wrong, "NotFoundException");
    let again =
        json!({"diskName": "again", "diskSnapshotName": "data-1", "availabilityZone": "home-1a", "sizeInGb": 2});
    change("CreateDiskFromSnapshot", again);
    assert_eq!(get("GetDisk", json!({"diskName": "again"}))["disk"]["sizeInGb"], json!(2));
    change("DeleteDisk", json!({"diskName": "again"}));
    change("DeleteDiskSnapshot", json!({"diskSnapshotName": "data-1"}));
    assert_eq!(get("GetDiskSnapshots", json!({})), json!({"diskSnapshots": []}));

    change("StopInstance", json!({"instanceName": "web", "force": true}));
    change("DetachDisk", json!({"diskName": "data"}));
    change("DeleteDisk", json!({"diskName": "data"}));
    assert_eq!(get("GetDisks", json!({})), json!({"disks": []}));

    let snapshot = json!({"instanceSnapshotName": "before", "instanceName": "web"});
    let made = change("CreateInstanceSnapshot", snapshot);
    assert_eq!(made[0]["resourceType"], json!("InstanceSnapshot"));
    let shown = get("GetInstanceSnapshot", json!({"instanceSnapshotName": "before"}))["instanceSnapshot"].clone();
    let told = ["state", "fromInstanceName", "fromBlueprintId", "fromBundleId"].map(|member| shown[member].clone());
    assert_eq!(told, ["available", "web", "debian-13", "nano"].map(|text| json!(text)));
    change("CreateInstanceSnapshot", json!({"instanceSnapshotName": "extra", "instanceName": "web"}));
    change("DeleteInstanceSnapshot", json!({"instanceSnapshotName": "extra"}));
    let left = get("GetInstanceSnapshots", json!({}))["instanceSnapshots"].clone();
    assert_eq!(
        left.as_array().map(|all| all.iter().map(|one| one["name"].clone()).collect()),
        Some(vec![json!("before")])
    );
    let copies = json!({"instanceNames": ["copy"], "availabilityZone": "home-1a", "bundleId": "nano_3_0",
                        "instanceSnapshotName": "before"});
    change("CreateInstancesFromSnapshot", copies);
    let copy = get("GetInstance", json!({"instanceName": "copy"}))["instance"].clone();
    assert_eq!((&copy["bundleId"], &copy["blueprintId"]), (&json!("nano_3_0"), &json!("debian-13")));
    change("DeleteInstance", json!({"instanceName": "copy"}));
    let store = house.world.engine().store;
    assert_eq!(store.instances().expect("instances").len(), 1);
}
