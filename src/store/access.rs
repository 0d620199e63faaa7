//! Accounts, the codes that log in once, sessions and keys of the API. What is decided about them is the room `access`'s.

use std::net::IpAddr;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use secrecy::{ExposeSecret, SecretString};

use super::{
    Store, Transaction,
    column::{Stored, Time, parsed, some_parsed, some_time, time, word},
    noun::Noun,
    sql,
};
use crate::model::{Code, Error, Hint, Name, Result, Role, Scope, Verb, escaped};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: Name,
    /// What it may do.
    pub role: Role,
    /// What of the host it sees.
    pub scope: Scope,
    /// What is kept of its password, JSON; none: it has none.
    pub password: Option<String>,
    /// It may not come in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A session of a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The digest of its token.
    pub digest: String,
    /// Whose it is.
    pub account: Name,
    /// From where it was begun.
    pub address: Option<IpAddr>,
    /// When somebody logged in.
    pub began_at: Timestamp,
    /// When it was used last.
    pub used_at: Timestamp,
}

/// A key of the API.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// `LITE` and 16 letters.
    pub id: String,
    /// Its secret.
    pub secret: SecretString,
    /// Whose it is.
    pub account: Name,
    /// What it may do at most.
    pub role: Role,
    /// What it is for.
    pub label: String,
    /// It reads the metrics and nothing else; then its secret is the digest of a token's.
    pub for_metrics: bool,
    /// Nobody comes in with it.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was used last.
    pub used_at: Option<Timestamp>,
    /// From where.
    pub address: Option<IpAddr>,
}

const ACCOUNT: Noun = Noun { code: Code::NoSuchUser, one: "user", many: "users", list: Verb::UserList };

fn scope(row: &Row<'_>) -> rusqlite::Result<Scope> {
    match row.get::<_, Option<String>>("scope")? {
        None => Ok(Scope::All),
        Some(_) => parsed(row, "scope", Scope::parse),
    }
}

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        name: parsed(row, "name", Name::parse)?,
        role: word(row, "role")?,
        scope: scope(row)?,
        password: row.get("password")?,
        disabled: row.get("disabled")?,
        created_at: time(row, "created_at")?,
    })
}

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        digest: row.get("digest")?,
        account: parsed(row, "account", Name::parse)?,
        address: some_parsed(row, "address")?,
        began_at: time(row, "began_at")?,
        used_at: time(row, "used_at")?,
    })
}

fn api_key(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: row.get("id")?,
        secret: row.get::<_, String>("secret")?.into(),
        account: parsed(row, "account", Name::parse)?,
        role: word(row, "role")?,
        label: row.get("label")?,
        for_metrics: row.get("for_metrics")?,
        disabled: row.get("disabled")?,
        created_at: time(row, "created_at")?,
        used_at: some_time(row, "used_at")?,
        address: some_parsed(row, "address")?,
    })
}

/// Makes an account; a taken name is refused with [`Code::NameTaken`].
pub fn insert_account(t: &Transaction<'_>, new: &Account) -> Result<()> {
    let there: bool =
        t.0.query_row("SELECT EXISTS (SELECT 1 FROM account WHERE name = ?1)", [new.name.as_str()], |row| row.get(0))
            .map_err(sql)?;
    if there {
        let text = format!("there is a user `{}` already", new.name);
        return Err(Error::new(Code::NameTaken, text)
            .hint(Hint::from("choose another name, or look at it: ").run_with(Verb::UserShow, &[&new.name])));
    }
    t.0.execute(
        "INSERT INTO account (name, role, scope, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![new.name.as_str(), Stored(new.role), new.scope.tag().map(ToString::to_string), Time(new.created_at)],
    )
    .map_err(sql)
    .map(drop)
}

/// Keeps a code; those that count no more go.
pub fn insert_code(t: &Transaction<'_>, digest: &str, account: &Name, until: Timestamp, now: Timestamp) -> Result<()> {
    t.0.execute("DELETE FROM login_code WHERE until <= ?1", [Time(now)]).map_err(sql)?;
    t.0.execute("INSERT INTO login_code VALUES (?1, ?2, ?3)", params![digest, account.as_str(), Time(until)])
        .map_err(sql)
        .map(drop)
}

/// The account that a code logs in, which nobody can use again then; none: there is no such code, or it counts no more.
pub fn take_code(t: &Transaction<'_>, digest: &str, now: Timestamp) -> Result<Option<Account>> {
    let name: Option<String> =
        t.0.query_row(
            "DELETE FROM login_code WHERE digest = ?1 AND until > ?2 RETURNING account",
            params![digest, Time(now)],
            |row| row.get(0),
        )
        .optional()
        .map_err(sql)?;
    let Some(name) = name else { return Ok(None) };
    let found = "SELECT * FROM account WHERE name = ?1 AND NOT disabled";
    t.0.query_row(found, [name], account).optional().map_err(sql)
}

/// Begins a session.
pub fn insert_session(t: &Transaction<'_>, new: &Session) -> Result<()> {
    t.0.execute(
        "INSERT INTO session (digest, account, address, began_at, used_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            new.digest,
            new.account.as_str(),
            new.address.map(|a| a.to_string()),
            Time(new.began_at),
            Time(new.used_at)
        ],
    )
    .map_err(sql)
    .map(drop)
}

/// Ends a session.
pub fn remove_session(t: &Transaction<'_>, digest: &str) -> Result<()> {
    t.0.execute("DELETE FROM session WHERE digest = ?1", [digest]).map_err(sql).map(drop)
}

/// Ends all sessions of an account, and all codes that begin one. How many sessions it were.
pub fn remove_sessions_of(t: &Transaction<'_>, account: &Name) -> Result<usize> {
    t.0.execute("DELETE FROM login_code WHERE account = ?1", [account.as_str()]).map_err(sql)?;
    t.0.execute("DELETE FROM session WHERE account = ?1", [account.as_str()]).map_err(sql)
}

/// Changes an account; what it could do before it can do no more: its sessions end.
pub fn update_account(t: &Transaction<'_>, changed: &Account) -> Result<()> {
    t.0.execute(
        "UPDATE account SET role = ?2, scope = ?3, password = ?4, disabled = ?5 WHERE name = ?1",
        params![
            changed.name.as_str(),
            Stored(changed.role),
            changed.scope.tag().map(ToString::to_string),
            changed.password,
            changed.disabled
        ],
    )
    .map_err(sql)?;
    remove_sessions_of(t, &changed.name).map(drop)
}

/// Removes an account with its codes, sessions and keys.
pub fn remove_account(t: &Transaction<'_>, name: &Name) -> Result<()> {
    t.0.execute("DELETE FROM account WHERE name = ?1", [name.as_str()]).map_err(sql).map(drop)
}

/// Keeps a new key.
pub fn insert_key(t: &Transaction<'_>, new: &ApiKey) -> Result<()> {
    t.0.execute(
        "INSERT INTO api_key (id, secret, account, role, label, for_metrics, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            new.id,
            new.secret.expose_secret(),
            new.account.as_str(),
            Stored(new.role),
            new.label,
            new.for_metrics,
            Time(new.created_at)
        ],
    )
    .map_err(sql)
    .map(drop)
}

/// Has nobody come in with a key, or somebody again.
pub fn disable_key(t: &Transaction<'_>, id: &str, disabled: bool) -> Result<()> {
    t.0.execute("UPDATE api_key SET disabled = ?2 WHERE id = ?1", params![id, disabled]).map_err(sql).map(drop)
}

/// Removes a key.
pub fn remove_key(t: &Transaction<'_>, id: &str) -> Result<()> {
    t.0.execute("DELETE FROM api_key WHERE id = ?1", [id]).map_err(sql).map(drop)
}

fn no_such_key(id: &str) -> Error {
    Error::new(Code::NoSuchKey, format!("there is no key `{}`", escaped(id)))
        .hint(Hint::new().run(Verb::KeyList).text(" shows all keys"))
}

impl Store {
    fn accounts_where<T>(
        &self,
        query: &str,
        values: impl rusqlite::Params,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut statement = self.read().prepare_cached(query).map_err(sql)?;
        let rows = statement.query_map(values, read).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// The accounts, by name.
    pub fn accounts(&self) -> Result<Vec<Account>> {
        self.accounts_where("SELECT * FROM account ORDER BY name", [], account)
    }

    /// One account.
    pub fn account(&self, name: &Name) -> Result<Option<Account>> {
        Ok(self.accounts_where("SELECT * FROM account WHERE name = ?1", [name.as_str()], account)?.pop())
    }

    /// One account, or the error that names the nearest.
    pub fn require_account(&self, name: &Name) -> Result<Account> {
        let all = self.accounts()?;
        let error = ACCOUNT.absent(name, all.iter().map(|one| one.name.as_str()));
        all.into_iter().find(|one| one.name == *name).ok_or(error)
    }

    /// The session of a token.
    pub fn session(&self, digest: &str) -> Result<Option<Session>> {
        Ok(self.accounts_where("SELECT * FROM session WHERE digest = ?1", [digest], session)?.pop())
    }

    /// The sessions, the one used last first; of one account, or of all.
    pub fn sessions(&self, of: Option<&Name>) -> Result<Vec<Session>> {
        let query = "SELECT * FROM session WHERE ?1 IS NULL OR account = ?1 ORDER BY used_at DESC, digest";
        self.accounts_where(query, [of.map(Name::as_str)], session)
    }

    /// Remembers that a session was used.
    pub fn use_session(&mut self, digest: &str, now: Timestamp) -> Result<()> {
        self.write(|t| {
            t.0.execute("UPDATE session SET used_at = max(used_at, ?2) WHERE digest = ?1", params![digest, Time(now)])
                .map_err(sql)
                .map(drop)
        })
    }

    /// The keys, by account, the oldest first; of one account, or of all.
    pub fn api_keys(&self, of: Option<&Name>) -> Result<Vec<ApiKey>> {
        let query = "SELECT * FROM api_key WHERE ?1 IS NULL OR account = ?1 ORDER BY account, created_at, id";
        self.accounts_where(query, [of.map(Name::as_str)], api_key)
    }

    /// One key.
    pub fn api_key(&self, id: &str) -> Result<Option<ApiKey>> {
        Ok(self.accounts_where("SELECT * FROM api_key WHERE id = ?1", [id], api_key)?.pop())
    }

    /// One key; an error if there is none.
    pub fn require_key(&self, id: &str) -> Result<ApiKey> {
        self.api_key(id)?.ok_or_else(|| no_such_key(id))
    }

    /// One key of an account; those of others are not there.
    pub fn require_key_of(&self, account: &Name, id: &str) -> Result<ApiKey> {
        self.api_key(id)?.filter(|key| key.account == *account).ok_or_else(|| no_such_key(id))
    }

    /// Remembers that a key was used, and from where.
    pub fn use_key(&mut self, id: &str, address: Option<IpAddr>, now: Timestamp) -> Result<()> {
        self.write(|t| {
            t.0.execute(
                "UPDATE api_key SET used_at = ?2, address = ?3 WHERE id = ?1",
                params![id, Time(now), address.map(|address| address.to_string())],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// The number by which the API calls this host.
    pub fn account_number(&self) -> Result<String> {
        self.read().query_row("SELECT number FROM api_account", [], |row| row.get(0)).map_err(sql)
    }
}
