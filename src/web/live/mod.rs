//! What moves on pages that are open: `/live`, a stream of server-sent events. One looker looks for all who watch, while anybody does;
//! what is shown is made once for all who see the same, and each gets what is another than what its page shows.

mod difference;
mod events;
mod looker;
mod topic;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use difference::Shown;
pub use events::stream;
pub use topic::{List, Topic, is_protected};

use tokio::sync::watch;

use crate::app::Caller;

/// Who watch the same, and see the same of it.
struct Group {
    topic: Topic,
    caller: Caller,
    count: usize,
    shown: watch::Sender<Option<Arc<Shown>>>,
}

impl Group {
    fn is_of(&self, topic: &Topic, caller: &Caller) -> bool {
        self.topic == *topic && self.caller == *caller
    }
}

/// All who follow.
#[derive(Default)]
struct Subscribers {
    groups: Vec<Group>,
    /// Somebody looks.
    is_looking: bool,
    /// Somebody came who was shown nothing yet.
    is_new: bool,
}

/// All who watch.
#[derive(Default)]
pub struct Live(Arc<Mutex<Subscribers>>);

/// One that follows. Dropped, it is left.
pub(super) struct Subscription {
    subscribers: Arc<Mutex<Subscribers>>,
    topic: Topic,
    caller: Caller,
    shown: watch::Receiver<Option<Arc<Shown>>>,
}

fn lock(subscribers: &Mutex<Subscribers>) -> MutexGuard<'_, Subscribers> {
    subscribers.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// Follows, and says whether somebody has to begin to look.
    fn subscribe(&self, topic: Topic, caller: &Caller) -> (Subscription, bool) {
        let mut subscribers = lock(&self.0);
        subscribers.is_new = true;
        let begin = !std::mem::replace(&mut subscribers.is_looking, true);
        // Who it is, and from where, is nothing to what is shown.
        let mut caller = caller.clone();
        caller.requester = crate::model::Requester::root(crate::model::Via::Console);
        let at = subscribers.groups.iter().position(|one| one.is_of(&topic, &caller)).unwrap_or_else(|| {
            let shown = watch::Sender::new(None);
            subscribers.groups.push(Group { topic: topic.clone(), caller: caller.clone(), count: 0, shown });
            subscribers.groups.len() - 1
        });
        subscribers.groups[at].count += 1;
        let shown = subscribers.groups[at].shown.subscribe();
        (Subscription { subscribers: self.0.clone(), topic, caller, shown }, begin)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut subscribers = lock(&self.subscribers);
        if let Some(at) = subscribers.groups.iter().position(|one| one.is_of(&self.topic, &self.caller)) {
            subscribers.groups[at].count -= 1;
            if subscribers.groups[at].count == 0 {
                subscribers.groups.remove(at);
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
    fn who_sees_the_same_is_one_group_and_the_first_begins_to_look() {
        let live = Live::default();
        let list = || Topic::Instances(String::new());
        let (subscriptions, begun): (Vec<_>, Vec<_>) =
            (0..50).map(|n| live.subscribe(list(), &caller(&format!("user-{n}"), Role::Viewer))).unzip();
        assert_eq!(begun.iter().filter(|begin| **begin).count(), 1);
        let others = [
            live.subscribe(list(), &caller("anna", Role::Operator)).0,
            live.subscribe(Topic::Instances("state:running".to_owned()), &caller("vera", Role::Viewer)).0,
        ];
        let counts = || lock(&live.0).groups.iter().map(|one| one.count).collect::<Vec<_>>();
        assert_eq!(counts(), [50, 1, 1]);
        drop(others);
        assert_eq!(counts(), [50]);
        drop(subscriptions);
        assert_eq!(counts(), [0; 0]);
    }
}
