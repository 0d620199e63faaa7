//! Calls that may never return, each on a thread of its own and waited for up to a deadline.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// Most calls that may be under way at once. A hung daemon keeps each caller's thread; this bounds how many.
const MOST: usize = 64;

/// How long to wait before asking whether anybody is there, and how long for the answer.
const PULSE: Duration = Duration::from_secs(4);

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// It returned.
    Done(T),
    /// It did not return in time, or too many earlier calls have not. It may still be at work.
    Late,
    /// It did not return, and nor did a simple question asked meanwhile: who is to answer hangs.
    Hung,
    /// It panicked, or no thread could be made for it.
    Broken,
}

/// Counts the calls under way, those given up on included.
#[derive(Debug, Clone, Default)]
pub struct Workers(Arc<AtomicUsize>);

struct UnderWay(Workers);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Workers {
    /// Runs `job` and waits for it up to `limit`.
    pub fn within<T: Send + 'static>(&self, limit: Duration, job: impl FnOnce() -> T + Send + 'static) -> Verdict<T> {
        match self.begin(job) {
            Ok(answer) => wait(&answer, limit),
            Err(verdict) => verdict,
        }
    }

    /// As `within`, but asks `pulse` from time to time while it waits, and gives up when that is not answered either.
    pub fn within_pulse<T: Send + 'static>(
        &self,
        limit: Duration,
        job: impl FnOnce() -> T + Send + 'static,
        pulse: impl Fn() + Clone + Send + 'static,
    ) -> Verdict<T> {
        let end = Instant::now() + limit;
        let answer = match self.begin(job) {
            Ok(answer) => answer,
            Err(verdict) => return verdict,
        };
        let mut asked: Option<Receiver<()>> = None;
        loop {
            match wait(&answer, PULSE.min(end.saturating_duration_since(Instant::now()))) {
                Verdict::Late => {}
                verdict => return verdict,
            }
            if asked.as_ref().is_some_and(|pulse| pulse.try_recv() == Err(TryRecvError::Empty)) {
                return Verdict::Hung;
            }
            if Instant::now() >= end {
                return Verdict::Late;
            }
            asked = self.begin(pulse.clone()).ok();
        }
    }

    /// Starts `job` on a thread of its own.
    fn begin<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> std::result::Result<Receiver<T>, Verdict<T>> {
        let under_way = UnderWay(self.clone());
        if self.0.fetch_add(1, Ordering::AcqRel) >= MOST {
            return Err(Verdict::Late);
        }
        let (answer, wait) = sync_channel(1);
        let run = move || {
            let _under_way = under_way;
            // Fails only when the caller gave up; the value is then dropped here, on this thread.
            let _ = answer.send(job());
        };
        if thread::Builder::new().name("libvirt".to_owned()).spawn(run).is_err() {
            return Err(Verdict::Broken);
        }
        Ok(wait)
    }
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
        let (_hold_pulse, held_pulse) = channel::<()>();
        let held_pulse = std::sync::Arc::new(std::sync::Mutex::new(held_pulse));
        let verdict = workers.within_pulse(
            long,
            move || held.recv().is_ok(),
            move || {
                let _ = held_pulse.lock().map(|p| p.recv());
            },
        );
        assert_eq!(verdict, Verdict::Hung);
        assert!(began.elapsed() >= 2 * super::PULSE);
        // The call is slow; who is asked meanwhile answers.
        let (hold, held) = channel::<()>();
        let asked = std::sync::Arc::new(std::sync::Mutex::new(Some(hold)));
        let verdict = workers.within_pulse(
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
    fn gives_up_on_a_call_that_hangs_and_bounds_how_many() {
        let workers = Workers::default();
        let mut holds = Vec::new();
        for _ in 0..MOST {
            let (hold, held) = channel::<()>();
            holds.push(hold);
            assert_eq!(workers.within(Duration::from_millis(1), move || held.recv().is_ok()), Verdict::Late);
        }
        assert_eq!(workers.within(Duration::from_secs(60), || 7), Verdict::Late, "one too many is refused at once");
        drop(holds);
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while workers.within(Duration::from_secs(10), || 7) != Verdict::Done(7) {
            assert!(std::time::Instant::now() < deadline, "waited for the hung calls to end");
        }
    }
}
