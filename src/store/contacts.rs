//! Contacts: where messages go.

use rusqlite::{Row, params};
use secrecy::{ExposeSecret, SecretString};

use super::{Store, sql};
use crate::model::{Code, Error, Name, Result, escaped, nearest};

/// A stored contact.
#[derive(Debug, Clone)]
pub struct Contact {
    /// Name.
    pub name: Name,
    /// Address; path and query may be secret.
    pub url: SecretString,
    /// Format, as `notify` writes it.
    pub format: String,
    /// Private ranges are allowed.
    pub private: bool,
    /// Signs its messages.
    pub secret: SecretString,
    /// Signs them too for a while after a rotation.
    pub old_secret: Option<SecretString>,
    /// Until then.
    pub old_until: Option<jiff::Timestamp>,
    /// Why nothing is sent to it any more.
    pub disabled: Option<String>,
    /// Messages lost because too many waited.
    pub overflowed: i64,
    /// When it was added.
    pub created_at: jiff::Timestamp,
}

const COLUMNS: &str = "name, url, format, private, secret, old_secret, old_until, disabled, overflowed, created_at";

type Cells = (String, String, String, bool, String, Option<String>, Option<String>, Option<String>, i64, String);

fn cells(r: &Row<'_>) -> rusqlite::Result<Cells> {
    Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?, r.get(7)?, r.get(8)?, r.get(9)?))
}

fn contact(c: Cells) -> Result<Contact> {
    let time = |t: String| {
        t.parse::<jiff::Timestamp>().map_err(|e| Error::new(Code::StateError, "cannot read a contact's time").cause(e))
    };
    Ok(Contact {
        name: Name::parse(&c.0)?,
        url: c.1.into(),
        format: c.2,
        private: c.3,
        secret: c.4.into(),
        old_secret: c.5.map(Into::into),
        old_until: c.6.map(time).transpose()?,
        disabled: c.7,
        overflowed: c.8,
        created_at: time(c.9)?,
    })
}

impl Store {
    /// All contacts by name.
    pub fn contacts(&self) -> Result<Vec<Contact>> {
        let mut s = self.read().prepare_cached(&format!("SELECT {COLUMNS} FROM contact ORDER BY name")).map_err(sql)?;
        let rows = s.query_map([], cells).map_err(sql)?;
        rows.map(|row| contact(row.map_err(sql)?)).collect()
    }

    /// One contact, or the error that names the nearest.
    pub fn require_contact(&self, name: &Name) -> Result<Contact> {
        let all = self.contacts()?;
        let error = Error::new(Code::NoSuchContact, format!("there is no contact `{}`", escaped(name.as_str())));
        let error = match nearest(name.as_str(), all.iter().map(|c| c.name.as_str())) {
            Some(near) => error.hint(format!("did you mean `{near}`? `lite contact list` shows all")),
            None => error.hint("`lite contact list` shows all contacts"),
        };
        all.into_iter().find(|c| c.name == *name).ok_or(error)
    }

    /// Adds a contact; refused if the name is taken.
    pub fn add_contact(&mut self, new: &Contact) -> Result<()> {
        self.write(|t| {
            let added = t
                .execute(
                    "INSERT INTO contact (name, url, format, private, secret, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT DO NOTHING",
                    params![
                        new.name.as_str(),
                        new.url.expose_secret(),
                        new.format,
                        new.private,
                        new.secret.expose_secret(),
                        new.created_at.to_string(),
                    ],
                )
                .map_err(sql)?;
            if added == 1 {
                return Ok(());
            }
            Err(Error::new(Code::NameTaken, format!("there is a contact `{}` already", new.name))
                .hint(format!("choose another name, or remove it first: `lite contact remove {}`", new.name)))
        })
    }

    /// Removes a contact with everything that waits for it.
    pub fn remove_contact(&mut self, name: &Name) -> Result<()> {
        self.require_contact(name)?;
        self.write(|t| t.execute("DELETE FROM contact WHERE name = ?1", [name.as_str()]).map_err(sql).map(drop))
    }

    /// Gives a contact a new secret; the old one goes on signing until `old_until`.
    pub fn rotate_secret(&mut self, name: &Name, secret: &SecretString, old_until: jiff::Timestamp) -> Result<()> {
        self.require_contact(name)?;
        self.write(|t| {
            t.execute(
                "UPDATE contact SET old_secret = secret, old_until = ?3, secret = ?2 WHERE name = ?1",
                params![name.as_str(), secret.expose_secret(), old_until.to_string()],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// Stops sending to a contact, or goes on (`None`).
    pub fn disable_contact(&mut self, name: &str, why: Option<&str>) -> Result<()> {
        self.write(|t| {
            t.execute("UPDATE contact SET disabled = ?2 WHERE name = ?1", params![name, why]).map_err(sql).map(drop)
        })
    }
}
