//! `lite blueprints` and its `show`.

use serde::Serialize;

use super::row::bytes;
use crate::model::{Port, Size};

/// What a user may set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParameterView {
    /// Name, for `--set`.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Value used when it is not set; none: it must be set.
    pub default: Option<String>,
}

/// How a blueprint was tested on one of its bases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedView {
    /// Base image id.
    pub base: String,
    /// `boot`; `changed`, if it booted and was changed since; `render`, if it never booted.
    pub how: String,
    /// When it booted.
    pub date: Option<jiff::civil::Date>,
    /// SHA-256 of the image it booted from.
    pub image: Option<String>,
    /// Seconds until its application answered.
    pub seconds: Option<u64>,
}

/// A blueprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlueprintView {
    /// Id.
    pub id: String,
    /// `os` or `app`.
    pub group: String,
    /// Version.
    pub version: String,
    /// One line.
    pub title: String,
    /// A paragraph.
    pub description: String,
    /// Base images, the default first.
    pub bases: Vec<String>,
    /// Least memory.
    #[serde(rename = "min_memory_bytes", serialize_with = "bytes")]
    pub min_memory: Size,
    /// Least disk.
    #[serde(rename = "min_disk_bytes", serialize_with = "bytes")]
    pub min_disk: Size,
    /// The smallest bundle it fits.
    pub smallest_bundle: Option<String>,
    /// Ports it opens.
    pub ports: Vec<Port>,
    /// What a user may set.
    pub parameters: Vec<ParameterView>,
    /// Names of the secrets drawn at create.
    pub secrets: Vec<String>,
    /// How it was tested on each of its bases.
    pub verified: Vec<VerifiedView>,
    /// How it is seen that it works, in words.
    pub health: Option<String>,
    /// Who logs in.
    #[serde(skip)]
    pub user: String,
}

/// The document of `blueprints` and its `show`.
#[derive(Debug, Serialize)]
pub struct BlueprintsDocument<'a> {
    /// The blueprints.
    pub blueprints: &'a [BlueprintView],
}
