//! `lite events` and `lite alarm history`.

use serde::Serialize;

use crate::model::{Event, EventData};

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Its number.
    pub id: i64,
    /// One line about it.
    pub title: String,
    /// The event.
    pub event: Event,
}

/// An event as JSON.
#[derive(Debug, Serialize)]
pub struct EventView<'a> {
    id: i64,
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: jiff::Timestamp,
    sent: bool,
    data: &'a EventData,
}

impl<'a> From<&'a EventRow> for EventView<'a> {
    fn from(row: &'a EventRow) -> Self {
        let e = &row.event;
        Self { id: row.id, kind: e.kind.as_str(), timestamp: e.at, sent: !e.suppressed, data: &e.data }
    }
}

/// The document of `events` and `alarm history`.
#[derive(Debug, Serialize)]
pub struct EventsDocument<'a> {
    /// The events.
    pub events: Vec<EventView<'a>>,
}

impl<'a> EventsDocument<'a> {
    /// Of some events.
    pub fn of(rows: &'a [EventRow]) -> Self {
        Self { events: rows.iter().map(EventView::from).collect() }
    }
}
