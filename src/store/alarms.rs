//! Alarms and their incidents. State, event and deliveries change in one transaction (A5).

mod put;

use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::{
    Store, Transaction,
    column::{Stored, Time, id, json, parsed, some_time, time, to_json, word},
    events::{self, Stamp, new_id},
    noun::Noun,
    sql,
};
use crate::model::{
    AlarmSettings, AlarmState, Code, Event, EventData, EventKind, HostId, Name, Notify, Result, Subject, Verb,
};

pub use put::{default_name, put, put_defaults};

/// A stored alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// `al-` and twelve hexadecimal digits.
    pub id: String,
    /// Name.
    pub name: Name,
    /// The id of what it watches: an instance or a load balancer.
    pub subject: Uuid,
    /// What the user decided.
    pub settings: AlarmSettings,
    /// Counts the edits.
    pub generation: i64,
    /// State.
    pub state: AlarmState,
    /// Since when.
    pub since: jiff::Timestamp,
    /// Why, one sentence.
    pub reason: String,
    /// Not evaluated.
    pub disabled: bool,
    /// Evaluated, and nothing sent until then.
    pub muted_until: Option<jiff::Timestamp>,
    /// It fired while muted: one firing is owed at the end.
    pub owed: bool,
    /// The incident that is open.
    pub incident: Option<String>,
    /// When it was last told that it fires.
    pub reminded_at: Option<jiff::Timestamp>,
}

impl Alarm {
    /// Whether it is muted now.
    pub fn is_muted(&self, now: jiff::Timestamp) -> bool {
        self.muted_until.is_some_and(|until| now < until)
    }
}

/// What is told of an alarm: the event without what the alarm itself says.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmEvent {
    /// What happened.
    pub kind: EventKind,
    /// One sentence.
    pub reason: String,
    /// Values of the periods.
    pub points: Vec<Option<f64>>,
}

const COLUMNS: &str = "id, name, instance, settings, generation, state, since, reason, disabled, muted_until, owed, \
                       incident, reminded_at";

fn alarm(row: &Row<'_>) -> rusqlite::Result<Alarm> {
    Ok(Alarm {
        id: row.get("id")?,
        name: parsed(row, "name", Name::parse)?,
        subject: id(row, "instance")?,
        settings: json(row, "settings")?,
        generation: row.get("generation")?,
        state: word(row, "state")?,
        since: time(row, "since")?,
        reason: row.get("reason")?,
        disabled: row.get("disabled")?,
        muted_until: some_time(row, "muted_until")?,
        owed: row.get("owed")?,
        incident: row.get("incident")?,
        reminded_at: some_time(row, "reminded_at")?,
    })
}

/// Data of an event of an alarm.
fn data(alarm: &Alarm, subject: &Subject, stamp: &Stamp, event: &AlarmEvent, to: AlarmState) -> EventData {
    let s = &alarm.settings;
    EventData {
        alarm: Some(alarm.name.to_string()),
        host: Some(stamp.hostname.clone()),
        metric: Some(s.metric),
        comparator: Some(s.condition.comparator),
        threshold: Some(s.condition.threshold),
        m: Some(s.datapoints),
        n: Some(s.of),
        period: Some(s.period_minutes),
        from: Some(alarm.state),
        to: Some(to),
        points: event.points.clone(),
        ..EventData::says(event.reason.clone()).about(subject)
    }
}

/// Changes the state of an alarm, opens or closes its incident, and records the event that tells of it, with its deliveries.
///
/// `alarm` is brought up to date.
pub fn change(
    t: &Transaction<'_>,
    alarm: &mut Alarm,
    subject: &Subject,
    to: AlarmState,
    event: Option<&AlarmEvent>,
    stamp: &Stamp,
) -> Result<()> {
    if let Some(event) = event {
        record_event(t, alarm, subject, to, event, stamp)?;
    }
    if alarm.state != to {
        (alarm.state, alarm.since) = (to, stamp.now);
    }
    if let Some(event) = event {
        alarm.reason = event.reason.clone();
    }
    update(t, alarm)
}

fn record_event(
    t: &Transaction<'_>,
    alarm: &mut Alarm,
    subject: &Subject,
    to: AlarmState,
    event: &AlarmEvent,
    stamp: &Stamp,
) -> Result<()> {
    let mut data = data(alarm, subject, stamp, event, to);
    if event.kind == EventKind::AlarmFiring && alarm.incident.is_none() {
        let id = new_id("in");
        t.0.execute(
            "INSERT INTO incident (id, alarm, opened_at, sequence) VALUES (?1, ?2, ?3, 0)",
            params![id, alarm.id, Time(stamp.now)],
        )
        .map_err(sql)?;
        alarm.incident = Some(id);
    }
    if let Some(incident) = &alarm.incident {
        let (opened, sequence): (Time, u32) =
            t.0.query_row(
                "UPDATE incident SET sequence = sequence + 1 WHERE id = ?1 RETURNING opened_at, sequence",
                [incident],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .map_err(sql)?;
        data.incident = Some(incident.clone());
        data.sequence = Some(sequence);
        data.started_at = Some(opened.0);
    }
    if event.kind == EventKind::AlarmResolved {
        data.ended_at = Some(stamp.now);
        if let Some(incident) = alarm.incident.take() {
            t.0.execute("UPDATE incident SET closed_at = ?2 WHERE id = ?1", params![incident, Time(stamp.now)])
                .map_err(sql)?;
        }
    }
    let asked = match event.kind {
        EventKind::AlarmResolved => Notify::Ok,
        EventKind::AlarmNoData => Notify::NoData,
        _ => Notify::Alarm,
    };
    let muted = alarm.is_muted(stamp.now);
    match event.kind {
        EventKind::AlarmFiring | EventKind::AlarmReminder => {
            alarm.reminded_at = Some(stamp.now);
            alarm.owed |= muted;
        }
        EventKind::AlarmResolved => (alarm.reminded_at, alarm.owed) = (None, false),
        _ => {}
    }
    let suppressed = muted || !alarm.settings.notify.contains(&asked);
    events::record(t, &stamp.host, &Event { at: stamp.now, kind: event.kind, data, suppressed }).map(drop)
}

fn update(t: &Transaction<'_>, alarm: &Alarm) -> Result<()> {
    let settings = to_json("an alarm", &alarm.settings)?;
    t.0.prepare_cached(
        "UPDATE alarm SET settings = ?2, generation = ?3, state = ?4, since = ?5, reason = ?6, disabled = ?7,
                muted_until = ?8, owed = ?9, incident = ?10, reminded_at = ?11 WHERE id = ?1",
    )
    .and_then(|mut s| {
        s.execute(params![
            alarm.id,
            settings,
            alarm.generation,
            Stored(alarm.state),
            Time(alarm.since),
            alarm.reason,
            alarm.disabled,
            alarm.muted_until.map(Time),
            alarm.owed,
            alarm.incident,
            alarm.reminded_at.map(Time),
        ])
    })
    .map_err(sql)
    .map(drop)
}

/// Closes the incident of an alarm that ends by a person's doing (A7): `edited` or `deleted`.
fn close(t: &Transaction<'_>, alarm: &mut Alarm, subject: &Subject, reason: &str, stamp: &Stamp) -> Result<()> {
    if alarm.incident.is_none() {
        return Ok(());
    }
    let event = AlarmEvent { kind: EventKind::AlarmResolved, reason: reason.to_owned(), points: Vec::new() };
    change(t, alarm, subject, AlarmState::InsufficientData, Some(&event), stamp)
}

/// Closes the incidents of what is about to be deleted.
pub fn close_all_of(t: &Transaction<'_>, subject: &Subject, stamp: &Stamp) -> Result<()> {
    for mut alarm in select(&t.0, "WHERE instance = ?1 AND incident IS NOT NULL", Some(&subject.id().to_string()))? {
        close(t, &mut alarm, subject, "deleted", stamp)?;
    }
    Ok(())
}

fn select(c: &rusqlite::Connection, what: &str, value: Option<&str>) -> Result<Vec<Alarm>> {
    let mut statement = c.prepare_cached(&format!("SELECT {COLUMNS} FROM alarm {what} ORDER BY name")).map_err(sql)?;
    let rows = match value {
        Some(value) => statement.query_map([value], alarm),
        None => statement.query_map([], alarm),
    }
    .map_err(sql)?;
    rows.map(|row| row.map_err(sql)).collect()
}

const ALARM: Noun = Noun { code: Code::NoSuchAlarm, one: "alarm", many: "alarms", list: Verb::AlarmList };

/// The error of an alarm that is not there, without a word of others.
pub fn no_such_alarm(name: &Name) -> crate::model::Error {
    ALARM.absent(name, [])
}

impl Store {
    /// The alarms of what is on a host by name; a row that cannot be read is an error of that alarm alone.
    pub fn alarms_on(&self, host: &HostId) -> Result<Vec<Result<Alarm>>> {
        let query = format!(
            "SELECT {COLUMNS} FROM alarm WHERE instance IN (SELECT id FROM resource WHERE host = ?1) AND kept_name IS NULL
             ORDER BY name"
        );
        let mut s = self.read().prepare_cached(&query).map_err(sql)?;
        let rows = s.query_map([host.as_str()], |row| Ok(alarm(row).map_err(sql))).map_err(sql)?;
        rows.map(|row| row.map_err(sql)).collect()
    }

    /// All alarms by name, without those of deleted instances that are kept.
    pub fn alarms(&self) -> Result<Vec<Alarm>> {
        select(self.read(), "WHERE kept_name IS NULL", None)
    }

    /// The alarms of an instance or a load balancer.
    pub fn alarms_of(&self, subject: Uuid) -> Result<Vec<Alarm>> {
        select(self.read(), "WHERE instance = ?1", Some(&subject.to_string()))
    }

    /// One alarm, or the error that names the nearest.
    pub fn require_alarm(&self, name: &Name) -> Result<Alarm> {
        if let Some(found) = select(self.read(), "WHERE name = ?1", Some(name.as_str()))?.pop() {
            return Ok(found);
        }
        let all = self.alarms()?;
        Err(ALARM.absent(name, all.iter().map(|a| a.name.as_str())))
    }

    /// Puts an alarm. Whether it is new.
    pub fn put_alarm(
        &mut self,
        subject: &Subject,
        name: &Name,
        settings: &AlarmSettings,
        stamp: &Stamp,
    ) -> Result<bool> {
        self.write(|t| put(t, subject, name, settings, stamp))
    }

    /// Removes an alarm; its incident is closed and told.
    pub fn delete_alarm(&mut self, name: &Name, stamp: &Stamp) -> Result<()> {
        let alarm = self.require_alarm(name)?;
        let subject = self.subject(&stamp.host, alarm.subject)?;
        self.write(|t| {
            let fresh = select(&t.0, "WHERE id = ?1", Some(&alarm.id))?.pop();
            if let (Some(mut fresh), Some(subject)) = (fresh, &subject) {
                close(t, &mut fresh, subject, "deleted", stamp)?;
            }
            t.0.execute("DELETE FROM alarm WHERE id = ?1", [&alarm.id]).map_err(sql).map(drop)
        })
    }

    /// Mutes an alarm until a time, or ends that (`None`). If it is still firing then, one firing is told.
    pub fn mute_alarm(&mut self, name: &Name, until: Option<jiff::Timestamp>, stamp: &Stamp) -> Result<()> {
        let alarm = self.require_alarm(name)?;
        let subject = self.subject(&stamp.host, alarm.subject)?;
        self.write(|t| {
            let Some(mut alarm) = select(&t.0, "WHERE id = ?1", Some(&alarm.id))?.pop() else { return Ok(()) };
            alarm.muted_until = until;
            update(t, &alarm)?;
            match subject {
                Some(subject) => unmute_if_over(t, &mut alarm, &subject, stamp),
                None => Ok(()),
            }
        })
    }

    /// Whether an incident is open.
    pub fn incident_is_open(&self, incident: &str) -> Result<bool> {
        self.read()
            .query_row("SELECT closed_at IS NULL FROM incident WHERE id = ?1", [incident], |row| row.get(0))
            .optional()
            .map_err(sql)
            .map(|open| open.unwrap_or(false))
    }
}

/// Ends a mute that is over; one firing is told if the alarm fired meanwhile and still does (A8).
pub fn unmute_if_over(t: &Transaction<'_>, alarm: &mut Alarm, subject: &Subject, stamp: &Stamp) -> Result<()> {
    if alarm.is_muted(stamp.now) || (alarm.muted_until.is_none() && !alarm.owed) {
        return Ok(());
    }
    let owed = std::mem::take(&mut alarm.owed) && alarm.state == AlarmState::Alarm;
    alarm.muted_until = None;
    if owed {
        let reason = alarm.reason.clone();
        record_event(
            t,
            alarm,
            subject,
            AlarmState::Alarm,
            &AlarmEvent { kind: EventKind::AlarmFiring, reason, points: Vec::new() },
            stamp,
        )?;
    }
    update(t, alarm)
}
