//! Exports as `lite export` writes them, and changed ones.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{process::Command, sync::OnceLock};

use jiff::Timestamp;
use lite::{
    engine::{Exported, Manifest},
    image::archive::{self, Member},
    model::Consistency,
    plan,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::world::World;

/// What an export is made of.
#[derive(Clone)]
pub struct Parts {
    pub manifest: Value,
    pub domain: Vec<u8>,
    pub disk: Vec<u8>,
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
    let record = engine.store.require(&lite::model::Name::parse(name).expect("a name")).expect("there").record;
    let (blueprint, parameters) = engine.store.blueprint_of(record.uuid).expect("read");
    let arch = engine.hypervisor.host().expect("asked").arch;
    let domain = plan::portable_xml(&record, &arch, "disk-0.qcow2").expect("XML").into_bytes();
    let of = Exported {
        taken_at: Timestamp::UNIX_EPOCH,
        consistency: Consistency::Stopped,
        record,
        blueprint,
        parameters,
        secrets: Vec::new(),
    };
    let manifest = Manifest::new(of, Timestamp::UNIX_EPOCH, Default::default(), Default::default());
    let manifest = serde_json::from_slice(&manifest.text().expect("JSON")).expect("JSON");
    let mut parts = Parts { manifest, domain, disk: disk() };
    parts.seal();
    parts
}

impl Parts {
    /// Writes the lengths and digests as they are.
    pub fn seal(&mut self) {
        for (key, bytes) in [("domain", &self.domain), ("disk", &self.disk)] {
            self.manifest[key] = serde_json::json!({"length": bytes.len(), "sha256": sha256(bytes)});
        }
    }

    /// The file.
    pub fn file(&self) -> Vec<u8> {
        let manifest = serde_json::to_vec(&self.manifest).expect("JSON");
        let (mut first, mut second, mut third) = (manifest.as_slice(), self.domain.as_slice(), self.disk.as_slice());
        let length = |bytes: &[u8]| bytes.len() as u64;
        let lengths = [length(first), length(second), length(third)];
        let members = [
            Member { source: &mut first, length: lengths[0] },
            Member { source: &mut second, length: lengths[1] },
            Member { source: &mut third, length: lengths[2] },
        ];
        let mut file = Vec::new();
        archive::write(&mut file, Timestamp::UNIX_EPOCH, members).expect("written");
        file
    }
}
