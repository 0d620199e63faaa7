//! Secrets of instances. They leave this file only through `lite secrets` and the final block of `create`.

use rusqlite::{OptionalExtension, Row, params};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{Store, Transaction, sql};
use crate::model::Result;

/// A generated secret.
#[derive(Debug)]
pub struct Secret {
    /// Name in the blueprint.
    pub name: String,
    /// The account it belongs to, such as `admin`.
    pub account: Option<String>,
    /// What it opens.
    pub description: String,
    /// Printed at the end of `create`.
    pub shown: bool,
    /// The value.
    pub value: SecretString,
}

/// The public half of a guest's SSH host key.
pub type HostKeyRow = String;

/// A row of `name, account, description, shown, value`.
pub(super) fn secret_of(row: &Row<'_>) -> rusqlite::Result<Secret> {
    Ok(Secret {
        name: row.get(0)?,
        account: row.get(1)?,
        description: row.get(2)?,
        shown: row.get(3)?,
        value: SecretString::from(row.get::<_, String>(4)?),
    })
}

/// Stores the secrets and the host key of an instance; none: it is not known.
pub fn insert(t: &Transaction<'_>, instance: Uuid, secrets: &[Secret], host_key: Option<&str>) -> Result<()> {
    let uuid = instance.to_string();
    for secret in secrets {
        t.0.execute(
            "INSERT INTO secret (instance, name, account, description, shown, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![uuid, secret.name, secret.account, secret.description, secret.shown, secret.value.expose_secret()],
        )
        .map_err(sql)?;
    }
    if let Some(public) = host_key {
        t.0.execute("INSERT INTO host_key (instance, public) VALUES (?1, ?2)", params![uuid, public]).map_err(sql)?;
    }
    Ok(())
}

impl Store {
    /// The secrets of an instance.
    pub fn secrets(&self, instance: Uuid) -> Result<Vec<Secret>> {
        let mut statement = self
            .read()
            .prepare("SELECT name, account, description, shown, value FROM secret WHERE instance = ?1 ORDER BY name")
            .map_err(sql)?;
        let rows = statement.query_map([instance.to_string()], secret_of).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// The public host key that was injected.
    pub fn host_key(&self, instance: Uuid) -> Result<Option<HostKeyRow>> {
        self.read()
            .query_row("SELECT public FROM host_key WHERE instance = ?1", [instance.to_string()], |row| row.get(0))
            .optional()
            .map_err(sql)
    }
}
