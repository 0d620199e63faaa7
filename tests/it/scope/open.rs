//! The use cases that callers with a scope have.

use std::time::Duration;

use lite::{
    app::{
        App, Caller, alarm, blueprint, bundle, disk, event,
        instance::{
            change::{self, Targets},
            console, create, delete, firewall, history, list, login, logs, power, resize, restore, secrets, show, tag,
            undelete, upgrade,
        },
        key_pair, metric, notice, operation, snapshot, static_ip,
    },
    model::{
        AlarmSettings, AlarmState, Condition, Metric, Missing, Name, Notify, Result, Rules, Size, Statistic, Unobserved,
    },
};

use super::{
    Kind::{self, Common, Listing, Named},
    name, part, shown,
};
use crate::support::create_request::create_request;

/// An alarm `INSTANCE-alarm`.
pub fn alarm_of(instance: &str) -> alarm::Put {
    let settings = AlarmSettings {
        metric: Metric::CpuUtilization,
        condition: Condition::parse(">= 90").expect("a condition"),
        datapoints: 1,
        of: 1,
        period_minutes: 1,
        statistic: Statistic::Average,
        missing: Missing::Missing,
        notify: vec![Notify::Alarm],
        repeat_minutes: AlarmSettings::REPEAT,
    };
    alarm::Put { subject: name(instance), name: Some(part(instance, "alarm")), settings, dry_run: false }
}

fn targets(of: &str) -> Targets {
    Targets { names: vec![name(of)], wait: false, dry_run: true }
}

fn retag(of: &str) -> tag::Retag {
    tag::Retag { name: name(of), set: vec![], remove: vec![], wait: false, dry_run: true }
}

fn refirewall(of: &str) -> firewall::Refirewall {
    firewall::Refirewall {
        name: name(of),
        action: firewall::Action::Set,
        services: vec![],
        sources: vec![],
        seen: None,
        wait: false,
        dry_run: true,
    }
}

fn log(of: &str) -> logs::Log {
    logs::Log { name: name(of), follow: false }
}

/// What is said above a page while the alarms of both fire: what was asked for before may have changed them.
fn noticed(app: &App, caller: &Caller) -> Result<String> {
    for of in ["mine", "other"] {
        let root = Caller::root(lite::model::Via::Cli);
        alarm::put(app, &root, &alarm_of(of), &mut Unobserved)?;
        alarm::test(app, &root, &part(of, "alarm"), AlarmState::Alarm, &mut Unobserved)?;
    }
    notice::all(app, caller).map(shown)
}

fn gone(of: &str) -> undelete::Target {
    undelete::Target { deleted: undelete::Deleted::Name(name(of)), wait: false, dry_run: true }
}

const BACK: undelete::Undelete = undelete::Undelete { name: None, start: false, until_ready: None };
const DRY: snapshot::Flags = snapshot::Flags { wait: false, dry_run: true };
const DISK_DRY: disk::Flags = disk::Flags { wait: false, dry_run: true };

fn one(text: &Name) -> &[Name] {
    std::slice::from_ref(text)
}

pub const ALL: &[(&str, Kind)] = &[
    ("alarm::list", Listing(|app, c, _| alarm::list(app, c, None, &mut Unobserved).map(shown))),
    ("alarm::described", Listing(|app, c, _| alarm::described(app, c, &mut Unobserved).map(shown))),
    ("alarm::show", Named(|app, c, of| alarm::show(app, c, &part(of, "alarm"), &mut Unobserved).map(shown))),
    (
        "alarm::put",
        Named(|app, c, of| {
            alarm::put(app, c, &alarm::Put { dry_run: true, ..alarm_of(of) }, &mut Unobserved).map(shown)
        }),
    ),
    (
        "alarm::find",
        Named(|app, c, of| {
            alarm::find(app, c, one(&part(of, "alarm")), &mut Unobserved).map(|found| shown(found.plan()))
        }),
    ),
    (
        "alarm::test",
        Named(|app, c, of| alarm::test(app, c, &part(of, "alarm"), AlarmState::Ok, &mut Unobserved).map(shown)),
    ),
    ("alarm::mute", Named(|app, c, of| alarm::mute(app, c, &part(of, "alarm"), None, &mut Unobserved).map(shown))),
    ("alarm::history", Listing(|app, c, _| alarm::history(app, c, None, 100, &mut Unobserved).map(shown))),
    ("blueprint::list", Common(|app, c, _| blueprint::list(app, c, &mut Unobserved).map(|all| all.len().to_string()))),
    (
        "blueprint::show",
        Common(|app, c, _| {
            blueprint::show(app, c, &["nginx".to_owned()], &mut Unobserved).map(|all| all.len().to_string())
        }),
    ),
    ("blueprint::parameter_faults", Common(|app, c, _| blueprint::parameter_faults(app, c, "nginx", &[]).map(shown))),
    ("blueprint::outdated", Common(|app, c, _| blueprint::outdated(app, c, &mut Unobserved).map(shown))),
    ("bundle::list", Common(|app, c, _| bundle::list(app, c, &mut Unobserved).map(shown))),
    ("notice::all", Listing(|app, c, _| noticed(app, c))),
    ("disk::list", Listing(|app, c, _| disk::list(app, c, &mut Unobserved).map(shown))),
    ("disk::show", Named(|app, c, of| disk::show(app, c, &part(of, "disk"), &mut Unobserved).map(shown))),
    (
        "disk::resize",
        Named(|app, c, of| {
            disk::resize(app, c, (&part(of, "disk"), Size::mib(128)), DISK_DRY, &mut Unobserved).map(|_| String::new())
        }),
    ),
    ("key_pair::list", Listing(|app, c, _| key_pair::list(app, c, &mut Unobserved).map(shown))),
    ("key_pair::show", Named(|app, c, of| key_pair::show(app, c, &part(of, "key"), &mut Unobserved).map(shown))),
    (
        "key_pair::create",
        Common(|app, c, _| {
            key_pair::create(app, c, &name("new-key"), &[], &mut Unobserved).map(|made| shown(made.row))
        }),
    ),
    (
        "key_pair::import",
        Common(|app, c, _| {
            let public = key_pair::show(app, c, &name("new-key"), &mut Unobserved)?.public;
            key_pair::import(app, c, (&name("own-key"), public.as_bytes()), &[], &mut Unobserved).map(shown)
        }),
    ),
    (
        "key_pair::tag",
        Named(|app, c, of| key_pair::tag(app, c, &part(of, "key"), (&[], &[]), &mut Unobserved).map(shown)),
    ),
    ("key_pair::delete", Named(|app, c, of| key_pair::delete(app, c, &part(of, "key"), &mut Unobserved).map(shown))),
    (
        "instance/login::details",
        Named(|app, c, of| login::details(app, c, &name(of), &mut Unobserved).map(|details| details.login.user)),
    ),
    (
        "instance/firewall::replace",
        Named(|app, c, of| {
            firewall::replace(app, c, (&name(of), Rules::new()), &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "instance/history::operations",
        Named(|app, c, of| history::operations(app, c, &name(of), (None, 1000), &mut Unobserved).map(shown)),
    ),
    (
        "instance/history::events",
        Named(|app, c, of| history::events(app, c, &name(of), (None, 1000), &mut Unobserved).map(shown)),
    ),
    ("event::list", Listing(|app, c, _| event::list(app, c, None, 100, &mut Unobserved).map(shown))),
    (
        "event::follow",
        Listing(|app, c, _| {
            // Cancelled from the start: what there is, and no more.
            let (mut app, mut all) = (app.clone(), Vec::new());
            app.cancel = std::sync::Arc::new(true.into());
            event::follow(&app, c, None, 100, &mut Unobserved, &mut |row| {
                all.push(shown(row));
                Ok(())
            })?;
            Ok(all.concat())
        }),
    ),
    (
        "instance/change::accept",
        Named(|app, c, of| {
            change::accept(app, c, &power::Start { until_ready: None }, (&name(of), false), &mut Unobserved)
                .map(|_| String::new())
        }),
    ),
    (
        "instance/change::run",
        Named(|app, c, of| {
            change::run(app, c, &power::Reboot { force: false }, &targets(of), &mut Unobserved).map(shown)
        }),
    ),
    (
        "instance/checked::check",
        Named(|app, c, of| {
            let request = create::Create { from_snapshot: Some(part(of, "snap")), name: None, ..create_request() };
            create::check(app, c, request).map(|_| String::new())
        }),
    ),
    (
        "instance/console::open",
        Named(|app, c, of| console::open(app, c, &name(of), &mut Unobserved).map(|_| String::new())),
    ),
    (
        "instance/console::show",
        Named(|app, c, of| console::show(app, c, &name(of), &mut Unobserved).map(|_| String::new())),
    ),
    (
        "instance/console::watch",
        Named(|app, c, of| console::watch(app, c, &name(of), &mut Unobserved).map(|_| String::new())),
    ),
    (
        "instance/delete::find",
        Named(|app, c, of| {
            let how = (delete::Delete { now: false }, false);
            delete::find(app, c, &[name(of)], how, &mut Unobserved).map(|_| String::new())
        }),
    ),
    ("instance/firewall::show", Named(|app, c, of| firewall::show(app, c, &name(of), &mut Unobserved).map(shown))),
    (
        "instance/firewall::change",
        Named(|app, c, of| firewall::change(app, c, &refirewall(of), &mut Unobserved).map(shown)),
    ),
    (
        "instance/firewall::accept",
        Named(|app, c, of| firewall::accept(app, c, &refirewall(of), &mut Unobserved)?.run(&mut Unobserved).map(shown)),
    ),
    (
        "instance/list::with_host",
        Listing(|app, c, _| {
            list::with_host(app, c, &mut Unobserved).map(|(rows, storage, host)| shown((rows, storage, host.is_some())))
        }),
    ),
    ("instance/list::part", Listing(|app, c, _| list::part(app, c, ("", 99), &mut Unobserved).map(shown))),
    ("instance/list::list", Listing(|app, c, _| list::list(app, c, &[], &mut Unobserved).map(shown))),
    ("instance/list::cost", Listing(|app, c, _| list::cost(app, c, &[], &mut Unobserved).map(shown))),
    (
        "instance/login::command",
        Named(|app, c, of| login::command(app, c, &name(of), &[], &mut Unobserved).map(|_| String::new())),
    ),
    (
        "instance/login::shell",
        Named(|app, c, of| login::shell(app, c, &name(of), &mut Unobserved).map(|_| String::new())),
    ),
    (
        "instance/logs::console",
        Named(|app, c, of| logs::console(app, c, &log(of), &mut Unobserved, &mut |_| Ok(())).map(shown)),
    ),
    (
        "instance/logs::reports",
        Named(|app, c, of| logs::reports(app, c, &log(of), &mut Unobserved, &mut |_| Ok(())).map(shown)),
    ),
    (
        "instance/logs::console_window",
        Named(|app, c, of| logs::console_window(app, c, &name(of), None, &mut Unobserved).map(shown)),
    ),
    (
        "instance/logs::reports_window",
        Named(|app, c, of| logs::reports_window(app, c, &name(of), None, &mut Unobserved).map(shown)),
    ),
    (
        "instance/resize::find",
        Named(|app, c, of| resize::find(app, c, (&name(of), "micro"), false, &mut Unobserved).map(|_| String::new())),
    ),
    (
        "instance/restore::find",
        Named(|app, c, of| {
            let restore = restore::Restore {
                name: name(of),
                snapshot: part(of, "snap"),
                keep: false,
                force: true,
                until_ready: None,
                wait: false,
            };
            restore::find(app, c, &restore, &mut Unobserved).map(|_| String::new())
        }),
    ),
    (
        "instance/secrets::secrets",
        Named(|app, c, of| secrets::secrets(app, c, &name(of), &mut Unobserved).map(|all| all.len().to_string())),
    ),
    (
        "instance/show::show",
        Named(|app, c, of| {
            let text = show::show(app, c, &[name(of)], &mut Unobserved).map(shown)?;
            assert!(!text.contains("other"), "{text}");
            Ok(text)
        }),
    ),
    ("instance/tag::show", Named(|app, c, of| tag::show(app, c, &name(of), &mut Unobserved).map(shown))),
    ("instance/tag::change", Named(|app, c, of| tag::change(app, c, &retag(of), &mut Unobserved).map(shown))),
    (
        "instance/tag::accept",
        Named(|app, c, of| tag::accept(app, c, &retag(of), &mut Unobserved)?.run(&mut Unobserved).map(shown)),
    ),
    // Nothing is deleted here: that what is others' is not there, the test of deleted ones shows.
    ("instance/undelete::list", Common(|app, c, _| undelete::list(app, c, &mut Unobserved).map(shown))),
    (
        "instance/undelete::run",
        Common(|app, c, _| {
            let error = undelete::run(app, c, &BACK, &gone("other"), &mut Unobserved).expect_err("not deleted");
            Ok(error.message.replace("other", "that name"))
        }),
    ),
    (
        "instance/undelete::accept",
        Common(|app, c, _| {
            let error = undelete::accept(app, c, &BACK, &gone("other"), &mut Unobserved).err().expect("not deleted");
            Ok(error.message.replace("other", "that name"))
        }),
    ),
    (
        "instance/upgrade::find",
        Named(|app, c, of| {
            let upgrade = upgrade::Upgrade { name: name(of), timeout: Duration::from_secs(1), wait: false };
            upgrade::find(app, c, &upgrade, &mut Unobserved).map(|_| String::new())
        }),
    ),
    ("metric::latest", Named(|app, c, of| metric::latest(app, c, &name(of), &mut Unobserved).map(shown))),
    ("metric::exposition", Listing(|app, c, _| metric::exposition(app, c, &mut Unobserved))),
    (
        "metric::latest_of_all",
        Listing(|app, c, _| metric::latest_of_all(app, c, &[Metric::ALL[0]], &mut Unobserved).map(shown)),
    ),
    (
        "metric::points",
        Named(|app, c, of| {
            let since = Duration::from_secs(60);
            metric::points(app, c, &name(of), Metric::ALL[0], since, &mut Unobserved).map(shown)
        }),
    ),
    ("operation::list", Listing(|app, c, _| operation::list(app, c, 1000, &mut Unobserved).map(shown))),
    ("operation::show", Named(|app, c, id| operation::show(app, c, id, &mut Unobserved).map(shown))),
    ("operation::follow", Named(|app, c, id| operation::follow(app, c, id, &mut Unobserved).map(shown))),
    (
        "operation::plan_cancel",
        Named(|app, c, id| operation::plan_cancel(app, c, &[id.to_owned()], &mut Unobserved).map(shown)),
    ),
    ("operation::cancel", Named(|app, c, id| operation::cancel(app, c, &[id.to_owned()], &mut Unobserved).map(shown))),
    (
        "snapshot::create",
        Named(|app, c, of| snapshot::create(app, c, (&name(of), None), DRY, &mut Unobserved).map(|_| String::new())),
    ),
    ("snapshot::list", Listing(|app, c, _| snapshot::list(app, c, None, &mut Unobserved).map(shown))),
    ("snapshot::show", Named(|app, c, of| snapshot::show(app, c, &part(of, "snap"), &mut Unobserved).map(shown))),
    (
        "snapshot::find",
        Named(|app, c, of| {
            snapshot::find(app, c, one(&part(of, "snap")), false, &mut Unobserved).map(|found| shown(found.plan()))
        }),
    ),
    (
        "snapshot::verify",
        Named(|app, c, of| {
            let named = (&part(of, "snap"), Duration::from_secs(1));
            snapshot::verify(app, c, named, DRY, &mut Unobserved).map(|_| String::new())
        }),
    ),
    ("static_ip::list", Listing(|app, c, _| static_ip::list(app, c, &mut Unobserved).map(shown))),
    ("static_ip::show", Named(|app, c, of| static_ip::show(app, c, &part(of, "ip"), &mut Unobserved).map(shown))),
];
