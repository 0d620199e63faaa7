//! What flows to one terminal: not faster than a browser shows it, and of what waits too long the oldest is left out.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

/// Most bytes that wait.
const WAITING: usize = 256 << 10;
/// Bytes a second, and at once after a pause.
const RATE: usize = 1 << 20;
const BURST: usize = 128 << 10;

/// What waits to be sent.
#[derive(Debug, Default)]
struct Waiting {
    bytes: VecDeque<u8>,
    dropped: u64,
    end: Option<String>,
    /// Nobody takes it any more.
    is_left: bool,
}

/// What is taken at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// So many bytes before these were left out.
    pub dropped: u64,
    pub bytes: Vec<u8>,
    /// That was all, and why.
    pub end: Option<String>,
}

/// Between what writes and a browser. Whoever writes never waits.
#[derive(Debug, Default)]
pub(super) struct Flow {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

impl Flow {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds bytes. False: nobody takes them any more.
    pub fn push(&self, bytes: &[u8]) -> bool {
        let mut waiting = self.waiting();
        waiting.bytes.extend(bytes);
        let over = waiting.bytes.len().saturating_sub(WAITING);
        waiting.bytes.drain(..over);
        waiting.dropped += over as u64;
        self.changed.notify_one();
        !waiting.is_left
    }

    /// That was all.
    pub fn end(&self, why: impl Into<String>) {
        self.waiting().end.get_or_insert(why.into());
        self.changed.notify_one();
    }

    /// Nobody takes any more.
    fn leave(&self) {
        self.waiting().is_left = true;
    }

    /// Takes at most so many bytes; the end only behind the last of them.
    fn take(&self, most: usize) -> Taken {
        let mut waiting = self.waiting();
        let count = waiting.bytes.len().min(most);
        let bytes = waiting.bytes.drain(..count).collect();
        let end = if waiting.bytes.is_empty() { waiting.end.clone() } else { None };
        Taken { dropped: std::mem::take(&mut waiting.dropped), bytes, end }
    }

    fn is_empty(&self) -> bool {
        let waiting = self.waiting();
        waiting.bytes.is_empty() && waiting.dropped == 0 && waiting.end.is_none()
    }

    /// Waits until there is something and room for it, and takes it.
    pub async fn next(&self, budget: &mut Budget, now: impl Fn() -> Duration) -> Taken {
        loop {
            if self.is_empty() {
                self.changed.notified().await;
                continue;
            }
            match budget.room(now()) {
                0 => tokio::time::sleep(Duration::from_millis(20)).await,
                most => {
                    let taken = self.take(most);
                    budget.spend(taken.bytes.len());
                    return taken;
                }
            }
        }
    }
}

/// Whoever takes what flows. Dropped, nobody takes it any more, however that came.
pub(super) struct Taker(pub Arc<Flow>);

impl Drop for Taker {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// How many bytes may go out. Pure.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
    at: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: BURST, at: Duration::ZERO }
    }
}

impl Budget {
    fn room(&mut self, now: Duration) -> usize {
        let since = now.saturating_sub(self.at).as_millis();
        // Parts of a millisecond are not lost.
        if since > 0 {
            let more = usize::try_from(since).unwrap_or(usize::MAX).saturating_mul(RATE / 1000);
            (self.left, self.at) = (self.left.saturating_add(more).min(BURST), now);
        }
        self.left
    }

    fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{BURST, Budget, Flow, RATE, Taken, WAITING};

    #[test]
    fn the_oldest_is_left_out_and_counted_and_the_end_comes_last() {
        let flow = Flow::default();
        assert!(flow.is_empty());
        assert!(flow.push(&vec![b'a'; WAITING]) && flow.push(b"bcd"));
        flow.end("over");
        flow.end("again");
        let first = flow.take(2);
        assert_eq!(first, Taken { dropped: 3, bytes: b"aa".to_vec(), end: None });
        let rest = flow.take(usize::MAX);
        assert_eq!((rest.dropped, rest.bytes.len(), rest.end.as_deref()), (0, WAITING - 2, Some("over")));
        assert!(rest.bytes.ends_with(b"abcd"));
        flow.leave();
        assert!(!flow.push(b"x"));
    }

    #[test]
    fn a_mebibyte_a_second_goes_out_after_a_burst() {
        let mut budget = Budget::default();
        let at = Duration::from_millis;
        assert_eq!(budget.room(at(0)), BURST);
        budget.spend(BURST);
        assert_eq!((budget.room(at(0)), budget.room(at(10))), (0, RATE / 1000 * 10));
        budget.spend(usize::MAX);
        assert_eq!(budget.room(at(60_000)), BURST, "what was not used is not saved up");
    }
}
