//! Storage pool and volumes.

use serde::Serialize;

use super::xml::{Amount, Text, write};
use crate::model::{Result, Size};

#[derive(Serialize)]
struct Pool {
    #[serde(rename = "@type")]
    kind: &'static str,
    name: Text,
    target: Target,
}

#[derive(Serialize)]
struct Target {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Permissions>,
}

#[derive(Serialize)]
struct Format {
    #[serde(rename = "@type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Permissions {
    mode: Text,
}

#[derive(Serialize)]
struct Volume {
    name: Text,
    capacity: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    allocation: Option<Amount>,
    target: Target,
    #[serde(rename = "backingStore", skip_serializing_if = "Option::is_none")]
    backing: Option<Backing>,
}

#[derive(Serialize)]
struct Backing {
    path: Text,
    format: Format,
}

fn mode(octal: &'static str) -> Option<Permissions> {
    Some(Permissions { mode: Text::of(octal) })
}

/// A directory pool. QEMU's account must be able to pass through it, hence 0711.
pub fn pool_xml(name: &str, path: &str) -> Result<String> {
    let target = Target { path: Some(Text::of(path)), format: None, permissions: mode("0711") };
    write("pool", &Pool { kind: "dir", name: Text::of(name), target })
}

/// A root disk: a qcow2 overlay on an image, so nothing is copied.
pub fn overlay_xml(name: &str, size: Size, image_path: &str) -> Result<String> {
    write(
        "volume",
        &Volume {
            name: Text::of(name),
            capacity: Amount::bytes(size.as_bytes()),
            allocation: None,
            target: Target { path: None, format: Some(Format { kind: "qcow2" }), permissions: mode("0600") },
            backing: Some(Backing { path: Text::of(image_path), format: Format { kind: "qcow2" } }),
        },
    )
}

/// An empty disk.
pub fn empty_xml(name: &str, size: Size) -> Result<String> {
    let target = Target { path: None, format: Some(Format { kind: "qcow2" }), permissions: mode("0600") };
    let capacity = Amount::bytes(size.as_bytes());
    write("volume", &Volume { name: Text::of(name), capacity, allocation: None, target, backing: None })
}

/// An image, or what is known of one: bytes that come from elsewhere and that QEMU's account reads, `bytes` of them.
pub fn image_xml(name: &str, bytes: u64) -> Result<String> {
    let target = Target { path: None, format: Some(Format { kind: "raw" }), permissions: mode("0644") };
    let (capacity, allocation) = (Amount::bytes(bytes), Some(Amount::bytes(0)));
    write("volume", &Volume { name: Text::of(name), capacity, allocation, target, backing: None })
}

/// A raw volume that root alone reads and that is filled with the content of another.
pub fn copied_xml(name: &str, bytes: u64) -> Result<String> {
    let target = Target { path: None, format: Some(Format { kind: "raw" }), permissions: mode("0600") };
    let (capacity, allocation) = (Amount::bytes(bytes), Some(Amount::bytes(0)));
    write("volume", &Volume { name: Text::of(name), capacity, allocation, target, backing: None })
}

/// A seed: a small raw volume, readable by root alone because it holds secrets.
pub fn seed_xml(name: &str, bytes: u64) -> Result<String> {
    write(
        "volume",
        &Volume {
            name: Text::of(name),
            capacity: Amount::bytes(bytes),
            allocation: Some(Amount::bytes(bytes)),
            target: Target { path: None, format: Some(Format { kind: "raw" }), permissions: mode("0600") },
            backing: None,
        },
    )
}
