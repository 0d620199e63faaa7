//! Alarms: what is watched, and how it stands.

use std::time::Duration;

use super::{
    App, Caller, Right,
    event::rows_of,
    metric::refuse_of_others,
    scope::{Sight, Target},
};
use crate::{
    model::{
        AlarmSettings, AlarmState, AuditAction, Code, Error, Name, Notify, Observer, ResourceKind, Result, Statistic,
        Subject,
    },
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
    app.authorise(caller, Right::Read, of.map_or(Target::Sorted, Target::instance))?;
    let Some(store) = reading(app, caller, of.is_none(), observer)? else { return Ok(Vec::new()) };
    let host = &app.settings.host.id;
    let sight = Sight::of(&store, host, caller)?;
    let of = of.map(|name| store.require_subject(host, name)).transpose()?;
    let subjects = store.subjects(host)?;
    let alarms = match &of {
        Some(subject) => store.alarms_of(subject.id())?,
        None => store.alarms()?,
    };
    let now = app.clock.now();
    Ok(alarms.iter().filter(|a| sight.instance(a.subject)).map(|a| row(a, &subjects, now)).collect())
}

/// An alarm as programs are told of it.
#[derive(Debug)]
pub struct Described {
    /// As a listing shows it.
    pub row: AlarmRow,
    /// What the user decided.
    pub settings: AlarmSettings,
    /// The id of what it watches.
    pub subject: uuid::Uuid,
}

/// All alarms that the caller sees.
pub fn described(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Vec<Described>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let Some(store) = reading(app, caller, true, observer)? else { return Ok(Vec::new()) };
    let host = &app.settings.host.id;
    let (sight, subjects) = (Sight::of(&store, host, caller)?, store.subjects(host)?);
    let now = app.clock.now();
    let described =
        |alarm: Alarm| Described { row: row(&alarm, &subjects, now), settings: alarm.settings, subject: alarm.subject };
    Ok(store.alarms()?.into_iter().filter(|alarm| sight.instance(alarm.subject)).map(described).collect())
}

/// One alarm in full.
pub fn show(app: &App, caller: &Caller, name: &Name, observer: &mut dyn Observer) -> Result<AlarmView> {
    app.authorise(caller, Right::Read, Target::Alarms(std::slice::from_ref(name)))?;
    let store = store(app, caller, observer)?;
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
    app.authorise(caller, Right::Change, Target::instance(&request.subject))?;
    let mut store = store(app, caller, observer)?;
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
    let sight = Sight::of(&store, &app.settings.host.id, caller)?;
    if old.as_ref().is_some_and(|old| !sight.instance(old.subject)) {
        return Err(
            Error::new(Code::NameTaken, format!("the name `{name}` is taken")).hint("choose another with `--name`")
        );
    }
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
        let entry = app.done(caller, AuditAction::PutAlarm).about(ResourceKind::Alarm, &name);
        store.audited(entry).put_alarm(&subject, &name, &settings, &app.stamp())?;
    }
    Ok(Changed::new(&name, now))
}

/// Alarms found for deletion.
pub struct Deletion {
    caller: Caller,
    store: Store,
    names: Vec<Name>,
}

/// Finds the alarms named.
pub fn find(app: &App, caller: &Caller, names: &[Name], observer: &mut dyn Observer) -> Result<Deletion> {
    app.authorise(caller, Right::Change, Target::Alarms(names))?;
    let store = store(app, caller, observer)?;
    names.iter().try_for_each(|name| store.require_alarm(name).map(drop))?;
    Ok(Deletion { caller: caller.clone(), store, names: names.to_vec() })
}

impl Deletion {
    /// What would be done.
    pub fn plan(&self) -> Vec<Changed> {
        self.names.iter().map(|name| Changed::new(name, "would be deleted")).collect()
    }

    /// Deletes them. An incident that is open is closed.
    pub fn run(mut self, app: &App) -> Result<Vec<Changed>> {
        let stamp = app.stamp();
        self.names.iter().try_for_each(|name| {
            let entry = app.done(&self.caller, AuditAction::DeleteAlarm).about(ResourceKind::Alarm, name);
            self.store.audited(entry).delete_alarm(name, &stamp)
        })?;
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
    app.authorise(caller, Right::Change, Target::Alarms(std::slice::from_ref(name)))?;
    let mut store = store(app, caller, observer)?;
    let alarm = store.require_alarm(name)?;
    let entry = app.done(caller, AuditAction::TestAlarm).about(ResourceKind::Alarm, name);
    let alarm = set(store.audited(entry), alarm, state, &app.stamp())?;
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
    app.authorise(caller, Right::Change, Target::Alarms(std::slice::from_ref(name)))?;
    let mut store = store(app, caller, observer)?;
    let stamp = app.stamp();
    let until = time
        .map(|t| stamp.now.checked_add(t))
        .transpose()
        .map_err(|e| Error::new(Code::InvalidDuration, "this time cannot be").cause(e))?;
    let entry = app.done(caller, AuditAction::MuteAlarm).about(ResourceKind::Alarm, name);
    store.audited(entry).mute_alarm(name, until, &stamp)?;
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
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let Some(store) = reading(app, caller, alarm.is_none(), observer)? else { return Ok(Vec::new()) };
    let sight = Sight::of(&store, &app.settings.host.id, caller)?;
    let limited = if alarm.is_some() && caller.scope().is_all() { limit } else { u32::MAX };
    let which = Which { alarm: alarm.map(ToString::to_string), limit: limited, ..Which::default() };
    let mut all = store.events(&which)?;
    all.retain(|e| e.event.data.alarm.is_some() && sight.event(e));
    let from = all.len().saturating_sub(limit as usize);
    Ok(rows_of(&all[from..]))
}

/// The database; a listing of all makes none.
fn reading(app: &App, caller: &Caller, all: bool, observer: &mut dyn Observer) -> Result<Option<Store>> {
    match app.store(caller, observer)? {
        None if all => Ok(None),
        None => app.new_store().map(Some),
        store => Ok(store),
    }
}

fn store(app: &App, caller: &Caller, observer: &mut dyn Observer) -> Result<Store> {
    app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)
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
