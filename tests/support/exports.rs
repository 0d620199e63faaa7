//! Exports as `lite export` writes them, and changed ones.

use std::{process::Command, sync::OnceLock};

use jiff::Timestamp;
use lite::{
    engine::{Ctx, Exported, Manifest, Unobserved, sagas::export},
    hypervisor::prelude::*,
    image::{Arriving, Declared, archive},
    model::{Consistency, DiskState, Name, Result},
    plan,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{off_site, operations::with_whole_snapshot, world::World};

/// What an export is made of.
#[derive(Clone)]
pub struct Parts {
    pub manifest: Value,
    pub domain: Vec<u8>,
    pub disk: Vec<u8>,
    /// The disks that the instance was given.
    pub given: Vec<Vec<u8>>,
}

/// A qcow2 file of so many bytes of disk.
pub fn disk_of(size: &str, more: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("disk.qcow2");
    let mut command = Command::new("qemu-img");
    let made = command.args(["create", "-q", "-f", "qcow2"]).args(more).arg(&file).arg(size).status();
    assert!(made.expect("qemu-img runs").success());
    std::fs::read(file).expect("read")
}

/// A disk of 1 GiB.
pub fn disk() -> Vec<u8> {
    static DISK: OnceLock<Vec<u8>> = OnceLock::new();
    DISK.get_or_init(|| disk_of("1G", &[])).clone()
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The parts of an export of an instance of that world.
pub fn parts(world: &World, name: &str) -> Parts {
    let engine = world.engine();
    let record = engine.store.require(&Name::parse(name).expect("a name")).expect("there").record;
    let (blueprint, parameters) = engine.store.blueprint_of(record.uuid).expect("read");
    let arch = engine.hypervisor.host().expect("asked").arch;
    let domain = plan::portable_xml(&record, &arch, &["disk-0.qcow2"]).expect("XML").into_bytes();
    let of = Exported {
        taken_at: Timestamp::UNIX_EPOCH,
        consistency: Consistency::Stopped,
        record,
        blueprint,
        parameters,
        secrets: Vec::new(),
        disks: Vec::new(),
    };
    let manifest = Manifest::new(of, Timestamp::UNIX_EPOCH, Default::default(), Default::default());
    let manifest = serde_json::from_slice(&manifest.text().expect("JSON")).expect("JSON");
    let mut parts = Parts { manifest, domain, disk: disk(), given: Vec::new() };
    parts.seal();
    parts
}

impl Parts {
    /// Writes the lengths and digests as they are.
    pub fn seal(&mut self) {
        let content = |bytes: &[u8]| serde_json::json!({"length": bytes.len(), "sha256": sha256(bytes)});
        for (key, bytes) in [("domain", &self.domain), ("disk", &self.disk)] {
            self.manifest[key] = content(bytes);
        }
        let told = self.manifest.get_mut("disks").and_then(Value::as_array_mut).into_iter().flatten();
        told.zip(&self.given).for_each(|(told, bytes)| told["file"] = content(bytes));
    }

    /// Adds a disk of 64 MiB that the instance was given.
    pub fn give(&mut self, name: &str, mount: Option<&str>) {
        self.manifest["version"] = 2.into();
        if self.manifest["disks"].is_null() {
            self.manifest["disks"] = serde_json::json!([]);
        }
        let mut told = serde_json::json!({"name": name, "size": "64 MiB", "file": {}});
        mount.into_iter().for_each(|at| told["mount"] = at.into());
        self.manifest["disks"].as_array_mut().expect("disks").push(told);
        self.given.push(given());
        self.seal();
    }

    /// The file.
    pub fn file(&self) -> Vec<u8> {
        let manifest = serde_json::to_vec(&self.manifest).expect("JSON");
        written(&[&[manifest.as_slice(), &self.domain, &self.disk], &*slices(&self.given)].concat())
    }
}

/// A disk of 64 MiB.
pub fn given() -> Vec<u8> {
    static DISK: OnceLock<Vec<u8>> = OnceLock::new();
    DISK.get_or_init(|| disk_of("64M", &[])).clone()
}

fn slices(all: &[Vec<u8>]) -> Vec<&[u8]> {
    all.iter().map(Vec::as_slice).collect()
}

/// An export of these members.
pub fn written(members: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = archive::Writer::new(&mut file, Timestamp::UNIX_EPOCH);
    for mut bytes in members.iter().copied() {
        let length = bytes.len() as u64;
        writer.add(&mut bytes, length).expect("written");
    }
    writer.end().expect("written");
    file
}

/// The disks of an export, as an import has them on their way; `told`: those that it says it has.
pub fn arriving(disks: &[Vec<u8>], told_of: &[Vec<u8>]) -> Result<Arriving> {
    let told = |bytes: &Vec<u8>| Declared { length: bytes.len() as u64, sha256: sha256(bytes), size: None };
    let file = written(&[&[b"".as_slice(), b""], &*slices(disks)].concat());
    let mut reader = archive::Reader::new(Box::new(std::io::Cursor::new(file)) as Box<dyn std::io::Read + Send>);
    reader.text(0).and_then(|_| reader.text(0))?;
    Arriving::begin(reader, told_of.iter().map(told).collect()).map(|(arriving, _)| arriving)
}

/// The snapshot `kept` of an instance and its disk, whose copies are real files in the folder of the pool.
pub fn ready(world: &World) {
    // The test driver's own pool lies in a folder of the machine: this one is made anew, in the world's.
    world.hypervisor.inner().remove_pool("lite").expect("no pool");
    with_whole_snapshot(world);
    off_site::make_real(world);
    let folder = &world.settings().host.folders.pool;
    std::fs::create_dir_all(folder).expect("a folder");
    // Others are as large as their instances' disks, and empty.
    let is_real = |name: &str| name.starts_with("base-") || name.starts_with("snap-");
    let volumes = world.hypervisor.inner().volumes("lite").expect("listed");
    for volume in volumes.into_iter().filter(|volume| is_real(&volume.name)) {
        let mut bytes = Vec::new();
        let mut held = world.hypervisor.inner().download("lite", &volume.name).expect("there");
        std::io::Read::read_to_end(&mut held, &mut bytes).expect("read");
        std::fs::write(folder.join(&volume.name), bytes).expect("written");
    }
}

/// Writes it.
pub fn export(world: &World) -> Result<()> {
    let mut file = Vec::new();
    export_by(&mut world.engine(), &mut file)?;
    let mut tar = archive::Reader::new(file.as_slice());
    let manifest = Manifest::read(&tar.text(1 << 20)?)?;
    assert_eq!(manifest.disks.iter().map(|disk| disk.name.as_str()).collect::<Vec<_>>(), ["data"]);
    Ok(())
}

/// The same, to a place of the caller's.
pub fn export_by(ctx: &mut Ctx, to: &mut dyn std::io::Write) -> Result<()> {
    let accepted = export::accept_snapshot(ctx, &Name::parse("kept")?, false)?;
    export::run(ctx, accepted, to, &mut Unobserved)
}

/// Nothing of an export or of an import is in the pool, and no disk is being made.
pub fn nothing_is_under_way(world: &World, when: &str) {
    let files = std::fs::read_dir(&world.settings().host.folders.pool).into_iter().flatten();
    let files = files.map(|entry| entry.expect("read").file_name().to_string_lossy().into_owned());
    let is_left = |name: &String| name.starts_with(".export-") || name.starts_with(".import-");
    assert_eq!(files.filter(is_left).collect::<Vec<_>>(), Vec::<String>::new(), "{when}");
    let engine = world.engine();
    let disks = engine.store.disks(&engine.host_id()).expect("read");
    assert!(disks.iter().all(|disk| disk.state == DiskState::Available), "{when}: {disks:?}");
}
