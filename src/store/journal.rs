//! What the journal remembers of resources that are gone: the proof that something on the host is ours.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use super::{
    Store,
    column::{Id, id, time},
    sql,
};
use crate::model::Result;

/// What the journal remembers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// Resources that any operation was about.
    pub known: HashSet<Uuid>,
    /// Those that were to go: a delete began, or their create was undone.
    pub delete_recorded: HashSet<Uuid>,
    /// Names that instances had, each with the time of its first operation.
    pub names: BTreeMap<String, jiff::Timestamp>,
    /// The instances that had these names last, each with the time of its latest operation.
    pub owners: BTreeMap<String, (jiff::Timestamp, Uuid)>,
}

impl Store {
    /// What the journal remembers of resources.
    pub fn memory(&self) -> Result<Memory> {
        let mut statement = self
            .read()
            .prepare(
                "SELECT resource_id, resource_name, started_at, resource_kind = 'instance' AS is_instance,
                        kind = 'delete' OR (kind = 'create' AND state = 'failed' AND EXISTS
                            (SELECT 1 FROM step WHERE step.operation = operation.id AND step.state = 'undone') AND NOT
                            EXISTS (SELECT 1 FROM step WHERE step.operation = operation.id AND step.state <> 'undone'))
                            AS delete_recorded
                 FROM operation",
            )
            .map_err(sql)?;
        let mut rows = statement.query([]).map_err(sql)?;
        let mut memory = Memory::default();
        while let Some(row) = rows.next().map_err(sql)? {
            let uuid = id(row, "resource_id").map_err(sql)?;
            let (name, started): (String, _) =
                (row.get("resource_name").map_err(sql)?, time(row, "started_at").map_err(sql)?);
            memory.known.insert(uuid);
            if row.get("delete_recorded").map_err(sql)? {
                memory.delete_recorded.insert(uuid);
            }
            if !row.get::<_, bool>("is_instance").map_err(sql)? {
                continue;
            }
            let last = memory.owners.entry(name.clone()).or_insert((started, uuid));
            *last = (started, uuid).max(*last);
            let first = memory.names.entry(name).or_insert(started);
            *first = started.min(*first);
        }
        Ok(memory)
    }

    /// The resources that are there, of every kind that may own something on a host: alarms, contacts and key pairs own nothing, and
    /// their ids are no numbers of this kind.
    pub fn resource_ids(&self) -> Result<HashSet<Uuid>> {
        let query = "SELECT id FROM resource WHERE kind NOT IN ('alarm', 'contact', 'key_pair', 'static_ip')";
        let mut statement = self.read().prepare_cached(query).map_err(sql)?;
        let rows = statement.query_map([], |row| id(row, "id")).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// Whether a resource of any kind is there.
    pub fn has_resource(&self, id: Uuid) -> Result<bool> {
        let mut statement = self.read().prepare_cached("SELECT 1 FROM resource WHERE id = ?1").map_err(sql)?;
        statement.exists([id.to_string()]).map_err(sql)
    }

    /// Image volumes that the root disk of an instance, or a snapshot, lies on.
    pub fn images_in_use(&self) -> Result<Vec<String>> {
        let mut statement = self
            .read()
            .prepare("SELECT image FROM instance UNION SELECT image FROM snapshot ORDER BY image")
            .map_err(sql)?;
        let rows = statement.query_map([], |row| row.get(0)).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// All steps of the journal about one kind of owned thing, JSON of `plan::Step`, with the resource each was for. Older
    /// journals have the kind as the step's own word.
    pub fn steps_of_kind(&self, kind: &str) -> Result<Vec<(Uuid, String)>> {
        let mut statement = self
            .read()
            .prepare(
                "SELECT DISTINCT operation.resource_id, step.step FROM step JOIN operation ON operation.id = step.operation
                 WHERE ?1 IN (step.step ->> '$.kind', step.step ->> '$.step')",
            )
            .map_err(sql)?;
        let rows = statement.query_map([kind], |row| Ok((row.get::<_, Id>(0)?.0, row.get(1)?))).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }
}
