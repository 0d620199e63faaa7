//! A virtual machine as an export has it: what any libvirt can define beside the disk, with nothing of this host in it. lite itself
//! never defines it.

use serde::Serialize;

use super::{
    copy::{Driver, Source, Target},
    parts::DiskPort,
    xml::{Amount, Empty, Text, write},
};
use crate::model::{Record, Result};

#[derive(Serialize)]
struct Domain {
    #[serde(rename = "@type")]
    kind: &'static str,
    name: Text,
    memory: Amount,
    vcpu: Text,
    os: Os,
    features: Features,
    cpu: Cpu,
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
    #[serde(rename = "$text")]
    text: &'static str,
}

#[derive(Serialize)]
struct Features {
    acpi: Empty,
}

#[derive(Serialize)]
struct Cpu {
    #[serde(rename = "@mode")]
    mode: &'static str,
}

#[derive(Serialize)]
struct Devices {
    disk: Vec<Disk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    controller: Option<Controller>,
    interface: Interface,
    serial: Kind,
    console: Kind,
}

#[derive(Serialize)]
struct Disk {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@device")]
    device: &'static str,
    driver: Driver,
    source: Source,
    target: Target,
}

/// What the disks behind the first sit on.
#[derive(Serialize)]
struct Controller {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@index")]
    index: u32,
    #[serde(rename = "@model")]
    model: &'static str,
}

#[derive(Serialize)]
struct Interface {
    #[serde(rename = "@type")]
    kind: &'static str,
    mac: Mac,
    model: Model,
}

#[derive(Serialize)]
struct Mac {
    #[serde(rename = "@address")]
    address: String,
}

#[derive(Serialize)]
struct Model {
    #[serde(rename = "@type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Kind {
    #[serde(rename = "@type")]
    kind: &'static str,
}

/// The machine of an instance on the disks beside it, the root disk first.
///
/// # Errors
/// `xml_error` if it cannot be written.
pub fn portable_xml(record: &Record, arch: &str, disks: &[&str]) -> Result<String> {
    let pty = || Kind { kind: "pty" };
    let targets = std::iter::once(("vda", "virtio")).chain(DiskPort::SCSI.map(|device| (device, "scsi")));
    let disk = |((dev, bus), file): ((&'static str, &'static str), &&str)| Disk {
        kind: "file",
        device: "disk",
        driver: Driver { name: "qemu", kind: "qcow2" },
        source: Source { file: (*file).to_owned() },
        target: Target { dev, bus },
    };
    let scsi = Controller { kind: "scsi", index: 0, model: "virtio-scsi" };
    let domain = Domain {
        kind: "qemu",
        name: Text::of(&record.name),
        memory: Amount::kib(record.memory.as_bytes() >> 10),
        vcpu: Text::of(record.vcpus),
        os: Os { r#type: OsType { arch: arch.to_owned(), text: "hvm" } },
        features: Features { acpi: Empty {} },
        cpu: Cpu { mode: "maximum" },
        devices: Devices {
            disk: targets.zip(disks).map(disk).collect(),
            controller: (disks.len() > 1).then_some(scsi),
            interface: Interface {
                kind: "user",
                mac: Mac { address: record.mac.to_string() },
                model: Model { kind: "virtio" },
            },
            serial: pty(),
            console: pty(),
        },
    };
    write("domain", &domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::domain::tests::record;

    #[test]
    fn it_names_nothing_of_this_host() {
        insta::assert_snapshot!(portable_xml(&record(), "x86_64", &["disk-0.qcow2"]).unwrap());
    }

    #[test]
    fn it_has_the_disks_of_the_instance_on_a_controller() {
        insta::assert_snapshot!(portable_xml(&record(), "x86_64", &["disk-0.qcow2", "disk-1.qcow2"]).unwrap());
    }
}
