//! The names of instances in the DNS server of their network.

use lite::{
    engine::{self, Redefinition},
    hypervisor::{DnsHost, flaky::Moment, prelude::*},
    model::{Hint, Instance, Name, Observer, Stage},
    store::OldDatabases,
};

use crate::support::world::World;

fn instance(world: &World, name: &str) -> Instance {
    world.engine().store.require(&Name::parse(name).expect("a name")).expect("stored")
}

/// What the network answers for, as `ADDRESS NAME…`.
fn answers(world: &World) -> Vec<String> {
    let all = world.hypervisor.inner().dns_hosts("lite").expect("listed");
    all.into_iter().map(|seen| format!("{} {}", seen.host.address, seen.host.names.join(" "))).collect()
}

fn findings(world: &World) -> Vec<String> {
    let audit = engine::audit(&world.engine()).expect("the database answers");
    audit.findings.iter().map(|f| format!("{} {}: {}", f.trouble.as_str(), f.subject, f.problem)).collect()
}

fn by_hand(last: u8, names: &[&str]) -> DnsHost {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    DnsHost { address: [192, 168, 150, last].into(), names }
}

const WEB: &str = "192.168.150.2 web.lite.internal web";
const NONE: [&str; 0] = [];

#[test]
fn a_name_is_there_from_create_to_delete_and_undone_with_its_create() {
    let world = World::new();
    world.create("web").expect("created");
    world.create("db").expect("created");
    assert_eq!(answers(&world), [WEB, "192.168.150.3 db.lite.internal db"]);
    engine::delete(&mut world.engine(), &instance(&world, "db")).expect("deleted");
    assert_eq!(answers(&world), [WEB]);
    world.hypervisor.fail_call("start", 1, Moment::After);
    world.create("db").expect_err("the start fails");
    assert_eq!(answers(&world), [WEB]);
    world.hypervisor.heal();
    // Where the name cannot be written there is no instance.
    world.hypervisor.fail_call("ensure_dns_host", 1, Moment::Before);
    world.create("db").expect_err("the name fails");
    world.hypervisor.heal();
    assert_eq!((answers(&world), findings(&world)), (vec![WEB.to_owned()], vec![]));
}

/// Asks the network for its names when the disk is begun.
struct AtTheDisk<'a> {
    world: &'a World,
    answers: Vec<String>,
}

impl Observer for AtTheDisk<'_> {
    fn begin(&mut self, stage: Stage) {
        if stage == Stage::Disk {
            self.answers = answers(self.world);
        }
    }
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, _: &Hint) {}
}

#[test]
fn a_name_is_there_before_the_disk_is() {
    let world = World::new();
    let mut seen = AtTheDisk { world: &world, answers: Vec::new() };
    engine::create(&mut world.engine(), world.plain_request(Some("web")), &mut seen).expect("created");
    assert_eq!(seen.answers, [WEB]);
}

#[test]
fn a_name_that_is_gone_is_missed_and_comes_back() {
    let world = World::new();
    world.create("web").expect("created");
    let web = instance(&world, "web");
    let hv = world.hypervisor.inner();
    let own = by_hand(2, &["web.lite.internal", "web"]);
    let missing = "missing instance `web`: network `lite` does not answer for its name `web.lite.internal`";
    let lose = || {
        hv.remove_dns_host("lite", &own).expect("removed");
        assert_eq!((answers(&world), findings(&world)), (vec![], vec![missing.to_owned()]));
    };
    lose();
    let drift = match engine::redefine(&mut world.engine(), &web) {
        Ok(Redefinition::Drifted(drift)) => drift,
        other => panic!("{other:?}"),
    };
    let drift: Vec<String> = drift.iter().map(ToString::to_string).collect();
    assert_eq!(drift, ["DNS: no such name (recorded: `web.lite.internal` is 192.168.150.2)"]);
    assert_eq!(answers(&world), [WEB]);
    // By the watcher and by `repair`, and by whatever starts an instance.
    lose();
    assert_eq!(engine::restore_names(&world.engine()), Ok(true));
    assert_eq!(engine::restore_names(&world.engine()), Ok(false));
    assert_eq!(answers(&world), [WEB]);
    lose();
    world.create("db").expect("created");
    assert_eq!(answers(&world), [WEB, "192.168.150.3 db.lite.internal db"]);
}

#[test]
fn the_entries_of_others_stay_and_are_told_where_they_meet_ours() {
    let world = World::new();
    let hv = world.hypervisor.inner();
    let nas = by_hand(9, &["nas", "nas.lite.internal"]);
    hv.ensure_dns_host("lite", &nas).expect("made by hand");
    assert_eq!(world.create("nas").map_err(|e| (e.code.as_str(), e.exit_code())).map(drop), Err(("name_taken", 2)));
    world.create("web").expect("created");
    let before = [WEB, "192.168.150.9 nas nas.lite.internal"];
    assert_eq!((answers(&world), findings(&world)), (before.map(str::to_owned).to_vec(), vec![]));
    hv.remove_dns_host("lite", &by_hand(2, &["web.lite.internal", "web"])).expect("removed");
    hv.ensure_dns_host("lite", &by_hand(200, &["web"])).expect("made by hand");
    let told = "duplicate instance `web`: network `lite` answers for `web` with 192.168.150.200, by an entry that lite did not make";
    assert_eq!(findings(&world), [told]);
    assert_eq!(engine::restore_names(&world.engine()), Ok(false));
    engine::delete(&mut world.engine(), &instance(&world, "web")).expect("deleted");
    assert_eq!(answers(&world), ["192.168.150.9 nas nas.lite.internal", "192.168.150.200 web"]);
}

#[test]
fn a_name_that_was_left_is_found_and_is_its_next_owners() {
    let world = World::new();
    world.create("web").expect("created");
    engine::delete(&mut world.engine(), &instance(&world, "web")).expect("deleted");
    assert_eq!(answers(&world), NONE);
    // As if a hand had put it back.
    world.hypervisor.inner().ensure_dns_host("lite", &by_hand(2, &["web.lite.internal", "web"])).expect("made again");
    assert_eq!(findings(&world), ["orphan name `web.lite.internal` of 192.168.150.2: no instance owns it"]);
    // Its address is nobody's to give while it is there.
    world.create("db").expect("created");
    assert_eq!(answers(&world), [WEB, "192.168.150.3 db.lite.internal db"]);
    world.create("web").expect("created");
    let now = ["192.168.150.3 db.lite.internal db", "192.168.150.4 web.lite.internal web"].map(str::to_owned).to_vec();
    assert_eq!((answers(&world), findings(&world)), (now, vec![]));
}

#[test]
fn a_database_that_is_lost_takes_no_name_along() {
    let world = World::new();
    world.create("web").expect("created");
    world.lose_database();
    assert_eq!(engine::restore_names(&world.engine()), Ok(false));
    assert_eq!(answers(&world), [WEB]);
    world.hypervisor.inner().remove_dns_host("lite", &by_hand(2, &["web.lite.internal", "web"])).expect("removed");
    let wreckage = OldDatabases::open(world.state()).expect("opened");
    engine::rebuild(&mut world.engine(), &world.catalog, &wreckage).expect("rebuilt");
    assert_eq!(answers(&world), [WEB]);
}
