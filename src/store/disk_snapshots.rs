//! Snapshots of single disks, and what they share with those of instances: their names.

use jiff::Timestamp;
use rusqlite::{Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Id, Stored, Time, id, json, parsed, size, some_size, time, to_json, word},
    operations,
    resources::{self, NewResource},
    snapshots, sql,
};
use crate::model::{
    AnySnapshot, Code, Consistency, DiskSnapshot, Error, Hint, HostId, Name, OperationState, ResourceKind, Result,
    Size, SnapshotState, StoredDiskSnapshot, Verb,
};

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredDiskSnapshot> {
    let consistency = row.get::<_, Option<Stored<Consistency>>>("consistency")?;
    Ok(StoredDiskSnapshot {
        snapshot: DiskSnapshot {
            id: id(row, "id")?,
            name: parsed(row, "name", Name::parse)?,
            disk: json(row, "disk")?,
            consistency: consistency.map(|stored| stored.0),
            created_at: time(row, "created_at")?,
        },
        state: word(row, "state")?,
        allocation: some_size(row, "allocation")?.map(Size::bytes),
    })
}

impl Store {
    fn disk_snapshots_where(&self, what: &str, values: impl rusqlite::Params) -> Result<Vec<StoredDiskSnapshot>> {
        let query = format!("SELECT * FROM disk_snapshot {what} ORDER BY created_at, name");
        let mut statement = self.read().prepare_cached(&query).map_err(sql)?;
        let rows = statement.query_map(values, stored).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// The snapshots of disks of a host, oldest first.
    pub fn disk_snapshots(&self, host: &HostId) -> Result<Vec<StoredDiskSnapshot>> {
        self.disk_snapshots_where("WHERE host = ?1", [host.as_str()])
    }

    /// The snapshots of a host, whatever they are of, oldest first.
    pub fn all_snapshots(&self, host: &HostId) -> Result<Vec<AnySnapshot>> {
        let of_instances = self.snapshots(host)?.into_iter().map(|one| AnySnapshot::Instance(Box::new(one)));
        let mut all: Vec<_> = of_instances.collect();
        all.extend(self.disk_snapshots(host)?.into_iter().map(AnySnapshot::Disk));
        all.sort_by_key(AnySnapshot::created_at);
        Ok(all)
    }

    /// One snapshot by id, whatever it is of.
    pub fn any_snapshot_by_id(&self, id: Uuid) -> Result<Option<AnySnapshot>> {
        if let Some(found) = self.snapshot_by_id(id)? {
            return Ok(Some(AnySnapshot::Instance(Box::new(found))));
        }
        Ok(self.disk_snapshots_where("WHERE id = ?1", [Id(id)])?.pop().map(AnySnapshot::Disk))
    }

    /// One snapshot, whatever it is of, or the error that names the nearest.
    pub fn require_any_snapshot(&self, host: &HostId, name: &Name) -> Result<AnySnapshot> {
        let mut all = self.all_snapshots(host)?;
        match all.iter().position(|one| one.resource().name == name.as_str()) {
            Some(at) => Ok(all.swap_remove(at)),
            None => {
                let names: Vec<String> = all.iter().map(|one| one.resource().name).collect();
                Err(snapshots::SNAPSHOT.absent(name, names.iter().map(String::as_str)))
            }
        }
    }

    /// The snapshot of a disk that has a name.
    fn disk_snapshot(&self, host: &HostId, name: &Name) -> Result<Option<StoredDiskSnapshot>> {
        Ok(self.disk_snapshots_where("WHERE host = ?1 AND name = ?2", [host.as_str(), name.as_str()])?.pop())
    }

    /// The error of a snapshot that is to be one of an instance; none if nothing of the name is one of a disk.
    pub(super) fn no_instance(&self, host: &HostId, name: &Name) -> Result<Option<Error>> {
        Ok(self.disk_snapshot(host, name)?.map(|found| {
            let text = format!("snapshot `{name}` is one of disk `{}`, and of no instance", found.snapshot.disk.name);
            Error::new(Code::NoSuchSnapshot, text).hint(
                Hint::from("a new disk has what it holds: ")
                    .run_with(Verb::DiskCreate, &[&"NAME", &"--from-snapshot", name]),
            )
        }))
    }

    /// A snapshot of a disk is whole, and the operation that made it is done: both at once.
    pub fn finish_disk_snapshot(&mut self, one: &StoredDiskSnapshot, operation: &str, now: Timestamp) -> Result<()> {
        self.write(|t| {
            t.0.execute(
                "UPDATE disk_snapshot SET state = ?2, consistency = ?3, allocation = ?4 WHERE id = ?1",
                params![
                    Id(one.snapshot.id),
                    Stored(one.state),
                    one.snapshot.consistency.map(Stored),
                    one.allocation.map(|taken| size(taken.as_bytes())),
                ],
            )
            .map_err(sql)?;
            operations::end(t, operation, OperationState::Succeeded, None, now)
        })
    }
}

/// Keeps the row of a snapshot of a disk.
///
/// # Errors
/// [`Code::NameTaken`].
pub fn insert(t: &Transaction<'_>, host: &HostId, one: &StoredDiskSnapshot) -> Result<()> {
    let (new, id) = (&one.snapshot, one.snapshot.id.to_string());
    let (kind, created_at) = (ResourceKind::Snapshot, new.created_at);
    resources::insert(t, &NewResource { kind, id: &id, name: new.name.as_str(), host: Some(host), created_at })?;
    t.0.execute(
        "INSERT INTO disk_snapshot (id, name, host, disk, allocation, consistency, state, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            Id(new.id),
            new.name.as_str(),
            host.as_str(),
            to_json("a snapshot", &new.disk)?,
            one.allocation.map(|taken| size(taken.as_bytes())),
            new.consistency.map(Stored),
            Stored(one.state),
            Time(created_at),
        ],
    )
    .map_err(sql)
    .map(drop)
}

/// A snapshot goes from now on. Refused while the root disk of an instance still lies on it.
pub fn begin_delete(t: &Transaction<'_>, found: &AnySnapshot) -> Result<()> {
    match found {
        AnySnapshot::Instance(one) => {
            snapshots::refuse_in_use(t, &one.snapshot)?;
            snapshots::set_state(t, one.snapshot.id, SnapshotState::Deleting)
        }
        AnySnapshot::Disk(one) => {
            let change = "UPDATE disk_snapshot SET state = ?2 WHERE id = ?1";
            t.0.execute(change, params![Id(one.snapshot.id), Stored(SnapshotState::Deleting)]).map_err(sql).map(drop)
        }
    }
}
