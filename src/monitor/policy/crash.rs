//! When an instance that crashed is started again, and when no more.

use jiff::{SignedDuration, Timestamp};

use super::state::{Action, History};
use crate::model::EventKind;

/// Waits before the first, second … restart, in seconds.
const BACKOFF: [i64; 5] = [5, 10, 20, 40, 80];
/// A crash is told with its restart if that comes within so many seconds.
const TOGETHER: i64 = 10;
/// The span in which so many restarts are a crash loop.
const LOOP_SPAN: SignedDuration = SignedDuration::from_mins(30);

/// Forgets the restarts that no crash loop counts any more.
pub fn forget_old(history: &mut History, now: Timestamp) {
    history.restarts.retain(|at| now.duration_since(*at) < LOOP_SPAN && *at <= now);
}

/// What to do about an instance that is down by a crash.
pub fn crashed(history: &mut History, actions: &mut Vec<Action>, now: Timestamp) {
    if history.crash_loop {
        return;
    }
    let since = *history.crashed_at.get_or_insert(now);
    let tries = history.restarts.len();
    let Some(wait) = BACKOFF.get(tries) else {
        history.crash_loop = true;
        history.told = Some(EventKind::InstanceCrashLoop);
        let text =
            format!("it crashed again after {tries} restarts in 30 minutes; it stays down until somebody starts it");
        actions.push(Action::Tell(EventKind::InstanceCrashLoop, text));
        return;
    };
    // A clock that was set back must not hold up a restart for ever.
    let waited = now.duration_since(since).as_secs();
    let due = waited >= *wait || waited < 0;
    // A crash that is dealt with at once is told together with that: one message.
    if (due || *wait > TOGETHER) && history.told != Some(EventKind::InstanceCrashed) {
        history.told = Some(EventKind::InstanceCrashed);
        let text = format!("it went down by a crash; restart {} of {} after {wait} s", tries + 1, BACKOFF.len());
        actions.push(Action::Tell(EventKind::InstanceCrashed, text));
    }
    if due {
        history.restarts.push(now);
        (history.crashed_at, history.told, history.restarting) = (None, None, true);
        actions.push(Action::Restart);
    }
}

/// When the next restart is due, for a loop that need not wait for its next round.
pub fn restart_due(history: &History) -> Option<Timestamp> {
    let wait = BACKOFF.get(history.restarts.len()).filter(|_| !history.crash_loop)?;
    history.crashed_at?.checked_add(SignedDuration::from_secs(*wait)).ok()
}
