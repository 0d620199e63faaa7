//! What follows from a look: what is planned for an instance is remembered, told, and handed to the actor.

use super::{
    Watcher,
    policy::{self, Action, History, Intent, Observed},
};
use crate::{
    kill_point,
    model::{Code, Record, Result},
    monitor::{
        actor::{Job, Outcome},
        clock::Moment,
        fullness::Fullness,
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
    ///
    /// What cannot be written is kept in memory and the actions are made all the same: the counts that bound them hold there.
    pub(super) fn decide(
        &mut self,
        record: &Record,
        intent: &Intent,
        seen: Observed,
        enough: bool,
        now: Moment,
    ) -> bool {
        let known = self.histories.get(&record.uuid).cloned();
        let before = known.clone().unwrap_or_default();
        let (actions, after) = policy::plan(intent, seen, &before, &self.boot, now.wall);
        let starts = actions.iter().any(|a| matches!(a, Action::Start | Action::Restart));
        // A start that would be refused does not count as one that failed: it is made once there is room.
        if starts && (enough || self.fullness == Fullness::Reserve) {
            return false;
        }
        // What is told of a stop is told with its acceptance.
        let (at_once, acts): (Vec<Action>, Vec<Action>) = match actions.contains(&Action::WantStopped) {
            true => (Vec::new(), actions),
            false => actions.into_iter().partition(|a| matches!(a, Action::Tell(..))),
        };
        if known.as_ref() != Some(&after) || !at_once.is_empty() || self.unsaved.has(record.uuid) {
            let saved = self.remember(record, after, &at_once, now);
            self.trouble("what is remembered", saved);
        }
        kill_point::reached("planned");
        if acts.is_empty() {
            return false;
        }
        let job = Job::Act { uuid: record.uuid, generation: intent.generation, actions: acts.clone() };
        self.acting.insert(record.uuid, Acting { record: record.clone(), intent: *intent, actions: acts });
        self.actor.submit(&mut self.engine, job);
        self.take_outcomes(now);
        starts
    }

    /// Goes on where the actor is through.
    pub(super) fn take_outcomes(&mut self, now: Moment) {
        while let Some(outcome) = self.actor.take() {
            match outcome {
                Outcome::Acted(uuid, done) => {
                    let Some(acting) = self.acting.remove(&uuid) else { continue };
                    let place = format!("`{}`", acting.record.name);
                    // False: somebody is at work on it, or decided otherwise, so what was planned no longer holds.
                    if self.trouble(&format!("an action on {place}"), done.map_err(|e| e.within(place))) == Some(true) {
                        self.acted(&acting, now);
                    }
                }
                Outcome::Snapshots(done) => {
                    self.snapshotting = false;
                    let done = self.trouble("the automatic snapshots", done);
                    done.iter().flatten().for_each(|line| (self.tell)(line));
                }
                Outcome::Verified(done) => {
                    self.verifying = false;
                    let done = self.trouble("the verification of a snapshot", done);
                    done.iter().flatten().for_each(|line| (self.tell)(line));
                }
                Outcome::Pushes(done) => {
                    self.pushing = false;
                    let done = self.trouble("the copies of automatic snapshots", done);
                    done.iter().flatten().for_each(|line| (self.tell)(line));
                }
                Outcome::Certificates(done) => {
                    self.renewing = false;
                    let done = self.trouble("the certificates", done);
                    done.iter().flatten().for_each(|line| (self.tell)(line));
                }
                Outcome::Network(done) => {
                    self.restoring = false;
                    let done = self.trouble("the guests' network", done);
                    done.iter().flatten().for_each(|line| (self.tell)(line));
                }
                Outcome::Reconciled(lines) => {
                    self.reconciling = false;
                    let news = lines.iter().filter(|line| !self.reconciled.contains(line));
                    news.for_each(|line| (self.tell)(line));
                    self.reconciled = lines;
                }
            }
        }
    }

    /// Tells what was done to an instance.
    fn acted(&mut self, acting: &Acting, now: Moment) {
        let record = &acting.record;
        for action in &acting.actions {
            if let Action::Tell(_, text) = action {
                (self.tell)(&format!("{}: {text}", record.name));
            }
        }
        if acting.actions.iter().any(|a| matches!(a, Action::Start | Action::Restart)) {
            self.started.insert(record.uuid, now.wall);
            // It runs now: that is told with the crash, or the boot, not with the next look.
            self.decide(record, &acting.intent, Observed::Running, true, now);
        }
    }

    /// Stores what is remembered of an instance, with the events that are told of it and those that could not be stored before.
    fn remember(&mut self, record: &Record, history: History, tells: &[Action], now: Moment) -> Result<()> {
        let text = serde_json::to_string(&history)
            .map_err(|e| crate::model::Error::new(Code::StateError, "cannot write a history").cause(e))?;
        let (stamp, uuid) = (self.stamp(now), record.uuid);
        let mut events = self.unsaved.take(uuid);
        for action in tells {
            if let Action::Tell(kind, text) = action {
                (self.tell)(&format!("{}: {text}", record.name));
                events.push(stamp.event(*kind, Some(record), text));
            }
        }
        self.histories.insert(uuid, history);
        if !self.unsaved.can_write() {
            self.unsaved.keep_for(uuid, events);
            return Ok(());
        }
        let written = self.engine.store.write(|t| {
            watcher_state::set_history(t, uuid, &text)?;
            events.iter().try_for_each(|event| events::record(t, &stamp.host, event).map(drop))
        });
        if let Err(error) = written {
            self.unsaved.keep_for(uuid, events);
            return Err(error);
        }
        if !events.is_empty() {
            kill_point::reached("told");
        }
        Ok(())
    }
}
