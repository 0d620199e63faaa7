//! Alarms: what is watched, and how it stands.

use std::time::Duration;

use super::{App, Caller, Right, event::rows_of, metric::refuse_of_others};
use crate::{
    model::{AlarmSettings, AlarmState, Code, Error, Name, Notify, Observer, Result, Statistic, Subject},
    monitor::{AlarmTransition, Decision, machine},
    store::{
        Store,
        alarms::{self, Alarm, AlarmEvent, default_name},
        events::{Stamp, Which},
    },
    view::{AlarmRow, AlarmView, Changed, EventRow},
};

/// An alarm to make or to change.
#[derive(Debug, Clone, PartialEq)]
pub struct Put {
    /// The instance or the load balancer that is watched.
    pub subject: Name,
    /// Name of the alarm; none: that of what is watched and the metric's.
    pub name: Option<Name>,
    /// What is watched, and when it fires.
    pub settings: AlarmSettings,
    /// Say what would be done, and change nothing.
    pub dry_run: bool,
}

/// The alarms, of one instance or load balancer or of all.
pub fn list(app: &App, caller: &Caller, of: Option<&Name>, observer: &mut dyn Observer) -> Result<Vec<AlarmRow>> {
    caller.require(Right::Read)?;
    let Some(store) = reading(app, of.is_none(), observer)? else { return Ok(Vec::new()) };
    let host = &app.settings.host.id;
    let of = of.map(|name| store.require_subject(host, name)).transpose()?;
    let subjects = store.subjects(host)?;
    let alarms = match &of {
        Some(subject) => store.alarms_of(subject.id())?,
        None => store.alarms()?,
    };
    let now = app.clock.now();
    Ok(alarms.iter().map(|a| row(a, &subjects, now)).collect())
}

/// One alarm in full.
pub fn show(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<AlarmView> {
    caller.require(Right::Read)?;
    let store = store(app, observer)?;
    let alarm = store.require_alarm(name)?;
    let row = row(&alarm, &store.subjects(&app.settings.host.id)?, app.clock.now());
    let s = &alarm.settings;
    Ok(AlarmView {
        row,
        statistic: s.statistic,
        missing: s.missing,
        notify: s.notify.clone(),
        repeat_minutes: s.repeat_minutes,
        reason: alarm.reason.clone(),
        incident: alarm.incident.clone(),
    })
}

/// Makes an alarm, or changes the one of this name: everything is checked first.
pub fn put(app: &App, caller: &Caller, request: &Put, observer: &mut dyn Observer) -> Result<Changed> {
    caller.require(Right::Change)?;
    let mut store = store(app, observer)?;
    let mut settings = request.settings.clone();
    settings.notify.sort();
    settings.notify.dedup();
    settings.check()?;
    let subject = store.require_subject(&app.settings.host.id, &request.subject)?;
    refuse_of_others(&subject, settings.metric)?;
    let name = match &request.name {
        Some(name) => name.clone(),
        None => default_name(subject.name(), settings.metric, 1)?,
    };
    let old = store.alarms()?.into_iter().find(|a| a.name == name);
    if old.is_none() && store.instance(&name)?.is_some() {
        return Err(
            Error::new(Code::NameTaken, format!("an instance is called `{name}`")).hint("choose another with `--name`")
        );
    }
    let now = match (&old, request.dry_run) {
        (None, false) => "made",
        (Some(_), false) => "changed",
        (None, true) => "would be made",
        (Some(_), true) => "would be changed",
    };
    if !request.dry_run {
        store.put_alarm(&subject, &name, &settings, &app.stamp())?;
    }
    Ok(Changed::new(&name, now))
}

/// Alarms found for deletion.
pub struct Deletion {
    store: Store,
    names: Vec<Name>,
}

/// Finds the alarms named.
pub fn find(app: &App, caller: &Caller, names: &[Name], observer: &mut dyn Observer) -> Result<Deletion> {
    caller.require(Right::Change)?;
    let store = store(app, observer)?;
    names.iter().try_for_each(|name| store.require_alarm(name).map(drop))?;
    Ok(Deletion { store, names: names.to_vec() })
}

impl Deletion {
    /// What would be done.
    pub fn plan(&self) -> Vec<Changed> {
        self.names.iter().map(|name| Changed::new(name, "would be deleted")).collect()
    }

    /// Deletes them. An incident that is open is closed.
    pub fn run(mut self, app: &App) -> Result<Vec<Changed>> {
        let stamp = app.stamp();
        self.names.iter().try_for_each(|name| self.store.delete_alarm(name, &stamp))?;
        Ok(self.names.iter().map(|name| Changed::new(name, "deleted")).collect())
    }
}

/// Gives an alarm a state by hand, as an evaluation does (A4).
pub fn test(
    app: &App,
    caller: &Caller,
    name: &Name,
    state: AlarmState,
    observer: &mut dyn Observer,
) -> Result<Changed> {
    caller.require(Right::Change)?;
    let mut store = store(app, observer)?;
    let alarm = store.require_alarm(name)?;
    let alarm = set(&mut store, alarm, state, &app.stamp())?;
    Ok(Changed::new(&alarm.name, alarm.state.as_str()))
}

/// Sends nothing about an alarm for so long; none: no longer.
pub fn mute(
    app: &App,
    caller: &Caller,
    name: &Name,
    time: Option<Duration>,
    observer: &mut dyn Observer,
) -> Result<Changed> {
    caller.require(Right::Change)?;
    let mut store = store(app, observer)?;
    let stamp = app.stamp();
    let until = time
        .map(|t| stamp.now.checked_add(t))
        .transpose()
        .map_err(|e| Error::new(Code::InvalidDuration, "this time cannot be").cause(e))?;
    store.mute_alarm(name, until, &stamp)?;
    let now = until.map_or_else(|| "not muted".to_owned(), |t| format!("muted until {}", t.strftime("%F %T UTC")));
    Ok(Changed::new(name, now))
}

/// The latest events of alarms, of one or of all, oldest first.
pub fn history(
    app: &App,
    caller: &Caller,
    alarm: Option<&Name>,
    limit: u32,
    observer: &mut dyn Observer,
) -> Result<Vec<EventRow>> {
    caller.require(Right::Read)?;
    let Some(store) = reading(app, alarm.is_none(), observer)? else { return Ok(Vec::new()) };
    let limited = if alarm.is_some() { limit } else { u32::MAX };
    let which = Which { after: 0, instance: None, alarm: alarm.map(ToString::to_string), limit: limited };
    let mut all = store.events(&which)?;
    all.retain(|e| e.event.data.alarm.is_some());
    let from = all.len().saturating_sub(limit as usize);
    Ok(rows_of(&all[from..]))
}

/// The database; a listing of all makes none.
fn reading(app: &App, all: bool, observer: &mut dyn Observer) -> Result<Option<Store>> {
    match app.store(observer)? {
        None if all => Ok(None),
        None => app.new_store().map(Some),
        store => Ok(store),
    }
}

fn store(app: &App, observer: &mut dyn Observer) -> Result<Store> {
    app.store(observer)?.map_or_else(|| app.new_store(), Ok)
}

/// The change of state, with the event that follows from it.
fn set(store: &mut Store, mut alarm: Alarm, state: AlarmState, stamp: &Stamp) -> Result<Alarm> {
    let decision = match state {
        AlarmState::Alarm => Decision::Alarm,
        AlarmState::Ok => Decision::Ok,
        AlarmState::InsufficientData => Decision::NoData,
    };
    let context = machine::Context {
        incident: alarm.incident.is_some(),
        repeat_due: false,
        tell_no_data: alarm.settings.notify.contains(&Notify::NoData),
    };
    let (next, transition) = machine::step(alarm.state, decision, context);
    let kind = transition.map(AlarmTransition::event_kind);
    let event = kind.map(|kind| AlarmEvent { kind, reason: "set by hand, for a test".to_owned(), points: Vec::new() });
    let Some(subject) = store.subject(&stamp.host, alarm.subject)? else {
        return Err(Error::new(Code::NoSuchInstance, "what this alarm watches is gone"));
    };
    store.write(|t| alarms::change(t, &mut alarm, &subject, next, event.as_ref(), stamp))?;
    Ok(alarm)
}

fn row(alarm: &Alarm, subjects: &[Subject], now: jiff::Timestamp) -> AlarmRow {
    let s = &alarm.settings;
    let subject = subjects.iter().find(|subject| subject.id() == alarm.subject);
    let name = |is_load_balancer| {
        subject.filter(|s| s.is_load_balancer() == is_load_balancer).map(|subject| subject.name().to_owned())
    };
    let statistic = if s.statistic == Statistic::Average { String::new() } else { format!("{} ", s.statistic) };
    AlarmRow {
        name: alarm.name.to_string(),
        instance: name(false),
        load_balancer: name(true),
        state: alarm.state,
        since: alarm.since,
        metric: s.metric,
        condition: format!("{statistic}{}", s.condition),
        datapoints: s.datapoints,
        of: s.of,
        period_minutes: s.period_minutes,
        muted_until: alarm.muted_until.filter(|_| alarm.is_muted(now)),
    }
}
