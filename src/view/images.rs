//! `lite image list`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::row;
use crate::model::Size;

/// What a baked image is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BakedView {
    /// Blueprint id.
    pub blueprint: String,
    /// Blueprint version.
    pub version: String,
    /// Base image id.
    pub base: String,
    /// Parameters that its install part read.
    pub parameters: BTreeMap<String, String>,
    /// Whether today's blueprint and base are still those.
    pub current: bool,
    /// The machine whose memory is there to go on from; none: there is none.
    pub warm: Option<WarmView>,
}

/// A machine whose memory was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarmView {
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Its memory.
    #[serde(rename = "memory_bytes", serialize_with = "row::bytes")]
    pub memory: Size,
    /// Bytes that the saved memory takes.
    #[serde(rename = "size_bytes", serialize_with = "row::bytes")]
    pub size: Size,
    /// Version of the QEMU that saved it, and alone reads it.
    pub qemu: String,
}

/// An image on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageRow {
    /// Id, such as `debian-13`.
    pub id: String,
    /// How it came here: `built`, `pulled`, `imported`, `baked`.
    pub origin: String,
    /// Bytes it takes.
    #[serde(rename = "size_bytes", serialize_with = "row::bytes")]
    pub size: Size,
    /// SHA-256, hexadecimal.
    pub digest: String,
    /// Names of the instances on it.
    pub used_by: Vec<String>,
    /// When it came here.
    #[serde(serialize_with = "row::time")]
    pub created_at: Timestamp,
    /// How long ago that is.
    #[serde(skip)]
    pub age: SignedDuration,
    /// What it is of, if it is baked.
    pub baked: Option<BakedView>,
}

/// What images can be made of, by their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageChoices {
    /// Those that are built from signed packages.
    pub build: Vec<String>,
    /// Those that are downloaded.
    pub pull: Vec<String>,
    /// Blueprints that can be baked.
    pub bake: Vec<String>,
}

/// The document of `image list`, `build`, `pull`, `import` and `bake`.
#[derive(Debug, Serialize)]
pub struct ImagesDocument<'a> {
    /// The images.
    pub images: &'a [ImageRow],
}
