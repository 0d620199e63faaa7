//! Instances: what is wanted, and what is allocated to whom.

use std::{collections::BTreeMap, net::Ipv4Addr};

use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Stored, json, size, some_json, to_json, word},
    damaged_content,
    resources::{self, NewResource},
    sql,
};
use crate::{
    catalog::Blueprint,
    model::{
        Code, DesiredState, Error, Hint, HostId, Instance, Name, Phase, Record, ResourceKind, Result, Rules, Verb,
    },
};

/// A new instance's row, before anything is made on the host.
pub struct NewInstance<'a> {
    /// The record, with its address.
    pub record: &'a Record,
    /// The host it lies on.
    pub host: &'a HostId,
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

/// The documents of a seed without secrets, from which the seed is written anew.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CleanSeed {
    /// `user-data`.
    pub user_data: String,
    /// `meta-data`.
    pub meta_data: String,
    /// `network-config`.
    pub network_config: String,
    /// Whether the seed holds these by now, and no secret any more.
    #[serde(default)]
    pub is_written: bool,
}

/// What the firewall lets in, and what leads to it, are rows of their own. A record that cannot be read is an error of its own instance alone.
const COLUMNS: &str = "CASE WHEN json_valid(record) THEN json_set(record, '$.firewall', json((
    SELECT json_group_array(service || CASE cidr WHEN '' THEN '' ELSE ' from ' || cidr END)
    FROM firewall_rule WHERE instance = uuid)), '$.published', json((
    SELECT json_group_array(json_object('address', nullif(address, ''), 'port', port, 'protocol', protocol,
        'guest_port', guest_port, 'sources', json(sources)) ORDER BY port, protocol, address)
    FROM publication WHERE instance = uuid)), '$.sites', json((
    SELECT json_group_array(json_object('domain', domain, 'guest_port', guest_port, 'sources', json(sources))
        ORDER BY rowid)
    FROM site WHERE instance = uuid))) ELSE record END AS record, desired_state, phase, failure";

const USERS_OF_IMAGE: &str = "SELECT name FROM (
    SELECT 0 AS kind, CASE WHEN phase = 'kept' THEN record ->> '$.name' || ' (deleted)' ELSE name END AS name
    FROM instance WHERE image = ?1
    UNION ALL SELECT 1, 'snapshot ' || name FROM snapshot WHERE image = ?1) ORDER BY kind, name";

fn instance(row: &Row<'_>) -> rusqlite::Result<Instance> {
    Ok(Instance {
        record: json(row, "record")?,
        desired_state: word(row, "desired_state")?,
        phase: word(row, "phase")?,
        failure: row.get("failure")?,
    })
}

impl Store {
    pub(super) fn instances_where(&self, what: &str, values: impl rusqlite::Params) -> Result<Vec<Instance>> {
        let query = format!("SELECT {COLUMNS} FROM instance {what}");
        let mut statement = self.read().prepare_cached(&query).map_err(sql)?;
        let rows = statement.query_map(values, instance).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// All instances by name, without the deleted ones that are kept.
    pub fn instances(&self) -> Result<Vec<Instance>> {
        self.instances_where("WHERE phase <> 'kept' ORDER BY name", [])
    }

    /// So many instances by name, from the first after this name on, without those of [`Self::instances`] that are thrown away again.
    pub fn instances_after(&self, name: &str, most: usize) -> Result<Vec<Instance>> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let what = "WHERE phase NOT IN ('kept', 'baking') AND name > ?1 ORDER BY name LIMIT ?2";
        self.instances_where(what, rusqlite::params![name, most])
    }

    /// All instances of a host by name, each with its id, without the deleted ones that are kept; a row that cannot be read is an
    /// error of that instance alone.
    pub fn instances_on(&self, host: &HostId) -> Result<Vec<(String, Result<Instance>)>> {
        let query = format!("SELECT uuid, {COLUMNS} FROM instance WHERE host = ?1 AND phase <> 'kept' ORDER BY name");
        let mut statement = self.read().prepare_cached(&query).map_err(sql)?;
        let rows = statement
            .query_map([host.as_str()], |row| Ok((row.get("uuid")?, instance(row).map_err(sql))))
            .map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// One instance.
    pub fn instance(&self, name: &Name) -> Result<Option<Instance>> {
        Ok(self.instances_where("WHERE name = ?1 AND phase <> 'kept'", [name.as_str()])?.pop())
    }

    /// One instance by id, also a deleted one that is kept.
    pub fn instance_by_uuid(&self, uuid: Uuid) -> Result<Option<Instance>> {
        Ok(self.instances_where("WHERE uuid = ?1", [uuid.to_string()])?.pop())
    }

    /// One instance, or the error that names the nearest.
    pub fn require(&self, name: &Name) -> Result<Instance> {
        if let Some(found) = self.instance(name)? {
            return Ok(found);
        }
        if let Some(deleted) = self.instances_where("WHERE phase = 'kept'", [])?.iter().find(|i| i.record.name == *name)
        {
            return Err(no_such_instance(name, None).hint(deleted.record.way_back()));
        }
        let all = self.instances()?;
        Err(no_such_instance(name, crate::model::nearest(name.as_str(), all.iter().map(|i| i.record.name.as_str()))))
    }

    /// The blueprint an instance was made from, and its parameters.
    pub fn blueprint_of(&self, uuid: Uuid) -> Result<(Blueprint, BTreeMap<String, String>)> {
        self.read()
            .query_row("SELECT blueprint, parameters FROM instance WHERE uuid = ?1", [uuid.to_string()], |row| {
                Ok((json(row, "blueprint")?, json(row, "parameters")?))
            })
            .map_err(sql)
    }

    /// The documents of the seed of an instance; none of one whose seed an earlier lite cleaned.
    pub fn seed(&self, uuid: Uuid) -> Result<Option<CleanSeed>> {
        self.read()
            .query_row("SELECT seed FROM instance WHERE uuid = ?1", [uuid.to_string()], |row| some_json(row, "seed"))
            .map_err(sql)
    }

    /// What the seed of an instance is still to be replaced with; none: that is done.
    pub fn clean_seed(&self, uuid: Uuid) -> Result<Option<CleanSeed>> {
        Ok(self.seed(uuid)?.filter(|seed| !seed.is_written))
    }

    /// Keeps the documents of the seed of an instance.
    pub fn set_seed(&mut self, uuid: Uuid, seed: &CleanSeed) -> Result<()> {
        self.write(|t| set_seed(t, uuid, seed))
    }

    /// The image volume that the root disk of an instance lies on.
    pub fn image_of(&self, uuid: Uuid) -> Result<Option<String>> {
        self.read()
            .query_row("SELECT image FROM instance WHERE uuid = ?1", [uuid.to_string()], |row| row.get(0))
            .optional()
            .map_err(sql)
    }

    /// Names of the instances whose root disk lies on an image volume, `NAME (deleted)` for those that are kept, and of the snapshots
    /// that do: `snapshot NAME`.
    pub fn users_of_image(&self, image: &str) -> Result<Vec<String>> {
        let mut statement = self.read().prepare(USERS_OF_IMAGE).map_err(sql)?;
        let rows = statement.query_map([image], |row| row.get(0)).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// Sets what the user wants.
    pub fn set_desired_state(&mut self, uuid: Uuid, desired_state: DesiredState) -> Result<()> {
        self.write(|t| {
            t.0.execute(
                "UPDATE instance SET desired_state = ?2 WHERE uuid = ?1",
                params![uuid.to_string(), Stored(desired_state)],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// A create ends of which nobody knows whether its application answers: unverified, unless another operation said more.
    pub fn end_creating(&mut self, uuid: Uuid) -> Result<()> {
        self.write(|t| {
            t.0.execute(
                "UPDATE instance SET phase = ?2 WHERE uuid = ?1 AND phase = ?3",
                params![uuid.to_string(), Stored(Phase::Unverified), Stored(Phase::Creating)],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// Sets how far its life has come, and why it failed.
    pub fn set_phase(&mut self, uuid: Uuid, phase: Phase, failure: Option<&str>) -> Result<()> {
        self.write(|t| {
            t.0.execute(
                "UPDATE instance SET phase = ?2, failure = ?3 WHERE uuid = ?1",
                params![uuid.to_string(), Stored(phase), failure],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// Replaces the record, and with it everything that is in columns of its own so that it can be summed and held
    /// unique. The name, the rules of the firewall and what is published stay as they are.
    pub fn set_record(&mut self, record: &Record) -> Result<()> {
        self.write(|t| set_record(t, record))
    }

    /// Writes which image a new instance lies on: in its record, and the image's volume.
    pub fn set_image(&mut self, record: &Record, volume: &str) -> Result<()> {
        self.write(|t| {
            set_record(t, record)?;
            t.0.execute("UPDATE instance SET image = ?2 WHERE uuid = ?1", params![record.uuid.to_string(), volume])
                .map_err(sql)
                .map(drop)
        })
    }

    /// Forgets an instance and its secrets, and the disks that were to be made together with it.
    pub fn forget(&mut self, uuid: Uuid) -> Result<()> {
        self.write(|t| {
            super::disks::forget_made_with(t, uuid)?;
            t.0.execute("DELETE FROM instance WHERE uuid = ?1", [uuid.to_string()]).map_err(sql).map(drop)
        })
    }

    /// Forgets a deleted instance; the incidents of its alarms are closed and told in the same transaction.
    pub fn forget_deleted(&mut self, record: &Record, stamp: &super::events::Stamp) -> Result<()> {
        self.write(|t| {
            super::alarms::close_all_of(t, &record.into(), stamp)?;
            t.0.execute("DELETE FROM instance WHERE uuid = ?1", [record.uuid.to_string()]).map_err(sql).map(drop)
        })
    }
}

/// Addresses in use on a network of a host, inside a transaction.
pub fn addresses(t: &Transaction<'_>, host: &HostId, network: &str) -> Result<Vec<Ipv4Addr>> {
    let mut statement =
        t.0.prepare(
            "SELECT address FROM instance WHERE host = ?1 AND network = ?2 AND address IS NOT NULL
             UNION SELECT address FROM static_ip WHERE host = ?1",
        )
        .map_err(sql)?;
    let rows = statement.query_map([host.as_str(), network], |row| row.get::<_, String>(0)).map_err(sql)?;
    rows.map(|row| row.map_err(sql)?.parse().map_err(|e| damaged_content(format!("cannot read an address: {e}"))))
        .collect()
}

/// Sets what is wanted of an instance and how far its life has come, inside a transaction.
pub fn set_life(
    t: &Transaction<'_>,
    uuid: Uuid,
    desired_state: DesiredState,
    phase: Phase,
    failure: Option<&str>,
) -> Result<()> {
    t.0.execute(
        "UPDATE instance SET desired_state = ?2, phase = ?3, failure = ?4 WHERE uuid = ?1",
        params![uuid.to_string(), Stored(desired_state), Stored(phase), failure],
    )
    .map_err(sql)
    .map(drop)
}

/// The error for a name that no instance has.
pub fn no_such_instance(name: &Name, near: Option<&str>) -> Error {
    let error = Error::new(Code::NoSuchInstance, format!("there is no instance `{name}`"));
    match near {
        Some(near) => error.hint(Hint::from(format!("did you mean `{near}`? ")).run(Verb::List).text(" shows all")),
        None => error.hint(Hint::new().run(Verb::List).text(" shows all instances")),
    }
}

/// Inserts the row of a new instance, or of a deleted one that is kept; a taken name is refused with `name_taken`.
pub fn insert(t: &Transaction<'_>, new: &NewInstance<'_>) -> Result<()> {
    let record = new.record;
    let id = record.uuid.to_string();
    let is_kept = record.kept.is_some();
    let name = if is_kept { record.kept_name() } else { record.name.to_string() };
    resources::insert(
        t,
        &NewResource {
            kind: ResourceKind::Instance,
            id: &id,
            name: &name,
            host: Some(new.host),
            created_at: record.created_at,
        },
    )?;
    t.0.execute(
        "INSERT INTO instance (uuid, name, host, network, desired_state, phase, mac, address, vcpus, memory, disk, record,
                               blueprint, parameters, image, seed)
         VALUES (?1, ?2, ?3, ?4, 'running', CASE WHEN ?15 THEN 'kept' ELSE 'creating' END, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            id,
            name,
            new.host.as_str(),
            new.network,
            record.mac.to_string(),
            record.address.filter(|_| !is_kept).map(|a| a.to_string()),
            record.vcpus,
            size(record.memory.as_bytes()),
            size(record.disk.as_bytes()),
            without_rules(record)?,
            to_json("an instance", new.blueprint)?,
            to_json("an instance", new.parameters)?,
            new.image,
            new.seed.map(|seed| to_json("an instance", seed)).transpose()?,
            is_kept,
        ],
    )
    .map_err(sql)?;
    set_rules(t, record.uuid, &record.rules())
}

/// Keeps the documents of the seed of an instance.
pub fn set_seed(t: &Transaction<'_>, uuid: Uuid, seed: &CleanSeed) -> Result<()> {
    let (change, json) = ("UPDATE instance SET seed = ?2 WHERE uuid = ?1", to_json("an instance", seed)?);
    t.0.execute(change, [uuid.to_string(), json]).map_err(sql).map(drop)
}

/// Replaces what the firewall of an instance lets in.
pub fn set_rules(t: &Transaction<'_>, uuid: Uuid, rules: &Rules) -> Result<()> {
    let id = uuid.to_string();
    t.0.execute("DELETE FROM firewall_rule WHERE instance = ?1", [&id]).map_err(sql)?;
    let mut insert =
        t.0.prepare_cached("INSERT INTO firewall_rule (instance, service, cidr) VALUES (?1, ?2, ?3)").map_err(sql)?;
    for rule in rules {
        let source = rule.source.map_or_else(String::new, |source| source.to_string());
        insert.execute(params![id, rule.service.to_string(), source]).map_err(sql)?;
    }
    Ok(())
}

/// The record as it is stored: what the firewall lets in and what is published are rows of their own.
fn without_rules(record: &Record) -> Result<String> {
    to_json("an instance", &Record { firewall: None, published: Vec::new(), sites: Vec::new(), ..record.clone() })
}

/// Replaces the blueprint of an instance by what it is of now.
pub fn set_blueprint(t: &Transaction<'_>, uuid: Uuid, blueprint: &Blueprint) -> Result<()> {
    t.0.execute(
        "UPDATE instance SET blueprint = ?2 WHERE uuid = ?1",
        params![uuid.to_string(), to_json("an instance", blueprint)?],
    )
    .map_err(sql)
    .map(drop)
}

/// Replaces the record of an instance, the columns that repeat it included. A disk that was made larger than its record says stays
/// held as it is.
pub fn set_record(t: &Transaction<'_>, record: &Record) -> Result<()> {
    t.0.execute(
        "UPDATE instance SET mac = ?2, address = ?3, vcpus = ?4, memory = ?5, disk = max(disk, ?6), record = ?7 WHERE uuid = ?1",
        params![
            record.uuid.to_string(),
            record.mac.to_string(),
            record.address.map(|a| a.to_string()),
            record.vcpus,
            size(record.memory.as_bytes()),
            size(record.disk.as_bytes()),
            without_rules(record)?,
        ],
    )
    .map_err(sql)
    .map(drop)
}
