//! The domain of an instance.

use serde::Serialize;

use super::{
    names::Resources,
    xml::{Amount, Empty, Text, write},
};
use crate::model::{Error, NetworkMode, Record, Result};

/// Namespace of lite's own element in a domain's metadata.
pub const METADATA_URI: &str = "https://lite.example/xmlns/instance/1";
/// Its prefix.
pub const METADATA_PREFIX: &str = "lite";

/// Everything a domain is made from.
#[derive(Debug, Clone)]
pub struct DomainPlan<'a> {
    /// The instance.
    pub record: &'a Record,
    /// Names of what it owns.
    pub resources: &'a Resources,
    /// Path of the root disk.
    pub root_path: &'a str,
    /// Path of the seed.
    pub seed_path: &'a str,
    /// The NAT network's name, used unless the record names a bridge.
    pub network: &'a str,
    /// KVM, or QEMU's own emulation.
    pub kvm: bool,
    /// Architecture, `x86_64`.
    pub arch: &'a str,
    /// Machine type; none: libvirt's default.
    pub machine: Option<&'a str>,
}

/// lite's metadata element: the record as JSON, with a schema version. Holds no secrets.
pub fn metadata_xml(record: &Record) -> Result<String> {
    let json = serde_json::to_string(record)
        .map_err(|e| Error::failed("xml_error", "cannot write the instance record").cause(e))?;
    write("instance", &Metadata { xmlns: METADATA_URI, schema: 1, record: json })
}

/// Reads the record back from the metadata element; none if it is not ours or of a schema this lite does not know.
pub fn record_of(metadata: &str) -> Option<Record> {
    let document = roxmltree::Document::parse(metadata).ok()?;
    let node = document.descendants().find(|n| n.tag_name().name() == "instance")?;
    (node.attribute("schema") == Some("1")).then(|| serde_json::from_str(node.text()?.trim()).ok()).flatten()
}

#[derive(Serialize)]
struct Metadata {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    #[serde(rename = "@schema")]
    schema: u32,
    #[serde(rename = "$text")]
    record: String,
}

#[derive(Serialize)]
struct Domain {
    #[serde(rename = "@type")]
    kind: &'static str,
    name: Text,
    uuid: Text,
    title: Text,
    metadata: MetadataHolder,
    memory: Amount,
    vcpu: Text,
    os: Os,
    features: Features,
    cpu: Cpu,
    clock: Clock,
    on_poweroff: Text,
    on_reboot: Text,
    on_crash: Text,
    devices: Devices,
}

#[derive(Serialize)]
struct MetadataHolder {
    #[serde(rename = "lite:instance")]
    instance: PrefixedMetadata,
}

#[derive(Serialize)]
struct PrefixedMetadata {
    #[serde(rename = "@xmlns:lite")]
    xmlns: &'static str,
    #[serde(rename = "@schema")]
    schema: u32,
    #[serde(rename = "$text")]
    record: String,
}

#[derive(Serialize)]
struct Os {
    r#type: OsType,
    boot: Boot,
}

#[derive(Serialize)]
struct OsType {
    #[serde(rename = "@arch")]
    arch: String,
    #[serde(rename = "@machine", skip_serializing_if = "Option::is_none")]
    machine: Option<String>,
    #[serde(rename = "$text")]
    text: &'static str,
}

#[derive(Serialize)]
struct Boot {
    #[serde(rename = "@dev")]
    dev: &'static str,
}

#[derive(Serialize)]
struct Features {
    acpi: Empty,
    #[serde(skip_serializing_if = "Option::is_none")]
    apic: Option<Empty>,
}

#[derive(Serialize)]
struct Cpu {
    #[serde(rename = "@mode")]
    mode: &'static str,
}

#[derive(Serialize)]
struct Clock {
    #[serde(rename = "@offset")]
    offset: &'static str,
}

#[derive(Serialize)]
struct Devices {
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
    #[serde(rename = "@model")]
    model: &'static str,
}

#[derive(Serialize)]
struct Interface {
    #[serde(rename = "@type")]
    kind: &'static str,
    mac: Mac,
    source: InterfaceSource,
    model: ModelType,
    filterref: FilterRef,
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
}

#[derive(Serialize)]
struct Backend {
    #[serde(rename = "@model")]
    model: &'static str,
    #[serde(rename = "$text")]
    path: &'static str,
}

/// The domain's XML.
pub fn domain_xml(plan: &DomainPlan<'_>) -> Result<String> {
    let record = plan.record;
    let json = serde_json::to_string(record)
        .map_err(|e| Error::failed("xml_error", "cannot write the instance record").cause(e))?;
    let x86 = plan.arch == "x86_64";
    let metadata = PrefixedMetadata { xmlns: METADATA_URI, schema: 1, record: json };
    let os_type = OsType { arch: plan.arch.to_owned(), machine: plan.machine.map(str::to_owned), text: "hvm" };
    write(
        "domain",
        &Domain {
            kind: if plan.kvm { "kvm" } else { "qemu" },
            name: Text::of(&record.name),
            uuid: Text::of(record.uuid),
            title: Text::of(format!("{} on {}, {}", record.blueprint, record.base, record.bundle)),
            metadata: MetadataHolder { instance: metadata },
            memory: Amount::kib(record.memory.as_bytes() >> 10),
            vcpu: Text::of(record.vcpus),
            os: Os { r#type: os_type, boot: Boot { dev: "hd" } },
            features: Features { acpi: Empty {}, apic: x86.then_some(Empty {}) },
            cpu: Cpu { mode: if plan.kvm { "host-passthrough" } else { "maximum" } },
            clock: Clock { offset: "utc" },
            on_poweroff: Text::of("destroy"),
            on_reboot: Text::of("restart"),
            // Restarting is the watcher's: libvirt would loop for ever on a guest that panics at boot.
            on_crash: Text::of("destroy"),
            devices: devices(plan, x86),
        },
    )
}

fn devices(plan: &DomainPlan<'_>, x86: bool) -> Devices {
    Devices {
        disk: vec![
            disk("vda", "qcow2", plan.root_path, Some("unmap"), false),
            // A virtio disk, not a CD-ROM: Debian's cloud kernel has no AHCI driver.
            disk("vdb", "raw", plan.seed_path, None, true),
        ],
        controller: if x86 { vec![Controller { kind: "usb", model: "none" }] } else { vec![] },
        interface: interface(plan),
        serial: Serial {
            kind: "pty",
            log: Log { file: plan.resources.console_log.clone(), append: "on" },
            target: Port { port: 0 },
        },
        channel: channels(plan),
        memballoon: Balloon { model: "virtio", stats: Stats { period: 10 } },
        rng: Rng { model: "virtio", backend: Backend { model: "random", path: "/dev/urandom" } },
        panic: x86.then_some(Model { model: "isa" }),
    }
}

fn disk(dev: &'static str, format: &'static str, path: &str, discard: Option<&'static str>, readonly: bool) -> Disk {
    Disk {
        kind: "file",
        device: "disk",
        driver: Driver { name: "qemu", kind: format, discard },
        source: FileSource { file: path.to_owned() },
        target: DiskTarget { dev, bus: "virtio" },
        readonly: readonly.then_some(Empty {}),
    }
}

fn interface(plan: &DomainPlan<'_>) -> Interface {
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
        filterref: FilterRef { filter: plan.resources.filter.clone(), parameter },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Currency, Mac, Money, Name, Paths, Port, Size, Tag};

    fn record() -> Record {
        Record {
            name: Name::parse("web-1").unwrap(),
            uuid: uuid::Uuid::from_u128(0xdead_beef),
            blueprint: "nginx".into(),
            blueprint_version: "1".into(),
            base: "debian-13".into(),
            image_digest: "00ff".into(),
            bundle: "small".into(),
            vcpus: 2,
            memory: Size::mib(2048),
            disk: Size::mib(60 << 10),
            transfer: Size::mib(3 << 20),
            price: Money::hundredths(1200),
            currency: Currency::parse("USD").unwrap(),
            mac: Mac::ours([1, 2, 3]),
            address: Some([192, 168, 150, 10].into()),
            network: NetworkMode::Nat,
            ports: vec![Port::parse("22").unwrap(), Port::parse("80").unwrap()],
            tags: vec![Tag::parse("who=<&\"'>").unwrap()],
            created_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_record_survives_the_domain() {
        let paths = Paths { state: "s".into(), logs: "/var/log/lite".into(), blueprints: vec![], pool: "p".into() };
        let record = record();
        let resources = Resources::of(&record.name, record.uuid, &paths);
        let plan = DomainPlan {
            record: &record,
            resources: &resources,
            root_path: "/pool/root",
            seed_path: "/pool/seed",
            network: "lite",
            kvm: false,
            arch: "x86_64",
            machine: Some("q35"),
        };
        let xml = domain_xml(&plan).unwrap();
        assert_eq!(record_of(&xml), Some(record.clone()));
        assert_eq!(record_of(&metadata_xml(&record).unwrap()), Some(record));
        insta::assert_snapshot!(xml);
    }
}
