//! Calls that may never return, each on a thread of its own and waited for up to a deadline.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

/// Most calls that may be under way at once. A hung daemon keeps each caller's thread; this bounds how many.
const MOST: usize = 64;

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict<T> {
    /// It returned.
    Done(T),
    /// It did not return in time, or too many earlier calls have not. It may still be at work.
    Late,
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
        let under_way = UnderWay(self.clone());
        if self.0.fetch_add(1, Ordering::AcqRel) >= MOST {
            return Verdict::Late;
        }
        let (answer, wait) = sync_channel(1);
        let run = move || {
            let _under_way = under_way;
            // Fails only when the caller gave up; the value is then dropped here, on this thread.
            let _ = answer.send(job());
        };
        if thread::Builder::new().name("libvirt".to_owned()).spawn(run).is_err() {
            return Verdict::Broken;
        }
        match wait.recv_timeout(limit) {
            Ok(value) => Verdict::Done(value),
            Err(RecvTimeoutError::Timeout) => Verdict::Late,
            Err(RecvTimeoutError::Disconnected) => Verdict::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc::channel, time::Duration};

    use super::{MOST, Verdict, Workers};

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
