//! The devices of a domain: virtio everything, the console recorded, a report channel.

use serde::Serialize;

use super::{
    domain::DomainPlan,
    xml::{Empty, write},
};
use crate::model::{NetworkMode, Result};

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
    target: DiskTarget,
    #[serde(skip_serializing_if = "Option::is_none")]
    readonly: Option<Empty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<PciAddress>,
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
    model: ModelType,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filterref: Option<FilterRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<PciAddress>,
}

#[derive(Serialize)]
struct Link {
    #[serde(rename = "@state")]
    state: &'static str,
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

/// A slot of the root bus. libvirt would put a port of its own before each device, and a guest's kernel looks for what could be
/// plugged in there, at each boot (benches/README.md). Slots 0x00 and 0x1f are the chipset's.
#[derive(Serialize, Clone, Copy)]
enum Slot {
    #[serde(rename = "0x02")]
    Root,
    #[serde(rename = "0x03")]
    Seed,
    #[serde(rename = "0x04")]
    Interface,
    #[serde(rename = "0x05")]
    Channels,
    #[serde(rename = "0x06")]
    Balloon,
    #[serde(rename = "0x07")]
    Rng,
}

impl Slot {
    /// Its address in the plan's machine; none where the machine is not q35, and libvirt chooses.
    fn of(self, plan: &DomainPlan<'_>) -> Option<PciAddress> {
        (plan.machine == Some("q35")).then_some(PciAddress { kind: "pci", bus: "0x00", slot: self })
    }
}

/// How an interface meets the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plugged {
    /// Its cable is out, and no filter is there yet.
    Out,
    /// Its cable is out, its filter is there.
    Filtered,
    /// Its cable is in and its filter is there: how it is kept.
    In,
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
struct FilterRef {
    #[serde(rename = "@filter")]
    filter: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parameter: Vec<Parameter>,
}

#[derive(Serialize)]
struct Parameter {
    #[serde(rename = "@name")]
    name: &'static str,
    #[serde(rename = "@value")]
    value: String,
}

#[derive(Serialize)]
struct Serial {
    #[serde(rename = "@type")]
    kind: &'static str,
    log: Log,
    target: Port,
}

#[derive(Serialize)]
struct Log {
    #[serde(rename = "@file")]
    file: String,
    #[serde(rename = "@append")]
    append: &'static str,
}

#[derive(Serialize)]
struct Port {
    #[serde(rename = "@port")]
    port: u32,
}

#[derive(Serialize)]
struct Channel {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<PathSource>,
    target: ChannelTarget,
}

#[derive(Serialize)]
struct PathSource {
    #[serde(rename = "@path")]
    path: String,
    #[serde(rename = "@append")]
    append: &'static str,
}

#[derive(Serialize)]
struct ChannelTarget {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@name")]
    name: &'static str,
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
pub(super) fn devices(plan: &DomainPlan<'_>, x86: bool, plugged: Plugged) -> Devices {
    Devices {
        disk: vec![
            Disk {
                driver: Driver { name: "qemu", kind: "qcow2", discard: Some("unmap") },
                ..disk("vda", plan.root_path, Slot::Root.of(plan))
            },
            // A virtio disk, not a CD-ROM: Debian's cloud kernel has no AHCI driver.
            Disk { readonly: Some(Empty {}), ..disk("vdb", plan.seed_path, Slot::Seed.of(plan)) },
        ],
        controller: controllers(plan, x86),
        interface: interface(plan, plugged),
        serial: Serial {
            kind: "pty",
            log: Log { file: plan.resources.console_log.clone(), append: "on" },
            target: Port { port: 0 },
        },
        channel: channels(plan),
        memballoon: Balloon { model: "virtio", stats: Stats { period: 10 }, address: Slot::Balloon.of(plan) },
        rng: Rng {
            model: "virtio",
            backend: Backend { model: "random", path: "/dev/urandom" },
            address: Slot::Rng.of(plan),
        },
        panic: x86.then_some(Model { model: "isa" }),
    }
}

/// A writable raw disk.
fn disk(dev: &'static str, path: &str, address: Option<PciAddress>) -> Disk {
    Disk {
        kind: "file",
        device: "disk",
        driver: Driver { name: "qemu", kind: "raw", discard: None },
        source: FileSource { file: path.to_owned() },
        target: DiskTarget { dev, bus: "virtio" },
        readonly: None,
        address,
    }
}

fn controllers(plan: &DomainPlan<'_>, x86: bool) -> Vec<Controller> {
    let mut all = Vec::new();
    if x86 {
        all.push(Controller { kind: "usb", index: 0, model: Some("none"), address: None });
    }
    if let Some(address) = Slot::Channels.of(plan) {
        all.push(Controller { kind: "virtio-serial", index: 0, model: None, address: Some(address) });
        // As libvirt does by itself: one port stays free, so that a device can be added while the guest runs.
        all.push(Controller { kind: "pci", index: 1, model: Some("pcie-root-port"), address: None });
    }
    all
}

/// The interface element alone, for changing it while the guest runs.
pub(super) fn interface_xml(plan: &DomainPlan<'_>, plugged: Plugged) -> Result<String> {
    write("interface", &interface(plan, plugged))
}

fn interface(plan: &DomainPlan<'_>, plugged: Plugged) -> Interface {
    let (kind, source) = match &plan.record.network {
        NetworkMode::Nat => ("network", InterfaceSource { network: Some(plan.network.to_owned()), bridge: None }),
        NetworkMode::Bridge(name) => ("bridge", InterfaceSource { network: None, bridge: Some(name.clone()) }),
    };
    // Without an address libvirt learns it from the guest's DHCP, which is what a bridge to a LAN needs.
    let parameter = match plan.record.address {
        Some(address) => vec![Parameter { name: "IP", value: address.to_string() }],
        None => vec![Parameter { name: "CTRL_IP_LEARNING", value: "any".to_owned() }],
    };
    Interface {
        kind,
        mac: Mac { address: plan.record.mac.to_string() },
        source,
        model: ModelType { kind: "virtio" },
        link: (plugged != Plugged::In).then_some(Link { state: "down" }),
        filterref: (plugged != Plugged::Out).then(|| FilterRef { filter: plan.resources.filter.clone(), parameter }),
        address: Slot::Interface.of(plan),
    }
}

fn channels(plan: &DomainPlan<'_>) -> Vec<Channel> {
    vec![
        Channel {
            kind: "unix",
            source: None,
            target: ChannelTarget { kind: "virtio", name: "org.qemu.guest_agent.0" },
        },
        Channel {
            kind: "file",
            source: Some(PathSource { path: plan.resources.report_log.clone(), append: "on" }),
            target: ChannelTarget { kind: "virtio", name: "org.lite.report" },
        },
    ]
}
