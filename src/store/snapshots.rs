//! Snapshots of instances.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use rusqlite::{OptionalExtension, Row, params};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Id, Stored, Time, json, parsed, size, some_size, to_json, word},
    noun::Noun,
    operations,
    resources::{self, NewResource},
    secrets::{Secret, secret_of},
    sql,
};
use crate::{
    catalog::Blueprint,
    model::{
        Code, Consistency, Error, HostId, Name, OperationState, ResourceKind, Result, Size, Snapshot, SnapshotState,
        StoredSnapshot, Verb, Verification,
    },
};

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredSnapshot> {
    let consistency = row.get::<_, Option<Stored<Consistency>>>("consistency")?;
    Ok(StoredSnapshot {
        snapshot: Snapshot {
            id: super::column::id(row, "id")?,
            name: parsed(row, "name", Name::parse)?,
            record: json(row, "record")?,
            image: row.get("image")?,
            size: Size::bytes(some_size(row, "size")?.unwrap_or_default()),
            disks: json(row, "disks")?,
            consistency: consistency.map(|stored| stored.0),
            created_at: super::column::time(row, "created_at")?,
            automatic: row.get("automatic")?,
            expires_at: super::column::some_time(row, "expires_at")?,
        },
        state: word(row, "state")?,
        allocation: some_size(row, "allocation")?.map(Size::bytes),
        verification: match super::column::some_time(row, "verified_at")? {
            Some(at) => Some(Verification { at, failure: row.get("verify_failure")? }),
            None => None,
        },
    })
}

/// Somebody who needs a snapshot: an instance whose root disk still lies on it, or that is being upgraded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotUser {
    /// The snapshot.
    pub snapshot: Uuid,
    /// The instance.
    pub instance: Uuid,
    /// What it is called; of a deleted one, with a word that says so.
    pub name: String,
}

pub(super) const SNAPSHOT: Noun =
    Noun { code: Code::NoSuchSnapshot, one: "snapshot", many: "snapshots", list: Verb::SnapshotList };

/// The error of a snapshot that is not there, without a word of others.
pub fn no_such_snapshot(name: &Name) -> Error {
    SNAPSHOT.absent(name, [])
}

impl Store {
    fn snapshots_where(&self, what: &str, values: impl rusqlite::Params) -> Result<Vec<StoredSnapshot>> {
        let query = format!("SELECT * FROM snapshot {what} ORDER BY created_at, name");
        let mut statement = self.read().prepare_cached(&query).map_err(sql)?;
        let rows = statement.query_map(values, stored).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// The snapshots of a host, oldest first.
    pub fn snapshots(&self, host: &HostId) -> Result<Vec<StoredSnapshot>> {
        self.snapshots_where("WHERE host = ?1", [host.as_str()])
    }

    /// One snapshot by id.
    pub fn snapshot_by_id(&self, id: Uuid) -> Result<Option<StoredSnapshot>> {
        Ok(self.snapshots_where("WHERE id = ?1", [Id(id)])?.pop())
    }

    /// One snapshot, or the error that names the nearest.
    pub fn require_snapshot(&self, host: &HostId, name: &Name) -> Result<StoredSnapshot> {
        let all = self.snapshots(host)?;
        let error = SNAPSHOT.absent(name, all.iter().map(|one| one.snapshot.name.as_str()));
        match all.into_iter().find(|one| one.snapshot.name == *name) {
            Some(found) => Ok(found),
            None => Err(self.no_instance(host, name)?.unwrap_or(error)),
        }
    }

    /// Instances of which a snapshot is being made just now.
    pub fn sources_of_snapshots(&self) -> Result<Vec<Uuid>> {
        let mut statement =
            self.read().prepare_cached("SELECT source FROM snapshot WHERE state = 'creating'").map_err(sql)?;
        let rows = statement.query_map([], |row| super::column::id(row, "source")).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// The blueprint of the instance that a snapshot was made of, and its parameters.
    pub fn blueprint_of_snapshot(&self, id: Uuid) -> Result<(Blueprint, BTreeMap<String, String>)> {
        let query = "SELECT blueprint, parameters FROM snapshot WHERE id = ?1";
        let read = |row: &Row<'_>| Ok((json(row, "blueprint")?, json(row, "parameters")?));
        self.read().query_row(query, [Id(id)], read).map_err(sql)
    }

    /// The snapshots that root disks still lie on, or that an upgrade which is not over may go back to, each with the name of the
    /// instance, `NAME (deleted)` for one that is kept.
    pub fn users_of_snapshots(&self) -> Result<Vec<SnapshotUser>> {
        users(self.read())
    }

    /// Refused (`snapshot_in_use`) while the root disk of an instance still lies on a snapshot.
    pub fn refuse_snapshot_in_use(&self, snapshot: &Snapshot) -> Result<()> {
        refuse_users(snapshot, users(self.read())?)
    }

    /// Instances of a host whose root disk still lies on a snapshot.
    pub fn instances_on_snapshots(&self, host: &HostId) -> Result<Vec<Uuid>> {
        let query =
            "SELECT uuid FROM instance WHERE host = ?1 AND json_valid(record) AND record ->> '$.lies_on' IS NOT NULL";
        let mut statement = self.read().prepare_cached(query).map_err(sql)?;
        let rows = statement.query_map([host.as_str()], |row| super::column::id(row, "uuid")).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// A snapshot is whole, and the operation that made it is done: both at once.
    pub fn finish_snapshot(
        &mut self,
        snapshot: &Snapshot,
        allocation: Size,
        operation: &str,
        now: Timestamp,
    ) -> Result<()> {
        self.write(|t| {
            t.0.execute(
                "UPDATE snapshot SET state = ?2, consistency = ?3, allocation = ?4 WHERE id = ?1",
                params![
                    Id(snapshot.id),
                    Stored(SnapshotState::Available),
                    snapshot.consistency.map(Stored),
                    size(allocation.as_bytes()),
                ],
            )
            .map_err(sql)?;
            operations::end(t, operation, OperationState::Succeeded, None, now)
        })
    }

    /// A snapshot is gone, and the operation with it, in the state and for the reason given: both at once.
    pub fn forget_snapshot(
        &mut self,
        id: Uuid,
        (operation, state): (&str, OperationState),
        error: Option<(Code, &str)>,
        now: Timestamp,
    ) -> Result<()> {
        let table = if self.snapshot_by_id(id)?.is_some() { "snapshot" } else { "disk_snapshot" };
        self.forget_row((table, id), (operation, state), error, now)
    }
}

/// What the database has of the passwords of a snapshot that a new instance is made from. Refused where it is not there any more.
pub fn secrets_of(t: &Transaction<'_>, snapshot: &Snapshot) -> Result<Vec<Secret>> {
    let name = &snapshot.name;
    let state: Option<Stored<SnapshotState>> =
        t.0.query_row("SELECT state FROM snapshot WHERE id = ?1", [Id(snapshot.id)], |row| row.get(0))
            .optional()
            .map_err(sql)?;
    if state.is_none_or(|state| state.0 != SnapshotState::Available) {
        return Err(Error::new(Code::NoSuchSnapshot, format!("snapshot `{name}` was deleted meanwhile")));
    }
    let query =
        "SELECT name, account, description, shown, value FROM snapshot_secret WHERE snapshot = ?1 ORDER BY name";
    let mut statement = t.0.prepare(query).map_err(sql)?;
    let rows = statement.query_map([Id(snapshot.id)], secret_of).map_err(sql)?;
    rows.map(|row| row.map_err(sql)).collect()
}

/// As [`Store::refuse_snapshot_in_use`], inside a transaction.
pub fn refuse_in_use(t: &Transaction<'_>, snapshot: &Snapshot) -> Result<()> {
    refuse_users(snapshot, users(&t.0)?)
}

fn refuse_users(snapshot: &Snapshot, users: Vec<SnapshotUser>) -> Result<()> {
    let own = users.into_iter().filter(|user| user.snapshot == snapshot.id);
    let names: Vec<String> = own.map(|user| format!("`{}`", user.name)).collect();
    if names.is_empty() {
        return Ok(());
    }
    let text = format!("the disk of instance {} still lies on snapshot `{}`", names.join(", "), snapshot.name);
    Err(Error::new(Code::SnapshotInUse, text).hint(
        "the instance takes over what it holds while it runs: try again in a moment, or start the instance if it is off",
    ))
}

fn users(connection: &rusqlite::Connection) -> Result<Vec<SnapshotUser>> {
    let query = "SELECT record ->> '$.lies_on' AS snapshot, uuid AS instance,
            CASE WHEN phase = 'kept' THEN record ->> '$.name' || ' (deleted)' ELSE name END AS name
        FROM instance WHERE json_valid(record) AND record ->> '$.lies_on' IS NOT NULL
        UNION
        SELECT step.step ->> '$.snapshot', operation.resource_id, operation.resource_name FROM step JOIN operation ON operation.id = step.operation
        WHERE operation.kind = 'upgrade' AND operation.state IN ('started', 'needs-attention')
            AND step.step ->> '$.step' = 'upgrade'
        ORDER BY 3";
    let mut statement = connection.prepare_cached(query).map_err(sql)?;
    let user = |row: &Row<'_>| {
        let id = |column| super::column::id(row, column);
        Ok(SnapshotUser { snapshot: id("snapshot")?, instance: id("instance")?, name: row.get("name")? })
    };
    let rows = statement.query_map([], user).map_err(sql)?;
    rows.map(|row| row.map_err(sql)).collect()
}

/// The name of a snapshot that was given none: `web-snap-1`, or the next number that is free.
pub fn free_name(t: &Transaction<'_>, instance: &Name) -> Result<Name> {
    resources::free_name(t, instance, (1..).map(|n| format!("-snap-{n}")))
}

/// The name of an automatic snapshot of a day: `web-2026-03-01`; where that is taken, with the next number that is free.
pub fn free_name_of(t: &Transaction<'_>, instance: &Name, day: Date) -> Result<Name> {
    resources::free_name(t, instance, std::iter::once(format!("-{day}")).chain((2..).map(|n| format!("-{day}-{n}"))))
}

/// Keeps the row of a snapshot that is to be made, with what the database has of its instance: blueprint, parameters, secrets.
///
/// # Errors
/// [`Code::NameTaken`].
pub fn insert(t: &Transaction<'_>, host: &HostId, new: &Snapshot) -> Result<()> {
    let of_source = "SELECT blueprint, parameters FROM instance WHERE uuid = ?1";
    let (blueprint, parameters): (String, String) =
        t.0.query_row(of_source, [Id(new.record.uuid)], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sql)?;
    put(t, host, (new, SnapshotState::Creating, None), &blueprint, &parameters)?;
    t.0.execute(
        "INSERT INTO snapshot_secret (snapshot, name, account, description, shown, value)
         SELECT ?1, name, account, description, shown, value FROM secret WHERE instance = ?2",
        params![Id(new.id), Id(new.record.uuid)],
    )
    .map_err(sql)
    .map(drop)
}

/// Keeps the row of a snapshot that is there, without its secrets: the database that had them is lost.
///
/// # Errors
/// [`Code::NameTaken`].
pub fn take_in(
    t: &Transaction<'_>,
    host: &HostId,
    (snapshot, allocation): (&Snapshot, Size),
    blueprint: &Blueprint,
    parameters: &BTreeMap<String, String>,
) -> Result<()> {
    let (blueprint, parameters) = (to_json("a snapshot", blueprint)?, to_json("a snapshot", parameters)?);
    put(t, host, (snapshot, SnapshotState::Available, Some(allocation)), &blueprint, &parameters)
}

/// Keeps the row of a snapshot that comes from elsewhere, with its secrets: it is being made.
///
/// # Errors
/// [`Code::NameTaken`].
pub fn bring(
    t: &Transaction<'_>,
    host: &HostId,
    snapshot: &Snapshot,
    (blueprint, parameters): (&Blueprint, &BTreeMap<String, String>),
    secrets: &[Secret],
) -> Result<()> {
    let (blueprint, parameters) = (to_json("a snapshot", blueprint)?, to_json("a snapshot", parameters)?);
    put(t, host, (snapshot, SnapshotState::Creating, None), &blueprint, &parameters)?;
    for Secret { name, account, description, shown, value } in secrets {
        t.0.execute(
            "INSERT INTO snapshot_secret (snapshot, name, account, description, shown, value)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![Id(snapshot.id), name, account, description, shown, value.expose_secret()],
        )
        .map_err(sql)?;
    }
    Ok(())
}

fn put(
    t: &Transaction<'_>,
    host: &HostId,
    (new, state, allocation): (&Snapshot, SnapshotState, Option<Size>),
    blueprint: &str,
    parameters: &str,
) -> Result<()> {
    let id = new.id.to_string();
    let (kind, created_at) = (ResourceKind::Snapshot, new.created_at);
    resources::insert(t, &NewResource { kind, id: &id, name: new.name.as_str(), host: Some(host), created_at })?;
    t.0.execute(
        "INSERT INTO snapshot (id, name, host, source, image, size, allocation, consistency, state, record, blueprint,
                               parameters, created_at, automatic, expires_at, disks)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        params![
            Id(new.id),
            new.name.as_str(),
            host.as_str(),
            Id(new.record.uuid),
            new.image,
            size(new.size.as_bytes()),
            allocation.map(|taken| size(taken.as_bytes())),
            new.consistency.map(Stored),
            Stored(state),
            to_json("a snapshot", &new.record)?,
            blueprint,
            parameters,
            Time(created_at),
            new.automatic,
            new.expires_at.map(Time),
            to_json("a snapshot", &new.disks)?,
        ],
    )
    .map_err(sql)
    .map(drop)
}

/// Sets how far the life of a snapshot has come.
pub fn set_state(t: &Transaction<'_>, id: Uuid, state: SnapshotState) -> Result<()> {
    t.0.execute("UPDATE snapshot SET state = ?2 WHERE id = ?1", params![Id(id), Stored(state)]).map_err(sql).map(drop)
}

/// Keeps what came of booting a snapshot.
pub fn set_verified(t: &Transaction<'_>, id: Uuid, verification: &Verification) -> Result<()> {
    t.0.execute(
        "UPDATE snapshot SET verified_at = ?2, verify_failure = ?3 WHERE id = ?1",
        params![Id(id), Time(verification.at), verification.failure],
    )
    .map_err(sql)
    .map(drop)
}
