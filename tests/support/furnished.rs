//! A host that has one of everything that the console has a page for.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::Arc;

use jiff::Timestamp;
use lite::{
    app::{
        App, Caller, alarm,
        contact::{self, Add, MessageFormat, Way, Webhook},
        disk, key, key_pair, load_balancer, snapshot, static_ip, user,
    },
    clock::SystemClock,
    engine,
    model::{
        AlarmSettings, AlarmState, Condition, HealthPath, Location, Metric, Missing, Name, Notify, Remote, RemoteState,
        Role, Scope, Settings, Size, Statistic, Tag, Unobserved, Via,
    },
    store::remotes,
};

use uuid::Uuid;

use super::{changes, world::World};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// With `shop`, which is a client's, its snapshot `shop-snap-1`, disk `data`, alarm `high`, static address `site`, and `blog`; `erstwhile`,
/// which is deleted and kept; load balancer `frontdoor`, contact `oncall`, user `vera` and her key; images of Debian, the client's key pair
/// `laptop`, another `skeleton`, and remote `vault`, where nobody answers.
pub fn furnished() -> World {
    let mut world = World::with_images();
    world.settings = Arc::new(Settings { loopback_webhooks: true, ..world.settings().clone() });
    world.disk = Some(Size::mib(64));
    let tags = ["client=acme", "live"].map(|text| Tag::parse(text).expect("a tag")).to_vec();
    let request = engine::Request { tags, ..world.plain_request(Some("shop")) };
    engine::create(&mut world.engine(), request, &mut Unobserved).expect("made");
    for one in ["blog", "erstwhile"] {
        world.create(one).expect("made");
    }
    let mut ctx = world.engine();
    let gone = ctx.store.require(&name("erstwhile")).expect("there");
    changes::keep_deleted(&mut ctx, &gone).expect("deleted");
    let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
    storage(&app);
    network(&app);
    people(&app);
    keys(&app);
    world.engine().store.write(|t| remotes::insert(t, &vault())).expect("a remote");
    world
}

fn storage(app: &App) {
    let (root, shop, quiet) = (Caller::root(Via::Cli), name("shop"), &mut Unobserved);
    for one in ["data", "spare"] {
        let data = name(one);
        let new = disk::NewDisk { name: &data, size: Some(Size::mib(64)), from: None };
        let made = disk::create(app, &root, new, disk::Flags::default(), quiet);
        made.expect("accepted").run(quiet).expect("a disk");
    }
    let given = disk::attach(app, &root, (&name("data"), &shop), None, disk::Flags::default(), quiet);
    given.expect("accepted").run(quiet).expect("attached");
    let made = snapshot::create(app, &root, (&shop, None), snapshot::Flags::default(), quiet);
    made.expect("accepted").run(quiet).expect("a snapshot");
}

fn network(app: &App) {
    let (root, shop, quiet) = (Caller::root(Via::Cli), name("shop"), &mut Unobserved);
    static_ip::allocate(app, &root, (&name("site"), None), false, quiet).expect("an address");
    let led = static_ip::attach(app, &root, (&name("site"), &shop), (false, false), quiet);
    led.expect("accepted").run(quiet).expect("attached");
    let new = load_balancer::New {
        name: name("frontdoor"),
        instance_port: 80,
        domain: None,
        listen: None,
        health_path: HealthPath::parse("/").expect("a path"),
        sticky: false,
    };
    load_balancer::create(app, &root, &new, false, quiet).expect("accepted").run(quiet).expect("a load balancer");
}

fn keys(app: &App) {
    let (root, quiet) = (Caller::root(Via::Cli), &mut Unobserved);
    let tags = [Tag::parse("client=acme").expect("a tag")];
    key_pair::create(app, &root, &name("laptop"), &tags, quiet).expect("a key pair");
    key_pair::create(app, &root, &name("skeleton"), &[], quiet).expect("a key pair");
}

fn vault() -> Remote {
    let location = Location::Folder("/srv/vault".into());
    Remote {
        id: Uuid::new_v4(),
        name: name("vault"),
        location,
        state: RemoteState::Available,
        created_at: Timestamp::now(),
    }
}

fn people(app: &App) {
    let (root, quiet) = (Caller::root(Via::Cli), &mut Unobserved);
    let settings = AlarmSettings {
        metric: Metric::CpuUtilization,
        condition: Condition::parse(">= 90").expect("a condition"),
        datapoints: 3,
        of: 5,
        period_minutes: 1,
        statistic: Statistic::Average,
        missing: Missing::Missing,
        notify: vec![Notify::Alarm, Notify::Ok],
        repeat_minutes: 240,
    };
    let put = alarm::Put { subject: name("shop"), name: Some(name("high")), settings, dry_run: false };
    alarm::put(app, &root, &put, quiet).expect("an alarm");
    alarm::test(app, &root, &name("high"), AlarmState::Alarm, quiet).expect("it fires");
    let webhook = Webhook {
        address: "http://127.0.0.1:9/hook".into(),
        format: MessageFormat::Named("standard".to_owned()),
        allow_private: false,
        header: None,
    };
    let add = Add { name: name("oncall"), way: Way::Webhook(webhook) };
    contact::check(app, &root, &add, quiet).expect("checked").run(app).expect("added");
    let vera = user::Add { name: name("vera"), role: Role::Viewer, scope: Scope::All, dry_run: false };
    user::add(app, &root, &vera, quiet).expect("added");
    let create = key::Create { user: name("vera"), role: None, label: "a script".to_owned() };
    key::create(app, &root, &create).expect("a key");
}
