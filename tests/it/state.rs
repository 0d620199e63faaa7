//! The state database: older and newer schemas, damage, and `kill -9` while it is written. No root, no libvirt.

mod rebuild;

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::support::{
    changes,
    world::{Snapshot, World},
};
use lite::{
    engine::{self, Rebuilding, refuse_lost_state, refuse_while_busy},
    hypervisor::{DomainState, flaky::Moment, prelude::*},
    model::{Class, Code, DesiredState, HostId, Name, Phase, Size, Tag, Via},
    store::{
        Allocated, OldDatabases, Store,
        events::{Stamp, Which},
        instances,
    },
};
use rusqlite::Connection;

/// What a database was that the lite of schema 1 left, with one instance.
const V1: &str = include_str!("../fixtures/state-v1.sql");
/// The uuid of its instance.
const WEB: &str = "160cbf1c-78a0-4ce0-846f-de2bae6fa884";
/// Schema versions there are today.
fn today() -> i64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/schema");
    fs::read_dir(folder).expect("the migrations").count() as i64
}

pub struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn v1() -> Self {
        let folder = Self::new();
        Connection::open(folder.db()).expect("made").execute_batch(V1).expect("filled");
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn db(&self) -> PathBuf {
        self.path().join("state.db")
    }

    fn open(&self) -> lite::model::Result<Store> {
        Store::open(self.path())
    }

    /// Names of all files.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("read");
        let mut names: Vec<_> = entries.map(|e| e.expect("read").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

fn version(file: &Path) -> i64 {
    let db = Connection::open(file).expect("opened");
    db.pragma_query_value(None, "user_version", |row| row.get(0)).expect("a version")
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).expect("there").permissions().mode() & 0o777
}

#[test]
fn an_older_schema_is_migrated_after_a_copy_was_made() {
    let folder = Folder::v1();
    let store = folder.open().expect("migrated");
    let web = store.require(&Name::parse("web").expect("a name")).expect("kept");
    assert_eq!((web.phase, web.record.price.to_string().as_str()), (Phase::Unverified, "5.00"));
    let rules: Vec<String> = web.record.rules().iter().map(ToString::to_string).collect();
    assert_eq!((web.record.firewall.is_some(), rules), (true, vec!["22/tcp".to_owned(), "icmp".to_owned()]));
    assert_eq!(store.blueprint_of(web.record.uuid).expect("readable").0.id, "debian-13");
    assert_eq!(store.secrets(web.record.uuid).expect("readable").len(), 1);
    assert!(store.clean_seed(web.record.uuid).expect("readable").is_some());
    let operations = store.operations(10).expect("readable");
    assert_eq!(operations.iter().map(|o| o.id.as_str()).collect::<Vec<_>>(), ["op-7f850ee6"]);
    assert_eq!(store.steps("op-7f850ee6").expect("readable").len(), 3);
    assert_eq!(store.integrity_errors().expect("checked"), Vec::<String>::new());
    drop(store);
    let copy = folder.path().join("state.db.v1.backup");
    assert_eq!((version(&folder.db()), version(&copy)), (today(), 1));
    assert_eq!((mode(&folder.db()), mode(&copy)), (0o600, 0o600));
    let copied: String = Connection::open(&copy)
        .expect("opened")
        .query_row("SELECT uuid FROM instance", [], |r| r.get(0))
        .expect("kept");
    assert_eq!(copied, WEB);
    // Opened again it is what it is: no second copy.
    fs::remove_file(&copy).expect("removed");
    drop(folder.open().expect("opened"));
    assert_eq!(folder.files(), ["state.db"]);
}

#[test]
fn a_new_database_and_a_migrated_one_are_the_same() {
    let schema = |folder: &Folder| -> Vec<String> {
        drop(folder.open().expect("opened"));
        let db = Connection::open(folder.db()).expect("opened");
        let mut rows = db.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").expect("asked");
        rows.query_map([], |r| r.get(0)).expect("read").collect::<Result<_, _>>().expect("text")
    };
    assert_eq!(schema(&Folder::new()), schema(&Folder::v1()));
}

/// A database of schema 3, with an instance, an alarm and a contact of one name, and times with and without fractions.
pub fn v3() -> Folder {
    let folder = Folder::v1();
    let db = Connection::open(folder.db()).expect("opened");
    for sql in [include_str!("../../src/store/schema/2.sql"), include_str!("../../src/store/schema/3.sql")] {
        db.execute_batch(sql).expect("migrated");
    }
    db.execute_batch(&format!(
        "PRAGMA user_version = 3;
         INSERT INTO alarm (id, name, instance, settings, generation, state, since, reason, muted_until)
             SELECT 'al-' || name, name, '{WEB}', '{SETTINGS}', 1, 'OK', '2026-11-24T14:18:16Z', 'new', '2026-11-24T15:00:00.25Z'
             FROM (SELECT 'web' AS name UNION SELECT 'web-alarm' UNION SELECT 'cpu');
         INSERT INTO contact (name, url, format, private, secret, created_at)
             SELECT name, 'https://example.org/', '\"standard\"', 0, 's', '2026-11-24T14:18:16.5Z'
             FROM (SELECT 'cpu' AS name UNION SELECT 'ops');
         INSERT INTO event (at, kind, suppressed, data) VALUES ('2026-11-24T14:18:16.9996Z', 'contact.test', 0, '{DATA}');
         INSERT INTO message (id, contact, made_at, digest, state, next_at)
             VALUES ('msg_1', 'cpu', '2026-11-24T14:18:17Z', 0, 'queued', '2026-11-24T14:18:17.000001Z');
         INSERT INTO delivery (event, contact, message, state) VALUES (1, 'cpu', 'msg_1', 'grouped');
         INSERT INTO minute (number, at) VALUES (29000000, 1740000000);
         INSERT INTO watch (key, value) VALUES ('evaluated', 'then');
         INSERT INTO operation (id, kind, resource, instance, state, error, started_at, ended_at) VALUES
             ('op-00000001', 'restart', 'web', '{WEB}', 'succeeded', NULL, '2026-11-24T14:18:17.5Z', '2026-11-24T14:18:18Z'),
             ('op-00000002', 'stop', 'web', '{WEB}', 'failed', 'its process died', '2026-11-24T14:18:17Z',
              '2026-11-24T14:18:18Z');"
    ))
    .expect("filled");
    folder
}

const SETTINGS: &str = r#"{"metric":"CPUUtilization","condition":{"comparator":">","threshold":80.0},"datapoints":1,"of":1,"period_minutes":1,"statistic":"average","missing":"missing","notify":["alarm"],"repeat_minutes":240}"#;
const DATA: &str = r#"{"incident":null,"sequence":null,"alarm":null,"instance":null,"host":null,"metric":null,"comparator":null,"threshold":null,"m":null,"n":null,"period":null,"from":null,"to":null,"reason":"r","points":[],"started_at":null,"ended_at":null}"#;

#[test]
fn names_that_clash_over_kinds_are_kept_with_a_suffix_and_told() {
    let folder = v3();
    let store = folder.open().expect("migrated");
    assert_eq!(
        store.notices(),
        [
            "alarm `web` is called `web-alarm-2` now: an instance has that name",
            "contact `cpu` is called `cpu-contact` now: an alarm has that name",
        ]
    );
    let alarms: Vec<_> = store.alarms().expect("read").into_iter().map(|a| (a.id, a.name.to_string())).collect();
    let alarm = |id: &str, name: &str| (id.to_owned(), name.to_owned());
    assert_eq!(alarms, [alarm("al-cpu", "cpu"), alarm("al-web-alarm", "web-alarm"), alarm("al-web", "web-alarm-2")]);
    let contacts: Vec<_> = store.contacts().expect("read").into_iter().map(|c| c.name.to_string()).collect();
    assert_eq!(contacts, ["cpu-contact", "ops"]);
    assert_eq!(store.messages(Some("cpu-contact"), false, 9).expect("read").len(), 1);
    assert_eq!(store.parts("msg_1").expect("read").len(), 1);
    drop(store);
    assert_eq!(folder.open().expect("opened").notices(), Vec::<String>::new(), "told once");
}

#[test]
fn times_are_kept_to_the_microsecond_and_sorted_as_numbers() {
    let folder = v3();
    let store = folder.open().expect("migrated");
    let time = |text: &str| text.parse::<jiff::Timestamp>().expect("a time");
    let operations: Vec<_> = store.operations(9).expect("read").into_iter().map(|o| (o.id, o.requester.via)).collect();
    // As text, 17.5 would come before 17.
    let of = |id: &str, via| (id.to_owned(), via);
    assert_eq!(operations, [of("op-00000001", Via::Watcher), of("op-00000002", Via::Cli), of("op-7f850ee6", Via::Cli)]);
    let died = store.operation("op-00000002").expect("read").expect("there");
    assert_eq!(died.error_code, Some(Code::OwnerDied), "what an older lite knew by its words alone");
    let create = store.operation("op-7f850ee6").expect("read").expect("there");
    assert_eq!(
        (create.started_at, create.ended_at),
        (time("2026-11-24T14:18:16.54661Z"), Some(time("2026-11-24T14:18:16.56868Z")))
    );
    assert_eq!((create.resource.id.to_string().as_str(), create.resource.name.as_str()), (WEB, "web"));
    let alarm = store.require_alarm(&Name::parse("cpu").expect("a name")).expect("read");
    assert_eq!((alarm.since, alarm.muted_until), (time("2026-11-24T14:18:16Z"), Some(time("2026-11-24T15:00:00.25Z"))));
    let event = store.events(&Which { limit: 9, ..Which::default() }).expect("read").remove(0);
    assert_eq!((&event.host, event.event.at), (&HostId::local(), time("2026-11-24T14:18:16.9996Z")));
    assert_eq!(store.last_minute(&HostId::local()), Ok(Some((29_000_000, 1_740_000_000))));
    let message = store.require_message("msg_1").expect("read");
    assert_eq!((message.made_at, message.next_at), (time("2026-11-24T14:18:17Z"), time("2026-11-24T14:18:17.000001Z")));
    assert_eq!(store.watcher_value(&HostId::local(), "evaluated"), Ok(Some("then".to_owned())));
}

#[test]
fn a_name_is_unique_over_all_kinds() {
    let world = World::new();
    world.create("web").expect("created");
    let mut store = world.engine().store;
    let record = store.require(&Name::parse("web").expect("a name")).expect("there").record;
    let stamp = Stamp::new(jiff::Timestamp::UNIX_EPOCH, HostId::local(), "host");
    let (web, cpu) = (Name::parse("web").expect("a name"), Name::parse("cpu").expect("a name"));
    let settings = serde_json::from_str(SETTINGS).expect("settings");
    let told = |error: lite::model::Error| (error.code.as_str(), error.message);
    assert_eq!(
        store.put_alarm(&(&record).into(), &web, &settings, &stamp).map_err(told),
        Err(("name_taken", "an instance is called `web`".to_owned()))
    );
    assert_eq!(store.put_alarm(&(&record).into(), &cpu, &settings, &stamp), Ok(true));
    let taken = world.create("cpu").map(drop).expect_err("taken");
    assert_eq!(taken.message, "an alarm is called `cpu`");
    assert_eq!(world.create("web").map(drop).expect_err("taken").message, "the name `web` is taken");
    // With the alarm its name goes, also where the instance takes it along.
    store.forget(record.uuid).expect("forgotten");
    assert_eq!(store.alarms(), Ok(vec![]));
    world.sql("INSERT INTO resource VALUES ('x', 'contact', 'web', NULL, 0), ('y', 'contact', 'cpu', NULL, 0)");
}

#[test]
fn a_record_that_is_replaced_changes_what_is_summed_and_unique() {
    let world = World::new();
    let uuid = world.create("web").expect("created").record.uuid;
    let mut store = world.engine().store;
    let mut record = store.instance_by_uuid(uuid).expect("read").expect("there").record;
    (record.vcpus, record.memory, record.disk) = (7, Size::mib(3), Size::mib(25 << 10));
    record.address = Some([192, 168, 150, 99].into());
    store.set_record(&record).expect("stored");
    // A disk never shrinks, whatever a bundle says.
    record.disk = Size::mib(5);
    store.set_record(&record).expect("stored");
    let host = HostId::local();
    let held = store.allocated(&host).expect("summed");
    assert_eq!((held.vcpus, held.memory, held.disk), (7, 3 << 20, 25 << 30));
    assert_eq!(store.write(|t| instances::addresses(t, &host, "lite")), Ok(vec![[192, 168, 150, 99].into()]));
    assert_eq!(store.allocated(&HostId::parse("other").expect("a host")).expect("summed"), Allocated::default());
}

#[test]
fn many_that_come_at_once_migrate_once() {
    let folder = Folder::v1();
    std::thread::scope(|scope| {
        let opened: Vec<_> = (0..8).map(|_| scope.spawn(|| folder.open().map(|s| s.instances()))).collect();
        for one in opened {
            assert_eq!(one.join().expect("joined").expect("opened").expect("read").len(), 1);
        }
    });
    assert_eq!(version(&folder.path().join("state.db.v1.backup")), 1);
}

#[test]
fn a_newer_schema_is_refused_and_not_touched() {
    let folder = Folder::v1();
    Connection::open(folder.db()).expect("opened").pragma_update(None, "user_version", 999).expect("set");
    let before = fs::read(folder.db()).expect("read");
    let error = folder.open().map(drop).expect_err("refused");
    assert_eq!((error.class, error.code.as_str(), error.exit_code()), (Class::NeedsAttention, "state_newer", 4));
    assert_eq!(error.message, format!("`{}` has schema 999, this lite knows up to {}", folder.db().display(), today()));
    assert_eq!(error.hints, ["use the newer lite that wrote it; nothing was changed"]);
    assert!(fs::read(folder.db()).expect("read") == before, "its bytes changed");
    assert_eq!(folder.files(), ["state.db"]);
}

#[test]
fn a_database_of_somebody_else_is_refused() {
    let folder = Folder::new();
    Connection::open(folder.db()).expect("made").execute_batch("CREATE TABLE notes (text)").expect("filled");
    let error = folder.open().map(drop).expect_err("refused");
    assert_eq!(
        (error.code.as_str(), error.causes),
        ("state_damaged", vec!["it is a database, but not one of lite's".to_owned()])
    );
}

#[test]
fn a_request_whose_process_was_killed_and_undone_may_be_made_again() {
    let world = World::new();
    let before = world.snapshot();
    let first = world.create_with("web", Some("r1"), "a").expect("created").record.uuid;
    // As `kill -9` before the last step was recorded leaves it.
    world.sql(
        "UPDATE operation SET state = 'started', ended_at = NULL;
         UPDATE step SET state = 'intent' WHERE sequence = (SELECT max(sequence) FROM step);",
    );
    assert_eq!(engine::recover(&mut world.engine()), Ok(vec!["undid the create of `web` that was cut off".to_owned()]));
    assert_eq!(world.snapshot(), before);
    assert_eq!(
        world.create_with("web", Some("r1"), "b").map(|c| c.repeated).map_err(|e| e.code.as_str()),
        Err("request_id_reused"),
        "still another request"
    );
    let second = world.create_with("web", Some("r1"), "a").expect("made anew");
    assert!(!second.repeated && second.record.uuid != first);
    let again = world.create_with("web", Some("r1"), "a").expect("repeated");
    assert!(again.repeated && again.record.uuid == second.record.uuid);
    // One that failed otherwise has its first result: the failure.
    world.hypervisor.fail_call("ensure_domain", 1, Moment::Before);
    world.create_with("other", Some("r2"), "a").map(|c| c.repeated).expect_err("fails");
    world.hypervisor.heal();
    let error = world.create_with("other", Some("r2"), "a").map(|c| c.repeated).expect_err("told again");
    assert_eq!((error.code.as_str(), error.exit_code()), ("request_failed", 1));
}

/// How many locks this process holds on a file. The kernel's list comes in pieces, and one may be missed while others change it.
fn locks_on(file: &Path) -> usize {
    let of = format!(":{} ", fs::metadata(file).expect("there").ino());
    let own = format!(" {} ", std::process::id());
    let listed = |_| {
        let all = fs::read_to_string("/proc/locks").expect("read");
        all.lines().filter(|line| line.contains(&of) && line.contains(&own)).count()
    };
    (0..5).map(listed).max().unwrap_or_default()
}

#[test]
fn a_second_look_at_the_file_gives_up_no_lock_of_the_first_connection() {
    let folder = Folder::new();
    let dir = folder.0.path();
    let first = Store::open(dir).expect("opened");
    first.operations(1).expect("read");
    let held = locks_on(&dir.join("state.db"));
    assert!(held > 0, "SQLite holds none");
    assert_eq!(Store::exists(dir), Ok(true));
    assert_eq!(locks_on(&dir.join("state.db")), held);
    drop(Store::open(dir).expect("opened"));
    assert_eq!(locks_on(&dir.join("state.db")), held);
}

#[test]
fn whoever_makes_the_database_waits_for_one_who_just_does() {
    let folder = Folder::new();
    let dir = folder.0.path();
    // As another process has it between its first look and its first table.
    let other = Connection::open(dir.join("state.db")).expect("opened");
    other.busy_timeout(std::time::Duration::from_secs(60)).expect("set");
    other.execute_batch("CREATE TABLE x (y); BEGIN IMMEDIATE; DROP TABLE x").expect("begun");
    let (opened, is_open) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| opened.send(Store::open(dir).map(drop)).expect("heard"));
        assert!(is_open.recv_timeout(std::time::Duration::from_millis(300)).is_err(), "it does not wait");
        other.execute_batch("COMMIT").expect("done");
        assert_eq!(is_open.recv(), Ok(Ok(())));
    });
}
