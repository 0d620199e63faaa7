//! What the watcher remembers and tells while the database cannot be written: written with the next change that can be.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::model::Event;

/// Most events kept for an instance; the oldest go first.
const MOST: usize = 50;

/// Events and histories that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    events: HashMap<Uuid, Vec<Event>>,
    failed: bool,
}

impl Unsaved {
    /// A new look begins: writing is tried again.
    pub(super) fn try_again(&mut self) {
        self.failed = false;
    }

    /// Whether no write has failed in this look.
    pub(super) fn can_write(&self) -> bool {
        !self.failed
    }

    /// Whether the history of an instance, or an event, waits.
    pub(super) fn has(&self, uuid: Uuid) -> bool {
        self.events.contains_key(&uuid)
    }

    /// What waits for an instance, oldest first.
    pub(super) fn take(&mut self, uuid: Uuid) -> Vec<Event> {
        self.events.remove(&uuid).unwrap_or_default()
    }

    /// Writing failed: these wait.
    pub(super) fn keep_for(&mut self, uuid: Uuid, mut events: Vec<Event>) {
        self.failed = true;
        events.drain(..events.len().saturating_sub(MOST));
        self.events.insert(uuid, events);
    }

    /// Forgets what waits for instances that are not among these.
    pub(super) fn keep(&mut self, known: &HashSet<Uuid>) {
        self.events.retain(|uuid, _| known.contains(uuid));
    }
}
