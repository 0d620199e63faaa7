//! Disks that instances are given.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Id, Stored, Time, id, parsed, size, some_size, time, word},
    noun::Noun,
    operations,
    resources::{self, NewResource},
    sql,
};
use crate::model::{
    Code, Disk, DiskState, Error, Hint, HostId, Name, OperationState, ResourceKind, Result, Size, Verb,
};

fn disk(row: &Row<'_>) -> rusqlite::Result<Disk> {
    Ok(Disk {
        id: id(row, "id")?,
        name: parsed(row, "name", Name::parse)?,
        size: Size::bytes(some_size(row, "size")?.unwrap_or_default()),
        volume: row.get("volume")?,
        state: word(row, "state")?,
        created_at: time(row, "created_at")?,
    })
}

const DISK: Noun = Noun { code: Code::NoSuchDisk, one: "disk", many: "disks", list: Verb::DiskList };

/// The error of a disk that is not there, without a word of others.
pub fn no_such_disk(name: &Name) -> Error {
    DISK.absent(name, [])
}

impl Store {
    fn disks_where(&self, what: &str, values: impl rusqlite::Params) -> Result<Vec<Disk>> {
        let query = format!("SELECT * FROM disk {what} ORDER BY name");
        let mut statement = self.read().prepare_cached(&query).map_err(sql)?;
        let rows = statement.query_map(values, disk).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// The disks of a host, by name.
    pub fn disks(&self, host: &HostId) -> Result<Vec<Disk>> {
        self.disks_where("WHERE host = ?1", [host.as_str()])
    }

    /// One disk by id.
    pub fn disk_by_id(&self, id: Uuid) -> Result<Option<Disk>> {
        Ok(self.disks_where("WHERE id = ?1", [Id(id)])?.pop())
    }

    /// A disk that an instance was given.
    ///
    /// # Errors
    /// [`Code::NoSuchDisk`]: an older database is in place of one that was lost.
    pub fn given_disk(&self, id: Uuid) -> Result<Disk> {
        self.disk_by_id(id)?.ok_or_else(|| {
            Error::new(Code::NoSuchDisk, format!("an instance has a disk {id}, which is not known"))
                .hint(Hint::from("read it back from the pool: ").run_with(Verb::Repair, &[&"--rebuild"]))
        })
    }

    /// One disk, or the error that names the nearest.
    pub fn require_disk(&self, host: &HostId, name: &Name) -> Result<Disk> {
        let all = self.disks(host)?;
        let error = DISK.absent(name, all.iter().map(|one| one.name.as_str()));
        all.into_iter().find(|one| one.name == *name).ok_or(error)
    }

    /// The disks that were made together with an instance are there.
    pub fn finish_disks_of(&mut self, instance: Uuid) -> Result<()> {
        self.write(|t| {
            let done = format!("UPDATE disk SET state = 'available' WHERE {MADE_WITH}");
            t.0.execute(&done, [Id(instance)]).map_err(sql).map(drop)
        })
    }

    /// A disk is there, and the operation that made it is done: both at once.
    pub fn finish_disk(&mut self, id: Uuid, operation: &str, now: Timestamp) -> Result<()> {
        self.write(|t| {
            set_state(t, id, DiskState::Available)?;
            operations::end(t, operation, OperationState::Succeeded, None, now)
        })
    }

    /// A disk is gone, and the operation with it, in the state and for the reason given: both at once.
    pub fn forget_disk(
        &mut self,
        id: Uuid,
        (operation, state): (&str, OperationState),
        error: Option<(Code, &str)>,
        now: Timestamp,
    ) -> Result<()> {
        self.forget_row(("disk", id), (operation, state), error, now)
    }
}

/// Keeps the row of a disk that is to be made.
///
/// # Errors
/// [`Code::NameTaken`].
pub fn insert(t: &Transaction<'_>, host: &HostId, new: &Disk) -> Result<()> {
    let (kind, id, created_at) = (ResourceKind::Disk, new.id.to_string(), new.created_at);
    resources::insert(t, &NewResource { kind, id: &id, name: new.name.as_str(), host: Some(host), created_at })?;
    t.0.execute(
        "INSERT INTO disk (id, name, host, size, state, created_at, volume) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            Id(new.id),
            new.name.as_str(),
            host.as_str(),
            size(new.size.as_bytes()),
            Stored(new.state),
            Time(created_at),
            new.volume,
        ],
    )
    .map_err(sql)
    .map(drop)
}

/// The name of a new disk: this one, or where that is taken, with the next number that is free.
pub fn free_name(t: &Transaction<'_>, wanted: &Name) -> Result<Name> {
    resources::free_name(t, wanted, std::iter::once(String::new()).chain((2..).map(|n| format!("-{n}"))))
}

/// The disks that are made together with an instance, which its record names.
const MADE_WITH: &str = "state = 'creating' AND id IN (
    SELECT json_extract(attached.value, '$.disk') FROM instance AS i, json_each(i.record, '$.disks') AS attached
     WHERE i.uuid = ?1)";

/// Forgets the disks that were to be made together with an instance.
pub(super) fn forget_made_with(t: &Transaction<'_>, instance: Uuid) -> Result<()> {
    t.0.execute(&format!("DELETE FROM disk WHERE {MADE_WITH}"), [Id(instance)]).map_err(sql).map(drop)
}

/// How far the life of a disk has come; none: there is none.
pub fn state(t: &Transaction<'_>, id: Uuid) -> Result<Option<DiskState>> {
    let state = |row: &Row<'_>| word(row, "state");
    t.0.query_row("SELECT state FROM disk WHERE id = ?1", [Id(id)], state).optional().map_err(sql)
}

/// Sets how far the life of a disk has come.
pub fn set_state(t: &Transaction<'_>, id: Uuid, state: DiskState) -> Result<()> {
    t.0.execute("UPDATE disk SET state = ?2 WHERE id = ?1", params![Id(id), Stored(state)]).map_err(sql).map(drop)
}

/// Sets which volume a disk has.
pub fn set_volume(t: &Transaction<'_>, id: Uuid, number: Option<u32>) -> Result<()> {
    t.0.execute("UPDATE disk SET volume = ?2 WHERE id = ?1", params![Id(id), number]).map_err(sql).map(drop)
}

/// Sets the size of a disk, and how far its life has come.
pub fn set_size(t: &Transaction<'_>, id: Uuid, bytes: Size, state: DiskState) -> Result<()> {
    let change = "UPDATE disk SET size = ?2, state = ?3 WHERE id = ?1";
    t.0.execute(change, params![Id(id), size(bytes.as_bytes()), Stored(state)]).map_err(sql).map(drop)
}

/// The name of the instance that has a disk, inside a transaction.
pub fn holder(t: &Transaction<'_>, disk: Uuid) -> Result<Option<String>> {
    let query = "SELECT i.name FROM instance AS i, json_each(i.record, '$.disks') AS attached
                 WHERE json_extract(attached.value, '$.disk') = ?1";
    t.0.query_row(query, [Id(disk)], |row| row.get(0)).optional().map_err(sql)
}
