//! The devices of a domain: virtio everything, the console recorded, a report channel.

use serde::Serialize;

use super::{
    backing::BackingStore,
    channels::{Channel, Serial, channels, serial},
    nft::port_name,
    parts::{AttachedDisk, DiskPlace, DomainPlan, Slot},
    xml::{Empty, write},
};
use crate::model::{DiskAttachment, NetworkMode, Result};

/// The devices of a domain.
#[derive(Serialize)]
pub(super) struct Devices {
    disk: Vec<Disk>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    controller: Vec<Controller>,
    interface: Interface,
    serial: Serial,
    channel: Vec<Channel>,
    memballoon: Balloon,
    rng: Rng,
    #[serde(skip_serializing_if = "Option::is_none")]
    panic: Option<Model>,
}

#[derive(Serialize)]
struct Disk {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@device")]
    device: &'static str,
    driver: Driver,
    source: FileSource,
    #[serde(rename = "backingStore", skip_serializing_if = "Option::is_none")]
    backing: Option<BackingStore>,
    target: DiskTarget,
    #[serde(skip_serializing_if = "Option::is_none")]
    readonly: Option<Empty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<DiskAddress>,
}

/// Where a disk sits.
#[derive(Serialize)]
#[serde(untagged)]
enum DiskAddress {
    Pci(PciAddress),
    Unit(UnitAddress),
}

/// A unit of the SCSI controller.
#[derive(Serialize)]
struct UnitAddress {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@controller")]
    controller: u8,
    #[serde(rename = "@bus")]
    bus: u8,
    #[serde(rename = "@target")]
    target: u8,
    #[serde(rename = "@unit")]
    unit: u8,
}

#[derive(Serialize)]
struct Driver {
    #[serde(rename = "@name")]
    name: &'static str,
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@discard", skip_serializing_if = "Option::is_none")]
    discard: Option<&'static str>,
}

#[derive(Serialize)]
struct FileSource {
    #[serde(rename = "@file")]
    file: String,
}

#[derive(Serialize)]
struct DiskTarget {
    #[serde(rename = "@dev")]
    dev: &'static str,
    #[serde(rename = "@bus")]
    bus: &'static str,
}

#[derive(Serialize)]
struct Controller {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@index")]
    index: u32,
    #[serde(rename = "@model", skip_serializing_if = "Option::is_none")]
    model: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<PciAddress>,
}

#[derive(Serialize)]
struct Interface {
    #[serde(rename = "@type")]
    kind: &'static str,
    mac: Mac,
    source: InterfaceSource,
    target: InterfaceTarget,
    model: ModelType,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<LinkState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<BridgePort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<PciAddress>,
}

#[derive(Serialize)]
struct InterfaceTarget {
    #[serde(rename = "@dev")]
    dev: String,
}

#[derive(Serialize)]
struct LinkState {
    #[serde(rename = "@state")]
    state: &'static str,
}

#[derive(Serialize)]
struct BridgePort {
    #[serde(rename = "@isolated")]
    isolated: &'static str,
}

/// Where a device sits on q35's root bus.
#[derive(Serialize)]
struct PciAddress {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@bus")]
    bus: &'static str,
    #[serde(rename = "@slot")]
    slot: Slot,
}

impl PciAddress {
    /// The address of a slot in the plan's machine; none where the machine is not q35, and libvirt chooses.
    fn of(slot: Slot, plan: &DomainPlan<'_>) -> Option<Self> {
        (plan.machine == Some("q35")).then_some(Self { kind: "pci", bus: "0x00", slot })
    }
}

#[derive(Serialize)]
struct Mac {
    #[serde(rename = "@address")]
    address: String,
}

#[derive(Serialize)]
struct InterfaceSource {
    #[serde(rename = "@network", skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    #[serde(rename = "@bridge", skip_serializing_if = "Option::is_none")]
    bridge: Option<String>,
}

#[derive(Serialize)]
struct ModelType {
    #[serde(rename = "@type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Model {
    #[serde(rename = "@model")]
    model: &'static str,
}

#[derive(Serialize)]
struct Balloon {
    #[serde(rename = "@model")]
    model: &'static str,
    stats: Stats,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<PciAddress>,
}

#[derive(Serialize)]
struct Stats {
    #[serde(rename = "@period")]
    period: u32,
}

#[derive(Serialize)]
struct Rng {
    #[serde(rename = "@model")]
    model: &'static str,
    backend: Backend,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<PciAddress>,
}

#[derive(Serialize)]
struct Backend {
    #[serde(rename = "@model")]
    model: &'static str,
    #[serde(rename = "$text")]
    path: &'static str,
}

/// All devices of the plan's domain.
pub(super) fn devices(plan: &DomainPlan<'_>, x86: bool) -> Devices {
    Devices {
        disk: plan.attached.disks.iter().map(|disk| device(disk, Some(plan), backing(disk, plan))).collect(),
        controller: controllers(plan, x86),
        interface: interface(plan),
        serial: serial(plan),
        channel: channels(plan),
        memballoon: Balloon {
            model: "virtio",
            stats: Stats { period: 10 },
            address: PciAddress::of(Slot::BALLOON, plan),
        },
        rng: Rng {
            model: "virtio",
            backend: Backend { model: "random", path: "/dev/urandom" },
            address: PciAddress::of(Slot::RNG, plan),
        },
        panic: x86.then_some(Model { model: "isa" }),
    }
}

fn device(disk: &AttachedDisk, pci: Option<&DomainPlan<'_>>, backing: Option<BackingStore>) -> Disk {
    let port = disk.port;
    let (bus, serial, address) = match port.place {
        DiskPlace::Slot(slot) => {
            ("virtio", None, pci.and_then(|plan| PciAddress::of(slot, plan)).map(DiskAddress::Pci))
        }
        DiskPlace::Unit(unit, id) => {
            let address = UnitAddress { kind: "drive", controller: 0, bus: 0, target: 0, unit };
            ("scsi", Some(DiskAttachment::serial(id)), Some(DiskAddress::Unit(address)))
        }
    };
    let (kind, discard) = if port.is_qcow2 { ("qcow2", Some("unmap")) } else { ("raw", None) };
    Disk {
        kind: "file",
        device: "disk",
        driver: Driver { name: "qemu", kind, discard },
        source: FileSource { file: disk.path.clone() },
        backing,
        target: DiskTarget { dev: port.device, bus },
        readonly: port.is_read_only.then_some(Empty {}),
        serial,
        address,
    }
}

/// A disk that an instance was given, as it is attached and detached while the guest runs.
///
/// # Errors
/// `xml_error` if it cannot be written.
pub fn given_disk_xml(disk: &AttachedDisk) -> Result<String> {
    write("disk", &device(disk, None, Some(BackingStore::none())))
}

/// The SCSI controller, for a guest that runs: it takes the port that is free.
///
/// # Errors
/// `xml_error` if it cannot be written.
pub fn scsi_controller_xml() -> Result<String> {
    write("controller", &scsi_controller(None))
}

fn scsi_controller(address: Option<PciAddress>) -> Controller {
    Controller { kind: "scsi", index: 0, model: Some("virtio-scsi"), address }
}

/// The root disk alone lies on something; none while nobody knows where that is.
fn backing(disk: &AttachedDisk, plan: &DomainPlan<'_>) -> Option<BackingStore> {
    match disk.port.place == DiskPlace::Slot(Slot::ROOT_DISK) {
        true => plan.image.map(|image| match plan.snapshot {
            Some(snapshot) => BackingStore::snapshot(snapshot, image),
            None => BackingStore::image(image),
        }),
        false => Some(BackingStore::none()),
    }
}

fn controllers(plan: &DomainPlan<'_>, x86: bool) -> Vec<Controller> {
    let mut all = Vec::new();
    if x86 {
        all.push(Controller { kind: "usb", index: 0, model: Some("none"), address: None });
    }
    if let Some(address) = PciAddress::of(Slot::CHANNELS, plan) {
        all.push(Controller { kind: "virtio-serial", index: 0, model: None, address: Some(address) });
        // As libvirt does by itself: one port stays free, so that a device can be added while the guest runs.
        all.push(Controller { kind: "pci", index: 1, model: Some("pcie-root-port"), address: None });
    }
    if plan.attached.disks.iter().any(|disk| matches!(disk.port.place, DiskPlace::Unit(..))) {
        all.push(scsi_controller(PciAddress::of(Slot::SCSI, plan)));
    }
    all
}

/// The one card. Behind NAT its port on the bridge is isolated: guests reach each other through the host, whose firewall
/// knows connections. On a bridge to a LAN they are neighbours like any other.
fn interface(plan: &DomainPlan<'_>) -> Interface {
    let record = plan.record;
    let (kind, source, isolated) = match &record.network {
        NetworkMode::Nat => ("network", InterfaceSource { network: Some(plan.network.to_owned()), bridge: None }, true),
        NetworkMode::Bridge(name) => ("bridge", InterfaceSource { network: None, bridge: Some(name.clone()) }, false),
    };
    Interface {
        kind,
        mac: Mac { address: record.mac.to_string() },
        source,
        target: InterfaceTarget { dev: port_name(record.uuid) },
        model: ModelType { kind: "virtio" },
        link: plan.unplugged.then_some(LinkState { state: "down" }),
        port: isolated.then_some(BridgePort { isolated: "yes" }),
        address: PciAddress::of(Slot::INTERFACE, plan),
    }
}

/// The card of a domain that runs, with its link.
///
/// # Errors
/// `xml_error` if it cannot be written.
pub fn plugged_xml(plan: &DomainPlan<'_>) -> Result<String> {
    write("interface", &Interface { link: Some(LinkState { state: "up" }), ..interface(plan) })
}
