//! Evaluates the alarms when a minute closes, inside the transaction that stores the minute.

use std::collections::HashMap;

use uuid::Uuid;

use super::{
    AlarmTransition, machine,
    window::{Minute, Window, reason},
};
use crate::{
    model::{HostId, Metric, Notify, Point, Result, Subject},
    store::{
        Store, Transaction,
        alarms::{self, Alarm, AlarmEvent},
        events::Stamp,
    },
};

/// The windows of all alarms. An alarm that is new or was edited is filled from what is stored.
#[derive(Debug, Default)]
pub struct Windows(HashMap<String, (i64, Window)>);

/// What became known in a minute.
pub type Known = HashMap<Uuid, HashMap<Metric, Point>>;

impl Windows {
    /// Brings the windows in line with the alarms of a host, of which `next` is the minute that comes next.
    pub fn prepare(&mut self, store: &Store, host: &HostId, alarms: &[Alarm], next: i64) -> Result<()> {
        let alive: HashMap<&str, i64> = alarms.iter().map(|a| (a.id.as_str(), a.generation)).collect();
        self.0.retain(|id, (generation, _)| alive.get(id.as_str()) == Some(generation));
        let fresh: Vec<&Alarm> = alarms.iter().filter(|a| !self.0.contains_key(&a.id)).collect();
        let reach = |a: &Alarm| i64::from(a.settings.of) * i64::from(a.settings.period_minutes);
        let Some(longest) = fresh.iter().map(|a| reach(a)).max() else { return Ok(()) };
        let points = store.minutes_since(host, next - longest)?;
        let observed = store.observed_since(host, next - longest)?;
        for alarm in fresh {
            let mut window = Window::new(
                (next - reach(alarm)).div_euclid(i64::from(alarm.settings.period_minutes))
                    * i64::from(alarm.settings.period_minutes),
            );
            let of: HashMap<i64, Point> =
                points.get(&(alarm.subject, alarm.settings.metric)).into_iter().flatten().copied().collect();
            for minute in observed.get(&alarm.subject).into_iter().flatten().filter(|m| **m < next) {
                window.push(&alarm.settings, *minute, Minute::Observed(of.get(minute).copied()));
            }
            self.0.insert(alarm.id.clone(), (alarm.generation, window));
        }
        Ok(())
    }

    /// Takes a closed minute in and changes the alarms whose decision changed. `known` holds what was observed. The sentences of what happened.
    pub fn close(
        &mut self,
        t: &Transaction<'_>,
        alarms: &mut [Alarm],
        subjects: &HashMap<Uuid, Subject>,
        minute: i64,
        known: &Known,
        stamp: &Stamp,
    ) -> Result<Vec<String>> {
        let mut told = Vec::new();
        for alarm in alarms.iter_mut().filter(|a| !a.disabled) {
            let Some(subject) = subjects.get(&alarm.subject) else { continue };
            let Some((_, window)) = self.0.get_mut(&alarm.id) else { continue };
            let seen = match known.get(&alarm.subject) {
                None => Minute::Unobserved,
                Some(points) => Minute::Observed(points.get(&alarm.settings.metric).copied()),
            };
            let closed = window.push(&alarm.settings, minute, seen);
            if closed {
                told.extend(evaluate(t, alarm, subject, window, stamp)?);
            }
            alarms::unmute_if_over(t, alarm, subject, stamp)?;
        }
        Ok(told)
    }

    /// Alarms whose windows are kept, for measuring.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn evaluate(
    t: &Transaction<'_>,
    alarm: &mut Alarm,
    subject: &Subject,
    window: &Window,
    stamp: &Stamp,
) -> Result<Option<String>> {
    let settings = &alarm.settings;
    let repeat = i64::from(settings.repeat_minutes) * 60;
    let since = alarm.reminded_at.map(|at| stamp.now.duration_since(at).as_secs());
    let context = machine::Context {
        incident: alarm.incident.is_some(),
        repeat_due: repeat > 0 && since.is_some_and(|s| s >= repeat),
        tell_no_data: settings.notify.contains(&Notify::NoData),
    };
    let (next, transition) = machine::step(alarm.state, window.decision(settings), context);
    if next == alarm.state && transition.is_none() {
        return Ok(None);
    }
    let kind = transition.map(AlarmTransition::event_kind);
    let text = reason(settings, window);
    let points = window.values(settings);
    let event = kind.map(|kind| AlarmEvent { kind, reason: text.clone(), points });
    if event.is_none() {
        alarm.reason = text.clone();
    }
    alarms::change(t, alarm, subject, next, event.as_ref(), stamp)?;
    Ok(Some(format!("alarm `{}` is {next}: {text}", alarm.name)))
}
