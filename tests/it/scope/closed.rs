//! The use cases that callers with a scope are refused.

use std::{path::PathBuf, time::Duration};

use lite::{
    app::{
        audit, blueprint, contact, disk, doctor, export, front, gc, host,
        image::{self, bake, make, prune, remove, warm},
        instance::{import, login},
        job, key, key_pair, load_balancer as lb, rebuild, remote, repair, second_factor, snapshot, static_ip, user,
        watch,
    },
    model::{ForwardMode, HealthPath, Location, Role, Scope, Size, Unobserved},
    serve,
};

use super::{
    Kind::{self, Closed},
    name, part, shown,
};
use crate::support::create_request::create_request;

const DISK: disk::Flags = disk::Flags { wait: false, dry_run: true };
const LB: lb::Flags = lb::Flags { wait: false, dry_run: true };
const SNAPSHOT: snapshot::Flags = snapshot::Flags { wait: false, dry_run: true };

fn mail(to: &str) -> contact::Add {
    contact::Add { name: name("ops"), way: contact::Way::Mail(to.to_owned()) }
}

fn ids() -> Vec<String> {
    vec!["debian-13".to_owned()]
}

fn pull() -> make::Pull {
    make::Pull { ids: ids(), digest: None, url: None }
}

fn file() -> make::Import {
    make::Import { file: PathBuf::from("none.qcow2"), name: None }
}

fn run() -> job::Run {
    job::Run {
        blueprint: "debian-13".to_owned(),
        bundle: None,
        command: vec!["true".to_owned()],
        timeout: Duration::from_secs(1),
        out: None,
        keep: false,
        use_warm: true,
        queue: false,
        input: false,
    }
}

fn tested() -> blueprint::test::Test {
    blueprint::test::Test {
        blueprints: ids(),
        base: None,
        bundle: None,
        parameters: vec![],
        user_data: None,
        timeout: Duration::from_secs(1),
        render_only: true,
        keep: false,
        record: None,
    }
}

pub const ALL: &[(&str, Kind)] = &[
    ("key_pair::login_pair", Closed(|app, c, _| key_pair::login_pair(app, c, &mut Unobserved).map(|pair| pair.0))),
    ("audit::list", Closed(|app, c, _| audit::list(app, c, &audit::Filter::default(), &mut Unobserved).map(shown))),
    (
        "audit::follow",
        Closed(|app, c, _| {
            audit::follow(app, c, &audit::Filter::default(), &mut Unobserved, &mut |_| Ok(())).map(shown)
        }),
    ),
    ("blueprint/check::check", Closed(|_, c, _| blueprint::check::check(c, &[]).map(shown))),
    ("blueprint/test::check", Closed(|app, c, _| blueprint::test::check(app, c, &tested()).map(|_| String::new()))),
    (
        "contact::check",
        Closed(|app, c, _| contact::check(app, c, &mail("a@example.org"), &mut Unobserved).map(|_| String::new())),
    ),
    ("contact::list", Closed(|app, c, _| contact::list(app, c, &mut Unobserved).map(shown))),
    (
        "contact::find",
        Closed(|app, c, _| contact::find(app, c, &[name("ops")], &mut Unobserved).map(|_| String::new())),
    ),
    (
        "contact::rotate",
        Closed(|app, c, _| contact::rotate(app, c, &name("ops"), &mut Unobserved).map(|_| String::new())),
    ),
    ("contact::test", Closed(|app, c, _| contact::test(app, c, &name("ops"), &mut Unobserved).map(shown))),
    (
        "contact::deliveries",
        Closed(|app, c, _| contact::deliveries(app, c, None, false, 9, &mut Unobserved).map(shown)),
    ),
    ("contact::redeliver", Closed(|app, c, _| contact::redeliver(app, c, "msg-1", &mut Unobserved).map(shown))),
    (
        "contact/verify::verify",
        Closed(|app, c, _| contact::verify(app, c, &name("ops"), None, &mut Unobserved).map(shown)),
    ),
    (
        "disk::create",
        Closed(|app, c, _| {
            let (named, size) = (name("new"), Some(Size::mib(64)));
            let new = disk::NewDisk { name: &named, size, from: None };
            disk::create(app, c, new, DISK, &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "disk::attach",
        Closed(|app, c, of| {
            disk::attach(app, c, (&part(of, "disk"), &name(of)), None, DISK, &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "disk::detach",
        Closed(|app, c, of| {
            disk::detach(app, c, &part(of, "disk"), (false, DISK), &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "disk::find",
        Closed(|app, c, of| disk::find(app, c, &[part(of, "disk")], false, &mut Unobserved).map(|_| String::new())),
    ),
    (
        "disk::snapshot",
        Closed(|app, c, of| {
            disk::snapshot(app, c, (&part(of, "disk"), None), DISK, &mut Unobserved).map(|_| String::new())
        }),
    ),
    ("doctor::check", Closed(|app, c, _| doctor::check(app, c, &mut Unobserved).map(|_| String::new()))),
    ("doctor::fix", Closed(|app, c, _| doctor::fix(app, c, true, &mut |_| {}).map(shown))),
    ("doctor::audit", Closed(|app, c, _| doctor::audit(app, c).map(|_| String::new()))),
    (
        "export::run",
        Closed(|app, c, of| {
            let export = export::Export {
                of: name(of),
                file: PathBuf::from("none.lite"),
                recipient: None,
                with_secrets: false,
                wait: false,
                dry_run: true,
            };
            export::run(app, c, &export, &mut Unobserved).map(shown)
        }),
    ),
    (
        "gc::find",
        Closed(|app, c, _| {
            let request = gc::Request { now: false, wait: false, dry_run: true };
            gc::find(app, c, request, &mut Unobserved).map(|_| String::new())
        }),
    ),
    ("host::usage", Closed(|app, c, _| host::usage(app, c).map(|_| String::new()))),
    ("image::choices", Closed(|app, c, _| image::choices(app, c).map(|_| String::new()))),
    ("image::list", Closed(|app, c, _| image::list(app, c, &mut Unobserved).map(|_| String::new()))),
    (
        "image/warm::run",
        Closed(|app, c, _| {
            let timeout = Duration::from_secs(1);
            let wanted = warm::Warm { blueprints: ids(), bundle: None, base: None, timeout };
            warm::run(app, c, &wanted, &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "image/bake::check",
        Closed(|app, c, _| {
            let bake = bake::Bake {
                blueprints: ids(),
                base: None,
                parameters: vec![],
                keep: false,
                timeout: Duration::from_secs(1),
            };
            bake::check(app, c, bake, &mut Unobserved).map(|_| String::new())
        }),
    ),
    ("image/make::build", Closed(|app, c, _| make::build(app, c, &ids(), &mut Unobserved).map(|_| String::new()))),
    (
        "image/make::accept_build",
        Closed(|app, c, _| make::accept_build(app, c, "debian-13", &mut Unobserved).map(|_| String::new())),
    ),
    ("image/make::pull", Closed(|app, c, _| make::pull(app, c, &pull(), &mut Unobserved).map(|_| String::new()))),
    (
        "image/make::accept_pull",
        Closed(|app, c, _| make::accept_pull(app, c, ("debian-13", &pull()), &mut Unobserved).map(|_| String::new())),
    ),
    ("image/make::plan_build", Closed(|app, c, _| make::plan_build(app, c, &ids(), &mut Unobserved).map(shown))),
    ("image/make::plan_pull", Closed(|app, c, _| make::plan_pull(app, c, &pull(), &mut Unobserved).map(shown))),
    ("image/make::import", Closed(|app, c, _| make::import(app, c, &file(), &mut Unobserved).map(|_| String::new()))),
    (
        "image/make::accept_import",
        Closed(|app, c, _| make::accept_import(app, c, &file(), &mut Unobserved).map(|_| String::new())),
    ),
    ("image/make::plan_import", Closed(|app, c, _| make::plan_import(app, c, &file(), &mut Unobserved).map(shown))),
    ("image/prune::find", Closed(|app, c, _| prune::find(app, c, &mut Unobserved).map(|_| String::new()))),
    ("image/remove::find", Closed(|app, c, _| remove::find(app, c, &ids(), &mut Unobserved).map(|_| String::new()))),
    (
        "instance/import::check",
        Closed(|app, c, _| {
            let import = import::Import { file: PathBuf::from("none.lite"), identity: None, create: create_request() };
            import::check(app, c, import, &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "instance/login::copy",
        Closed(|app, c, of| {
            let transfer = login::Transfer::To(vec![], "/tmp".into());
            login::copy(app, c, &name(of), &transfer, &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "load_balancer::create",
        Closed(|app, c, _| {
            let health_path = HealthPath::parse("/").expect("a path");
            let new =
                lb::New { name: name("lb"), instance_port: 80, domain: None, listen: None, health_path, sticky: false };
            lb::create(app, c, &new, true, &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "load_balancer::attach",
        Closed(|app, c, of| lb::attach(app, c, (&name("lb"), &[name(of)]), LB, &mut Unobserved).map(|_| String::new())),
    ),
    (
        "load_balancer::detach",
        Closed(|app, c, of| {
            let how = (Duration::ZERO, LB);
            lb::detach(app, c, (&name("lb"), &[name(of)]), how, &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "load_balancer::delete",
        Closed(|app, c, _| lb::delete(app, c, &name("lb"), LB, &mut Unobserved).map(|_| String::new())),
    ),
    ("load_balancer::list", Closed(|app, c, _| lb::list(app, c, &mut Unobserved).map(|_| String::new()))),
    ("load_balancer::show", Closed(|app, c, _| lb::show(app, c, &name("lb"), &mut Unobserved).map(|_| String::new()))),
    ("rebuild::look", Closed(|app, c, _| rebuild::look(app, c).map(|_| String::new()))),
    (
        "remote::add",
        Closed(|app, c, _| {
            let location = Location::parse("/nowhere").expect("a place");
            let add = remote::Add { name: name("far"), location, password: None, credentials: None, dry_run: true };
            remote::add(app, c, add, &mut Unobserved).map(|_| String::new())
        }),
    ),
    ("remote::list", Closed(|app, c, _| remote::list(app, c, &mut Unobserved).map(|_| String::new()))),
    ("remote::show", Closed(|app, c, _| remote::show(app, c, &name("far"), &mut Unobserved).map(|_| String::new()))),
    (
        "remote::secrets",
        Closed(|app, c, _| remote::secrets(app, c, &name("far"), &mut Unobserved).map(|_| String::new())),
    ),
    ("remote::check", Closed(|app, c, _| remote::check(app, c, &name("far"), false, &mut Unobserved).map(shown))),
    (
        "remote::find_all",
        Closed(|app, c, _| remote::find_all(app, c, &[name("far")], &mut Unobserved).map(|_| String::new())),
    ),
    (
        "remote::snapshots",
        Closed(|app, c, _| remote::snapshots(app, c, &name("far"), &mut Unobserved).map(|_| String::new())),
    ),
    (
        "remote::find_snapshots",
        Closed(|app, c, of| {
            remote::find_snapshots(app, c, (&name("far"), &[format!("{of}-snap")]), &mut Unobserved)
                .map(|_| String::new())
        }),
    ),
    (
        "remote::restore",
        Closed(|app, c, of| {
            let restore =
                remote::Restore { remote: name("far"), snapshot: format!("{of}-snap"), name: None, dry_run: true };
            remote::restore(app, c, &restore, &mut Unobserved).map(|_| String::new())
        }),
    ),
    ("repair::repair", Closed(|app, c, _| repair::repair(app, c, false, true, &mut Unobserved).map(|_| String::new()))),
    (
        "repair::move_network",
        Closed(|app, c, _| {
            repair::move_network(app, c, ForwardMode::Route, true, &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "repair::find",
        Closed(|app, c, of| repair::find(app, c, &[name(of)], false, &mut Unobserved).map(|_| String::new())),
    ),
    (
        "snapshot::push",
        Closed(|app, c, of| {
            snapshot::push(app, c, (&part(of, "snap"), &name("far")), SNAPSHOT, &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "static_ip::allocate",
        Closed(|app, c, _| static_ip::allocate(app, c, (&name("new"), None), true, &mut Unobserved).map(shown)),
    ),
    (
        "static_ip::attach",
        Closed(|app, c, of| {
            static_ip::attach(app, c, (&part(of, "ip"), &name(of)), (false, true), &mut Unobserved)
                .map(|_| String::new())
        }),
    ),
    (
        "static_ip::detach",
        Closed(|app, c, of| {
            static_ip::detach(app, c, &part(of, "ip"), (false, true), &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "static_ip::release",
        Closed(|app, c, of| static_ip::release(app, c, &part(of, "ip"), true, &mut Unobserved).map(shown)),
    ),
    (
        "key::create",
        Closed(|app, c, _| {
            let create = key::Create { user: name("root"), role: None, label: String::new() };
            key::create(app, c, &create).map(|_| String::new())
        }),
    ),
    (
        "key::create_for_metrics",
        Closed(|app, c, _| {
            let create = key::Create { user: name("root"), role: None, label: String::new() };
            key::create_for_metrics(app, c, &create).map(|_| String::new())
        }),
    ),
    ("second_factor::make", Closed(|app, c, _| second_factor::make(app, c, &name("root")).map(|_| String::new()))),
    ("second_factor::confirm", Closed(|app, c, _| second_factor::confirm(app, c, &name("root"), "000000").map(shown))),
    ("second_factor::remove", Closed(|app, c, _| second_factor::remove(app, c, &name("root")).map(shown))),
    ("front::go_on", Closed(|app, c, _| front::go_on(app, c, &front::Waits::default()).map(shown))),
    ("front::in_steps", Closed(|app, c, _| front::in_steps(app, c).map(shown))),
    ("serve::authority", Closed(|app, c, _| serve::authority(app, c))),
    (
        "serve::run",
        Closed(|app, c, _| {
            let options = serve::Options::usual(([127, 0, 0, 1], 0).into());
            let stop = std::sync::atomic::AtomicBool::new(true);
            serve::run(app.clone(), c, options, &stop, &|_| Ok(())).map(shown)
        }),
    ),
    ("front::begin", Closed(|app, c, _| front::begin(app, c).map(shown))),
    (
        "front::install",
        Closed(|app, c, _| {
            let here = std::path::Path::new(".");
            let run = front::Run { program: here, arguments: &[], variables: &[] };
            front::install(c, &app.settings, here, run, &[]).map(|_| String::new())
        }),
    ),
    ("job/run::check", Closed(|app, c, _| job::check(app, c, run()).map(|_| String::new()))),
    ("job::list", Closed(|app, c, _| job::list(app, c, &mut Unobserved).map(shown))),
    ("job::plan_cancel", Closed(|app, c, _| job::plan_cancel(app, c, &[], &mut Unobserved).map(shown))),
    ("job::cancel", Closed(|app, c, _| job::cancel(app, c, &[], &mut Unobserved).map(shown))),
    ("key::list", Closed(|app, c, _| key::list(app, c, None, &mut Unobserved).map(shown))),
    ("key::disable", Closed(|app, c, _| key::disable(app, c, &[], true).map(shown))),
    ("key::remove", Closed(|app, c, _| key::remove(app, c, &[]).map(shown))),
    ("user::log_in", Closed(|app, c, _| user::log_in(app, c, &name("root")).map(|_| String::new()))),
    (
        "user::add",
        Closed(|app, c, _| {
            let add = user::Add { name: name("new"), role: Role::Viewer, scope: Scope::All, dry_run: true };
            user::add(app, c, &add, &mut Unobserved).map(|_| String::new())
        }),
    ),
    ("user::list", Closed(|app, c, _| user::list(app, c, &mut Unobserved).map(shown))),
    ("user::show", Closed(|app, c, _| user::show(app, c, &name("root"), &mut Unobserved).map(shown))),
    ("user::change", Closed(|app, c, _| user::change(app, c, &name("root"), &user::Change::default()).map(shown))),
    ("user::log_out", Closed(|app, c, _| user::log_out(app, c, &name("root")).map(shown))),
    ("user::find", Closed(|app, c, _| user::find(app, c, &[name("root")]).map(|_| String::new()))),
    ("watch::run", Closed(|app, c, _| watch::run(app, c, None, &|_| {}).map(shown))),
    (
        "watch::install",
        Closed(|app, c, _| {
            let here = std::path::Path::new(".");
            let run = front::Run { program: here, arguments: &[], variables: &[] };
            watch::install(c, &app.settings, here, run).map(|_| String::new())
        }),
    ),
];
