//! A host of the test driver with a database of its own.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    collections::BTreeMap,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use jiff::Timestamp;
use lite::{
    catalog::Catalog,
    clock::SystemClock,
    engine::{self, Brought, Content, CopyOf, Created, Ctx, ExportedDisk, ImageChoice, Request, Unobserved, sagas},
    hypervisor::{
        LocalMachine,
        double::{self, Double},
        flaky::Flaky,
        prelude::*,
    },
    image::{self, Arriving, Image, Origin},
    model::{
        Accel, Acme, Api, Folders, Host, HostId, LoadedTable, Name, NetworkMode, Overcommit, Paths, Requester, Result,
        Serving, Settings, Size, Subnet6, Via,
    },
    plan::{OwnedKind, Owner},
    render::Former,
    store::Store,
};

use super::exports;

/// What a host holds, for comparing before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub domains: Vec<String>,
    pub volumes: Vec<String>,
    pub filters: Vec<String>,
    pub network: Option<String>,
    pub rules: Vec<LoadedTable>,
    pub logs: Vec<String>,
}

/// Names of what an instance has on the host.
pub struct Names {
    pub root: String,
    pub seed: String,
    pub filter: String,
    /// With its folder.
    pub console_log: String,
}

static CATALOG: OnceLock<Catalog> = OnceLock::new();

/// Puts a database that is empty where none is, as `Store::open` would: its tables are made once for all worlds.
fn place_database(state: &Path) {
    static EMPTY: OnceLock<Vec<u8>> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::new(());
    let file = |folder: &Path| folder.join("state.db");
    // Another thread of a test may be about to open it: half a database would look damaged.
    let _turn = TURN.lock().expect("not poisoned");
    if state.exists() {
        return;
    }
    let empty = EMPTY.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        drop(Store::open(folder.path()).expect("a database"));
        std::fs::read(file(folder.path())).expect("read")
    });
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state).expect("a folder");
    let mut made = std::fs::OpenOptions::new();
    let mut made = made.write(true).create_new(true).mode(0o600).open(file(state)).expect("made");
    made.write_all(empty).expect("written");
}

pub struct World {
    pub hypervisor: Arc<Flaky<Double>>,
    pub catalog: Catalog,
    pub settings: Arc<Settings>,
    /// Disk of each instance, in place of the bundle's: the test driver's pool has 100 GiB and counts all of it.
    pub disk: Option<Size>,
    folder: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/node.xml");
        let at = |name: &str| folder.path().join(name);
        let settings = Settings {
            host: Host {
                id: HostId::local(),
                connect: "test:///default".to_owned(),
                pool: "lite".to_owned(),
                network: "lite".to_owned(),
                subnet: None,
                subnet6: Subnet6::Auto,
                accel: Accel::Tcg,
                overcommit: Overcommit::default(),
                folders: Folders { pool: at("pool"), logs: at("logs") },
            },
            mirror: String::new(),
            loopback_webhooks: false,
            keep_deleted: Duration::from_secs(86_400),
            verify_snapshots: false,
            mail: None,
            acme: Acme { directory: "https://127.0.0.1:1/".to_owned(), contact: None, ca: None },
            serve: Serving::default(),
            api: Api::default(),
            paths: Paths { state: at("state"), blueprints: vec![] },
        };
        Self {
            hypervisor: Arc::new(Flaky::new(double::open(&node).expect("the test driver"))),
            catalog: CATALOG.get_or_init(|| Catalog::embedded().expect("the embedded catalog")).clone(),
            settings: Arc::new(settings),
            disk: None,
            folder,
        }
    }

    /// With images of debian-12 and debian-13 in its pool.
    pub fn with_images() -> Self {
        let world = Self::new();
        let pool = world.settings().host.folders.pool.clone();
        std::fs::create_dir_all(&pool).expect("made");
        for id in ["debian-12", "debian-13"] {
            let file = pool.join("temp");
            let made = Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).arg(&file).arg("1G").status();
            assert!(made.expect("qemu-img runs").success());
            let images = image::Images::in_folder(&pool);
            image::adopt(&images, id, &file, Origin::Built, None, Timestamp::UNIX_EPOCH).expect("kept");
        }
        world
    }

    /// Has its API speak of these regions, with so many resources on a page.
    pub fn serve_in(&mut self, regions: &[&str], page_size: usize) {
        let api = Api { regions: regions.iter().map(|one| (*one).to_owned()).collect(), page_size };
        self.settings = Arc::new(Settings { api, ..self.settings().clone() });
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The folder of the database.
    pub fn state(&self) -> &Path {
        &self.settings.paths.state
    }

    pub fn engine(&self) -> Ctx {
        place_database(self.state());
        Ctx {
            settings: self.settings.clone(),
            store: Store::open(&self.settings.paths.state).expect("a database"),
            hypervisor: self.hypervisor.clone(),
            machine: Arc::new(LocalMachine::of(&self.settings.host.connect)),
            clock: Arc::new(SystemClock),
            cancel: Arc::default(),
            ending: Arc::default(),
            wait: Duration::ZERO,
            requester: Requester::root(Via::Cli),
        }
    }

    pub fn create(&self, name: &str) -> Result<Created> {
        self.request(Some(name), NetworkMode::Nat, None, "a")
    }

    pub fn create_unnamed(&self) -> Result<Created> {
        self.request(None, NetworkMode::Nat, None, "a")
    }

    pub fn create_on(&self, name: &str, network: NetworkMode) -> Result<Created> {
        self.request(Some(name), network, None, "a")
    }

    pub fn create_with(&self, name: &str, request_id: Option<&str>, arguments: &str) -> Result<Created> {
        self.request(Some(name), NetworkMode::Nat, request_id, arguments)
    }

    fn request(&self, name: Option<&str>, network: NetworkMode, id: Option<&str>, arguments: &str) -> Result<Created> {
        let request = Request {
            network,
            request_id: id.map(str::to_owned),
            arguments: arguments.to_owned(),
            ..self.plain_request(name)
        };
        engine::create(&mut self.engine(), request, &mut Unobserved)
    }

    /// A small Debian on an image that is there; nobody waits for it.
    pub fn plain_request(&self, name: Option<&str>) -> Request {
        let mut resolved = self.catalog.resolve("debian-13", "nano", None).expect("resolved");
        resolved.bundle.disk = self.disk.unwrap_or(resolved.bundle.disk);
        Request {
            blueprint: resolved.blueprint,
            bundle: resolved.bundle,
            base: resolved.base,
            image: ImageChoice::Given(Box::new(image())),
            copy_of: None,
            parameters: BTreeMap::new(),
            name: name.map(|n| Name::parse(n).expect("a name")),
            ssh_keys: vec![],
            user_data: None,
            tags: vec![],
            network: NetworkMode::Nat,
            address: None,
            timeout: Duration::from_secs(1),
            wait: false,
            job: None,
            asked: None,
            request_id: None,
            arguments: "a".to_owned(),
        }
    }

    /// An instance with the disk of a snapshot.
    pub fn create_from(&self, snapshot: &str, name: &str) -> Result<Created> {
        let mut engine = self.engine();
        let snapshot = engine.store.require_snapshot(&engine.host_id(), &Name::parse(snapshot)?)?.snapshot;
        let request = Request { copy_of: Some(CopyOf::Snapshot(Box::new(snapshot))), ..self.plain_request(Some(name)) };
        engine::create(&mut engine, request, &mut Unobserved)
    }

    /// An instance with the disk of an export.
    pub fn import(&self, name: &str) -> Result<Created> {
        self.import_with(name, &[])
    }

    /// An instance with the disk of an export, and with disks of 64 MiB of these names.
    pub fn import_with(&self, name: &str, disks: &[&str]) -> Result<Created> {
        let files: Vec<_> = std::iter::once(exports::disk()).chain(disks.iter().map(|_| exports::given())).collect();
        self.import_of(name, disks, exports::arriving(&files, &files)?)
    }

    /// The same, with disks that come like this.
    pub fn import_of(&self, name: &str, disks: &[&str], arriving: Arriving) -> Result<Created> {
        let given = |name: &&str| -> Result<ExportedDisk> {
            let (name, size) = (Name::parse(name)?, Size::mib(64));
            Ok(ExportedDisk { name, size, mount: None, file: Content::default() })
        };
        let brought = Brought {
            former: Former { name: Name::parse("elsewhere")?, address: None },
            secrets: Vec::new(),
            disks: disks.iter().map(given).collect::<Result<_>>()?,
        };
        let request = Request { copy_of: Some(CopyOf::Export(Box::new(brought))), ..self.plain_request(Some(name)) };
        let mut engine = self.engine();
        match sagas::create::accept(&mut engine, request, &mut Unobserved)? {
            sagas::create::Accepted::New(job) => sagas::create::run(&mut engine, *job, Some(arriving), &mut Unobserved),
            sagas::create::Accepted::Repeated(created) => Ok(*created),
        }
    }

    /// Changes rows behind lite's back.
    pub fn sql(&self, statements: &str) {
        let path = self.settings.paths.state.join("state.db");
        rusqlite::Connection::open(path).expect("a database").execute_batch(statements).expect("changed");
    }

    /// Writes the steps of the journal as a lite of schema 3 and older did, with a word for each kind of thing.
    pub fn make_journal_old(&self) {
        self.sql(
            "UPDATE step SET step = CASE step ->> '$.kind'
                 WHEN 'filter' THEN json_object('step', 'filter', 'name', step ->> '$.object.filter.name',
                                                'xml', step ->> '$.xml')
                 WHEN 'dhcp_host' THEN json_object('step', 'dhcp_host', 'network', step ->> '$.object.dhcp_host.network',
                                                   'host', json(step -> '$.object.dhcp_host.host'))
                 WHEN 'domain' THEN json_object('step', 'domain', 'uuid', step ->> '$.object.domain.uuid',
                                                'xml', step ->> '$.xml')
                 ELSE json_object('step', CASE step ->> '$.kind' WHEN 'root_disk' THEN 'root_volume' ELSE 'seed_volume' END,
                                  'pool', step ->> '$.object.volume.pool', 'name', step ->> '$.object.volume.name',
                                  'xml', step ->> '$.xml')
             END WHERE step ->> '$.step' = 'ensure';
             UPDATE step SET step = json_set(step, '$.step', 'connect') WHERE step ->> '$.step' = 'start';",
        );
    }

    /// Names of what an instance of this name and id has on the host.
    pub fn names(&self, name: &Name, id: uuid::Uuid) -> Names {
        let of = |kind: OwnedKind| kind.description().name(Owner { name, id }).expect("a thing with a name");
        let log = self.settings.host.folders.logs.join(of(OwnedKind::ConsoleLog));
        Names {
            root: of(OwnedKind::RootDisk),
            seed: of(OwnedKind::Seed),
            filter: of(OwnedKind::Filter),
            console_log: log.display().to_string(),
        }
    }

    pub fn lose_database(&self) {
        let state: PathBuf = self.folder.path().join("state");
        std::fs::remove_dir_all(state).expect("removed");
    }

    pub fn snapshot(&self) -> Snapshot {
        let hv = self.hypervisor.inner();
        let mut domains: Vec<_> = hv.domains().expect("domains").into_iter().map(|d| d.name).collect();
        let mut volumes: Vec<_> = hv.volumes("lite").expect("volumes").into_iter().map(|v| v.name).collect();
        let logs = std::fs::read_dir(&self.settings.host.folders.logs).into_iter().flatten();
        let mut logs: Vec<_> = logs.map(|e| e.expect("read").file_name().to_string_lossy().into_owned()).collect();
        logs.sort();
        domains.sort();
        volumes.sort();
        Snapshot {
            domains,
            volumes,
            filters: hv.filters().expect("filters"),
            network: hv.network("lite").expect("network").map(|n| n.xml),
            rules: hv.loaded_rules("lite").expect("rules"),
            logs,
        }
    }
}

/// A base image that nobody looks into.
fn image() -> Image {
    Image {
        id: "base".into(),
        path: "/pool/base.qcow2".into(),
        digest: "00".into(),
        volume: "base.qcow2".into(),
        size: 0,
        virtual_size: 0,
        origin: lite::image::Origin::Built,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        source: None,
        baked: None,
        memory: None,
    }
}
