//! Contacts: where messages go.

use rusqlite::{Row, params};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Store,
    column::{Time, parsed, some_time, time},
    events::new_id,
    noun::Noun,
    resources::{self, NewResource},
    sql,
};
use crate::model::{Code, Name, ResourceKind, Result, Verb};

const CONTACT: Noun = Noun { code: Code::NoSuchContact, one: "contact", many: "contacts", list: Verb::ContactList };

/// A code that was sent to an address, and has to come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeDigest {
    /// What is kept of it.
    pub digest: String,
    /// Until when it counts.
    pub until: jiff::Timestamp,
    /// How often a wrong one was given.
    pub tries: u32,
}

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
    /// A header that goes with each message, `NAME: VALUE`.
    pub header: Option<SecretString>,
    /// The code that its address has to give back first; none: it did, or need not.
    pub code: Option<CodeDigest>,
    /// Messages lost because too many waited.
    pub overflowed: i64,
    /// When it was added.
    pub created_at: jiff::Timestamp,
}

const COLUMNS: &str = "name, url, format, private, secret, old_secret, old_until, disabled, overflowed, created_at,
                       header, code, code_until, code_tries";

fn contact(row: &Row<'_>) -> rusqlite::Result<Contact> {
    Ok(Contact {
        name: parsed(row, "name", Name::parse)?,
        url: row.get::<_, String>("url")?.into(),
        format: row.get("format")?,
        private: row.get("private")?,
        secret: row.get::<_, String>("secret")?.into(),
        old_secret: row.get::<_, Option<String>>("old_secret")?.map(Into::into),
        old_until: some_time(row, "old_until")?,
        disabled: row.get("disabled")?,
        overflowed: row.get("overflowed")?,
        created_at: time(row, "created_at")?,
        header: row.get::<_, Option<String>>("header")?.map(Into::into),
        code: match (row.get("code")?, some_time(row, "code_until")?) {
            (Some(digest), Some(until)) => Some(CodeDigest { digest, until, tries: row.get("code_tries")? }),
            _ => None,
        },
    })
}

impl Store {
    /// All contacts by name.
    pub fn contacts(&self) -> Result<Vec<Contact>> {
        let mut s = self.read().prepare_cached(&format!("SELECT {COLUMNS} FROM contact ORDER BY name")).map_err(sql)?;
        let rows = s.query_map([], contact).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// One contact, or the error that names the nearest.
    pub fn require_contact(&self, name: &Name) -> Result<Contact> {
        let all = self.contacts()?;
        let error = CONTACT.absent(name, all.iter().map(|c| c.name.as_str()));
        all.into_iter().find(|c| c.name == *name).ok_or(error)
    }

    /// Refused if the name of a new contact is taken.
    pub fn check_contact_name(&mut self, name: &Name) -> Result<()> {
        self.write(|t| resources::refuse_taken(t, ResourceKind::Contact, name.as_str()))
    }

    /// Adds a contact; refused if the name is taken.
    pub fn add_contact(&mut self, new: &Contact) -> Result<()> {
        let id = new_id("co");
        self.write(|t| {
            resources::insert(
                t,
                &NewResource {
                    kind: ResourceKind::Contact,
                    id: &id,
                    name: new.name.as_str(),
                    host: None,
                    created_at: new.created_at,
                },
            )?;
            t.0.execute(
                "INSERT INTO contact (id, name, url, format, private, secret, created_at, header, disabled, code, code_until)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                params![
                    id,
                    new.name.as_str(),
                    new.url.expose_secret(),
                    new.format,
                    new.private,
                    new.secret.expose_secret(),
                    Time(new.created_at),
                    new.header.as_ref().map(|header| header.expose_secret()),
                    new.disabled,
                    new.code.as_ref().map(|code| &code.digest),
                    new.code.as_ref().map(|code| Time(code.until)),
                ],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// Replaces the code that the address of a contact has to give back.
    pub fn set_code(&mut self, name: &Name, code: &CodeDigest) -> Result<()> {
        self.write(|t| {
            t.0.execute(
                "UPDATE contact SET code = ?2, code_until = ?3, code_tries = ?4 WHERE name = ?1 AND code IS NOT NULL",
                params![name.as_str(), code.digest, Time(code.until), code.tries],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// Tries a code: `true` if it is the one that was sent, and the contact is told of events from now on. At most
    /// `most` wrong ones are looked at.
    pub fn try_code(&mut self, name: &Name, digest: &str, most: u32, now: jiff::Timestamp) -> Result<bool> {
        self.write(|t| {
            let right =
                t.0.execute(
                    "UPDATE contact SET code = NULL, code_until = NULL, disabled = NULL
                     WHERE name = ?1 AND code = ?2 AND code_tries < ?3 AND code_until > ?4",
                    params![name.as_str(), digest, most, Time(now)],
                )
                .map_err(sql)?;
            if right == 0 {
                t.0.execute("UPDATE contact SET code_tries = code_tries + 1 WHERE name = ?1", [name.as_str()])
                    .map_err(sql)?;
            }
            Ok(right == 1)
        })
    }

    /// Removes a contact with everything that waits for it.
    pub fn remove_contact(&mut self, name: &Name) -> Result<()> {
        self.require_contact(name)?;
        self.write(|t| t.0.execute("DELETE FROM contact WHERE name = ?1", [name.as_str()]).map_err(sql).map(drop))
    }

    /// Gives a contact a new secret; the old one goes on signing until `old_until`.
    pub fn rotate_secret(&mut self, name: &Name, secret: &SecretString, old_until: jiff::Timestamp) -> Result<()> {
        self.require_contact(name)?;
        self.write(|t| {
            t.0.execute(
                "UPDATE contact SET old_secret = secret, old_until = ?3, secret = ?2 WHERE name = ?1",
                params![name.as_str(), secret.expose_secret(), Time(old_until)],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// Stops sending to a contact, or goes on (`None`).
    pub fn disable_contact(&mut self, name: &str, why: Option<&str>) -> Result<()> {
        self.write(|t| {
            t.0.execute("UPDATE contact SET disabled = ?2 WHERE name = ?1", params![name, why]).map_err(sql).map(drop)
        })
    }
}
