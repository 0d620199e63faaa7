//! What a host has, and the disk that instances lie on.

use serde::Serialize;

use super::row::bytes;
use crate::model::{DiskUsage, HostUsage, Size};

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

/// What a host has and has promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HostView {
    /// Logical CPUs.
    pub cpus: u32,
    /// vCPUs of instances that are wanted running.
    pub vcpus_promised: u32,
    /// The most that may be promised.
    pub vcpus_limit: u32,
    /// All memory.
    #[serde(rename = "memory_bytes", serialize_with = "bytes")]
    pub memory: Size,
    /// What nobody uses of it just now.
    #[serde(rename = "memory_free_bytes", serialize_with = "bytes")]
    pub memory_free: Size,
    /// That of instances that are wanted running.
    #[serde(rename = "memory_promised_bytes", serialize_with = "bytes")]
    pub memory_promised: Size,
    /// The most that may be promised.
    #[serde(rename = "memory_limit_bytes", serialize_with = "bytes")]
    pub memory_limit: Size,
    /// The disk that instances lie on; none: it is not there.
    pub disk: Option<DiskView>,
}

impl From<HostUsage> for HostView {
    fn from(usage: HostUsage) -> Self {
        let HostUsage { cpus, vcpus_promised, vcpus_limit, memory, memory_free, memory_promised, memory_limit, disk } =
            usage;
        let disk = disk.map(DiskView::from);
        Self { cpus, vcpus_promised, vcpus_limit, memory, memory_free, memory_promised, memory_limit, disk }
    }
}
