//! Static addresses: what is kept, and for whom.

use std::{net::Ipv4Addr, sync::Arc};

use lite::{
    app::{App, Caller, static_ip},
    clock::SystemClock,
    engine,
    hypervisor::prelude::*,
    model::{Error, Name, NetworkMode, Unobserved, Via},
    view::StaticIpRow,
};

use crate::support::world::World;

/// Use cases, with the names of what they are about as text.
struct Site<'a> {
    world: &'a World,
    app: App,
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn short(error: &Error) -> (&'static str, u8) {
    (error.code.as_str(), error.exit_code())
}

impl<'a> Site<'a> {
    fn of(world: &'a World) -> Self {
        let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
        Self { world, app }
    }

    fn root() -> Caller {
        Caller::root(Via::Cli)
    }

    fn allocate(&self, ip: &str, address: Option<[u8; 4]>) -> Result<Ipv4Addr, Error> {
        let wanted = (&name(ip), address.map(Into::into));
        static_ip::allocate(&self.app, &Self::root(), wanted, false, &mut Unobserved).map(|row| row.address)
    }

    fn attach(&self, ip: &str, instance: &str) -> Result<Option<String>, Error> {
        let names = (&name(ip), &name(instance));
        let accepted = static_ip::attach(&self.app, &Self::root(), names, (false, false), &mut Unobserved)?;
        accepted.run(&mut Unobserved).map(|row| row.instance)
    }

    fn detach(&self, ip: &str) -> Result<Option<String>, Error> {
        let accepted = static_ip::detach(&self.app, &Self::root(), &name(ip), (false, false), &mut Unobserved)?;
        accepted.run(&mut Unobserved).map(|row| row.instance)
    }

    fn release(&self, ip: &str) -> Result<String, Error> {
        let released = static_ip::release(&self.app, &Self::root(), &name(ip), false, &mut Unobserved)?;
        Ok(released.result.to_string())
    }

    fn list(&self) -> Vec<(String, String, Option<String>)> {
        let rows = static_ip::list(&self.app, &Self::root(), &mut Unobserved).expect("listed");
        let one = |row: StaticIpRow| (row.name, row.address.to_string(), row.instance);
        rows.into_iter().map(one).collect()
    }

    fn delete(&self, instance: &str) {
        let mut engine = self.world.engine();
        let instance = engine.store.require(&name(instance)).expect("stored");
        engine::delete(&mut engine, &instance).expect("deleted");
    }
}

#[test]
fn an_address_is_kept_over_the_deletes_of_what_it_leads_to() {
    let world = World::new();
    let site = Site::of(&world);
    world.create("web").expect("created");
    world.create("db").expect("created");
    assert_eq!(site.allocate("site", None), Ok([192, 168, 150, 254].into()), "from the end");
    assert_eq!(site.allocate("next", Some([192, 168, 150, 4])), Ok([192, 168, 150, 4].into()));
    assert_eq!(world.create("third").expect("created").record.address, Some([192, 168, 150, 5].into()));
    assert_eq!(site.attach("site", "web"), Ok(Some("web".to_owned())));
    assert_eq!(site.attach("site", "web"), Ok(Some("web".to_owned())), "it does already");
    assert_eq!(site.attach("next", "web").map_err(|e| short(&e)), Err(("address_attached", 2)), "one each");
    assert_eq!(site.release("site").map_err(|e| short(&e)), Err(("address_attached", 2)));
    assert_eq!(site.attach("site", "db"), Ok(Some("db".to_owned())), "moved");
    assert_eq!(site.attach("next", "web"), Ok(Some("web".to_owned())));
    site.delete("db");
    let kept = |name: &str, last: u8, instance: Option<&str>| {
        (name.to_owned(), format!("192.168.150.{last}"), instance.map(str::to_owned))
    };
    assert_eq!(site.list(), [kept("next", 4, Some("web")), kept("site", 254, None)]);
    assert_eq!((site.detach("next"), site.detach("next")), (Ok(None), Ok(None)));
    assert_eq!(site.release("next"), Ok("192.168.150.4 released".to_owned()));
    assert_eq!(site.list(), [kept("site", 254, None)]);
    assert!(engine::audit(&world.engine()).expect("audited").is_clean());
}

#[test]
fn what_cannot_be_kept_or_led_is_refused_and_nothing_changes() {
    let world = World::new();
    let site = Site::of(&world);
    assert_eq!(site.list(), []);
    world.create("web").expect("created");
    world.create_on("lan", NetworkMode::Bridge("br0".to_owned())).expect("created");
    site.allocate("site", None).expect("kept");
    let hand = lite::hypervisor::DnsHost { address: [192, 168, 150, 77].into(), names: vec!["nas".to_owned()] };
    world.hypervisor.ensure_dns_host("lite", &hand).expect("made by hand");
    let before = (site.list(), world.snapshot());
    let refused = [
        ([192, 168, 150, 1], "not_our_address"),
        ([192, 168, 150, 0], "not_our_address"),
        ([192, 168, 150, 255], "not_our_address"),
        ([127, 0, 0, 1], "not_our_address"),
        ([255, 255, 255, 255], "not_our_address"),
        ([192, 168, 150, 2], "address_in_use"),
        ([192, 168, 150, 254], "address_in_use"),
        ([192, 168, 150, 77], "address_in_use"),
    ];
    for (address, code) in refused {
        assert_eq!(site.allocate("new", Some(address)).map_err(|e| short(&e)), Err((code, 2)), "{address:?}");
    }
    for taken in ["site", "web"] {
        assert_eq!(site.allocate(taken, None).map_err(|e| short(&e)), Err(("name_taken", 2)), "{taken}");
    }
    assert_eq!(site.attach("site", "lan").map_err(|e| short(&e)), Err(("not_publishable", 2)));
    assert_eq!(site.attach("site", "none").map_err(|e| short(&e)), Err(("no_such_instance", 2)));
    let unknown = [site.attach("sit", "web").map(drop), site.detach("sit").map(drop), site.release("sit").map(drop)];
    for unknown in unknown {
        let error = unknown.expect_err("there is none");
        assert_eq!(short(&error), ("no_such_address", 2));
        assert_eq!(error.hints[0].to_string(), "did you mean `site`? `lite ip list` shows all");
    }
    assert_eq!((site.list(), world.snapshot()), before);
    assert_eq!(world.create("site").map_err(|e| short(&e)).map(drop), Err(("name_taken", 2)));
}
