//! `lite list --deleted`.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::row;
use crate::model::{Record, Size, Tag};

/// A deleted instance that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletedRow {
    /// The name that it had.
    pub name: String,
    /// Its id: of several of one name it tells which.
    pub uuid: Uuid,
    /// When it goes for good.
    #[serde(serialize_with = "row::time")]
    pub kept_until: Timestamp,
    /// Blueprint id.
    pub blueprint: String,
    /// Bundle id.
    pub bundle: String,
    /// Its root disk, which counts as long as it is kept.
    #[serde(rename = "disk_bytes", serialize_with = "row::bytes")]
    pub disk: Size,
    /// Tags.
    #[serde(serialize_with = "row::tags")]
    pub tags: Vec<Tag>,
}

impl DeletedRow {
    /// Of a record; none: its instance is not deleted.
    pub fn of(record: &Record) -> Option<Self> {
        Some(Self {
            name: record.name.to_string(),
            uuid: record.uuid,
            kept_until: record.kept?.until,
            blueprint: record.blueprint.clone(),
            bundle: record.bundle.clone(),
            disk: record.disk,
            tags: record.tags.clone(),
        })
    }
}

/// The document of `list --deleted`.
#[derive(Debug, Serialize)]
pub struct DeletedDocument<'a> {
    /// The deleted instances, the one that goes next first.
    pub deleted: &'a [DeletedRow],
}
