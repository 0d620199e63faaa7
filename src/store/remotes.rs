//! Remotes.

use jiff::Timestamp;
use rusqlite::{Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Id, Stored, Time, id, parsed, time, word},
    noun::Noun,
    operations,
    resources::{self, NewResource},
    sql,
};
use crate::model::{Code, Location, Name, OperationState, Remote, RemoteState, ResourceKind, Result, Verb};

fn remote(row: &Row<'_>) -> rusqlite::Result<Remote> {
    Ok(Remote {
        id: id(row, "id")?,
        name: parsed(row, "name", Name::parse)?,
        location: parsed(row, "location", Location::parse)?,
        state: word(row, "state")?,
        created_at: time(row, "created_at")?,
    })
}

const REMOTE: Noun = Noun { code: Code::NoSuchRemote, one: "remote", many: "remotes", list: Verb::RemoteList };

impl Store {
    /// The remotes, by name.
    pub fn remotes(&self) -> Result<Vec<Remote>> {
        let mut statement = self.read().prepare_cached("SELECT * FROM remote ORDER BY name").map_err(sql)?;
        let rows = statement.query_map([], remote).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// One remote by id.
    pub fn remote_by_id(&self, id: Uuid) -> Result<Option<Remote>> {
        Ok(self.remotes()?.into_iter().find(|one| one.id == id))
    }

    /// One remote, or the error that names the nearest.
    pub fn require_remote(&self, name: &Name) -> Result<Remote> {
        let all = self.remotes()?;
        let error = REMOTE.absent(name, all.iter().map(|one| one.name.as_str()));
        all.into_iter().find(|one| one.name == *name).ok_or(error)
    }

    /// A remote is there, and the operation that added it is done: both at once.
    pub fn finish_remote(&mut self, id: Uuid, operation: &str, now: Timestamp) -> Result<()> {
        self.write(|t| {
            set_state(t, id, RemoteState::Available)?;
            operations::end(t, operation, OperationState::Succeeded, None, now)
        })
    }

    /// A remote is gone, and the operation with it, in the state and for the reason given: both at once.
    pub fn forget_remote(
        &mut self,
        id: Uuid,
        (operation, state): (&str, OperationState),
        error: Option<(Code, &str)>,
        now: Timestamp,
    ) -> Result<()> {
        self.forget_row(("remote", id), (operation, state), error, now)
    }
}

/// Keeps the row of a remote that is to be added.
///
/// # Errors
/// [`Code::NameTaken`].
pub fn insert(t: &Transaction<'_>, new: &Remote) -> Result<()> {
    let (kind, id, created_at) = (ResourceKind::Remote, new.id.to_string(), new.created_at);
    resources::insert(t, &NewResource { kind, id: &id, name: new.name.as_str(), host: None, created_at })?;
    t.0.execute(
        "INSERT INTO remote (id, name, location, state, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![Id(new.id), new.name.as_str(), new.location.to_string(), Stored(new.state), Time(created_at)],
    )
    .map_err(sql)
    .map(drop)
}

/// Sets how far the life of a remote has come.
pub fn set_state(t: &Transaction<'_>, id: Uuid, state: RemoteState) -> Result<()> {
    t.0.execute("UPDATE remote SET state = ?2 WHERE id = ?1", params![Id(id), Stored(state)]).map_err(sql).map(drop)
}
