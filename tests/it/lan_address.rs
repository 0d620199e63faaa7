//! An address on a LAN that the user states for an instance.

use std::net::Ipv4Addr;

use lite::{
    engine::{self, Request, Unobserved},
    model::{NetworkMode, Record, Result},
    plan::{FromWorld, ruleset},
    render::StaticAddress,
};

use crate::support::world::World;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 50);

/// What its guest reads of its network.
const NETWORK: &str = r#"ethernets:
  eth0:
    accept-ra: false
    addresses:
    - 203.0.113.50/24
    dhcp4: false
    dhcp6: false
    link-local: []
    match:
      macaddress: MAC
    nameservers:
      addresses:
      - "203.0.113.1"
    routes:
    - to: 0.0.0.0/0
      via: "203.0.113.1"
    set-name: eth0
version: 2
"#;

fn create(world: &World, name: &str, bridge: &str, address: Ipv4Addr) -> Result<Record> {
    let stated =
        StaticAddress { address, prefix: 24, gateway: Ipv4Addr::new(203, 0, 113, 1), search: None, ipv6: None };
    let network = NetworkMode::Bridge(bridge.to_owned());
    let request = Request { network, address: Some(stated), ..world.plain_request(Some(name)) };
    engine::create(&mut world.engine(), request, &mut Unobserved).map(|created| created.record)
}

#[test]
fn a_stated_address_is_kept_and_told_to_the_guest() {
    let world = World::new();
    let web = create(&world, "web", "br0", ADDRESS).expect("created");
    let kept = world.engine().store.require(&web.name).expect("there").record;
    assert_eq!((web.address, kept.address), (Some(ADDRESS), Some(ADDRESS)));
    let seed = world.engine().store.seed(web.uuid).expect("read").expect("kept").network_config;
    assert_eq!(seed.replace(&web.mac.to_string(), "MAC").replace("\"MAC\"", "MAC"), NETWORK);
    // Whatever its guest says.
    world.hypervisor.inner().say_addresses(web.uuid, &[Ipv4Addr::new(198, 51, 100, 7)]);
    assert_eq!(engine::guest_address(&world.engine(), &web), Ok(Some(ADDRESS)));
    // And it sends from no other.
    let rules = ruleset("lite", None, [&web], FromWorld::default()).text;
    assert!(rules.contains("ip saddr 203.0.113.50 accept\n") && !rules.contains("ether type ip accept"), "{rules}");
}

#[test]
fn an_address_that_somebody_has_is_refused_and_nothing_stays() {
    let world = World::new();
    create(&world, "web", "br0", ADDRESS).expect("created");
    let nat = world.create("db").expect("created").record.address.expect("reserved");
    let before = (world.snapshot(), world.engine().store.instances());
    let own = world.engine().machine.outward_address().expect("an address");
    let router = lite::doctor::gateways(&*world.engine().machine).expect("routes")[0];
    for (address, whose) in [
        (ADDRESS, "instance `web`'s".to_owned()),
        (nat, "instance `db`'s".to_owned()),
        (own, "the host's own".to_owned()),
        (router, "a router's of the host".to_owned()),
    ] {
        let error = create(&world, "other", "br1", address).expect_err("refused");
        assert_eq!((error.exit_code(), error.code.as_str()), (2, "address_in_use"));
        assert_eq!(error.message, format!("the address {address} is {whose}"));
        assert_eq!((world.snapshot(), world.engine().store.instances()), before);
    }
}
