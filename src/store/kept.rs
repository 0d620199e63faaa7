//! Deleted instances that are kept for a while. Their rows stay, under names that nobody else can have.

use rusqlite::params;
use uuid::Uuid;

use super::{
    Store, Transaction,
    alarms::close_all_of,
    column::Stored,
    events::Stamp,
    instances::{set_life, set_record},
    resources, sql,
};
use crate::model::{DesiredState, HostId, Instance, Kept, Name, Phase, Record, Result};

impl Store {
    /// The deleted instances of a host that are kept, the one that goes next first.
    pub fn kept(&self, host: &HostId) -> Result<Vec<Instance>> {
        let mut all = self.instances_where("WHERE host = ?1 AND phase = 'kept'", [host.as_str()])?;
        all.sort_by_key(|instance| (instance.record.kept.map(|kept| kept.until), instance.record.uuid));
        Ok(all)
    }

    /// The deleted instance of a name that is kept; of several the one that was deleted last.
    pub fn kept_of(&self, host: &HostId, name: &Name) -> Result<Option<Instance>> {
        Ok(self.kept(host)?.into_iter().rfind(|instance| instance.record.name == *name))
    }

    /// A deleted instance is kept from now on: its name, its address and the names of its alarms are free, and incidents of its
    /// alarms are closed and told. Ports and addresses that led to it do so no more.
    pub fn keep(&mut self, instance: &Instance, stamp: &Stamp) -> Result<()> {
        let record = &instance.record;
        let id = record.uuid.to_string();
        self.write(|t| {
            close_all_of(t, &record.into(), stamp)?;
            hide_alarms(t, &id)?;
            rename(t, &id, &record.kept_name())?;
            set_life(t, record.uuid, DesiredState::Stopped, Phase::Kept, instance.failure.as_deref())?;
            t.0.execute("UPDATE instance SET address = NULL WHERE uuid = ?1", [&id]).map_err(sql).map(drop)
        })
    }
}

/// Notes in a record that its instance is deleted and kept; none: that it is kept no longer.
pub fn mark(t: &Transaction<'_>, record: &Record, kept: Option<Kept>) -> Result<Record> {
    let record = Record { kept, ..record.clone() };
    set_record(t, &record)?;
    Ok(record)
}

/// What led to an instance leads to it no more: published ports and a static address.
pub fn leave(t: &Transaction<'_>, instance: Uuid) -> Result<()> {
    let id = instance.to_string();
    t.0.execute("DELETE FROM publication WHERE instance = ?1", [&id]).map_err(sql)?;
    t.0.execute("UPDATE static_ip SET instance = NULL WHERE instance = ?1", [&id]).map_err(sql).map(drop)
}

/// A kept instance has this record from now on, with its name and its address, and is being brought back. Its phase comes last:
/// the addresses of one that is kept are none.
pub fn bring_back(t: &Transaction<'_>, record: &Record) -> Result<()> {
    let id = record.uuid.to_string();
    rename(t, &id, record.name.as_str())?;
    set_record(t, record)?;
    set_phase(t, &id, Phase::Creating)?;
    show_alarms(t, &id)
}

/// A kept instance goes for good, and has this record until then.
pub fn give_up(t: &Transaction<'_>, record: &Record) -> Result<()> {
    set_record(t, record)?;
    set_phase(t, &record.uuid.to_string(), Phase::Deleting)
}

fn set_phase(t: &Transaction<'_>, id: &str, phase: Phase) -> Result<()> {
    t.0.execute("UPDATE instance SET phase = ?2 WHERE uuid = ?1", params![id, Stored(phase)]).map_err(sql).map(drop)
}

/// Changes the name of an instance.
fn rename(t: &Transaction<'_>, id: &str, name: &str) -> Result<()> {
    t.0.execute("UPDATE resource SET name = ?2 WHERE id = ?1", [id, name]).map_err(sql).map(drop)
}

/// An alarm keeps its name for itself, and has a name that nobody else can have.
fn hide_alarms(t: &Transaction<'_>, instance: &str) -> Result<()> {
    t.0.execute("UPDATE alarm SET kept_name = name WHERE instance = ?1 AND kept_name IS NULL", [instance])
        .map_err(sql)?;
    t.0.execute(
        "UPDATE resource SET name = 'kept-' || id WHERE id IN (SELECT id FROM alarm WHERE instance = ?1)",
        [instance],
    )
    .map_err(sql)
    .map(drop)
}

/// Each alarm has its name again; where another has that by now, the name with the first number that is free.
fn show_alarms(t: &Transaction<'_>, instance: &str) -> Result<()> {
    let mut hidden =
        t.0.prepare("SELECT id, kept_name FROM alarm WHERE instance = ?1 AND kept_name IS NOT NULL ORDER BY kept_name")
            .map_err(sql)?;
    let rows = hidden.query_map([instance], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sql)?;
    let rows: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>().map_err(sql)?;
    for (id, name) in rows {
        let taken = resources::names(t)?;
        let stem: String = name.chars().take(55).collect();
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let free = std::iter::once(name).chain(numbered).find(|name| !taken.contains(name));
        rename(t, &id, &free.unwrap_or_default())?;
        t.0.execute("UPDATE alarm SET kept_name = NULL WHERE id = ?1", [&id]).map_err(sql)?;
    }
    Ok(())
}
