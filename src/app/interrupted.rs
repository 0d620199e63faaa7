//! Operations whose process died: a look says that they are there, and by which command they are finished.

use std::collections::HashSet;

use crate::{
    engine::{held_locks, owner},
    model::{Hint, Observer, OperationState, Settings, Verb},
    store::Store,
};

/// Says which operations were cut off. A look that cannot be made says nothing: the data asked for comes all the same.
pub fn say(store: &Store, settings: &Settings, observer: &mut dyn Observer) {
    let Ok(mut open) = store.open_operations() else { return };
    open.retain(|o| o.state == OperationState::Started);
    if open.is_empty() {
        return;
    }
    let Ok(held) = held_locks(&settings.paths.state) else { return };
    let held: HashSet<_> = held.into_iter().collect();
    // The process of one that is at work ends it soon. One that ended between the query and the look at the locks is closed.
    for operation in open.into_iter().filter(|o| !held.contains(&owner(o))) {
        let still_open = store.operation(&operation.id).is_ok_and(|o| o.is_some_and(|o| o.state == operation.state));
        if still_open {
            let (kind, name) = (operation.kind, &operation.resource.name);
            observer.warn(
                &Hint::from(format!("the {kind} of `{name}` was cut off: "))
                    .run(Verb::Repair)
                    .text(" finishes or undoes it"),
            );
        }
    }
}
