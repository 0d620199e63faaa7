//! What can still be read of databases that were set aside: what libvirt's records do not hold.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::{
    CleanSeed, Secret, Store,
    file::{NAME, beside},
    secrets::secret_of,
    unreadable_file,
};
use crate::{
    catalog::Blueprint,
    model::{DesiredState, Phase, Result},
};

/// What older databases still tell of an instance. Each part is read by itself: one that is damaged costs no other.
#[derive(Debug, Default)]
pub struct Recovered {
    /// What the user wanted it to be.
    pub desired_state: Option<DesiredState>,
    /// How far its life had come, and why it failed.
    pub phase: Option<(Phase, Option<String>)>,
    /// The resolved blueprint.
    pub blueprint: Option<Blueprint>,
    /// The parameters.
    pub parameters: Option<BTreeMap<String, String>>,
    /// What the seed is still to be replaced with.
    pub seed: Option<CleanSeed>,
    /// The passwords.
    pub secrets: Option<Vec<Secret>>,
    /// The public host key.
    pub host_key: Option<String>,
}

/// Databases set aside, the newest first, then the copies of older schemas.
pub struct OldDatabases {
    databases: Vec<Connection>,
    /// Where the copies lie that are read: the originals stay as they are.
    _copies: tempfile::TempDir,
}

impl OldDatabases {
    /// Opens copies of all that lies in `dir`.
    pub fn open(dir: &Path) -> Result<Self> {
        let unreadable = |e: std::io::Error| unreadable_file(dir, &e);
        let copies = tempfile::Builder::new().prefix("salvage-").tempdir_in(dir).map_err(unreadable)?;
        let mut databases = Vec::new();
        for (n, path) in candidates(dir).map_err(unreadable)?.into_iter().enumerate() {
            let copy = copies.path().join(format!("{n}.db"));
            for suffix in ["", "-wal"] {
                let (from, to) = (beside(&path, suffix), beside(&copy, suffix));
                if from.exists() {
                    std::fs::copy(&from, &to).map_err(unreadable)?;
                }
            }
            // One that does not even open tells nothing.
            databases.extend(Connection::open(&copy).ok());
        }
        Ok(Self { databases, _copies: copies })
    }

    /// Everything that one of them tells of an instance; of each part what the newest tells.
    pub fn of(&self, uuid: Uuid) -> Recovered {
        let mut all = Recovered::default();
        for db in &self.databases {
            // Called `wanted` up to schema 3.
            let wanted = || {
                let word = column(db, uuid, "desired_state").or_else(|| column(db, uuid, "wanted"))?;
                parse(&format!("\"{word}\""))
            };
            let phase = || Some((parse(&format!("\"{}\"", column(db, uuid, "phase")?))?, column(db, uuid, "failure")));
            all.desired_state = all.desired_state.or_else(wanted);
            all.phase = all.phase.or_else(phase);
            all.blueprint = all.blueprint.or_else(|| parse(&column(db, uuid, "blueprint")?));
            all.parameters = all.parameters.or_else(|| parse(&column(db, uuid, "parameters")?));
            all.seed = all.seed.or_else(|| parse(&column(db, uuid, "seed")?));
            all.secrets = all.secrets.or_else(|| secrets(db, uuid));
            all.host_key = all.host_key.or_else(|| host_key(db, uuid));
        }
        all
    }
}

/// Paths of what was set aside or copied, the newest first.
fn candidates(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let rest = name.strip_prefix(NAME).unwrap_or_default();
        let aside = rest.starts_with(".damaged-") && !rest.ends_with("-wal") && !rest.ends_with("-shm");
        if aside || (rest.starts_with(".v") && rest.ends_with(".backup")) {
            // What was set aside is newer than a copy, and the names hold the time.
            found.push((aside, name, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().rev().map(|(_, _, path)| path).collect())
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// A column of the instance's row; none if it is NULL or cannot be read. Found by a scan: an index may be damaged too.
fn column(db: &Connection, uuid: Uuid, name: &str) -> Option<String> {
    db.query_row(&format!("SELECT {name} FROM instance NOT INDEXED WHERE uuid = ?1"), [uuid.to_string()], |row| {
        row.get::<_, Option<String>>(0)
    })
    .ok()
    .flatten()
}

/// None unless the list is whole.
fn secrets(db: &Connection, uuid: Uuid) -> Option<Vec<Secret>> {
    // An instance without a row here had its secrets elsewhere.
    column(db, uuid, "uuid")?;
    let query = "SELECT name, account, description, shown, value FROM secret WHERE instance = ?1 ORDER BY name";
    let mut statement = db.prepare(query).ok()?;
    let rows = statement.query_map([uuid.to_string()], secret_of).ok()?;
    rows.collect::<rusqlite::Result<_>>().ok()
}

fn host_key(db: &Connection, uuid: Uuid) -> Option<String> {
    db.query_row("SELECT public FROM host_key WHERE instance = ?1", [uuid.to_string()], |row| row.get(0))
        .optional()
        .ok()
        .flatten()
}

impl Store {
    /// Reads everything there is, as verbs do. `state_damaged` if something cannot be read.
    pub fn read_all(&self) -> Result<()> {
        if let Some(fault) = self.integrity_errors()?.into_iter().next() {
            return Err(super::damaged_content(fault));
        }
        for instance in self.instances()? {
            let uuid = instance.record.uuid;
            self.blueprint_of(uuid)?;
            self.clean_seed(uuid)?;
            self.secrets(uuid)?;
            self.host_key(uuid)?;
        }
        self.alarms()?;
        self.contacts()?;
        for operation in self.operations(u32::MAX)? {
            self.steps(&operation.id)?;
        }
        Ok(())
    }
}
