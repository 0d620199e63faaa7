//! The clock: wall time, monotonic time, and every wait. Passed in, so that a test can drive time-outs.

use std::{
    io,
    os::fd::BorrowedFd,
    thread,
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    time::{ClockId, clock_gettime},
};

/// Where time comes from. Everything but [`Clock::now`] is the system's unless an implementation says otherwise.
pub trait Clock: Send + Sync {
    /// Wall time: what is stored and shown. It may jump.
    fn now(&self) -> Timestamp;

    /// Where the days of this machine begin.
    fn zone(&self) -> TimeZone {
        TimeZone::system()
    }

    /// Monotonic time: what deadlines are measured on.
    fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Time since this machine was booted, time asleep included. It never jumps, and processes agree on it.
    fn since_boot(&self) -> Duration {
        Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
    }

    /// Waits for `duration`.
    fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }

    /// Waits until a descriptor can be read (`true`) or `limit` has passed (`false`). A signal ends the wait early.
    ///
    /// # Errors
    /// The system's own, from poll(2).
    fn wait_readable(&self, fd: BorrowedFd<'_>, limit: Duration) -> io::Result<bool> {
        let mut fds = [PollFd::new(&fd, PollFlags::IN)];
        let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
        match poll(&mut fds, Some(&limit)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A function that tells wall time; monotonic time and waits are the system's.
impl Clock for fn() -> Timestamp {
    fn now(&self) -> Timestamp {
        self()
    }
}
