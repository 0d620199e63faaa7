//! What the journal remembers of instances that are gone: the proof that something on the host is ours.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use super::{Store, sql};
use crate::model::{Code, Error, Result};

/// What the journal remembers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// Instances that any operation was about.
    pub known: HashSet<Uuid>,
    /// Those that were to go: a delete began, or their create was undone.
    pub delete_recorded: HashSet<Uuid>,
    /// Names that instances had, each with the time of its first operation.
    pub names: BTreeMap<String, jiff::Timestamp>,
}

impl Store {
    /// What the journal remembers of instances.
    pub fn memory(&self) -> Result<Memory> {
        let bad = |e: &dyn std::fmt::Display| Error::new(Code::StateError, "cannot read an operation").cause(e);
        let mut statement = self
            .read()
            .prepare(
                "SELECT instance, resource, started_at,
                        kind = 'delete' OR (kind = 'create' AND state = 'failed' AND EXISTS
                            (SELECT 1 FROM step WHERE step.operation = operation.id AND step.state = 'undone') AND NOT
                            EXISTS (SELECT 1 FROM step WHERE step.operation = operation.id AND step.state <> 'undone'))
                 FROM operation WHERE instance IS NOT NULL",
            )
            .map_err(sql)?;
        let rows = statement
            .query_map([], |row| {
                let words: [String; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
                Ok((words, row.get::<_, bool>(3)?))
            })
            .map_err(sql)?;
        let mut memory = Memory::default();
        for row in rows {
            let ([instance, name, started], delete_recorded) = row.map_err(sql)?;
            let uuid = Uuid::try_parse(&instance).map_err(|e| bad(&e))?;
            let started: jiff::Timestamp = started.parse().map_err(|e| bad(&e))?;
            memory.known.insert(uuid);
            if delete_recorded {
                memory.delete_recorded.insert(uuid);
            }
            let first = memory.names.entry(name).or_insert(started);
            *first = started.min(*first);
        }
        Ok(memory)
    }

    /// The instances that have a row.
    pub fn ids(&self) -> Result<HashSet<Uuid>> {
        let bad = |e| Error::new(Code::StateError, "cannot read an instance").cause(e);
        let mut statement = self.read().prepare("SELECT uuid FROM instance").map_err(sql)?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(sql)?;
        rows.map(|row| Uuid::try_parse(&row.map_err(sql)?).map_err(bad)).collect()
    }

    /// Image volumes that the root disk of an instance lies on.
    pub fn images_in_use(&self) -> Result<Vec<String>> {
        let mut statement = self.read().prepare("SELECT DISTINCT image FROM instance ORDER BY image").map_err(sql)?;
        let rows = statement.query_map([], |row| row.get(0)).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// All steps of the journal about one kind of owned thing, JSON of `plan::Step`, with the instance each was for. Older
    /// journals have the kind as the step's own word.
    pub fn steps_of_kind(&self, kind: &str) -> Result<Vec<(Uuid, String)>> {
        let mut statement = self
            .read()
            .prepare(
                "SELECT DISTINCT operation.instance, step.step FROM step JOIN operation ON operation.id = step.operation
                 WHERE operation.instance IS NOT NULL AND ?1 IN (step.step ->> '$.kind', step.step ->> '$.step')",
            )
            .map_err(sql)?;
        let rows = statement.query_map([kind], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).map_err(sql)?;
        rows.map(|row| {
            let (instance, step) = row.map_err(sql)?;
            let bad = |e| Error::new(Code::StateError, "cannot read a step of the journal").cause(e);
            Ok((Uuid::try_parse(&instance).map_err(bad)?, step))
        })
        .collect()
    }
}
