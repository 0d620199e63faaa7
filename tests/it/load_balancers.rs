//! Load balancers: what they are made of, and what is refused.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use lite::{
    app::{
        App, Caller,
        alarm::{self, Put},
        instance::{
            change::{self, Change, Targets},
            publish::Publish,
            site::PublishSite,
        },
        load_balancer::{self, Flags, New},
        rebuild, static_ip,
    },
    clock::SystemClock,
    engine,
    hypervisor::flaky::Moment,
    model::{Domain, Error, HealthPath, HostId, Metric, Name, NetworkMode, PortPair, Result, Unobserved, Via},
    view::LoadBalancerView,
};

use crate::support::{changes, rows::settings, world::World};

type Refusal = ((&'static str, u8), &'static str);
const PORT_TAKEN: Refusal = (("port_taken", 2), "`8080/tcp` of this host leads to load balancer `shop`");
const SHARED_PORT_TAKEN: Refusal = (("port_taken", 2), "`80/tcp` of this host leads to load balancer `shop`");
const DOMAIN_TAKEN: Refusal = (("domain_taken", 2), "`b.example.org` leads to load balancer `domain` already");

/// Use cases, with the names of what they are about as text.
struct Balancing<'a> {
    world: &'a World,
    app: App,
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn short(error: &Error) -> (&'static str, u8) {
    (error.code.as_str(), error.exit_code())
}

fn new(text: &str, domain: Option<&str>, listen: Option<u16>) -> New {
    New {
        name: name(text),
        instance_port: 80,
        domain: domain.map(|d| Domain::parse(d).expect("a domain")),
        listen,
        health_path: HealthPath::parse("/").expect("a path"),
        sticky: false,
    }
}

/// The instances of a view, with their states.
fn targets(view: &LoadBalancerView) -> Vec<(String, &'static str)> {
    view.targets.iter().map(|target| (target.name.clone(), target.state.as_str())).collect()
}

impl<'a> Balancing<'a> {
    fn of(world: &'a World) -> Self {
        let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
        Self { world, app }
    }

    fn root() -> Caller {
        Caller::root(Via::Cli)
    }

    fn create(&self, new: &New) -> Result<LoadBalancerView> {
        load_balancer::create(&self.app, &Self::root(), new, false, &mut Unobserved)?.run(&mut Unobserved)
    }

    fn attach(&self, balancer: &str, instances: &[&str]) -> Result<LoadBalancerView> {
        let instances: Vec<Name> = instances.iter().map(|i| name(i)).collect();
        let names = (&name(balancer), &*instances);
        let accepted = load_balancer::attach(&self.app, &Self::root(), names, Flags::default(), &mut Unobserved)?;
        accepted.run(&mut Unobserved)
    }

    fn detach(&self, balancer: &str, instances: &[&str]) -> Result<LoadBalancerView> {
        let instances: Vec<Name> = instances.iter().map(|i| name(i)).collect();
        let (names, how) = ((&name(balancer), &*instances), (Duration::ZERO, Flags::default()));
        load_balancer::detach(&self.app, &Self::root(), names, how, &mut Unobserved)?.run(&mut Unobserved)
    }

    fn delete(&self, balancer: &str) -> Result<String> {
        let names = (&name(balancer), Flags::default());
        let accepted = load_balancer::delete(&self.app, &Self::root(), names.0, names.1, &mut Unobserved)?;
        Ok(accepted.run(&mut Unobserved)?.result.to_string())
    }

    fn list(&self) -> Vec<LoadBalancerView> {
        load_balancer::list(&self.app, &Self::root(), &mut Unobserved).expect("listed")
    }

    /// Publishes something of `web`.
    fn publish<C: Change>(&self, what: &C) -> Result<()> {
        let targets = Targets { names: vec![name("web")], wait: false, dry_run: false };
        change::run(&self.app, &Self::root(), what, &targets, &mut Unobserved).map(drop)
    }

    /// An instance whose port 80 is open.
    fn instance(&self, text: &str) {
        self.world.create(text).expect("created");
        let mut engine = self.world.engine();
        let instance = engine.store.require(&name(text)).expect("stored");
        changes::open(&mut engine, &instance, "80").expect("opened");
    }
}

#[test]
fn instances_come_and_go_and_it_outlives_them() {
    let world = World::new();
    let balancing = Balancing::of(&world);
    assert_eq!(balancing.list(), []);
    ["web", "db"].iter().for_each(|name| balancing.instance(name));
    let made = balancing.create(&new("shop", None, Some(8080))).expect("made");
    assert_eq!((targets(&made), made.listen), (vec![], Some(8080)));
    assert!(engine::proxy_runs(&world.engine()).expect("asked"));
    // The test driver's web front checks nobody.
    let of = |name: &str| (name.to_owned(), "unavailable");
    assert_eq!(targets(&balancing.attach("shop", &["web", "db"]).expect("attached")), [of("db"), of("web")]);
    assert_eq!(targets(&balancing.attach("shop", &["web"]).expect("it is")), [of("db"), of("web")]);
    assert_eq!(targets(&balancing.detach("shop", &["db"]).expect("detached")), [of("web")]);
    let mut engine = world.engine();
    let web = engine.store.require(&name("web")).expect("stored");
    let receipt = engine::delete(&mut engine, &web).expect("deleted");
    assert!(receipt.removed.contains(&"target of load balancer `shop`".to_owned()), "{receipt:?}");
    assert_eq!(balancing.list().iter().map(targets).collect::<Vec<_>>(), [vec![]]);
    assert_eq!(balancing.delete("shop"), Ok("deleted".to_owned()));
    assert!(!engine::proxy_runs(&world.engine()).expect("asked"));
    assert!(engine::audit(&world.engine()).expect("audited").is_clean());
    assert_eq!(world.create("shop").map(drop), Ok(()), "its name is free");
}

/// No domain carries it: a file beside the database does.
#[test]
fn a_lost_database_is_rebuilt_with_load_balancers_and_static_addresses() {
    let world = World::new();
    let balancing = Balancing::of(&world);
    ["web", "db"].iter().for_each(|name| balancing.instance(name));
    balancing.create(&New { sticky: true, ..new("shop", None, Some(8080)) }).expect("made");
    balancing.attach("shop", &["web", "db"]).expect("attached");
    balancing.create(&new("gone", None, Some(8081))).expect("made");
    balancing.delete("gone").expect("deleted");
    let (app, root) = (&balancing.app, Balancing::root());
    for ip in ["site", "kept"] {
        static_ip::allocate(app, &root, (&name(ip), None), false, &mut Unobserved).expect("allocated");
    }
    let attached = static_ip::attach(app, &root, (&name("site"), &name("web")), (false, false), &mut Unobserved);
    attached.expect("accepted").run(&mut Unobserved).expect("attached");
    let addresses = || static_ip::list(app, &root, &mut Unobserved).expect("listed");
    let before = (balancing.list(), addresses());
    for file in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(world.state().join(file));
    }
    let found = rebuild::look(app, &root).expect("looked");
    let plan = found.plan(app).expect("planned");
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!((plan.load_balancers, plan.static_addresses), (names(&["shop"]), names(&["kept", "site"])));
    let done = found.run(app, None, false).expect("rebuilt");
    assert_eq!((done.load_balancers, done.static_addresses), (names(&["shop"]), names(&["kept", "site"])));
    assert_eq!((done.refused, (balancing.list(), addresses())), (vec![], before));
    assert!(engine::proxy_runs(&world.engine()).expect("asked"));
    let again = rebuild::look(app, &root).and_then(|found| found.run(app, None, false)).expect("rebuilt");
    assert_eq!((again.load_balancers, again.static_addresses), (vec![], vec![]));
}

/// Its row goes last, and all that refers to it with that.
#[test]
fn a_delete_that_fails_leaves_its_alarms() {
    let world = World::new();
    let balancing = Balancing::of(&world);
    balancing.create(&new("shop", None, Some(8080))).expect("made");
    let settings = settings(Metric::HealthyHostCount, "< 1");
    let put = Put { subject: name("shop"), name: None, settings, dry_run: false };
    alarm::put(&balancing.app, &Balancing::root(), &put, &mut Unobserved).expect("put");
    let alarms = || world.engine().store.alarms().expect("read").len();
    world.hypervisor.fail_call("load_proxy", 1, Moment::Before);
    balancing.delete("shop").expect_err("HAProxy fails");
    assert_eq!((balancing.list().len(), alarms()), (1, 1));
    assert!(engine::proxy_runs(&world.engine()).expect("asked"));
    assert_eq!(balancing.delete("shop"), Ok("deleted".to_owned()));
    assert_eq!((balancing.list().len(), alarms()), (0, 0));
}

#[test]
fn without_a_domain_and_a_port_it_gets_what_no_domain_claims() {
    let world = World::new();
    let balancing = Balancing::of(&world);
    balancing.instance("web");
    let made = balancing.create(&new("shop", None, None)).expect("made");
    let own = world.engine().machine.outward_address().unwrap_or(Ipv4Addr::LOCALHOST);
    assert_eq!((made.listen, made.urls), (Some(80), vec![format!("http://{own}/")]));
    for port in [None, Some(80)] {
        let error = balancing.create(&new("next", None, port)).expect_err("one has this place");
        assert_eq!((short(&error), error.to_string().as_str()), SHARED_PORT_TAKEN);
    }
    let pairs = vec![PortPair::parse("80").expect("a pair")];
    let error = balancing.publish(&Publish { pairs, address: None, sources: vec![] }).expect_err("taken");
    assert_eq!((short(&error), error.to_string().as_str()), SHARED_PORT_TAKEN);
    // Domains share the port with it.
    let web = world.engine().store.require(&name("web")).expect("stored");
    changes::publish_site(&mut world.engine(), &web, "a.example.org").expect("published");
    assert_eq!(world.engine().store.web_ports(&HostId::local()), Ok(vec![80, 443]));
    assert_eq!(balancing.delete("shop"), Ok("deleted".to_owned()));
}

#[test]
fn what_cannot_be_balanced_is_refused_and_nothing_changes() {
    let world = World::new();
    let balancing = Balancing::of(&world);
    balancing.instance("web");
    world.create("closed").expect("created");
    world.create_on("lan", NetworkMode::Bridge("br0".to_owned())).expect("created");
    let mut engine = world.engine();
    let web = engine.store.require(&name("web")).expect("stored");
    changes::publish(&mut engine, &web, 9090).expect("published");
    changes::publish_site(&mut engine, &web, "a.example.org").expect("published");
    balancing.create(&new("shop", None, Some(8080))).expect("made");
    balancing.attach("shop", &["web"]).expect("attached");
    // Without the URLs: they name the address by which this machine goes out, which tests of networks change beside this one.
    let listed = || {
        let mut all = balancing.list();
        all.iter_mut().for_each(|balancer| balancer.urls.clear());
        all
    };
    let before = (listed(), world.snapshot());
    let refused = [
        (new("next", None, Some(22)), "port_taken"),
        (new("next", None, Some(443)), "port_taken"),
        (new("next", None, Some(8080)), "port_taken"),
        (new("next", None, Some(9090)), "port_taken"),
        (new("next", Some("a.example.org"), None), "domain_taken"),
        (new("shop", None, Some(8081)), "name_taken"),
        (new("web", None, Some(8081)), "name_taken"),
    ];
    for (new, code) in refused {
        assert_eq!(balancing.create(&new).map_err(|e| short(&e)).map(drop), Err((code, 2)), "{new:?}");
    }
    let attached = |balancer, instance| balancing.attach(balancer, &["web", instance]).map_err(|e| short(&e)).map(drop);
    assert_eq!(attached("shop", "closed"), Err(("port_closed", 2)));
    assert_eq!(attached("shop", "lan"), Err(("not_publishable", 2)));
    assert_eq!(attached("shop", "none"), Err(("no_such_instance", 2)));
    assert_eq!(attached("shoe", "web"), Err(("no_such_load_balancer", 2)));
    let error = balancing.detach("shop", &["web", "closed"]).expect_err("no member");
    assert_eq!(short(&error), ("not_a_target", 2));
    assert_eq!(error.to_string(), "instance `closed` is not behind load balancer `shop`");
    let error = balancing.delete("sho").expect_err("there is none");
    assert_eq!(short(&error), ("no_such_load_balancer", 2));
    assert_eq!(error.hints[0].to_string(), "did you mean `shop`? `lite lb list` shows all");
    // What leads to a load balancer leads nowhere else.
    let pairs = vec![PortPair::parse("80:8080").expect("a pair")];
    let error = balancing.publish(&Publish { pairs, address: None, sources: vec![] }).expect_err("taken");
    assert_eq!((short(&error), error.to_string().as_str()), PORT_TAKEN);
    assert_eq!((listed(), world.snapshot()), before);

    balancing.create(&new("domain", Some("b.example.org"), None)).expect_err("no authority");
    let domain = Domain::parse("b.example.org").expect("a domain");
    let error = balancing.publish(&PublishSite { domain, guest_port: 80, sources: vec![] }).expect_err("taken");
    assert_eq!((short(&error), error.to_string().as_str()), DOMAIN_TAKEN);
}
