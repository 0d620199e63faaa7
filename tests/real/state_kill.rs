//! `kill -9` of processes that write the state database: what was acknowledged stays, what was not is whole or absent.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use lite::{
    model::{HostId, Mac, Name, OperationKind, OperationState, Record, Requester, ResourceRef, StepState, Via},
    store::{
        NewInstance, Operation, Secret, Store,
        instances::{self},
        operations, secrets,
    },
};
use rusqlite::Connection;
use uuid::Uuid;

crate::tests![five_hundred_kills_lose_nothing_that_was_acknowledged,];

/// A database with one instance, after which the writers form theirs.
const V1: &str = include_str!("../fixtures/state-v1.sql");
/// Processes killed in all.
const KILLS: usize = 500;
/// Processes that write at the same time.
const WRITERS: usize = 4;
/// Most acknowledgements a process gives before it is killed.
const MOST: usize = 10;

fn five_hundred_kills_lose_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("state.db");
    Connection::open(&db).expect("made").execute_batch(V1).expect("filled");
    drop(Store::open(folder.path()).expect("migrated"));
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| scope.spawn(|| (0..KILLS / WRITERS).flat_map(|_| killed(folder.path())).collect::<Vec<_>>()))
            .collect();
        for writer in writers {
            for (operation, word) in writer.join().expect("joined") {
                told.entry(operation).or_default().push(word);
            }
        }
    });
    let store = Store::open(folder.path()).expect("opened");
    assert_eq!(store.integrity_errors().expect("checked"), Vec::<String>::new());
    store.read_all().expect("all of it can be read");
    let mut counts = [0; 4];
    for (id, words) in &told {
        let operation = store.operation(id).expect("read").unwrap_or_else(|| panic!("{id} is lost: {words:?}"));
        let uuid = operation.instance().expect("an instance");
        let instance = store.instance_by_uuid(uuid).expect("read");
        let steps = store.steps(id).expect("read");
        for (word, count) in words.iter().zip(&mut counts) {
            *count += 1;
            match word.as_str() {
                "allocated" => assert_eq!(operation.request_id.as_deref(), Some(format!("request-{id}").as_str())),
                "done" => assert_eq!(steps.iter().map(|s| s.state.as_str()).collect::<Vec<_>>(), ["done"], "{id}"),
                "ended" => assert_eq!(operation.state, OperationState::Succeeded, "{id}"),
                "forgotten" => assert_eq!(instance, None, "{id}"),
                other => panic!("{other}"),
            }
        }
        // Allocated in one transaction: all of it, unless it was forgotten since, and then none of it.
        let secrets = store.secrets(uuid).expect("read").len();
        assert_eq!(
            (secrets, store.host_key(uuid).expect("read").is_some()),
            match instance {
                Some(_) => (3, true),
                None => (0, false),
            }
        );
    }
    let unacknowledged = store.operations(u32::MAX).expect("read").len() - 1 - told.len();
    println!("{KILLS} kills; allocated, done, ended, forgotten: {counts:?}; {unacknowledged} written and not yet told");
    assert!(counts.iter().all(|c| *c > KILLS / 4), "too few were written to prove anything: {counts:?}");
}

/// Runs a writer until it has told a number of commits drawn by lot, and kills it. All it told.
fn killed(folder: &Path) -> Vec<(String, String)> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .env("LITE_TEST_WRITER", folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let enough = rand::random::<u32>() as usize % MOST;
    let mut told = Vec::new();
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).split(b'\n');
    let mut alive = true;
    // `split` gives the rest without a line feed too: a line that was cut is no acknowledgement, and does not parse.
    while let Some(Ok(line)) = lines.next() {
        let line = String::from_utf8(line).expect("text");
        let words: Vec<&str> = line.split(' ').collect();
        if let ["ack", id, word, "."] = words.as_slice() {
            told.push(((*id).to_owned(), (*word).to_owned()));
        }
        if alive && told.len() > enough {
            child.kill().expect("killed");
            alive = false;
        }
    }
    let status = child.wait().expect("ended");
    assert_eq!(status.signal(), Some(9), "the writer ended by itself: {status:?}");
    told
}

/// What this program is instead of tests where it is the process that is killed.
pub fn child() -> Option<ExitCode> {
    let folder = std::env::var_os("LITE_TEST_WRITER")?;
    write_for_ever(Path::new(&folder))
}

fn write_for_ever(folder: &Path) -> ! {
    let mut store = Store::open(folder).expect("opened");
    // Checkpoints are made as often as commits are, so that some are cut too.
    store.read().pragma_update(None, "wal_autocheckpoint", 16).expect("set");
    let model = store.require(&Name::parse("web").expect("a name")).expect("there").record;
    let (blueprint, parameters) = store.blueprint_of(model.uuid).expect("there");
    let tell = |id: &str, word: &str| {
        let mut out = std::io::stdout().lock();
        out.write_all(format!("ack {id} {word} .\n").as_bytes()).and_then(|()| out.flush()).expect("told");
    };
    let mut forgets = false;
    loop {
        forgets = !forgets;
        let uuid = Uuid::new_v4();
        let id = format!("op-{}", &uuid.simple().to_string()[..12]);
        let record = Record {
            name: Name::parse(&format!("w-{}", uuid.simple())).expect("a name"),
            uuid,
            mac: Mac::ours(rand::random()),
            address: None,
            ..model.clone()
        };
        let now = jiff::Timestamp::now();
        let resource = ResourceRef::instance(&record);
        let operation = Operation {
            id: id.clone(),
            request_id: Some(format!("request-{id}")),
            ..Operation::started(OperationKind::Create, resource, HostId::local(), Requester::root(Via::Cli), now)
        };
        let secret = |name: &str| Secret {
            name: name.into(),
            account: None,
            description: "x".repeat(500),
            shown: false,
            value: "y".repeat(500).into(),
        };
        let new = NewInstance {
            record: &record,
            host: &HostId::local(),
            network: "lite",
            blueprint: &blueprint,
            parameters: &parameters,
            image: "base.qcow2",
            seed: None,
        };
        let allocated = store.write(|t| {
            instances::insert(t, &new)?;
            secrets::insert(t, uuid, &["a", "b", "c"].map(secret), Some("ssh-ed25519 AAAA"))?;
            operations::insert(t, &operation)
        });
        // The hardware address has 24 random bits: two may meet.
        if allocated.is_err_and(|e| e.to_string().contains("instance.mac")) {
            continue;
        }
        tell(&id, "allocated");
        store.record_step(&id, 0, "{}", StepState::Intent).expect("written");
        store.record_step(&id, 0, "{}", StepState::Done).expect("written");
        tell(&id, "done");
        store.end_operation(&id, OperationState::Succeeded, None, now).expect("written");
        tell(&id, "ended");
        if forgets {
            store.forget(uuid).expect("written");
            tell(&id, "forgotten");
        }
    }
}
