//! Second factors of accounts. What is decided about them is the room `access`'s.

use rusqlite::{OptionalExtension, params};
use secrecy::{ExposeSecret, SecretBox};

use super::{Store, Transaction, damaged_content, sql};
use crate::model::{Name, Result};

/// Bytes of a secret.
pub type Secret = [u8; 20];

/// A second factor.
pub struct StoredFactor {
    /// The secret of its codes.
    pub secret: SecretBox<Secret>,
    /// Somebody confirmed it by a code: it is asked for.
    pub confirmed: bool,
}

/// Keeps a second factor that nobody confirmed yet, in place of another such.
pub fn insert(t: &Transaction<'_>, account: &Name, secret: &SecretBox<Secret>) -> Result<()> {
    t.0.execute(
        "INSERT OR REPLACE INTO second_factor (account, secret) VALUES (?1, ?2)",
        params![account.as_str(), &secret.expose_secret()[..]],
    )
    .map_err(sql)
    .map(drop)
}

/// Uses the code of a half minute, which confirms a second factor; not if that one or a later one was used before.
pub fn use_step(t: &Transaction<'_>, account: &Name, step: i64) -> Result<bool> {
    let used = "UPDATE second_factor SET step = ?2, confirmed = 1 WHERE account = ?1 AND step < ?2";
    t.0.execute(used, params![account.as_str(), step]).map_err(sql).map(|rows| rows == 1)
}

/// Removes a second factor; none: there was none.
pub fn remove(t: &Transaction<'_>, account: &Name) -> Result<()> {
    t.0.execute("DELETE FROM second_factor WHERE account = ?1", [account.as_str()]).map_err(sql).map(drop)
}

impl Store {
    /// The second factor of an account, one that nobody confirmed too.
    pub fn second_factor(&self, account: &Name) -> Result<Option<StoredFactor>> {
        let query = "SELECT secret, confirmed FROM second_factor WHERE account = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?));
        let found = self.read().query_row(query, [account.as_str()], read).optional().map_err(sql)?;
        found
            .map(|(secret, confirmed)| {
                let secret = Secret::try_from(secret).map_err(|_| damaged_content("a second factor has no secret"))?;
                Ok(StoredFactor { secret: SecretBox::new(Box::new(secret)), confirmed })
            })
            .transpose()
    }

    /// Whether an account is asked for a second factor.
    pub fn has_second_factor(&self, account: &Name) -> Result<bool> {
        Ok(self.second_factor(account)?.is_some_and(|factor| factor.confirmed))
    }
}
