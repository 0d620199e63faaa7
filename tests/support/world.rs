//! A host of the test driver with a database of its own.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Duration,
};

use lite::{
    catalog::Catalog,
    engine::{Created, Engine, Request, Unobserved},
    hypervisor::{
        Hypervisor,
        double::{self, Double},
        fault::Faulty,
    },
    image::Image,
    model::{Accel, Name, NetworkMode, Paths, Result, Settings},
    store::Store,
};

static NOT_INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What a host holds, for comparing before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub domains: Vec<String>,
    pub volumes: Vec<String>,
    pub filters: Vec<String>,
    pub network: Option<String>,
}

pub struct World {
    pub hypervisor: Faulty<Double>,
    pub catalog: Catalog,
    settings: Settings,
    folder: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/node.xml");
        let at = |name: &str| folder.path().join(name);
        let settings = Settings {
            connect: "test:///default".into(),
            pool: "lite".into(),
            network: "lite".into(),
            subnet: None,
            accel: Accel::Tcg,
            mirror: String::new(),
            paths: Paths { state: at("state"), logs: at("logs"), blueprints: vec![], pool: at("pool") },
        };
        Self {
            hypervisor: Faulty::new(double::open(&node).expect("the test driver")),
            catalog: Catalog::embedded().expect("the embedded catalog"),
            settings,
            folder,
        }
    }

    pub fn engine(&self) -> Engine<'_> {
        Engine {
            settings: &self.settings,
            store: Store::open(&self.settings.paths.state).expect("a database"),
            hypervisor: &self.hypervisor,
            now: jiff::Timestamp::now,
            interrupted: &NOT_INTERRUPTED,
            wait: Duration::ZERO,
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
        let resolved = self.catalog.resolve("debian-13", "nano", None).expect("resolved");
        let request = Request {
            blueprint: &resolved.blueprint,
            bundle: &resolved.bundle,
            base: &resolved.base,
            parameters: BTreeMap::new(),
            name: name.map(|n| Name::parse(n).expect("a name")),
            ssh_keys: vec![],
            user_data: None,
            tags: vec![],
            network,
            timeout: Duration::from_secs(1),
            wait: false,
            request_id: id.map(str::to_owned),
            arguments: arguments.to_owned(),
        };
        let image = || Image {
            id: "base".into(),
            path: "/pool/base.qcow2".into(),
            digest: "00".into(),
            volume: "base.qcow2".into(),
            size: 0,
            virtual_size: 0,
            origin: lite::image::Origin::Built,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            source: None,
        };
        self.engine().create(&request, &mut |_| Ok(image()), &mut Unobserved)
    }

    pub fn define_foreign(&self, name: &str) {
        let xml = format!(
            "<domain type='test'><name>{name}</name><memory unit='MiB'>32</memory><os><type>hvm</type></os></domain>"
        );
        self.hypervisor.inner().ensure_domain(&xml).expect("a foreign domain");
    }

    pub fn lose_database(&self) {
        let state: PathBuf = self.folder.path().join("state");
        std::fs::remove_dir_all(state).expect("removed");
    }

    pub fn snapshot(&self) -> Snapshot {
        let hv = self.hypervisor.inner();
        let mut domains: Vec<_> = hv.domains().expect("domains").into_iter().map(|d| d.name).collect();
        let mut volumes: Vec<_> = hv.volumes("lite").expect("volumes").into_iter().map(|v| v.name).collect();
        domains.sort();
        volumes.sort();
        Snapshot {
            domains,
            volumes,
            filters: hv.filters().expect("filters"),
            network: hv.network("lite").expect("network").map(|n| n.xml),
        }
    }
}
