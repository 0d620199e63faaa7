//! Answers to changes that the API was asked for.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::{Store, column::Time, sql};
use crate::model::Result;

/// For how long they are kept: clients try again within minutes.
const KEEP: SignedDuration = SignedDuration::from_mins(15);

/// What the API was asked for, as far as it tells one asking from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiAsked {
    /// The id of the key.
    pub key: String,
    /// The operation.
    pub target: String,
    /// The digest of the body.
    pub body: String,
    /// The client's id of it, the same where it tries again; empty: it has none.
    pub invocation: String,
    /// The signature. One that comes again is no other asking, whatever its id says: that is not signed.
    pub signature: String,
}

impl Store {
    /// What was answered before; none: it is asked for the first time.
    pub fn api_answer(&self, asked: &ApiAsked, now: Timestamp) -> Result<Option<Vec<u8>>> {
        let since = now.checked_sub(KEEP).unwrap_or(Timestamp::MIN);
        self.read()
            .query_row(
                "SELECT answer FROM api_answer WHERE key = ?1 AND target = ?2 AND body = ?3 AND at > ?6
                 AND (invocation = ?4 AND ?4 <> '' OR signature = ?5) ORDER BY rowid LIMIT 1",
                params![asked.key, asked.target, asked.body, asked.invocation, asked.signature, Time(since)],
                |row| row.get(0),
            )
            .optional()
            .map_err(sql)
    }

    /// Keeps an answer; those that nobody waits for any more go.
    pub fn keep_api_answer(&mut self, asked: &ApiAsked, answer: &[u8], now: Timestamp) -> Result<()> {
        let since = now.checked_sub(KEEP).unwrap_or(Timestamp::MIN);
        self.write(|t| {
            t.0.execute("DELETE FROM api_answer WHERE at <= ?1", [Time(since)]).map_err(sql)?;
            t.0.execute(
                "INSERT INTO api_answer (key, target, body, invocation, signature, at, answer)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![asked.key, asked.target, asked.body, asked.invocation, asked.signature, Time(now), answer],
            )
            .map_err(sql)
            .map(drop)
        })
    }
}
