//! The outbox: deliveries become messages, messages are sent until they arrive or are dead.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    Store,
    events::{self, StoredEvent, event},
    sql,
};
use crate::model::{Code, Error, Result, escaped};

/// How a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageState {
    /// To be sent, or sent again.
    Queued,
    /// Arrived.
    Delivered,
    /// Given up.
    Dead,
    /// A later message took its place.
    Superseded,
}

impl MessageState {
    /// The word stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Superseded => "superseded",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        [Self::Queued, Self::Delivered, Self::Dead, Self::Superseded]
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| Error::new(Code::StateError, "cannot read a message's state"))
    }
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

type Cells = (i64, String, String, String, bool, String, u32, String, Option<String>, Option<u16>, Option<String>);

fn cells(r: &rusqlite::Row<'_>) -> rusqlite::Result<Cells> {
    Ok((
        r.get(0)?,
        r.get(1)?,
        r.get(2)?,
        r.get(3)?,
        r.get(4)?,
        r.get(5)?,
        r.get(6)?,
        r.get(7)?,
        r.get(8)?,
        r.get(9)?,
        r.get(10)?,
    ))
}

fn message(c: Cells) -> Result<Message> {
    let time = |t: String| {
        t.parse::<jiff::Timestamp>().map_err(|e| Error::new(Code::StateError, "cannot read a message's time").cause(e))
    };
    Ok(Message {
        number: c.0,
        id: c.1,
        contact: c.2,
        made_at: time(c.3)?,
        digest: c.4,
        state: MessageState::parse(&c.5)?,
        attempts: c.6,
        next_at: time(c.7)?,
        ended_at: c.8.map(time).transpose()?,
        status: c.9,
        error: c.10,
    })
}

/// Makes a message of waiting deliveries.
pub fn insert_message(t: &Transaction<'_>, new: &NewMessage, now: jiff::Timestamp) -> Result<()> {
    t.execute(
        "INSERT INTO message (id, contact, made_at, digest, state, next_at) VALUES (?1, ?2, ?3, ?4, 'queued', ?3)",
        params![new.id, new.contact, now.to_string(), new.digest],
    )
    .map_err(sql)?;
    for (delivery, changes) in &new.deliveries {
        t.prepare_cached("UPDATE delivery SET state = 'grouped', message = ?2, changes = ?3 WHERE id = ?1")
            .and_then(|mut s| s.execute(params![delivery, new.id, changes]))
            .map_err(sql)?;
    }
    for delivery in &new.superseded {
        t.prepare_cached("UPDATE delivery SET state = 'superseded' WHERE id = ?1")
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
                "SELECT {}, delivery.id FROM delivery JOIN event ON event.id = delivery.event
                 WHERE delivery.contact = ?1 AND delivery.state = 'waiting' ORDER BY event.id",
                events::COLUMNS
            ))
            .map_err(sql)?;
        let rows = s.query_map([contact], |row| Ok((events::cells(row)?, row.get::<_, i64>(5)?))).map_err(sql)?;
        rows.map(|row| {
            let (cells, delivery) = row.map_err(sql)?;
            Ok(WaitingRow { delivery, stored: event(cells)? })
        })
        .collect()
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
        let rows = s.query_map([value], cells).map_err(sql)?;
        rows.map(|row| message(row.map_err(sql)?)).collect()
    }

    /// One message; refused if there is none.
    pub fn require_message(&self, id: &str) -> Result<Message> {
        self.messages_where("id = ?1", id)?.pop().ok_or_else(|| {
            Error::new(Code::NoSuchMessage, format!("there is no message `{}`", escaped(id)))
                .hint("`lite contact deliveries` lists them")
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
        let rows = s.query_map([message], |row| Ok((events::cells(row)?, row.get::<_, u32>(5)?))).map_err(sql)?;
        rows.map(|row| {
            let (cells, changes) = row.map_err(sql)?;
            Ok(Part { stored: event(cells)?, changes })
        })
        .collect()
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
            t.execute("UPDATE message SET body = ?2, content_type = ?3 WHERE id = ?1", params![id, body, content_type])
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
            Err(state) => (state, now, Some(now.to_string())),
        };
        self.write(|t| {
            t.execute(
                "UPDATE message SET attempts = attempts + 1, state = ?2, next_at = ?3, ended_at = ?4, status = ?5, error = ?6
                 WHERE id = ?1",
                params![id, state.as_str(), next_at.to_string(), ended, status, error],
            )
            .map_err(sql)
            .map(drop)
        })
    }

    /// A later message took the place of this one.
    pub fn supersede(&mut self, id: &str, now: jiff::Timestamp) -> Result<()> {
        self.write(|t| {
            t.execute(
                "UPDATE message SET state = 'superseded', ended_at = ?2 WHERE id = ?1 AND state = 'queued'",
                params![id, now.to_string()],
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
                .hint("`lite contact deliveries` shows when it is tried next"));
        }
        self.write(|t| {
            t.execute("UPDATE contact SET disabled = NULL WHERE name = ?1", [&message.contact]).map_err(sql)?;
            t.execute(
                "UPDATE message SET state = 'queued', attempts = 0, next_at = ?2, ended_at = NULL, status = NULL, error = NULL
                 WHERE id = ?1",
                params![id, now.to_string()],
            )
            .map_err(sql)
            .map(drop)
        })?;
        Ok(message)
    }

    /// Removes what was kept long enough: messages that ended 30 days ago, events and incidents after 15 months.
    pub fn purge(&mut self, now: jiff::Timestamp) -> Result<()> {
        let before = |days: i64| {
            now.saturating_sub(jiff::SignedDuration::from_hours(24 * days))
                .map_or_else(|_| now.to_string(), |t| t.to_string())
        };
        self.write(|t| {
            t.execute("DELETE FROM message WHERE ended_at < ?1 AND state <> 'queued'", [before(30)]).map_err(sql)?;
            t.execute("DELETE FROM event WHERE at < ?1", [before(456)]).map_err(sql)?;
            t.execute("DELETE FROM incident WHERE closed_at < ?1", [before(456)]).map_err(sql).map(drop)
        })
    }
}
