//! Events: what happened.

use std::time::Duration;

use super::{
    App, Caller, Right,
    scope::{Sight, Target},
};
use crate::{
    model::{Name, Observer, Result},
    notify::payload,
    store::{
        Store,
        events::{StoredEvent, Which},
    },
    view::EventRow,
};

/// How often a follower looks. SQLite has no way to wait for another process.
const POLL: Duration = Duration::from_millis(500);

/// The latest events, of one instance or of all, oldest first.
pub fn list(
    app: &App,
    caller: &Caller,
    instance: Option<&Name>,
    limit: u32,
    observer: &mut dyn Observer,
) -> Result<Vec<EventRow>> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let Some(store) = app.store(caller, observer)? else { return Ok(Vec::new()) };
    Ok(rows_of(&seen(app, caller, &store, &which(instance, limit))?))
}

/// Hands on the latest events, and goes on with what happens until cancelled.
pub fn follow(
    app: &App,
    caller: &Caller,
    instance: Option<&Name>,
    limit: u32,
    observer: &mut dyn Observer,
    to: &mut dyn FnMut(&EventRow) -> Result<()>,
) -> Result<()> {
    app.authorise(caller, Right::Read, Target::Sorted)?;
    let store: Store = app.store(caller, observer)?.map_or_else(|| app.new_store(), Ok)?;
    let mut which = which(instance, limit);
    loop {
        let found = seen(app, caller, &store, &which)?;
        which.limit = u32::MAX;
        for event in &found {
            which.after = which.after.max(event.id);
            to(&row(event))?;
        }
        if app.is_cancelled() {
            return Ok(());
        }
        app.clock.sleep(POLL);
    }
}

fn which(instance: Option<&Name>, limit: u32) -> Which {
    Which { instance: instance.map(ToString::to_string), limit, ..Which::default() }
}

/// The latest of the events asked for that the caller sees.
pub(super) fn seen(app: &App, caller: &Caller, store: &Store, which: &Which) -> Result<Vec<StoredEvent>> {
    if caller.scope().is_all() {
        return store.events(which);
    }
    let sight = Sight::of(store, &app.settings.host.id, caller)?;
    let mut all = store.events(&Which { limit: u32::MAX, ..which.clone() })?;
    all.retain(|event| sight.event(event));
    let from = all.len().saturating_sub(which.limit as usize);
    Ok(all.split_off(from))
}

/// Events as a front end shows them.
pub(super) fn rows_of(events: &[StoredEvent]) -> Vec<EventRow> {
    events.iter().map(row).collect()
}

fn row(stored: &StoredEvent) -> EventRow {
    EventRow { id: stored.id, title: payload::title(&stored.event), event: stored.event.clone() }
}
