//! The one who looks, while anybody watches.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::{Shown, Subscribers, Topic, lock};
use crate::{
    app::{App, Caller, live::Looker},
    web::Console,
};

/// How often it is asked whether anything changed.
const ASK: Duration = Duration::from_millis(250);
/// The longest time between two looks, the shortest, and how many times the last one's.
const LONGEST: Duration = Duration::from_secs(10);
const SHORTEST: Duration = Duration::from_millis(500);
const TIMES: u32 = 4;

/// When the next look is due.
#[derive(Debug)]
struct Pace {
    begun: Option<Instant>,
    took: Duration,
    /// Something changed since.
    is_wanted: bool,
}

impl Pace {
    fn is_due(&self, now: Instant) -> bool {
        let Some(begun) = self.begun else { return true };
        let since = now.saturating_duration_since(begun);
        since >= LONGEST.max(TIMES * self.took) || self.is_wanted && since >= SHORTEST.max(TIMES * self.took)
    }
}

/// Looks until nobody watches any more.
pub(super) async fn look(console: Arc<Console>) {
    let mut looker = Looker::new(&console.app);
    let mut pace = Pace { begun: None, took: Duration::ZERO, is_wanted: true };
    loop {
        {
            let mut subscribers = lock(&console.live.0);
            if subscribers.groups.is_empty() {
                subscribers.is_looking = false;
                return;
            }
            pace.is_wanted |= std::mem::take(&mut subscribers.is_new);
        }
        let (app, subscribers, is_due) = (console.app.clone(), console.live.0.clone(), pace.is_due(Instant::now()));
        let asked = spawn_blocking(move || {
            let changed = looker.has_changed();
            if is_due {
                show(&app, &looker, &subscribers);
            }
            (looker, changed)
        });
        let begun = Instant::now();
        let Ok((same, changed)) = asked.await else {
            lock(&console.live.0).is_looking = false;
            return;
        };
        looker = same;
        if is_due {
            // What changed before the look was seen by it.
            pace = Pace { begun: Some(begun), took: begun.elapsed(), is_wanted: false };
        } else {
            pace.is_wanted |= changed;
        }
        sleep(ASK).await;
    }
}

/// Looks once, and shows each group what there is for it.
fn show(app: &App, looker: &Looker, subscribers: &std::sync::Mutex<Subscribers>) {
    // What cannot be looked at stays as it is shown: the page's own notices say why, once it is opened again.
    let Ok(looked) = looker.look() else { return };
    let all: Vec<(Topic, Caller)> =
        lock(subscribers).groups.iter().map(|one| (one.topic.clone(), one.caller.clone())).collect();
    for (topic, caller) in all {
        let shown = topic.shown(app, &caller, &looked);
        let Ok(shown) = shown.map(Arc::<Shown>::new) else { continue };
        if let Some(one) = lock(subscribers).groups.iter().find(|one| one.is_of(&topic, &caller)) {
            one.shown.send_if_modified(|before| {
                let is_other = before.as_ref() != Some(&shown);
                *before = Some(shown);
                is_other
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Pace;

    #[test]
    fn a_change_is_looked_at_soon_and_a_slow_host_seldom() {
        let begun = Instant::now();
        let due = |took: u64, is_wanted: bool, after: u64| {
            let pace = Pace { begun: Some(begun), took: Duration::from_millis(took), is_wanted };
            pace.is_due(begun + Duration::from_millis(after))
        };
        assert!(Pace { begun: None, took: Duration::ZERO, is_wanted: false }.is_due(begun));
        for (took, is_wanted, after, wanted) in [
            (10, true, 499, false),
            (10, true, 500, true),
            (10, false, 9_999, false),
            (10, false, 10_000, true),
            (1_000, true, 3_999, false),
            (1_000, true, 4_000, true),
            (5_000, false, 19_999, false),
            (5_000, false, 20_000, true),
        ] {
            assert_eq!(due(took, is_wanted, after), wanted, "{took} {is_wanted} {after}");
        }
    }
}
