//! A virtual machine as an export has it: what any libvirt can define beside the disk, with nothing of this host in it. lite itself
//! never defines it.

use serde::Serialize;

use super::{
    copy::{Driver, Source, Target},
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
    disk: Disk,
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

/// The machine of an instance on a disk beside it.
///
/// # Errors
/// `xml_error` if it cannot be written.
pub fn portable_xml(record: &Record, arch: &str, disk: &str) -> Result<String> {
    let pty = || Kind { kind: "pty" };
    let domain = Domain {
        kind: "qemu",
        name: Text::of(&record.name),
        memory: Amount::kib(record.memory.as_bytes() >> 10),
        vcpu: Text::of(record.vcpus),
        os: Os { r#type: OsType { arch: arch.to_owned(), text: "hvm" } },
        features: Features { acpi: Empty {} },
        cpu: Cpu { mode: "maximum" },
        devices: Devices {
            disk: Disk {
                kind: "file",
                device: "disk",
                driver: Driver { name: "qemu", kind: "qcow2" },
                source: Source { file: disk.to_owned() },
                target: Target { dev: "vda", bus: "virtio" },
            },
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
        insta::assert_snapshot!(portable_xml(&record(), "x86_64", "disk-0.qcow2").unwrap());
    }
}
