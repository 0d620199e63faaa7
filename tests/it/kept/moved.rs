//! An instance that comes back with another address.

use super::*;

/// The files that a later boot's seed has, each with its text.
fn files(world: &World, uuid: uuid::Uuid) -> Vec<(String, String)> {
    let seed = world.engine().store.seed(uuid).expect("read").expect("a seed");
    let document: serde_json::Value = serde_yaml::from_str(&seed.user_data).expect("YAML");
    let all = document["write_files"].as_array().expect("a list").iter();
    let text = |file: &serde_json::Value, key: &str| file[key].as_str().expect("text").to_owned();
    all.map(|file| (text(file, "path"), text(file, "content"))).collect()
}

#[test]
fn an_application_is_told_of_another_address_and_of_nothing_else() {
    let world = World::new();
    let before = made(&world, "web");
    let uuid = before.record.uuid;
    // A seed that an earlier lite made, with its runner.
    let mut engine = world.engine();
    let seed = engine.store.seed(uuid).expect("read").expect("a seed");
    let runner = include_str!("../../../cloud-init/lite-guest.py");
    let document: serde_json::Value = serde_yaml::from_str(&seed.user_data).expect("YAML");
    let mut earlier = document.clone();
    earlier["write_files"] = serde_json::json!([{"path": "/var/lib/lite/lite-guest.py", "content": "old"},
        {"path": "/var/lib/lite/install.sh", "content": "true"}]);
    let user_data = format!("#cloud-config\n{earlier}\n");
    engine.store.set_seed(uuid, &CleanSeed { user_data, ..seed }).expect("kept");
    let as_it_was = files(&world, uuid);
    let (stored, _) = engine.store.blueprint_of(uuid).expect("read");
    let with_part = lite::catalog::Blueprint { moved: "echo moved\n".to_owned(), ..stored };
    let back = |as_name: &str, moved| {
        let as_name = name(as_name);
        let with = (Some(&as_name), Some(&with_part));
        let (back, found) = changes::undelete_by(&mut world.engine(), &kept(&world)[0], with).expect("back");
        assert_eq!((found.moved, found.is_told), (moved, true));
        back.record
    };
    // With its address, by its name and by another.
    for as_name in ["web", "site", "web"] {
        keep(&world, kept_as(&world, uuid).as_str());
        let record = back(as_name, false);
        assert_eq!((record.address, record.seed_id), (before.record.address, None));
        assert_eq!(files(&world, uuid), as_it_was);
    }
    keep(&world, "web");
    let other = made(&world, "web");
    assert_eq!(other.record.address, before.record.address);
    let record = back("old", true);
    let at = |address: Option<std::net::Ipv4Addr>| address.expect("an address").to_string();
    let news = serde_json::json!({"uuid": uuid, "name": "old", "address": at(record.address),
        "former": {"name": "web", "address": at(before.record.address)}});
    let told = files(&world, uuid);
    let (paths, texts): (Vec<&str>, Vec<&str>) = told.iter().map(|(path, text)| (&**path, &**text)).unzip();
    assert_eq!(
        paths,
        ["install.sh", "lite-guest.py", "moved.json", "moved.sh"].map(|file| format!("/var/lib/lite/{file}"))
    );
    assert_eq!((texts[0], texts[1], texts[3]), ("true", runner, "echo moved\n"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(texts[2]).expect("JSON"), news);
    is_clean(&world.engine());
}

/// What an instance is called now.
fn kept_as(world: &World, uuid: uuid::Uuid) -> String {
    world.engine().store.instance_by_uuid(uuid).expect("read").expect("there").record.name.to_string()
}
