//! Instances: what is wanted, and what is allocated to whom.

use std::{collections::BTreeMap, net::Ipv4Addr};

use rusqlite::{OptionalExtension, Row, Transaction, params};
use uuid::Uuid;

use super::{Store, damaged_content, sql};
use crate::{
    catalog::Blueprint,
    model::{Code, Error, Instance, Name, Phase, Record, Result, Size, Wanted},
};

/// A new instance's row, before anything is made on the host.
pub struct NewInstance<'a> {
    /// The record, with its address.
    pub record: &'a Record,
    /// The libvirt network or bridge the address is unique in.
    pub network: &'a str,
    /// The resolved blueprint, kept so that later verbs do not depend on today's files.
    pub blueprint: &'a Blueprint,
    /// The parameters.
    pub parameters: &'a BTreeMap<String, String>,
    /// Volume name of the image the root disk lies on.
    pub image: &'a str,
    /// What the seed is to hold after the first boot; none: the seed holds no secret.
    pub seed: Option<&'a CleanSeed>,
}

/// The documents of a seed without secrets.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CleanSeed {
    /// `user-data`.
    pub user_data: String,
    /// `meta-data`.
    pub meta_data: String,
    /// `network-config`.
    pub network_config: String,
}

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

/// A word of ours in the database: the serde name of a unit variant.
fn word<T: serde::Serialize>(value: T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => Ok(text),
        other => Err(Error::new(Code::StateError, format!("not a word: {other:?}"))),
    }
}

fn unreadable(what: &str, error: &serde_json::Error) -> Error {
    damaged_content(format!("cannot read {what}: {error}"))
}

fn unwritable(error: &serde_json::Error) -> Error {
    Error::new(Code::StateError, "cannot write an instance").cause(error)
}

struct Raw {
    record: String,
    wanted: String,
    phase: String,
    failure: Option<String>,
}

const COLUMNS: &str = "record, wanted, phase, failure";

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw { record: row.get(0)?, wanted: row.get(1)?, phase: row.get(2)?, failure: row.get(3)? })
}

fn instance(raw: Raw) -> Result<Instance> {
    let parse = |text: String| serde_json::from_value(serde_json::Value::String(text));
    Ok(Instance {
        record: serde_json::from_str(&raw.record).map_err(|e| unreadable("an instance", &e))?,
        wanted: parse(raw.wanted).map_err(|e| unreadable("an instance", &e))?,
        phase: serde_json::from_value(serde_json::Value::String(raw.phase))
            .map_err(|e| unreadable("an instance", &e))?,
        failure: raw.failure,
    })
}

impl Store {
    /// All instances by name.
    pub fn instances(&self) -> Result<Vec<Instance>> {
        let mut statement =
            self.read().prepare(&format!("SELECT {COLUMNS} FROM instance ORDER BY name")).map_err(sql)?;
        let rows = statement.query_map([], raw).map_err(sql)?;
        rows.map(|row| instance(row.map_err(sql)?)).collect()
    }

    /// One instance.
    pub fn instance(&self, name: &Name) -> Result<Option<Instance>> {
        self.read()
            .query_row(&format!("SELECT {COLUMNS} FROM instance WHERE name = ?1"), [name.as_str()], raw)
            .optional()
            .map_err(sql)?
            .map(instance)
            .transpose()
    }

    /// One instance by id.
    pub fn instance_by_uuid(&self, uuid: Uuid) -> Result<Option<Instance>> {
        self.read()
            .query_row(&format!("SELECT {COLUMNS} FROM instance WHERE uuid = ?1"), [uuid.to_string()], raw)
            .optional()
            .map_err(sql)?
            .map(instance)
            .transpose()
    }

    /// One instance, or the error that names the nearest.
    pub fn require(&self, name: &Name) -> Result<Instance> {
        if let Some(found) = self.instance(name)? {
            return Ok(found);
        }
        let all = self.instances()?;
        Err(no_such_instance(name, crate::model::nearest(name.as_str(), all.iter().map(|i| i.record.name.as_str()))))
    }

    /// The blueprint an instance was made from, and its parameters.
    pub fn blueprint_of(&self, uuid: Uuid) -> Result<(Blueprint, BTreeMap<String, String>)> {
        let (blueprint, parameters): (String, String) = self
            .read()
            .query_row("SELECT blueprint, parameters FROM instance WHERE uuid = ?1", [uuid.to_string()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .map_err(sql)?;
        Ok((
            serde_json::from_str(&blueprint).map_err(|e| unreadable("a blueprint", &e))?,
            serde_json::from_str(&parameters).map_err(|e| unreadable("parameters", &e))?,
        ))
    }

    /// What the seed of an instance is still to be replaced with; none: that is done.
    pub fn clean_seed(&self, uuid: Uuid) -> Result<Option<CleanSeed>> {
        let text: Option<String> = self
            .read()
            .query_row("SELECT seed FROM instance WHERE uuid = ?1", [uuid.to_string()], |row| row.get(0))
            .map_err(sql)?;
        text.map(|t| serde_json::from_str(&t).map_err(|e| unreadable("a seed", &e))).transpose()
    }

    /// The seed holds no secret any more.
    pub fn seed_is_clean(&mut self, uuid: Uuid) -> Result<()> {
        self.write(|t| {
            t.execute("UPDATE instance SET seed = NULL WHERE uuid = ?1", [uuid.to_string()]).map_err(sql).map(drop)
        })
    }

    /// Names of the instances whose root disk lies on an image volume.
    pub fn users_of_image(&self, image: &str) -> Result<Vec<String>> {
        let mut statement =
            self.read().prepare("SELECT name FROM instance WHERE image = ?1 ORDER BY name").map_err(sql)?;
        let rows = statement.query_map([image], |row| row.get(0)).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// Sets what the user wants.
    pub fn set_wanted(&mut self, uuid: Uuid, wanted: Wanted) -> Result<()> {
        let wanted = word(wanted)?;
        self.write(|t| {
            t.execute("UPDATE instance SET wanted = ?2 WHERE uuid = ?1", params![uuid.to_string(), wanted])
                .map_err(sql)
                .map(drop)
        })
    }

    /// Sets how far its life has come, and why it failed.
    pub fn set_phase(&mut self, uuid: Uuid, phase: Phase, failure: Option<&str>) -> Result<()> {
        let phase = word(phase)?;
        self.write(|t| {
            t.execute(
                "UPDATE instance SET phase = ?2, failure = ?3 WHERE uuid = ?1",
                params![uuid.to_string(), phase, failure],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// Replaces the record (tags).
    pub fn set_record(&mut self, record: &Record) -> Result<()> {
        let text = serde_json::to_string(record).map_err(|e| unwritable(&e))?;
        self.write(|t| {
            t.execute("UPDATE instance SET record = ?2 WHERE uuid = ?1", params![record.uuid.to_string(), text])
                .map_err(sql)
                .map(drop)
        })
    }

    /// Forgets an instance and its secrets.
    pub fn forget(&mut self, uuid: Uuid) -> Result<()> {
        self.write(|t| t.execute("DELETE FROM instance WHERE uuid = ?1", [uuid.to_string()]).map_err(sql).map(drop))
    }

    /// Forgets a deleted instance; the incidents of its alarms are closed and told in the same transaction.
    pub fn forget_deleted(&mut self, record: &Record, stamp: &super::events::Stamp) -> Result<()> {
        self.write(|t| {
            super::alarms::close_all_of(t, record, stamp)?;
            t.execute("DELETE FROM instance WHERE uuid = ?1", [record.uuid.to_string()]).map_err(sql).map(drop)
        })
    }

    /// What instances hold of the host.
    pub fn allocated(&self) -> Result<Allocated> {
        allocated(self.read())
    }
}

/// What instances hold of the host, inside a transaction as well.
pub fn allocated(connection: &rusqlite::Connection) -> Result<Allocated> {
    connection
        .query_row(
            "SELECT coalesce(sum(vcpus) FILTER (WHERE wanted = 'running'), 0),
                    coalesce(sum(memory) FILTER (WHERE wanted = 'running'), 0),
                    coalesce(sum(disk), 0) FROM instance",
            [],
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

/// Names in use, inside a transaction.
pub fn names(transaction: &Transaction<'_>) -> Result<Vec<String>> {
    let mut statement = transaction.prepare("SELECT name FROM instance").map_err(sql)?;
    let rows = statement.query_map([], |row| row.get(0)).map_err(sql)?;
    rows.map(|row| row.map_err(sql)).collect()
}

/// Addresses in use on a network, inside a transaction.
pub fn addresses(transaction: &Transaction<'_>, network: &str) -> Result<Vec<Ipv4Addr>> {
    let mut statement =
        transaction.prepare("SELECT address FROM instance WHERE network = ?1 AND address IS NOT NULL").map_err(sql)?;
    let rows = statement.query_map([network], |row| row.get::<_, String>(0)).map_err(sql)?;
    rows.map(|row| row.map_err(sql)?.parse().map_err(|e| damaged_content(format!("cannot read an address: {e}"))))
        .collect()
}

/// Sets what is wanted of an instance and how far its life has come, inside a transaction.
pub fn set_life(
    transaction: &Transaction<'_>,
    uuid: Uuid,
    wanted: Wanted,
    phase: Phase,
    failure: Option<&str>,
) -> Result<()> {
    transaction
        .execute(
            "UPDATE instance SET wanted = ?2, phase = ?3, failure = ?4 WHERE uuid = ?1",
            params![uuid.to_string(), word(wanted)?, word(phase)?, failure],
        )
        .map_err(sql)
        .map(drop)
}

/// The error for a name that no instance has.
pub fn no_such_instance(name: &Name, near: Option<&str>) -> Error {
    let error = Error::new(Code::NoSuchInstance, format!("there is no instance `{name}`"));
    match near {
        Some(near) => error.hint(format!("did you mean `{near}`? `lite list` shows all")),
        None => error.hint("`lite list` shows all instances"),
    }
}

/// The error for a name that an instance of ours has.
pub fn name_taken(name: &Name) -> Error {
    Error::new(Code::NameTaken, format!("the name `{name}` is taken"))
        .hint(format!("choose another with `--name`, or look at it: `lite show {name}`"))
}

/// Inserts the row of a new instance; a taken name is refused with `name_taken`.
pub fn insert(transaction: &Transaction<'_>, new: &NewInstance<'_>) -> Result<()> {
    let json = |e: serde_json::Error| unwritable(&e);
    let record = new.record;
    let bytes = |size: Size| i64::try_from(size.as_bytes()).unwrap_or(i64::MAX);
    transaction
        .execute(
            "INSERT INTO instance (uuid, name, mac, network, address, wanted, phase, failure, vcpus, memory, disk,
                                   record, blueprint, parameters, image, seed)
             VALUES (?1, ?2, ?3, ?4, ?5, 'running', 'creating', NULL, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                record.uuid.to_string(),
                record.name.as_str(),
                record.mac.to_string(),
                new.network,
                record.address.map(|a| a.to_string()),
                record.vcpus,
                bytes(record.memory),
                bytes(record.disk),
                serde_json::to_string(record).map_err(json)?,
                serde_json::to_string(new.blueprint).map_err(json)?,
                serde_json::to_string(new.parameters).map_err(json)?,
                new.image,
                new.seed.map(serde_json::to_string).transpose().map_err(json)?,
            ],
        )
        .map(drop)
        .map_err(|e| match e.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) if e.to_string().contains("instance.name") => {
                name_taken(&record.name)
            }
            _ => sql(e),
        })
}
