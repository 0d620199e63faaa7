//! The disk that instances lie on.

use serde::Serialize;

use super::row::bytes;
use crate::model::{DiskUsage, Size};

/// What is promised, used and free of the disk that instances lie on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DiskView {
    /// The disks of instances, if all were full.
    #[serde(rename = "promised_bytes", serialize_with = "bytes")]
    pub promised: Size,
    /// The most that may be promised.
    #[serde(rename = "limit_bytes", serialize_with = "bytes")]
    pub limit: Size,
    /// What they take now.
    #[serde(rename = "used_bytes", serialize_with = "bytes")]
    pub used: Size,
    /// What is free.
    #[serde(rename = "free_bytes", serialize_with = "bytes")]
    pub free: Size,
    /// What stays free.
    #[serde(rename = "reserve_bytes", serialize_with = "bytes")]
    pub reserve: Size,
}

impl From<DiskUsage> for DiskView {
    fn from(usage: DiskUsage) -> Self {
        let DiskUsage { promised, limit, used, free, reserve } = usage;
        Self { promised, limit, used, free, reserve }
    }
}
