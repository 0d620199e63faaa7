//! An application learns under which name it is published, and what the seed of an instance holds until then and after.

use std::{fs, time::Duration};

use lite::{
    engine::{self, Ctx, Request, Unobserved, configure_published, configure_site},
    hypervisor::DomainState,
    model::{ApplicationUrl, Domain, Phase, Record},
    plan,
    render::Published,
};

use crate::support::{changes, world::World};

/// What the seed of an instance was last written with.
fn seed(world: &World, record: &Record) -> String {
    let volume = world.names(&record.name, record.uuid).seed;
    let bytes = world.hypervisor.inner().uploaded("lite", &volume).expect("a seed");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether the seed holds the host key, and the name that the instance is published under.
fn holds(world: &World, record: &Record) -> (bool, bool) {
    let seed = seed(world, record);
    (seed.contains("ed25519_private"), seed.contains("https://shop.example.org/"))
}

fn report(world: &World, record: &Record, line: &str) {
    let log = plan::report_log(record, &world.settings().host.folders.logs);
    fs::create_dir_all(log.parent().expect("a folder")).expect("made");
    fs::write(log, format!("{line}\n")).expect("written");
}

fn create(world: &World, name: &str, published: &str) -> Record {
    let mut request = world.plain_request(Some(name));
    request.blueprint.published = published.to_owned();
    engine::create(&mut world.engine(), request, &mut Unobserved).expect("created").record
}

fn shop() -> Published {
    Published {
        url: "https://shop.example.org/".to_owned(),
        domain: Domain::parse("shop.example.org").expect("a name"),
        proxy: [192, 168, 150, 1].into(),
    }
}

#[test]
fn an_application_that_is_off_learns_its_name_from_the_seed() {
    let world = World::new();
    let record = create(&world, "web", "true\n");
    world.hypervisor.inner().show(record.uuid, DomainState::Off);
    assert_eq!(holds(&world, &record), (true, false));
    // The guest has not taken over yet what its seed holds.
    let mut engine = world.engine();
    assert_eq!(configure_published(&mut engine, &record, Some(&shop())), Ok(ApplicationUrl::AtNextBoot));
    assert_eq!(holds(&world, &record), (true, false));
    report(&world, &record, r#"{"event":"done","seconds":{}}"#);
    engine::adopt_reports(&mut engine).expect("adopted");
    assert_eq!(holds(&world, &record), (false, true));
    assert_eq!(configure_published(&mut engine, &record, None), Ok(ApplicationUrl::AtNextBoot));
    assert_eq!(holds(&world, &record), (false, false));
    assert_eq!(configure_published(&mut engine, &record, Some(&shop())), Ok(ApplicationUrl::AtNextBoot));
    assert_eq!(holds(&world, &record), (false, true));
}

#[test]
fn of_several_domains_the_first_is_told_until_it_goes() {
    let world = World::new();
    let record = create(&world, "web", "true\n");
    world.hypervisor.inner().show(record.uuid, DomainState::Off);
    let mut engine = world.engine();
    let instance = engine.store.require(&record.name).expect("stored");
    let told = |engine: &mut Ctx| {
        assert_eq!(configure_site(engine, record.uuid), Ok(ApplicationUrl::AtNextBoot));
        let seed = engine.store.seed(record.uuid).expect("read").expect("a seed");
        ["http://shop.example.org/", "http://a.example.org/"].map(|url| seed.meta_data.contains(url))
    };
    for (domain, is_there) in [("shop.example.org", [true, false]), ("a.example.org", [true, false])] {
        changes::publish_site(&mut engine, &instance, domain).expect("published");
        assert_eq!(told(&mut engine), is_there, "with {domain}");
    }
    for (domain, is_there) in [("shop.example.org", [false, true]), ("a.example.org", [false, false])] {
        changes::unpublish_site(&mut engine, &instance, domain).expect("taken away");
        assert_eq!(told(&mut engine), is_there, "without {domain}");
    }
}

#[test]
fn a_blueprint_without_the_part_is_never_told() {
    let world = World::new();
    let record = create(&world, "web", "");
    let before = world.hypervisor.calls().len();
    assert_eq!(configure_published(&mut world.engine(), &record, Some(&shop())), Ok(ApplicationUrl::Unsupported));
    assert_eq!(world.hypervisor.calls().len(), before);
}

#[test]
fn the_seed_of_a_failed_instance_holds_no_secret() {
    let world = World::new();
    let record = create(&world, "web", "");
    report(&world, &record, r#"{"event":"failed","module":"install","command":"false","code":1,"tail":[]}"#);
    engine::adopt_reports(&mut world.engine()).expect("adopted");
    let phase = |record: &Record| world.engine().store.require(&record.name).expect("kept").phase;
    assert_eq!((phase(&record), holds(&world, &record)), (Phase::Failed, (false, false)));

    let request = Request { wait: true, timeout: Duration::from_millis(10), ..world.plain_request(Some("db")) };
    engine::create(&mut world.engine(), request, &mut Unobserved).expect_err("nothing answers");
    let record = world.engine().store.instances().expect("read").remove(0).record;
    assert_eq!(record.name.as_str(), "db");
    assert_eq!((phase(&record), holds(&world, &record)), (Phase::Failed, (false, false)));
}
