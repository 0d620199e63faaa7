//! Events, and a delivery for each contact in the same transaction (A5).

use rusqlite::{Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Stored, Time, json, parsed, time, to_json, word},
    sql,
};
use crate::model::{Event, EventData, EventInstance, EventKind, HostId, Record, Result};

/// Most deliveries that may wait for a contact.
pub const MOST_QUEUED: i64 = 10_000;

/// Where and when something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// By the wall clock.
    pub now: jiff::Timestamp,
    /// The host it is about.
    pub host: HostId,
    /// The name this host gives itself.
    pub hostname: String,
}

impl Stamp {
    /// A time on the host of that id and name.
    pub fn new(now: jiff::Timestamp, host: HostId, hostname: impl Into<String>) -> Self {
        Self { now, host, hostname: hostname.into() }
    }

    /// An event of this time about an instance, or about none.
    pub fn event(&self, kind: EventKind, record: Option<&Record>, reason: impl Into<String>) -> Event {
        let mut data = EventData::says(reason);
        (data.instance, data.host) = (record.map(EventInstance::from), Some(self.hostname.clone()));
        Event { at: self.now, kind, data, suppressed: false }
    }
}

/// A stored event.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its number, in the order of the events.
    pub id: i64,
    /// The host it was recorded for.
    pub host: HostId,
    /// What happened.
    pub event: Event,
}

/// Stores an event of a host and, unless it is suppressed, a delivery for each contact. Its number.
pub fn record(t: &Transaction<'_>, host: &HostId, event: &Event) -> Result<i64> {
    let id = insert(t, host, event)?;
    if !event.suppressed {
        let mut contacts = t.0.prepare_cached("SELECT name FROM contact WHERE disabled IS NULL").map_err(sql)?;
        let names = contacts.query_map([], |row| row.get::<_, String>(0)).map_err(sql)?;
        for name in names {
            queue(t, id, event.kind, &name.map_err(sql)?)?;
        }
    }
    Ok(id)
}

/// Stores an event of a host with a delivery for one contact alone. The number of the delivery.
pub fn record_for(t: &Transaction<'_>, host: &HostId, event: &Event, contact: &str) -> Result<i64> {
    let id = insert(t, host, event)?;
    queue(t, id, event.kind, contact)?;
    Ok(t.0.last_insert_rowid())
}

fn insert(t: &Transaction<'_>, host: &HostId, event: &Event) -> Result<i64> {
    let d = &event.data;
    let data = to_json("an event", d)?;
    t.0.prepare_cached(
        "INSERT INTO event (host, at, kind, instance, alarm, incident, sequence, suppressed, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )
    .and_then(|mut s| {
        s.execute(params![
            host.as_str(),
            Time(event.at),
            Stored(event.kind),
            d.subject_name(),
            d.alarm,
            d.incident,
            d.sequence,
            event.suppressed,
            data,
        ])
    })
    .map_err(sql)?;
    Ok(t.0.last_insert_rowid())
}

/// Queues an event for a contact. A full queue drops a reminder first, else the oldest that waits; both are counted.
fn queue(t: &Transaction<'_>, event: i64, kind: EventKind, contact: &str) -> Result<()> {
    let waiting: i64 = t.0
        .prepare_cached(
            "SELECT count(*) FROM delivery LEFT JOIN message ON message.id = delivery.message
             WHERE delivery.contact = ?1 AND (delivery.state = 'waiting' OR (delivery.state = 'grouped' AND message.state = 'queued'))",
        )
        .and_then(|mut s| s.query_row([contact], |row| row.get(0)))
        .map_err(sql)?;
    let mut state = "waiting";
    if waiting >= MOST_QUEUED {
        t.0.execute("UPDATE contact SET overflowed = overflowed + 1 WHERE name = ?1", [contact]).map_err(sql)?;
        let dropped = t.0
            .execute(
                "UPDATE delivery SET state = 'dropped' WHERE id = (
                     SELECT delivery.id FROM delivery JOIN event ON event.id = delivery.event
                     WHERE contact = ?1 AND state = 'waiting' AND kind = 'alarm.reminder' ORDER BY delivery.id LIMIT 1)",
                [contact],
            )
            .map_err(sql)?;
        if dropped == 0 {
            state = if kind == EventKind::AlarmReminder { "dropped" } else { "dead" };
        }
    }
    t.0.prepare_cached("INSERT INTO delivery (event, contact, state) VALUES (?1, ?2, ?3)")
        .and_then(|mut s| s.execute(params![event, contact, state]))
        .map_err(sql)
        .map(drop)
}

/// The columns of an event.
pub(super) const COLUMNS: &str = "event.id, event.host, event.at, event.kind, event.suppressed, event.data";

/// Reads an event from a row with these columns.
pub(super) fn stored(row: &Row<'_>) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent {
        id: row.get("id")?,
        host: parsed(row, "host", HostId::parse)?,
        event: Event {
            at: time(row, "at")?,
            kind: word(row, "kind")?,
            data: json(row, "data")?,
            suppressed: row.get("suppressed")?,
        },
    })
}

/// Which events to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Which {
    /// Later than this number.
    pub after: i64,
    /// Earlier than this number.
    pub before: Option<i64>,
    /// Of this instance, by its name.
    pub instance: Option<String>,
    /// Of this alarm.
    pub alarm: Option<String>,
    /// At most so many, the latest.
    pub limit: u32,
}

impl Store {
    /// Events, oldest first.
    pub fn events(&self, which: &Which) -> Result<Vec<StoredEvent>> {
        let mut statement = self
            .read()
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM event WHERE id > ?1 AND (?2 IS NULL OR instance = ?2) AND (?3 IS NULL OR alarm = ?3)
                 AND (?5 IS NULL OR id < ?5) ORDER BY id DESC LIMIT ?4"
            ))
            .map_err(sql)?;
        let values = params![which.after, which.instance, which.alarm, which.limit, which.before];
        let rows = statement.query_map(values, stored).map_err(sql)?;
        let mut all: Vec<StoredEvent> = rows.map(|row| row.map_err(sql)).collect::<Result<_>>()?;
        all.reverse();
        Ok(all)
    }

    /// Records one event of a host in a transaction of its own.
    pub fn record_event(&mut self, host: &HostId, event: &Event) -> Result<i64> {
        self.write(|t| record(t, host, event))
    }
}

/// A new id: a word and twelve hexadecimal digits.
pub(super) fn new_id(prefix: &str) -> String {
    format!("{prefix}-{}", &Uuid::new_v4().simple().to_string()[..12])
}
