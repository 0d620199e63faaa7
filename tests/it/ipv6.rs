//! IPv6 addresses of instances on a network that has an IPv6 subnet.

use std::sync::Arc;

use lite::{
    engine,
    hypervisor::prelude::*,
    model::{Host, Record, Settings},
    plan::network_xml,
};

use crate::support::{rows, world::World};

/// What its guest reads of its network.
const NETWORK: &str = r#"ethernets:
  eth0:
    accept-ra: false
    addresses:
    - 192.168.150.10/24
    - fd6c:6974:6500:1::a/128
    dhcp4: false
    dhcp6: false
    match:
      macaddress: MAC
    nameservers:
      addresses:
      - "192.168.150.1"
      search:
      - lite.internal
    routes:
    - to: 0.0.0.0/0
      via: "192.168.150.1"
    - on-link: true
      to: "::/0"
      via: fd6c:6974:6500:1::1
    set-name: eth0
version: 2
"#;

/// A host whose network has an IPv6 subnet.
fn world() -> World {
    let mut world = World::new();
    let subnet = "192.168.150.0/24".parse().expect("a subnet");
    let xml = network_xml("six", subnet, "fd6c:6974:6500:1::/64".parse().ok()).expect("a network");
    world.hypervisor.inner().ensure_network("six", &xml).expect("made");
    let host = Host { network: "six".to_owned(), ..world.settings.host.clone() };
    world.settings = Arc::new(Settings { host, ..(*world.settings).clone() });
    world
}

fn answers(world: &World) -> Vec<String> {
    let all = world.hypervisor.inner().dns_hosts("six").expect("listed");
    all.into_iter().map(|seen| format!("{} {}", seen.host.address, seen.host.names.join(" "))).collect()
}

const WEB: [&str; 2] = ["192.168.150.10 web.lite.internal web", "fd6c:6974:6500:1::a web.lite.internal web"];

#[test]
fn an_instance_has_an_address_of_each_family_from_create_to_delete() {
    let world = world();
    let web = world.create("web").expect("created").record;
    assert_eq!(web.address6, "fd6c:6974:6500:1::a".parse().ok());
    assert_eq!(world.engine().store.require(&web.name).expect("there").record.address6, web.address6);
    let seed = world.engine().store.seed(web.uuid).expect("read").expect("kept").network_config;
    // YAML quotes one that reads as a number.
    assert_eq!(seed.replace(&web.mac.to_string(), "MAC").replace("\"MAC\"", "MAC"), NETWORK);
    assert_eq!(answers(&world), WEB);
    let db = world.create("db").expect("created").record;
    assert_eq!(db.address6, "fd6c:6974:6500:1::b".parse().ok());
    let instance = world.engine().store.require(&db.name).expect("there");
    let removed = engine::plan_delete(&world.engine(), &instance, None).expect("planned").removed;
    assert!(removed.contains(&"address fd6c:6974:6500:1::b".to_owned()), "{removed:?}");
    engine::delete(&mut world.engine(), &instance).expect("deleted");
    assert_eq!(answers(&world), WEB);
    assert_eq!(world.create("new").expect("created").record.address6, db.address6);
}

#[test]
fn a_name_that_lost_one_of_its_addresses_is_missed_and_comes_back() {
    let world = world();
    world.create("web").expect("created");
    let six = world.hypervisor.inner().dns_hosts("six").expect("listed").remove(1).host;
    world.hypervisor.inner().remove_dns_host("six", &six).expect("removed");
    assert_eq!(answers(&world), WEB[..1]);
    let audit = engine::audit(&world.engine()).expect("the database answers");
    let problems: Vec<_> = audit.findings.iter().map(|finding| finding.problem.as_str()).collect();
    assert_eq!(problems, ["network `six` does not answer for its name `web.lite.internal`"]);
    assert_eq!(engine::restore_names(&world.engine()), Ok(true));
    assert_eq!(answers(&world), WEB);
}

#[test]
fn no_two_instances_of_a_network_have_one_ipv6_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = rows::store(folder.path(), 2, false);
    let with = |n: u8| Record { address6: "fd6c:6974:6500:1::a".parse().ok(), ..rows::record(n) };
    store.set_record(&with(1)).expect("the first");
    assert_eq!(store.set_record(&with(2)).map_err(|e| e.code.as_str()), Err("state_error"));
}
