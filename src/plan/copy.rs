//! Copies of disks, and the machine without a running CPU that a stopped instance's disk is copied by.

use serde::Serialize;

use super::{
    backing::BackingStore,
    owned::ROOT_DEVICE,
    xml::{Amount, Text, write},
};
use crate::model::{Record, Result};

/// Memory of the machine: its CPU never runs.
const MEMORY_KIB: u64 = 64 << 10;

#[derive(Serialize)]
struct Disk {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@device")]
    device: &'static str,
    driver: Driver,
    source: Source,
    #[serde(rename = "backingStore")]
    backing: BackingStore,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
}

#[derive(Serialize)]
pub(super) struct Driver {
    #[serde(rename = "@name")]
    pub name: &'static str,
    #[serde(rename = "@type")]
    pub kind: &'static str,
}

#[derive(Serialize)]
pub(super) struct Source {
    #[serde(rename = "@file")]
    pub file: String,
}

#[derive(Serialize)]
pub(super) struct Target {
    #[serde(rename = "@dev")]
    pub dev: &'static str,
    #[serde(rename = "@bus")]
    pub bus: &'static str,
}

#[derive(Serialize)]
struct Domain {
    #[serde(rename = "@type")]
    kind: &'static str,
    name: Text,
    uuid: Text,
    memory: Amount,
    vcpu: Text,
    os: Os,
    devices: Devices,
}

#[derive(Serialize)]
struct Os {
    r#type: OsType,
}

#[derive(Serialize)]
struct OsType {
    #[serde(rename = "@arch")]
    arch: String,
    #[serde(rename = "@machine", skip_serializing_if = "Option::is_none")]
    machine: Option<&'static str>,
    #[serde(rename = "$text")]
    text: &'static str,
}

#[derive(Serialize)]
struct Devices {
    disk: Vec<Disk>,
    controller: Vec<Controller>,
    memballoon: Model,
}

#[derive(Serialize)]
struct Controller {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@model")]
    model: &'static str,
}

#[derive(Serialize)]
struct Model {
    #[serde(rename = "@model")]
    model: &'static str,
}

/// A disk that lies on an image, or on nothing.
fn disk(path: &str, image: Option<&str>, target: Option<Target>) -> Disk {
    Disk {
        kind: "file",
        device: "disk",
        driver: Driver { name: "qemu", kind: "qcow2" },
        source: Source { file: path.to_owned() },
        backing: image.map_or_else(BackingStore::none, BackingStore::image),
        target,
    }
}

/// The overlay at `path` on an image, or the empty disk there, as the target of a copy.
///
/// # Errors
/// `xml_error` if it cannot be written.
pub fn copy_target_xml(path: &str, image: Option<&str>) -> Result<String> {
    write("disk", &disk(path, image, None))
}

/// What a stopped instance's domain is started as, paused: its disks alone, no network, no log.
#[derive(Debug, Clone, Copy)]
pub struct PausedPlan<'a> {
    /// The instance.
    pub record: &'a Record,
    /// Path of its root disk.
    pub root: &'a str,
    /// Path of the image that the disk lies on.
    pub image: &'a str,
    /// The disks that it was given: each with its device and its path.
    pub disks: &'a [(&'static str, &'a str)],
    /// The machine's architecture, in libvirt's words.
    pub arch: &'a str,
    /// The type of the machine, where it is to be chosen.
    pub machine: Option<&'static str>,
}

/// The XML of that domain. It needs no KVM, as nothing runs.
///
/// # Errors
/// `xml_error` if it cannot be written.
pub fn paused_xml(plan: PausedPlan<'_>) -> Result<String> {
    let target = Target { dev: ROOT_DEVICE, bus: "virtio" };
    let root = disk(plan.root, Some(plan.image), Some(target));
    let given = plan.disks.iter().map(|(dev, path)| disk(path, None, Some(Target { dev, bus: "scsi" })));
    let scsi = (!plan.disks.is_empty()).then_some(Controller { kind: "scsi", model: "virtio-scsi" });
    write(
        "domain",
        &Domain {
            kind: "qemu",
            name: Text::of(&plan.record.name),
            uuid: Text::of(plan.record.uuid),
            memory: Amount::kib(MEMORY_KIB),
            vcpu: Text::of(1),
            os: Os { r#type: OsType { arch: plan.arch.to_owned(), machine: plan.machine, text: "hvm" } },
            devices: Devices {
                disk: std::iter::once(root).chain(given).collect(),
                controller: std::iter::once(Controller { kind: "usb", model: "none" }).chain(scsi).collect(),
                memballoon: Model { model: "none" },
            },
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::domain::tests::record;

    #[test]
    fn a_copy_and_a_paused_machine_lie_on_the_image_and_nothing_else() {
        insta::assert_snapshot!(copy_target_xml("/pool/snap-1.qcow2", Some("/pool/image")).unwrap());
        let record = record();
        let plan = PausedPlan {
            record: &record,
            root: "/pool/root",
            image: "/pool/image",
            disks: &[],
            arch: "x86_64",
            machine: Some("q35"),
        };
        insta::assert_snapshot!(paused_xml(plan).unwrap());
        insta::assert_snapshot!(paused_xml(PausedPlan { disks: &[("sda", "/pool/disk-1.qcow2")], ..plan }).unwrap());
    }
}
