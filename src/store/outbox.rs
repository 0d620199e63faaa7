//! The outbox: deliveries become messages, messages are sent until they arrive or are dead.

use rusqlite::{OptionalExtension, Row, params};

use super::{
    Store, Transaction,
    column::{Stored, Time, some_time, time, word},
    events::{self, StoredEvent},
    sql,
};
use crate::model::{Code, Error, Hint, Result, Verb, escaped, words};

words! {
    /// How a message stands.
    MessageState;
    /// To be sent, or sent again.
    Queued = "queued",
    /// Arrived.
    Delivered = "delivered",
    /// Given up.
    Dead = "dead",
    /// A later message took its place.
    Superseded = "superseded",
}

/// An event that waits for a contact.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingRow {
    /// Its delivery.
    pub delivery: i64,
    /// The event.
    pub stored: StoredEvent,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// In the order they were made.
    pub number: i64,
    /// `msg_…`, the same on every attempt.
    pub id: String,
    /// Contact.
    pub contact: String,
    /// When it was made.
    pub made_at: jiff::Timestamp,
    /// It is a digest.
    pub digest: bool,
    /// How it stands.
    pub state: MessageState,
    /// Attempts made.
    pub attempts: u32,
    /// When the next one is due.
    pub next_at: jiff::Timestamp,
    /// When it ended.
    pub ended_at: Option<jiff::Timestamp>,
    /// Status of the last answer.
    pub status: Option<u16>,
    /// What went wrong last.
    pub error: Option<String>,
}

/// An event in a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The event.
    pub stored: StoredEvent,
    /// How many changes it stands for.
    pub changes: u32,
}

/// A message to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Its id.
    pub id: String,
    /// Contact.
    pub contact: String,
    /// Deliveries in it and how many changes each stands for.
    pub deliveries: Vec<(i64, u32)>,
    /// Deliveries whose place others take.
    pub superseded: Vec<i64>,
    /// It is a digest.
    pub digest: bool,
}

const COLUMNS: &str = "number, id, contact, made_at, digest, state, attempts, next_at, ended_at, status, error";

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        number: row.get("number")?,
        id: row.get("id")?,
        contact: row.get("contact")?,
        made_at: time(row, "made_at")?,
        digest: row.get("digest")?,
        state: word(row, "state")?,
        attempts: row.get("attempts")?,
        next_at: time(row, "next_at")?,
        ended_at: some_time(row, "ended_at")?,
        status: row.get("status")?,
        error: row.get("error")?,
    })
}

/// Makes a message of waiting deliveries.
pub fn insert_message(t: &Transaction<'_>, new: &NewMessage, now: jiff::Timestamp) -> Result<()> {
    t.0.execute(
        "INSERT INTO message (id, contact, made_at, digest, state, next_at) VALUES (?1, ?2, ?3, ?4, 'queued', ?3)",
        params![new.id, new.contact, Time(now), new.digest],
    )
    .map_err(sql)?;
    for (delivery, changes) in &new.deliveries {
        t.0.prepare_cached("UPDATE delivery SET state = 'grouped', message = ?2, changes = ?3 WHERE id = ?1")
            .and_then(|mut s| s.execute(params![delivery, new.id, changes]))
            .map_err(sql)?;
    }
    for delivery in &new.superseded {
        t.0.prepare_cached("UPDATE delivery SET state = 'superseded' WHERE id = ?1")
            .and_then(|mut s| s.execute([delivery]))
            .map_err(sql)?;
    }
    Ok(())
}

impl Store {
    /// Events that wait for a contact, in their order.
    pub fn waiting(&self, contact: &str) -> Result<Vec<WaitingRow>> {
        let mut s = self
            .read()
            .prepare_cached(&format!(
                "SELECT {}, delivery.id AS delivery FROM delivery JOIN event ON event.id = delivery.event
                 WHERE delivery.contact = ?1 AND delivery.state = 'waiting' ORDER BY event.id",
                events::COLUMNS
            ))
            .map_err(sql)?;
        let waiting = |row: &Row<'_>| Ok(WaitingRow { delivery: row.get("delivery")?, stored: events::stored(row)? });
        let rows = s.query_map([contact], waiting).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// Messages of a contact that are to be sent, in their order.
    pub fn queued(&self, contact: &str) -> Result<Vec<Message>> {
        self.messages_where("contact = ?1 AND state = 'queued' ORDER BY number", contact)
    }

    /// The incidents in each message of a contact that is to be sent.
    pub fn queued_incidents(&self, contact: &str) -> Result<std::collections::HashMap<String, Vec<String>>> {
        let mut s = self
            .read()
            .prepare_cached(
                "SELECT message.id, event.incident FROM message JOIN delivery ON delivery.message = message.id
                 JOIN event ON event.id = delivery.event
                 WHERE message.contact = ?1 AND message.state = 'queued' AND event.incident IS NOT NULL",
            )
            .map_err(sql)?;
        let rows = s.query_map([contact], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sql)?;
        let mut out: std::collections::HashMap<String, Vec<String>> = std::collections::HashMap::new();
        for row in rows {
            let (message, incident): (String, String) = row.map_err(sql)?;
            out.entry(message).or_default().push(incident);
        }
        Ok(out)
    }

    /// Messages made for a contact after a time.
    pub fn made_since(&self, contact: &str, since: jiff::Timestamp) -> Result<Vec<Message>> {
        let all = self.messages_where("contact = ?1 ORDER BY number DESC LIMIT 200", contact)?;
        Ok(all.into_iter().filter(|m| m.made_at > since).collect())
    }

    /// All messages, or those of one contact, the latest first.
    pub fn messages(&self, contact: Option<&str>, dead: bool, limit: u32) -> Result<Vec<Message>> {
        let state = if dead { "AND state = 'dead'" } else { "" };
        let all = self.messages_where(
            &format!("(?1 = '' OR contact = ?1) {state} ORDER BY number DESC LIMIT {limit}"),
            contact.unwrap_or_default(),
        )?;
        Ok(all)
    }

    /// How many deliveries of a contact wait to be put into a message.
    pub fn waiting_count(&self, contact: &str) -> Result<i64> {
        self.read()
            .query_row("SELECT count(*) FROM delivery WHERE contact = ?1 AND state = 'waiting'", [contact], |r| {
                r.get(0)
            })
            .map_err(sql)
    }

    fn messages_where(&self, what: &str, value: &str) -> Result<Vec<Message>> {
        let mut s = self.read().prepare_cached(&format!("SELECT {COLUMNS} FROM message WHERE {what}")).map_err(sql)?;
        let rows = s.query_map([value], message).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// One message; refused if there is none.
    pub fn require_message(&self, id: &str) -> Result<Message> {
        self.messages_where("id = ?1", id)?.pop().ok_or_else(|| {
            Error::new(Code::NoSuchMessage, format!("there is no message `{}`", escaped(id)))
                .hint(Hint::new().run(Verb::ContactDeliveries).text(" lists them"))
        })
    }

    /// The events of a message, in their order.
    pub fn parts(&self, message: &str) -> Result<Vec<Part>> {
        let mut s = self
            .read()
            .prepare_cached(&format!(
                "SELECT {}, delivery.changes FROM delivery JOIN event ON event.id = delivery.event
                 WHERE delivery.message = ?1 ORDER BY event.id",
                events::COLUMNS
            ))
            .map_err(sql)?;
        let part = |row: &Row<'_>| Ok(Part { stored: events::stored(row)?, changes: row.get("changes")? });
        let rows = s.query_map([message], part).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// Whether an end of this incident waits for a contact, or was made into a message that has not arrived.
    pub fn end_waits(&self, contact: &str, incident: &str) -> Result<bool> {
        self.read()
            .query_row(
                "SELECT count(*) FROM delivery JOIN event ON event.id = delivery.event
                 LEFT JOIN message ON message.id = delivery.message
                 WHERE delivery.contact = ?1 AND event.incident = ?2 AND event.kind = 'alarm.resolved'
                       AND (delivery.state = 'waiting' OR (delivery.state = 'grouped' AND message.state = 'queued'))",
                params![contact, incident],
                |row| row.get::<_, i64>(0),
            )
            .map_err(sql)
            .map(|n| n > 0)
    }

    /// Whether the firing of an incident arrived at a contact.
    pub fn firing_arrived(&self, contact: &str, incident: &str) -> Result<bool> {
        self.read()
            .query_row(
                "SELECT count(*) FROM delivery JOIN event ON event.id = delivery.event
                 JOIN message ON message.id = delivery.message
                 WHERE delivery.contact = ?1 AND event.incident = ?2 AND event.kind = 'alarm.firing'
                       AND message.state = 'delivered'",
                params![contact, incident],
                |row| row.get::<_, i64>(0),
            )
            .map_err(sql)
            .map(|n| n > 0)
    }

    /// The body of a message as it was first sent.
    pub fn body(&self, id: &str) -> Result<Option<(Vec<u8>, String)>> {
        self.read()
            .query_row("SELECT body, content_type FROM message WHERE id = ?1 AND body IS NOT NULL", [id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .map_err(sql)
    }

    /// Keeps the body of a message for every later attempt.
    pub fn set_body(&mut self, id: &str, body: &[u8], content_type: &str) -> Result<()> {
        self.write(|t| {
            t.0.execute(
                "UPDATE message SET body = ?2, content_type = ?3 WHERE id = ?1",
                params![id, body, content_type],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// Writes what became of an attempt. `next` is the time of the next one, or the state it ended in.
    pub fn record_attempt(
        &mut self,
        id: &str,
        now: jiff::Timestamp,
        next: std::result::Result<jiff::Timestamp, MessageState>,
        status: Option<u16>,
        error: Option<&str>,
    ) -> Result<()> {
        let (state, next_at, ended) = match next {
            Ok(at) => (MessageState::Queued, at, None),
            Err(state) => (state, now, Some(Time(now))),
        };
        self.write(|t| {
            t.0.execute(
                "UPDATE message SET attempts = attempts + 1, state = ?2, next_at = ?3, ended_at = ?4, status = ?5, error = ?6
                 WHERE id = ?1",
                params![id, Stored(state), Time(next_at), ended, status, error],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// A later message took the place of this one.
    pub fn supersede(&mut self, id: &str, now: jiff::Timestamp) -> Result<()> {
        self.write(|t| {
            t.0.execute(
                "UPDATE message SET state = 'superseded', ended_at = ?2 WHERE id = ?1 AND state = 'queued'",
                params![id, Time(now)],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// Sends a message again, from its first attempt on, under the same id. Enables the contact again.
    pub fn redeliver(&mut self, id: &str, now: jiff::Timestamp) -> Result<Message> {
        let message = self.require_message(id)?;
        if message.state == MessageState::Queued {
            return Err(Error::new(Code::StillQueued, format!("message `{id}` is on its way already"))
                .hint(Hint::new().run(Verb::ContactDeliveries).text(" shows when it is tried next")));
        }
        self.write(|t| {
            t.0.execute("UPDATE contact SET disabled = NULL WHERE name = ?1 AND code IS NULL", [&message.contact]).map_err(sql)?;
            t.0.execute(
                "UPDATE message SET state = 'queued', attempts = 0, next_at = ?2, ended_at = NULL, status = NULL, error = NULL
                 WHERE id = ?1",
                params![id, Time(now)],
            )
            .map_err(sql)
            .map(drop)
        })?;
        Ok(message)
    }

    /// Removes what was kept long enough: messages that ended 30 days ago, events and incidents after 15 months.
    pub fn purge(&mut self, now: jiff::Timestamp) -> Result<()> {
        let before = |days: i64| Time(now.saturating_sub(jiff::SignedDuration::from_hours(24 * days)).unwrap_or(now));
        self.write(|t| {
            t.0.execute("DELETE FROM message WHERE ended_at < ?1 AND state <> 'queued'", [before(30)]).map_err(sql)?;
            t.0.execute("DELETE FROM event WHERE at < ?1", [before(456)]).map_err(sql)?;
            t.0.execute("DELETE FROM incident WHERE closed_at < ?1", [before(456)]).map_err(sql).map(drop)
        })
    }
}
