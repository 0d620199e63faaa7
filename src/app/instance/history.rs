//! What was done to an instance, and what happened to it, a page at a time.

use crate::{
    app::{
        App, Caller, Right, event, operation,
        scope::{Sight, Target},
    },
    model::{Name, Observer, Result},
    store::{events::Which, instances::no_such_instance},
    view::{EventRow, OperationRow},
};

/// Operations on an instance before the one of an id, or the latest: at most `limit`, the latest first.
pub fn operations(
    app: &App,
    caller: &Caller,
    name: &Name,
    (before, limit): (Option<&str>, u32),
    observer: &mut dyn Observer,
) -> Result<Vec<OperationRow>> {
    app.authorise(caller, Right::Read, Target::instance(name))?;
    let store = app.store(caller, observer)?.ok_or_else(|| no_such_instance(name, None))?;
    let id = store.require(name)?.record.uuid;
    let sight = Sight::of(&store, &app.settings.host.id, caller)?;
    let most = if caller.scope().is_all() { limit } else { u32::MAX };
    let seen = store.operations_of(id, before, most)?.into_iter().filter(|operation| sight.operation(operation));
    Ok(seen.take(limit as usize).map(operation::row).collect())
}

/// Events of an instance before the one of a number, or the latest: at most `limit`, oldest first.
pub fn events(
    app: &App,
    caller: &Caller,
    name: &Name,
    (before, limit): (Option<i64>, u32),
    observer: &mut dyn Observer,
) -> Result<Vec<EventRow>> {
    app.authorise(caller, Right::Read, Target::instance(name))?;
    let store = app.store(caller, observer)?.ok_or_else(|| no_such_instance(name, None))?;
    let which = Which { before, instance: Some(name.to_string()), limit, ..Which::default() };
    Ok(event::rows_of(&event::seen(app, caller, &store, &which)?))
}
