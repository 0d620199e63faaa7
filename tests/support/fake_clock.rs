//! A clock that no test waits for.

use std::{
    io,
    os::fd::BorrowedFd,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use lite::clock::Clock;

/// A clock on which time passes in waits alone, and at once.
pub struct FakeClock {
    start: Instant,
    waited: Mutex<Duration>,
}

impl FakeClock {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), waited: Mutex::default() })
    }

    pub fn waited(&self) -> Duration {
        *self.waited.lock().expect("not poisoned")
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn instant(&self) -> Instant {
        self.start + self.waited()
    }

    fn sleep(&self, duration: Duration) {
        *self.waited.lock().expect("not poisoned") += duration;
    }

    fn wait_readable(&self, _: BorrowedFd<'_>, limit: Duration) -> io::Result<bool> {
        self.sleep(limit);
        Ok(false)
    }
}
