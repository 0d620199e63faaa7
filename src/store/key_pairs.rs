//! Public keys that instances are made with.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{
    Store, Transaction,
    column::{Time, parsed, time},
    damaged_content,
    events::new_id,
    resources::{self, NewResource},
    sql,
};
use crate::model::{Code, Error, Name, ResourceKind, Result, Tag, nearest};

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// Its name.
    pub name: Name,
    /// The key, without a comment.
    pub public: String,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// When it was kept.
    pub created_at: Timestamp,
}

fn key_pair(row: &Row<'_>) -> rusqlite::Result<KeyPair> {
    let tags = |text: &str| {
        serde_json::from_str(text).map_err(|e| damaged_content(format!("cannot read the tags of a key pair: {e}")))
    };
    Ok(KeyPair {
        name: parsed(row, "name", Name::parse)?,
        public: row.get("public")?,
        tags: parsed(row, "tags", tags)?,
        created_at: time(row, "created_at")?,
    })
}

fn written(tags: &[Tag]) -> Result<String> {
    serde_json::to_string(tags).map_err(|e| Error::new(Code::Json, "cannot write tags").cause(e))
}

/// Keeps a key pair.
///
/// # Errors
/// [`Code::NameTaken`].
pub fn insert(t: &Transaction<'_>, new: &KeyPair) -> Result<()> {
    let (id, kind, created_at) = (new_id("kp"), ResourceKind::KeyPair, new.created_at);
    resources::insert(t, &NewResource { kind, id: &id, name: new.name.as_str(), host: None, created_at })?;
    t.0.execute(
        "INSERT INTO key_pair (name, id, public, tags, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![new.name.as_str(), id, new.public, written(&new.tags)?, Time(created_at)],
    )
    .map_err(sql)
    .map(drop)
}

/// Replaces the tags of a key pair.
pub fn set_tags(t: &Transaction<'_>, name: &Name, tags: &[Tag]) -> Result<()> {
    t.0.execute("UPDATE key_pair SET tags = ?2 WHERE name = ?1", [name.as_str(), &written(tags)?])
        .map_err(sql)
        .map(drop)
}

/// Forgets a key pair.
pub fn remove(t: &Transaction<'_>, name: &Name) -> Result<()> {
    t.0.execute("DELETE FROM key_pair WHERE name = ?1", [name.as_str()]).map_err(sql).map(drop)
}

/// The error of a key pair that is not there, with the nearest of those that are.
pub fn no_such_key_pair<'a>(name: &Name, known: impl IntoIterator<Item = &'a str>) -> Error {
    let error = Error::new(Code::NoSuchKeyPair, format!("there is no key pair `{name}`"));
    match nearest(name.as_str(), known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

impl Store {
    /// The key pairs, by name.
    pub fn key_pairs(&self) -> Result<Vec<KeyPair>> {
        let mut statement = self.read().prepare_cached("SELECT * FROM key_pair ORDER BY name").map_err(sql)?;
        let rows = statement.query_map([], key_pair).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }
}
