//! The domain of an instance.

use serde::Serialize;

use super::{
    devices::{Devices, devices},
    parts::DomainPlan,
    xml::{Amount, Empty, Text, write},
};
use crate::model::{Code, DomainDefinition, Error, MetadataElement, Record, Result};

/// Namespace of lite's own element in a domain's metadata.
pub const METADATA_URI: &str = "https://lite.example/xmlns/instance/1";
/// Its prefix.
pub const METADATA_PREFIX: &str = "lite";

/// lite's metadata element: the record as JSON, with a schema version. Holds no secrets.
pub fn metadata_xml(record: &Record) -> Result<String> {
    let json = serde_json::to_string(record)
        .map_err(|e| Error::new(Code::XmlError, "cannot write the instance record").cause(e))?;
    write("instance", &Metadata { xmlns: METADATA_URI, schema: 1, record: json })
}

/// Reads the record back from the metadata element, or from the XML of a whole domain; none if it is not ours or of a schema this lite does not know.
pub fn record_of(xml: &str) -> Option<Record> {
    // libvirt takes the namespace off when it is asked for the element alone.
    match MetadataElement::parse(xml).ok()? {
        bare if bare.name == "instance" && bare.namespace.as_deref().is_none_or(|n| n == METADATA_URI) => {
            record_in_element(&bare)
        }
        _ => record_in_domain(&DomainDefinition::parse(xml).ok()?),
    }
}

/// The record that a domain carries; none if it carries none of ours, or of a schema this lite does not know.
pub fn record_in_domain(domain: &DomainDefinition) -> Option<Record> {
    record_in_element(domain.metadata(METADATA_URI, "instance")?)
}

/// Paths of the disks in the XML of a domain; none if it cannot be read.
pub fn disks_in_domain(xml: &str) -> Vec<String> {
    DomainDefinition::parse(xml).map_or(Vec::new(), |d| d.disk_paths().map(str::to_owned).collect())
}

fn record_in_element(element: &MetadataElement) -> Option<Record> {
    (element.schema.as_deref() == Some("1")).then(|| serde_json::from_str(&element.text).ok()).flatten()
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
    #[serde(skip_serializing_if = "Option::is_none")]
    genid: Option<Empty>,
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
    #[serde(rename = "feature")]
    features: Vec<Feature>,
}

/// A feature of the CPU, by libvirt's name for it.
#[derive(Serialize)]
struct Feature {
    #[serde(rename = "@policy")]
    policy: &'static str,
    #[serde(rename = "@name")]
    name: &'static str,
}

/// What costs a guest more under TCG than it gains, and no program needs: page tables of five levels, and copying by `rep movsb`,
/// which TCG does byte by byte. Without the three a Debian 13 boots in 45 s of CPU time instead of 54.
const SLOW_UNDER_TCG: [&str; 3] = ["la57", "erms", "fsrm"];

impl Cpu {
    fn of(kvm: bool, x86: bool) -> Self {
        let disable = |name| Feature { policy: "disable", name };
        match kvm {
            true => Self { mode: "host-passthrough", features: Vec::new() },
            false if x86 => Self { mode: "maximum", features: SLOW_UNDER_TCG.map(disable).into() },
            false => Self { mode: "maximum", features: Vec::new() },
        }
    }
}

#[derive(Serialize)]
struct Clock {
    #[serde(rename = "@offset")]
    offset: &'static str,
}

/// The domain's XML.
pub fn domain_xml(plan: &DomainPlan<'_>) -> Result<String> {
    let record = plan.record;
    let json = serde_json::to_string(record)
        .map_err(|e| Error::new(Code::XmlError, "cannot write the instance record").cause(e))?;
    let x86 = plan.arch == "x86_64";
    let metadata = PrefixedMetadata { xmlns: METADATA_URI, schema: 1, record: json };
    let os_type = OsType { arch: plan.arch.to_owned(), machine: plan.machine.map(str::to_owned), text: "hvm" };
    write(
        "domain",
        &Domain {
            kind: if plan.kvm { "kvm" } else { "qemu" },
            name: Text::of(&record.name),
            uuid: Text::of(record.uuid),
            // libvirt draws one for each start and each restore.
            genid: plan.is_warm.then_some(Empty {}),
            title: Text::of(format!("{} on {}, {}", record.blueprint, record.base, record.bundle)),
            metadata: MetadataHolder { instance: metadata },
            memory: Amount::kib(record.memory.as_bytes() >> 10),
            vcpu: Text::of(record.vcpus),
            os: Os { r#type: os_type, boot: Boot { dev: "hd" } },
            features: Features { acpi: Empty {}, apic: x86.then_some(Empty {}) },
            cpu: Cpu::of(plan.kvm, x86),
            clock: Clock { offset: "utc" },
            on_poweroff: Text::of("destroy"),
            on_reboot: Text::of("restart"),
            // Restarting is the watcher's: libvirt would loop for ever on a guest that panics at boot.
            on_crash: Text::of("destroy"),
            devices: devices(plan, x86),
        },
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::plan::parts::{Attached, AttachedDisk, DiskPlace, DiskPort, Slot};

    /// An instance for tests.
    pub(in crate::plan) fn record() -> Record {
        serde_json::from_value(serde_json::json!({
            "name": "web-1", "uuid": "00000000-0000-0000-0000-0000deadbeef", "blueprint": "nginx", "blueprint_version": "1",
            "base": "debian-13", "image_digest": "00ff", "bundle": "small", "vcpus": 2, "memory": "2 GiB",
            "disk": "60 GiB", "transfer": "3 TiB", "price": "12.00", "currency": "USD", "mac": "52:54:00:01:02:03",
            "address": "192.168.150.10", "network": "nat", "ports": ["22/tcp", "80/tcp"],
            "tags": [{"key": "who", "value": "<&\"'>"}], "created_at": "1970-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn the_record_survives_the_domain() {
        let record = record();
        let port = |device, slot| DiskPort {
            device,
            place: DiskPlace::Slot(slot),
            is_qcow2: device == "vda",
            is_read_only: device != "vda",
        };
        let disk = |path: &str, port| AttachedDisk { word: "disk", volume: String::new(), path: path.to_owned(), port };
        let attached = Attached {
            disks: vec![disk("/pool/root", port("vda", Slot::ROOT_DISK)), disk("/pool/seed", port("vdb", Slot::SEED))],
            console_log: format!("/var/log/lite/web-1-{}.console.log", record.uuid.simple()),
            report_log: format!("/var/log/lite/web-1-{}.report.log", record.uuid.simple()),
        };
        let plan = DomainPlan {
            record: &record,
            attached: &attached,
            image: Some("/pool/image"),
            snapshot: None,
            network: "lite",
            kvm: false,
            arch: "x86_64",
            machine: Some("q35"),
            unplugged: false,
            is_warm: false,
        };
        let xml = domain_xml(&plan).unwrap();
        assert_eq!(disks_in_domain(&xml), ["/pool/root", "/pool/seed"]);
        let read = DomainDefinition::parse(&xml).unwrap();
        assert_eq!(record_in_domain(&read), Some(record.clone()));
        assert_eq!(record_of(&xml), Some(record.clone()));
        assert_eq!(record_of(&metadata_xml(&record).unwrap()), Some(record.clone()));
        insta::assert_snapshot!(xml);
    }
}
