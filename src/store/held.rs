//! What instances and disks hold of the host.

use rusqlite::params;
use uuid::Uuid;

use super::{Store, Transaction, column::size, sql};
use crate::model::{HostId, Result, Size};

/// What running and stopped instances hold of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allocated {
    /// vCPUs of instances that are wanted running.
    pub vcpus: u32,
    /// Memory of instances that are wanted running, bytes.
    pub memory: u64,
    /// Root disks of all instances, bytes.
    pub disk: u64,
}

impl Store {
    /// What instances hold of the host.
    pub fn allocated(&self, host: &HostId) -> Result<Allocated> {
        sum_allocated(self.read(), host)
    }
}

/// What instances hold of the host, inside a transaction.
pub fn allocated(t: &Transaction<'_>, host: &HostId) -> Result<Allocated> {
    sum_allocated(&t.0, host)
}

fn sum_allocated(connection: &rusqlite::Connection, host: &HostId) -> Result<Allocated> {
    connection
        .query_row(
            "SELECT coalesce(sum(vcpus) FILTER (WHERE desired_state = 'running'), 0),
                    coalesce(sum(memory) FILTER (WHERE desired_state = 'running'), 0),
                    coalesce(sum(disk), 0) + (SELECT coalesce(sum(size), 0) FROM disk WHERE host = ?1)
             FROM instance WHERE host = ?1",
            [host.as_str()],
            |row| {
                let (vcpus, memory, disk): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Allocated {
                    vcpus: u32::try_from(vcpus).unwrap_or(u32::MAX),
                    memory: memory.unsigned_abs(),
                    disk: disk.unsigned_abs(),
                })
            },
        )
        .map_err(sql)
}

/// Holds so much of the host for an instance, whatever its record says: while that changes, it holds what it had and what it gets.
pub fn hold(t: &Transaction<'_>, uuid: Uuid, vcpus: u32, memory: Size, disk: Size) -> Result<()> {
    t.0.execute(
        "UPDATE instance SET vcpus = ?2, memory = ?3, disk = ?4 WHERE uuid = ?1",
        params![uuid.to_string(), vcpus, size(memory.as_bytes()), size(disk.as_bytes())],
    )
    .map_err(sql)
    .map(drop)
}
