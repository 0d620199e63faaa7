//! What moves on pages that are open: `/live`, a stream of server-sent events. One looker looks for all who watch, while anybody does;
//! what is shown is made once for all who see the same, and each gets what is another than what its page shows.

mod difference;
mod events;
mod looker;
mod topic;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use difference::Shown;
pub use events::stream;
pub use topic::{List, Topic, is_protected, version};

use tokio::sync::watch;

use crate::app::Caller;

/// Who watch the same, and see the same of it.
struct Audience {
    topic: Topic,
    caller: Caller,
    seats: usize,
    shown: watch::Sender<Option<Arc<Shown>>>,
}

impl Audience {
    fn is_of(&self, topic: &Topic, caller: &Caller) -> bool {
        self.topic == *topic && self.caller == *caller
    }
}

/// All of them.
#[derive(Default)]
struct Hall {
    audiences: Vec<Audience>,
    /// Somebody looks.
    is_looking: bool,
    /// Somebody came who was shown nothing yet.
    is_new: bool,
}

/// All who watch.
#[derive(Default)]
pub struct Live(Arc<Mutex<Hall>>);

/// A place in an audience. Dropped, it is left.
pub(super) struct Seat {
    hall: Arc<Mutex<Hall>>,
    topic: Topic,
    caller: Caller,
    shown: watch::Receiver<Option<Arc<Shown>>>,
}

fn lock(hall: &Mutex<Hall>) -> MutexGuard<'_, Hall> {
    hall.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// A place, and whether somebody has to begin to look.
    fn sit(&self, topic: Topic, caller: &Caller) -> (Seat, bool) {
        let mut hall = lock(&self.0);
        hall.is_new = true;
        let begin = !std::mem::replace(&mut hall.is_looking, true);
        // Who it is, and from where, is nothing to what is shown.
        let mut caller = caller.clone();
        caller.requester = crate::model::Requester::root(crate::model::Via::Console);
        let at = hall.audiences.iter().position(|one| one.is_of(&topic, &caller)).unwrap_or_else(|| {
            let shown = watch::Sender::new(None);
            hall.audiences.push(Audience { topic: topic.clone(), caller: caller.clone(), seats: 0, shown });
            hall.audiences.len() - 1
        });
        hall.audiences[at].seats += 1;
        let shown = hall.audiences[at].shown.subscribe();
        (Seat { hall: self.0.clone(), topic, caller, shown }, begin)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut hall = lock(&self.hall);
        if let Some(at) = hall.audiences.iter().position(|one| one.is_of(&self.topic, &self.caller)) {
            hall.audiences[at].seats -= 1;
            if hall.audiences[at].seats == 0 {
                hall.audiences.remove(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Live, Topic, lock};
    use crate::{
        app::Caller,
        model::{Requester, Role, Scope, Via},
    };

    fn caller(actor: &str, role: Role) -> Caller {
        let address = Some([192, 0, 2, 1].into());
        Caller::of(Requester { actor: actor.to_owned(), via: Via::Console, address }, role, Scope::All)
    }

    #[test]
    fn who_sees_the_same_is_one_audience_and_the_first_begins_to_look() {
        let live = Live::default();
        let list = || Topic::Instances(String::new());
        let (seats, begun): (Vec<_>, Vec<_>) =
            (0..50).map(|n| live.sit(list(), &caller(&format!("user-{n}"), Role::Viewer))).unzip();
        assert_eq!(begun.iter().filter(|begin| **begin).count(), 1);
        let others = [
            live.sit(list(), &caller("anna", Role::Operator)).0,
            live.sit(Topic::Instances("state:running".to_owned()), &caller("vera", Role::Viewer)).0,
        ];
        let seated = || lock(&live.0).audiences.iter().map(|one| one.seats).collect::<Vec<_>>();
        assert_eq!(seated(), [50, 1, 1]);
        drop(others);
        assert_eq!(seated(), [50]);
        drop(seats);
        assert_eq!(seated(), [0; 0]);
    }
}
