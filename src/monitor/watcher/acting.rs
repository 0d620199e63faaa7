//! What follows from a look: what is planned for an instance is remembered, told, and handed to the actor.

use super::{
    Watcher,
    policy::{self, Action, History, Intent, Observed},
};
use crate::{
    kill_point,
    model::{Code, EventKind, Record, Result},
    monitor::{
        actor::{Job, Outcome},
        clock::Moment,
    },
    store::{events, watcher_state},
};

/// What was handed to the actor for an instance.
pub(super) struct Acting {
    record: Record,
    intent: Intent,
    actions: Vec<Action>,
}

impl Watcher<'_> {
    /// Plans for one instance, stores what is remembered and told in one transaction, and hands the actions on. Whether it
    /// is started. `enough`: no more starts in this look.
    pub(super) fn decide(
        &mut self,
        record: &Record,
        intent: &Intent,
        seen: Observed,
        enough: bool,
        now: Moment,
    ) -> Result<bool> {
        let known = self.histories.get(&record.uuid).cloned();
        let before = known.clone().unwrap_or_default();
        let (actions, after) = policy::plan(intent, seen, &before, &self.boot, now.wall);
        let starts = actions.iter().any(|a| matches!(a, Action::Start | Action::Restart));
        if starts && enough {
            return Ok(false);
        }
        // What is told of a stop is told with its acceptance.
        let (at_once, acts): (Vec<Action>, Vec<Action>) = match actions.contains(&Action::WantStopped) {
            true => (Vec::new(), actions),
            false => actions.into_iter().partition(|a| matches!(a, Action::Tell(..))),
        };
        if known.as_ref() != Some(&after) || !at_once.is_empty() {
            self.remember(record, after, &at_once, now)?;
        }
        kill_point::reached("planned");
        if acts.is_empty() {
            return Ok(false);
        }
        let job = Job::Act { uuid: record.uuid, generation: intent.generation, actions: acts.clone() };
        self.acting.insert(record.uuid, Acting { record: record.clone(), intent: *intent, actions: acts });
        self.actor.submit(&mut self.engine, job);
        self.take_outcomes(now)?;
        Ok(starts)
    }

    /// Goes on where the actor is through.
    pub(super) fn take_outcomes(&mut self, now: Moment) -> Result<()> {
        while let Some(outcome) = self.actor.take() {
            match outcome {
                Outcome::Acted(uuid, done) => {
                    let Some(acting) = self.acting.remove(&uuid) else { continue };
                    match done {
                        Ok(true) => self.acted(&acting, now)?,
                        // Somebody is at work on it, or decided otherwise: what was planned no longer holds.
                        Ok(false) => {}
                        Err(error) => (self.tell)(&format!("`{}`: {error}", acting.record.name)),
                    }
                }
                Outcome::Reconciled(lines) => {
                    self.reconciling = false;
                    lines.iter().for_each(|line| (self.tell)(line));
                }
            }
        }
        Ok(())
    }

    /// Tells what was done to an instance.
    fn acted(&mut self, acting: &Acting, now: Moment) -> Result<()> {
        let record = &acting.record;
        for action in &acting.actions {
            if let Action::Tell(_, text) = action {
                (self.tell)(&format!("{}: {text}", record.name));
            }
        }
        if acting.actions.contains(&Action::Start) {
            (self.tell)(&format!("started `{}`: it is wanted up", record.name));
        }
        if acting.actions.contains(&Action::Restart) {
            // It runs now: that is told with the crash, not with the next look.
            self.decide(record, &acting.intent, Observed::Running, true, now)?;
        }
        Ok(())
    }

    /// Stores what is remembered of an instance, with the events that are told of it.
    fn remember(&mut self, record: &Record, history: History, tells: &[Action], now: Moment) -> Result<()> {
        let text = serde_json::to_string(&history)
            .map_err(|e| crate::model::Error::new(Code::StateError, "cannot write a history").cause(e))?;
        let stamp = self.stamp(now);
        let told: Vec<(EventKind, &str)> = tells
            .iter()
            .filter_map(|a| match a {
                Action::Tell(kind, text) => Some((*kind, text.as_str())),
                _ => None,
            })
            .collect();
        self.engine.store.write(|t| {
            watcher_state::set_history(t, record.uuid, &text)?;
            told.iter().try_for_each(|(kind, text)| {
                events::record(t, &stamp.host, &stamp.event(*kind, Some(record), *text)).map(drop)
            })
        })?;
        if !told.is_empty() {
            kill_point::reached("stored");
        }
        told.iter().for_each(|(_, text)| (self.tell)(&format!("{}: {text}", record.name)));
        self.histories.insert(record.uuid, history);
        Ok(())
    }
}
