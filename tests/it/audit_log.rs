//! The audit: every change has its row, written with it or not at all, and none is changed or lost before its time.

use std::sync::Arc;

use lite::{
    app::{
        App, Caller, alarm,
        audit::{self, Filter},
        instance::{console, login, secrets},
    },
    clock::SystemClock,
    engine::{self, Unobserved},
    model::{
        AlarmSettings, AuditAction, AuditEntry, AuditOutcome, Condition, Hint, Metric, Missing, Name, Observer,
        Requester, Role, Scope, Stage, Statistic, Via,
    },
    view::AuditRow,
};

use crate::support::world::World;

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn app(world: &World) -> App {
    App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone())
}

fn anna(role: Role) -> Caller {
    let address = Some([192, 0, 2, 7].into());
    Caller::of(Requester { actor: "anna".to_owned(), via: Via::Console, address }, role, Scope::All)
}

fn rows(app: &App, filter: Filter) -> Vec<AuditRow> {
    let filter = Filter { limit: 100, ..filter };
    audit::list(app, &Caller::root(Via::Cli), &filter, &mut Unobserved).expect("the audit")
}

/// Who, by which way, from where, what, about what, and what came of it.
fn short(row: &AuditRow) -> String {
    let address = row.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    let resource = row.resource.as_deref().unwrap_or("-");
    format!("{} {} {address} {} {resource} {}", row.actor, row.via, row.action, row.outcome)
}

fn put(instance: &str) -> alarm::Put {
    let settings = AlarmSettings {
        metric: Metric::CpuUtilization,
        condition: Condition::parse(">= 90").expect("a condition"),
        datapoints: 1,
        of: 1,
        period_minutes: 1,
        statistic: Statistic::Average,
        missing: Missing::Missing,
        notify: vec![],
        repeat_minutes: 0,
    };
    alarm::Put { subject: name(instance), name: Some(name("busy")), settings, dry_run: false }
}

#[test]
fn each_change_and_each_secret_shown_has_its_row() {
    let world = World::new();
    let record = world.create("web").expect("created").record;
    let (app, anna) = (app(&world), anna(Role::Operator));
    let mut engine = engine::Ctx { requester: anna.requester.clone(), ..world.engine() };
    let instance = engine.store.require(&record.name).expect("there");
    alarm::put(&app, &anna, &put("web"), &mut Unobserved).expect("an alarm");
    alarm::put(&app, &anna, &alarm::Put { dry_run: true, ..put("web") }, &mut Unobserved).expect("planned");
    alarm::find(&app, &anna, &[name("busy")], &mut Unobserved).expect("found").run(&app).expect("deleted");
    secrets::secrets(&app, &anna, &name("web"), &mut Unobserved).expect("shown");
    engine::delete(&mut engine, &instance).expect("deleted");
    let all = rows(&app, Filter::default());
    let wanted = [
        "root cli - create web succeeded",
        "anna console 192.0.2.7 alarm-put busy done",
        "anna console 192.0.2.7 alarm-delete busy done",
        "anna console 192.0.2.7 secrets web done",
        "anna console 192.0.2.7 delete web succeeded",
    ];
    assert_eq!(all.iter().map(short).collect::<Vec<_>>(), wanted);
    let operations = engine.store.operations(10).expect("operations");
    let ids: Vec<_> = all.iter().filter_map(|row| row.operation.clone()).collect();
    assert_eq!(ids, operations.iter().rev().map(|operation| operation.id.clone()).collect::<Vec<_>>());

    let counted = |filter: Filter| rows(&app, filter).len();
    assert_eq!(counted(Filter { actor: Some("anna".to_owned()), ..Filter::default() }), 4);
    assert_eq!(counted(Filter { via: Some(Via::Cli), ..Filter::default() }), 1);
    assert_eq!(counted(Filter { action: Some("secrets".to_owned()), ..Filter::default() }), 1);
    assert_eq!(counted(Filter { resource: Some("busy".to_owned()), ..Filter::default() }), 2);
    assert_eq!(counted(Filter { outcome: Some(AuditOutcome::Done), ..Filter::default() }), 3);
    assert_eq!(counted(Filter { since: Some(std::time::Duration::MAX), ..Filter::default() }), 5);
    let latest = audit::list(&app, &Caller::root(Via::Cli), &Filter { limit: 1, ..Filter::default() }, &mut Unobserved);
    assert_eq!(latest.map(|all| all.iter().map(short).collect::<Vec<_>>()), Ok(vec![wanted[4].to_owned()]));
}

#[test]
fn without_its_row_nothing_is_changed() {
    let world = World::new();
    world.create("web").expect("created");
    world.sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END;");
    let (app, root) = (app(&world), Caller::root(Via::Cli));
    assert!(alarm::put(&app, &root, &put("web"), &mut Unobserved).is_err());
    assert!(secrets::secrets(&app, &root, &name("web"), &mut Unobserved).is_err());
    assert!(world.create("shop").is_err());
    world.sql("DROP TRIGGER full");
    let names = alarm::list(&app, &root, None, &mut Unobserved).expect("alarms");
    assert!(names.iter().all(|row| row.name != "busy"));
    let store = world.engine().store;
    assert_eq!((store.instances().expect("read").len(), store.operations(9).expect("read").len()), (1, 1));
}

/// Keeps the warnings.
#[derive(Default)]
struct Warned(Vec<String>);

impl Observer for Warned {
    fn begin(&mut self, _: Stage) {}
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, warning: &Hint) {
        self.0.push(warning.to_string());
    }
}

#[test]
fn where_no_row_can_be_written_a_command_logs_in_and_says_so_and_nobody_else_does() {
    let world = World::new();
    world.create("web").expect("created");
    world.sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END;");
    let (app, root) = (app(&world), Caller::root(Via::Cli));
    let mut warned = Warned::default();
    login::command(&app, &root, &name("web"), &[], &mut warned).expect("a log-in");
    // The test driver has no console, which is found out behind the row.
    let opened = console::open(&app, &root, &name("web"), &mut warned).map(drop);
    assert!(!opened.is_err_and(|e| e.code.is_of_state()), "the row keeps nobody from it");
    let [first, second] = &warned.0[..] else { panic!("{warned:?}", warned = warned.0) };
    for (line, what) in [(first, " root ssh web: "), (second, " root console web: ")] {
        let row = line.strip_prefix("not in the audit: ").expect(line);
        let (at, why) = row.split_once(what).expect(line);
        assert!(at.parse::<jiff::Timestamp>().is_ok() && why.contains("no room"), "{line}");
    }
    assert!(secrets::secrets(&app, &root, &name("web"), &mut Unobserved).is_err(), "a secret is not shown");
    for via in [Via::Console, Via::Api] {
        let other = Caller::root(via);
        let detailed = login::details(&app, &other, &name("web"), &mut Unobserved).map(drop);
        let opened = console::open(&app, &other, &name("web"), &mut Unobserved).map(drop);
        for refused in [detailed, opened] {
            assert!(refused.is_err_and(|e| e.code.is_of_state()), "{via}");
        }
    }
}

#[test]
fn a_row_is_neither_changed_nor_removed_before_400_days() {
    let world = World::new();
    let mut store = world.engine().store;
    let at = |days: i64| jiff::Timestamp::from_second(1_800_000_000 + days * 86_400).expect("a time");
    let mut add = |days| {
        let entry = AuditEntry::done(Requester::root(Via::Cli), at(days), AuditAction::FixHost);
        store.record_audit(&entry).expect("written");
        let all = store.audit(&lite::store::audit::Which { limit: 99, ..Default::default() }).expect("read");
        all.into_iter().map(|row| (row.at.as_second() - 1_800_000_000) / 86_400).collect::<Vec<_>>()
    };
    assert_eq!(add(0), [0]);
    assert_eq!(add(1), [0, 1]);
    assert_eq!(add(400), [0, 1, 400]);
    let file = rusqlite::Connection::open(world.state().join("state.db")).expect("a database");
    let told = |statement: &str| file.execute(statement, []).map_err(|e| e.to_string());
    assert_eq!(told("UPDATE audit SET actor = 'nobody'"), Err("the audit is only added to".to_owned()));
    assert_eq!(told("DELETE FROM audit WHERE id = 1"), Err("the audit is kept for 400 days".to_owned()));
    assert_eq!(add(401), [1, 400, 401]);
}
