//! `lite disk`.

use jiff::Timestamp;
use serde::Serialize;

use super::row;
use crate::model::{Currency, DiskState, Money, Size};

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiskRow {
    /// Name.
    pub name: String,
    /// What the guest sees of it.
    #[serde(rename = "size_bytes", serialize_with = "row::bytes")]
    pub size: Size,
    /// How far its life has come.
    pub state: DiskState,
    /// The instance that has it; none: nobody has.
    pub instance: Option<String>,
    /// That instance is deleted and kept: `undelete` brings both back.
    #[serde(rename = "instance_deleted")]
    pub is_instance_deleted: bool,
    /// Where lite mounted it there; none: nowhere.
    pub mount: Option<String>,
    /// The device by which its guest finds it, whatever it calls it.
    pub device: String,
    /// Its price a month, as of today.
    pub price: Money,
    /// The currency of the price.
    pub currency: Currency,
    /// When it was asked for.
    #[serde(serialize_with = "row::time")]
    pub created_at: Timestamp,
}

/// The document of `disk create`, `attach`, `detach`, `list` and `show`.
#[derive(Debug, Serialize)]
pub struct DisksDocument<'a> {
    /// The disks.
    pub disks: &'a [DiskRow],
}
