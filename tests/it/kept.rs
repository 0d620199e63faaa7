//! Deleted instances that are kept: all of one comes back, what others can want of it is free, and it goes in time.

mod moved;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lite::{
    app::{
        App, Caller,
        instance::{
            change,
            delete::{self, Delete},
            list, show,
            undelete::{self, Deleted, Target, Undelete},
        },
    },
    clock::Clock,
    engine::{self, Ctx, Unobserved},
    hypervisor::{DomainState, prelude::*},
    model::{
        AlarmSettings, Code, Condition, Error, EventKind, Instance, InstanceState, Metric, Missing, Name, Notify,
        Phase, Result, Size, Statistic, Tag, Via,
    },
    plan,
    store::{CleanSeed, OldDatabases, events::Which},
    view::{Changed, Receipt},
};

use crate::support::{changes, world::World};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn instance(world: &World, text: &str) -> Instance {
    world.engine().store.require(&name(text)).expect("there")
}

fn kept(world: &World) -> Vec<Instance> {
    let engine = world.engine();
    engine.store.kept(&engine.host_id()).expect("read")
}

fn keep(world: &World, text: &str) -> engine::Receipt {
    changes::keep_deleted(&mut world.engine(), &instance(world, text)).expect("deleted")
}

/// An instance that was ready, with all that can be about one.
fn made(world: &World, text: &str) -> Instance {
    world.create(text).expect("made");
    let mut engine = world.engine();
    let uuid = instance(world, text).record.uuid;
    engine.store.set_phase(uuid, Phase::Ready, None).expect("ready");
    let seed = engine.store.seed(uuid).expect("read").expect("a seed");
    engine.store.set_seed(uuid, &CleanSeed { is_written: true, ..seed }).expect("cleaned");
    let one = instance(world, text);
    changes::set_tags(&mut engine, &one, vec![Tag::parse("client=acme").expect("a tag")]).expect("tagged");
    changes::open(&mut engine, &one, "8080").expect("opened");
    let settings = AlarmSettings {
        metric: Metric::CpuUtilization,
        condition: Condition::parse("> 90").expect("a condition"),
        datapoints: 1,
        of: 1,
        period_minutes: 1,
        statistic: Statistic::Average,
        missing: Missing::Missing,
        notify: vec![Notify::Alarm],
        repeat_minutes: AlarmSettings::REPEAT,
    };
    let stamp = engine.stamp();
    engine.store.put_alarm(&(&one.record).into(), &name(&format!("{text}-cpu")), &settings, &stamp).expect("an alarm");
    instance(world, text)
}

/// The real time, and what a test adds to it.
struct Later(SignedDuration);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        Timestamp::now() + self.0
    }
}

fn app_after(world: &World, time: SignedDuration) -> App {
    App::of_host(world.settings().clone(), Arc::new(Later(time)), world.hypervisor.clone())
}

fn app(world: &World) -> App {
    app_after(world, SignedDuration::ZERO)
}

fn root() -> Caller {
    Caller::root(Via::Cli)
}

fn delete_by(app: &App, text: &str, now: bool) -> Result<Vec<Receipt>> {
    delete::find(app, &root(), &[name(text)], (Delete { now }, false), &mut Unobserved)?.run(app, &mut Unobserved)
}

fn undelete_by(app: &App, deleted: Deleted, as_name: Option<&str>, dry_run: bool) -> Result<Changed> {
    let undelete = Undelete { name: as_name.map(name), start: true, until_ready: None };
    undelete::run(app, &root(), &undelete, &Target { deleted, wait: false, dry_run }, &mut Unobserved)
}

fn domain(world: &World, of: &Instance) -> (String, DomainState) {
    let seen = world.hypervisor.domain(of.record.uuid).expect("asked").expect("there");
    (seen.name, seen.state)
}

fn alarms(world: &World) -> Vec<String> {
    world.engine().store.alarms().expect("read").into_iter().map(|alarm| alarm.name.to_string()).collect()
}

/// What was told of instances that went for good.
fn purges(world: &World) -> Vec<String> {
    let which = Which { limit: 100, ..Which::default() };
    let events = world.engine().store.events(&which).expect("read").into_iter().map(|stored| stored.event);
    events.filter(|event| event.kind == EventKind::InstancePurged).map(|event| event.data.reason).collect()
}

fn is_clean(engine: &Ctx) {
    let audit = engine::audit(engine).expect("audited");
    assert!(audit.is_clean(), "{audit:?}");
}

#[test]
fn a_deleted_instance_comes_back_as_it_was() {
    let world = World::new();
    let before = made(&world, "web");
    let address = before.record.address.expect("an address");
    let (volumes, watched) = (world.snapshot(), alarms(&world));
    assert_eq!(watched, ["web-cpu", "web-disk-space-utilization", "web-memory-utilization"]);
    let (app, uuid) = (app(&world), before.record.uuid);
    let host_key = world.engine().store.host_key(uuid).expect("read");
    assert!(host_key.is_some());

    let receipt = delete_by(&app, "web", false).expect("deleted").remove(0);
    let deleted = kept(&world).remove(0);
    let until = deleted.record.kept.expect("kept").until;
    let left = until.duration_since(Timestamp::now()).as_secs();
    assert!((86_300..=86_400).contains(&left), "{left} s");
    assert_eq!(receipt.kept_until, Some(until));
    let shown = until.strftime("%F %T UTC");
    let wanted = [
        "virtual machine `web`, until T".to_owned(),
        format!("root disk `{}` (20 GiB) and its data, until T", plan::root_disk(&before.record)),
        format!("seed `{}`, until T", plan::seed(&before.record)),
        "firewall rules, alarms, logs and secrets, until T".to_owned(),
        "the way back: `lite undelete web`".to_owned(),
    ];
    let wanted: Vec<String> = wanted.iter().map(|line| line.replace('T', &shown.to_string())).collect();
    let said: Vec<String> = receipt.kept.iter().map(ToString::to_string).collect();
    assert_eq!(said[..5], wanted);
    assert!(receipt.removed.contains(&format!("address {address}")), "{receipt:?}");

    // Nothing of it is in the way, and it costs nothing.
    assert_eq!(domain(&world, &before), (format!("kept-{}", uuid.simple()), DomainState::Off));
    assert_eq!(list::list(&app, &root(), &[], &mut Unobserved).map(|(rows, ..)| rows), Ok(vec![]));
    assert_eq!(list::cost(&app, &root(), &[], &mut Unobserved), Ok((vec![], vec![])));
    assert_eq!(alarms(&world), Vec::<String>::new());
    let engine = world.engine();
    let held = engine.store.allocated(&engine.host_id()).expect("summed");
    assert_eq!((held.vcpus, held.memory, held.disk), (0, 0, before.record.disk.as_bytes()));
    assert_eq!(engine.hypervisor.dns_hosts("lite").map(|names| names.len()), Ok(0));
    let image = engine.store.image_of(uuid).expect("read").expect("an image");
    assert_eq!(engine.store.users_of_image(&image), Ok(vec!["web (deleted)".to_owned()]));
    is_clean(&engine);
    let rows = undelete::list(&app, &root(), &mut Unobserved).expect("listed");
    assert_eq!(rows.iter().map(|row| (row.name.as_str(), row.uuid)).collect::<Vec<_>>(), [("web", uuid)]);
    let view = show::show(&app, &root(), &[name("web")], &mut Unobserved).expect("shown").remove(0);
    assert_eq!((view.row.state, view.kept_until, view.row.name.as_str()), (InstanceState::Kept, Some(until), "web"));

    assert_eq!(
        undelete_by(&app, Deleted::Name(name("web")), None, true),
        Ok(Changed::new("web", "would be brought back"))
    );
    assert_eq!(kept(&world).len(), 1);
    assert_eq!(undelete_by(&app, Deleted::Name(name("web")), None, false), Ok(Changed::new("web", "back, running")));
    let back = instance(&world, "web");
    assert_eq!(back, before);
    assert_eq!(world.engine().store.host_key(uuid), Ok(host_key));
    assert_eq!(alarms(&world), watched);
    assert_eq!((domain(&world, &back), kept(&world)), (("web".to_owned(), DomainState::Running), vec![]));
    assert_eq!(world.snapshot(), volumes);
    is_clean(&world.engine());
}

#[test]
fn another_has_its_name_and_its_address_by_now() {
    let world = World::new();
    let before = made(&world, "web");
    let watched = alarms(&world);
    keep(&world, "web");
    let other = made(&world, "web");
    assert_eq!(other.record.address, before.record.address, "it was free at once");
    assert_eq!(alarms(&world), watched);
    let (app, taken) = (app(&world), world.snapshot());

    let error = undelete_by(&app, Deleted::Name(name("web")), None, false).expect_err("refused");
    assert_eq!((error.code, error.exit_code()), (Code::NameTaken, 2));
    assert_eq!(error.hint_texts(), ["choose another with `--name`, or look at it: `lite show web`"]);
    assert_eq!((world.snapshot(), kept(&world).len()), (taken, 1));

    let changed = undelete_by(&app, Deleted::Name(name("web")), Some("old"), false);
    assert_eq!(changed, Ok(Changed::new("old", "back, running")));
    let back = instance(&world, "old");
    let address = back.record.address.expect("an address");
    assert_eq!(back.record.uuid, before.record.uuid);
    assert_ne!(Some(address), before.record.address);
    assert_eq!(plan::root_disk(&back.record), plan::root_disk(&before.record), "libvirt renames no volume");
    assert_eq!(domain(&world, &back), ("old".to_owned(), DomainState::Running));
    let both: Vec<String> = watched.iter().flat_map(|name| [name.clone(), format!("{name}-2")]).collect();
    assert_eq!(alarms(&world), both);

    // cloud-init sets the address for the new id, and keeps the host key.
    let seed = world.engine().store.seed(back.record.uuid).expect("read").expect("a seed");
    let id = back.record.seed_id.expect("another id");
    assert_eq!(seed.meta_data, format!("instance-id: {id}\nlocal-hostname: old\n"));
    assert!(seed.network_config.contains(&format!("- {address}/24\n")), "{}", seed.network_config);
    let documents: serde_json::Value = serde_yaml::from_str(&seed.user_data).expect("YAML");
    assert_eq!((&documents["hostname"], &documents["ssh_deletekeys"]), (&"old".into(), &false.into()));
    assert!(seed.is_written && seed.user_data.starts_with("#cloud-config\n"), "{seed:?}");
    is_clean(&world.engine());

    // It goes as any other, and takes nothing of the other along.
    for gone in ["old", "web"] {
        assert!(delete_by(&app, gone, true).is_ok());
    }
    assert_eq!((world.engine().store.instances(), kept(&world)), (Ok(vec![]), vec![]));
    is_clean(&world.engine());
}

#[test]
fn it_goes_when_its_time_is_over_and_takes_nothing_of_another_along() {
    let world = World::new();
    made(&world, "web");
    keep(&world, "web");
    let other = made(&world, "web");
    let names = world.hypervisor.dns_hosts("lite").expect("read");
    let day = SignedDuration::from_hours(24);
    let second = SignedDuration::from_secs(1);
    let change = |app: &App| {
        let protect = lite::app::instance::protect::Protect { protected: true };
        let targets = change::Targets { names: vec![name("web")], wait: false, dry_run: true };
        change::run(app, &root(), &protect, &targets, &mut Unobserved).expect("any change")
    };
    change(&app_after(&world, day - second * 60));
    assert_eq!(kept(&world).len(), 1);
    change(&app_after(&world, day + second));
    assert_eq!(kept(&world), vec![]);
    assert_eq!(world.hypervisor.domains().map(|all| all.len()), Ok(1));
    assert_eq!(world.hypervisor.dns_hosts("lite"), Ok(names), "the other answers by its name");
    assert_eq!(instance(&world, "web"), other);
    assert_eq!(purges(&world), ["deleted instance `web` is gone for good: its time is over"]);
    is_clean(&world.engine());
}

#[test]
fn a_lost_database_knows_what_is_kept() {
    let world = World::new();
    let before = made(&world, "web");
    keep(&world, "web");
    made(&world, "web");
    world.lose_database();
    let mut engine = world.engine();
    let old = OldDatabases::open(world.state()).expect("opened");
    let done = engine::rebuild(&mut engine, &world.catalog, &old).expect("rebuilt");
    assert_eq!((done.taken.len(), done.refused), (2, vec![]));
    let deleted = kept(&world).remove(0);
    assert_eq!((deleted.record.uuid, deleted.phase), (before.record.uuid, Phase::Kept));
    assert_eq!(engine.store.instances().map(|all| all.len()), Ok(1));
    let back = changes::undelete(&mut engine, &deleted, Some(&name("old"))).map_err(|e| e.code);
    assert_eq!(back.map(drop), Err(Code::AddressInUse), "the documents of its seed are lost");
    engine::delete(&mut engine, &instance(&world, "web")).expect("deleted");
    changes::undelete(&mut engine, &deleted, None).expect("back");
    assert_eq!(instance(&world, "web").phase, Phase::Ready);
}

#[test]
fn what_is_not_whole_goes_at_once_and_comes_not_back() {
    let world = World::new();
    let one = made(&world, "web");
    world.hypervisor.inner().destroy(one.record.uuid).expect("off");
    world.hypervisor.inner().remove_domain(one.record.uuid).expect("undefined");
    assert_eq!(keep(&world, "web").until, None);
    assert_eq!(kept(&world), vec![]);

    made(&world, "web");
    keep(&world, "web");
    let deleted = kept(&world).remove(0);
    world.hypervisor.inner().remove_volume("lite", &plan::root_disk(&deleted.record)).expect("removed");
    let root_disk = plan::root_disk(&deleted.record);
    let findings = engine::audit(&world.engine()).expect("audited").findings;
    let found: Vec<_> = findings.iter().map(|f| (f.subject.as_str(), f.problem.as_str())).collect();
    assert_eq!(found, [("deleted instance `web`", &*format!("its root disk `{root_disk}` is gone"))]);
    let error = undelete_by(&app(&world), Deleted::Id(deleted.record.uuid), None, false).expect_err("refused");
    assert_eq!(
        (error.code, error.hint_texts()),
        (Code::DiskGone, vec!["remove what is left: `lite delete web --now`".into()])
    );
    assert_eq!(delete_by(&app(&world), "web", true).map(|receipts| receipts.len()), Ok(1));
    assert_eq!(kept(&world), vec![]);
    is_clean(&world.engine());
}

#[test]
fn want_of_space_takes_the_oldest_and_no_more_than_is_needed() {
    let mut world = World::new();
    world.disk = Some(Size::mib(30 << 10));
    for text in ["one", "two", "three"] {
        made(&world, text);
        keep(&world, text);
    }
    let names = |world: &World| kept(world).iter().map(|i| i.record.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&world), ["one", "two", "three"]);
    fill(&world);
    let error = world.create("one").err().map(|e: Error| e.code);
    assert_eq!((error, names(&world)), (None, vec!["two".to_owned(), "three".to_owned()]));
    // A name that is taken costs nobody his deleted instances, nor does one that would not fit without them either.
    assert_eq!(world.create("one").err().map(|e| e.code), Some(Code::NameTaken));
    world.disk = Some(Size::mib(4000 << 10));
    assert_eq!(world.create("four").err().map(|e| e.code), Some(Code::NoCapacity));
    assert_eq!(names(&world), ["two", "three"]);
    assert_eq!(purges(&world), ["deleted instance `one` is gone for good: its place is needed"]);
}

/// Promises what is left of the disk, but for less than an instance needs.
fn fill(world: &World) {
    let left = engine::capacity(&world.engine()).expect("asked").disk;
    let size = left - (10 << 30);
    world.sql(&format!(
        "UPDATE instance SET disk = disk + {size} WHERE name LIKE 'kept-%' AND record ->> '$.name' = 'three'"
    ));
}

#[test]
fn a_delete_twice_says_how_it_comes_back_and_names_lead_to_it() {
    let world = World::new();
    made(&world, "web");
    keep(&world, "web");
    let error = world.engine().store.require(&name("web")).expect_err("deleted");
    let until = kept(&world)[0].record.kept.expect("kept").until.strftime("%F %T UTC").to_string();
    let hint = format!("it was deleted, and is kept until {until}: `lite undelete web` brings it back");
    assert_eq!(error.hint_texts().last(), Some(&hint));
    let found = delete::find(&app(&world), &root(), &[name("web")], (Delete { now: false }, false), &mut Unobserved);
    assert!(found.expect("a success").is_empty());
    assert_eq!(kept(&world).len(), 1);
    let error = undelete_by(&app(&world), Deleted::Name(name("shop")), None, false).expect_err("refused");
    assert_eq!(error.message, "no deleted instance `shop` is kept");
    assert_eq!(error.exit_code(), 2);
}
