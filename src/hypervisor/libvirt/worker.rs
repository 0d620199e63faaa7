//! Calls that may never return, each on a thread of its own and waited for up to a deadline.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// Most calls that may be under way at once. A hung daemon keeps each caller's thread; this bounds how many. A call beyond
/// them waits for one to end.
const MOST: usize = 64;

/// How long to wait before asking whether anybody is there, and how long for the answer.
const KEEPALIVE: Duration = Duration::from_secs(4);

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// It returned.
    Done(T),
    /// It did not return in time. It may still be at work.
    Late,
    /// It was not begun: other calls were under way for all of its time.
    Full,
    /// It did not return, and nor did a simple question asked meanwhile: who is to answer hangs.
    Hung,
    /// It panicked, or no thread could be made for it.
    Broken,
}

/// Counts the calls under way, those given up on included.
#[derive(Debug, Clone, Default)]
pub struct Workers(Arc<Slots>);

#[derive(Debug, Default)]
struct Slots {
    taken: Mutex<usize>,
    freed: Condvar,
}

impl Slots {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to have a call under way; given back when dropped.
struct Slot(Arc<Slots>);

impl Drop for Slot {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.freed.notify_one();
    }
}

impl Workers {
    /// Runs `job` and waits for it up to `limit`, the wait for its turn included.
    pub fn run<T: Send + 'static>(&self, limit: Duration, job: impl FnOnce() -> T + Send + 'static) -> Verdict<T> {
        let end = Instant::now() + limit;
        let Some(slot) = self.slot(limit) else { return Verdict::Full };
        match begin(Some(slot), job) {
            Ok(answer) => wait(&answer, end.saturating_duration_since(Instant::now())),
            Err(verdict) => verdict,
        }
    }

    /// As `run`, but asks `question` from time to time while it waits, and gives up when that is not answered either.
    pub fn run_with_keepalive<T: Send + 'static>(
        &self,
        limit: Duration,
        job: impl FnOnce() -> T + Send + 'static,
        question: impl Fn() + Clone + Send + 'static,
    ) -> Verdict<T> {
        let end = Instant::now() + limit;
        let Some(slot) = self.slot(limit) else { return Verdict::Full };
        let answer = match begin(Some(slot), job) {
            Ok(answer) => answer,
            Err(verdict) => return verdict,
        };
        let mut asked: Option<Receiver<()>> = None;
        loop {
            match wait(&answer, KEEPALIVE.min(end.saturating_duration_since(Instant::now()))) {
                Verdict::Late => {}
                verdict => return verdict,
            }
            if asked.as_ref().is_some_and(|question| question.try_recv() == Err(TryRecvError::Empty)) {
                return Verdict::Hung;
            }
            if Instant::now() >= end {
                return Verdict::Late;
            }
            // Where all others are under way already, they ask.
            asked = self.slot(Duration::ZERO).and_then(|slot| begin(Some(slot), question.clone()).ok());
        }
    }

    /// A slot, if one is free or becomes free within `limit`.
    fn slot(&self, limit: Duration) -> Option<Slot> {
        let guard = self.0.lock();
        let full = |taken: &mut usize| *taken >= MOST;
        let (mut taken, _) =
            self.0.freed.wait_timeout_while(guard, limit, full).unwrap_or_else(PoisonError::into_inner);
        if *taken >= MOST {
            return None;
        }
        *taken += 1;
        Some(Slot(Arc::clone(&self.0)))
    }
}

/// Runs `job` and waits for it up to `limit`, however many calls are under way: for what ends them.
pub fn run_beside<T: Send + 'static>(limit: Duration, job: impl FnOnce() -> T + Send + 'static) -> Verdict<T> {
    match begin(None, job) {
        Ok(answer) => wait(&answer, limit),
        Err(verdict) => verdict,
    }
}

/// Starts `job` on a thread of its own, which keeps the slot until the job returns.
fn begin<T: Send + 'static>(
    slot: Option<Slot>,
    job: impl FnOnce() -> T + Send + 'static,
) -> std::result::Result<Receiver<T>, Verdict<T>> {
    let (answer, wait) = sync_channel(1);
    let run = move || {
        let _slot = slot;
        // Fails only when the caller gave up; the value is then dropped here, on this thread.
        let _ = answer.send(job());
    };
    if thread::Builder::new().name("libvirt".to_owned()).spawn(run).is_err() {
        return Err(Verdict::Broken);
    }
    Ok(wait)
}

fn wait<T>(answer: &Receiver<T>, limit: Duration) -> Verdict<T> {
    match answer.recv_timeout(limit) {
        Ok(value) => Verdict::Done(value),
        Err(RecvTimeoutError::Timeout) => Verdict::Late,
        Err(RecvTimeoutError::Disconnected) => Verdict::Broken,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::channel,
        time::{Duration, Instant},
    };

    use super::{MOST, Verdict, Workers};

    #[test]
    fn tells_a_call_that_is_slow_from_one_that_nobody_will_answer() {
        let workers = Workers::default();
        let long = Duration::from_secs(3600);
        let (_hold, held) = channel::<()>();
        let began = Instant::now();
        // Neither answers.
        let (_hold_question, held_question) = channel::<()>();
        let held_question = std::sync::Arc::new(std::sync::Mutex::new(held_question));
        let verdict = workers.run_with_keepalive(
            long,
            move || held.recv().is_ok(),
            move || {
                let _ = held_question.lock().map(|p| p.recv());
            },
        );
        assert_eq!(verdict, Verdict::Hung);
        assert!(began.elapsed() >= 2 * super::KEEPALIVE);
        // The call is slow; who is asked meanwhile answers.
        let (hold, held) = channel::<()>();
        let asked = std::sync::Arc::new(std::sync::Mutex::new(Some(hold)));
        let verdict = workers.run_with_keepalive(
            long,
            move || held.recv().is_err(),
            move || {
                // The question ends the slow call: it comes while that is waited for.
                if let Ok(mut hold) = asked.lock() {
                    hold.take();
                }
            },
        );
        assert_eq!(verdict, Verdict::Done(true));
    }

    #[test]
    fn a_call_too_many_waits_for_one_to_end() {
        let workers = Workers::default();
        let mut holds = Vec::new();
        for _ in 0..MOST {
            let (hold, held) = channel::<()>();
            holds.push(hold);
            assert_eq!(workers.run(Duration::from_millis(1), move || held.recv().is_ok()), Verdict::Late);
        }
        assert_eq!(workers.run(Duration::from_millis(1), || 7), Verdict::Full);
        let waiting = std::thread::spawn({
            let workers = workers.clone();
            move || workers.run(Duration::from_secs(60), || 7)
        });
        holds.pop();
        assert_eq!(waiting.join().unwrap(), Verdict::Done(7));
    }
}
