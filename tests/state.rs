//! The state database: older and newer schemas, damage, and `kill -9` while it is written. No root, no libvirt.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use lite::{
    model::{Kind, Name, Phase},
    store::Store,
};
use rusqlite::Connection;

/// What a database was that the lite of schema 1 left, with one instance.
const V1: &str = include_str!("fixtures/state-v1.sql");
/// The uuid of its instance.
const WEB: &str = "160cbf1c-78a0-4ce0-846f-de2bae6fa884";
/// Schema versions there are today.
fn today() -> i64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/schema");
    fs::read_dir(folder).expect("the migrations").count() as i64
}

struct Folder(tempfile::TempDir);

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

    fn db(&self) -> PathBuf {
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
    assert_eq!((web.phase, web.record.price.to_string().as_str()), (Phase::Started, "5.00"));
    assert_eq!(store.blueprint_of(web.record.uuid).expect("readable").0.id, "debian-13");
    assert_eq!(store.secrets(web.record.uuid).expect("readable").len(), 1);
    assert!(store.clean_seed(web.record.uuid).expect("readable").is_some());
    let operations = store.operations(10).expect("readable");
    assert_eq!(operations.iter().map(|o| o.id.as_str()).collect::<Vec<_>>(), ["op-7f850ee6"]);
    assert_eq!(store.steps("op-7f850ee6").expect("readable").len(), 3);
    assert_eq!(store.faults().expect("checked"), Vec::<String>::new());
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
    assert_eq!((error.kind, error.code, error.exit_code()), (Kind::NeedsAttention, "state_newer", 4));
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
        (error.code, error.causes),
        ("state_damaged", vec!["it is a database, but not one of lite's".to_owned()])
    );
}
