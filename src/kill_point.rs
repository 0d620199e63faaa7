//! Points where a build for the tests may be killed. Compiled in with the feature `fault` alone.
//!
//! `LITE_KILL=NAME:N` ends the process at the N-th pass of a point called NAME, as `kill -9` does; `LITE_STOP=NAME:N` stops it
//! there, until it is let go on; `LITE_KILL_LOG=FILE` gets a line `NAME FILE:LINE` for each point passed, so that a test knows how
//! many there are and where they stand.
//! [`in_process`] does the same to a thread, without a process of its own.

#[cfg(feature = "fault")]
pub mod in_process;

/// A point of the code that a test may ask to be killed at.
#[cfg(not(feature = "fault"))]
pub fn reached(_name: &str) {}

/// Work for another thread, which dies where this one was to die.
#[cfg(not(feature = "fault"))]
pub fn inherited<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    work
}

#[cfg(feature = "fault")]
pub use in_process::inherited;

/// A point of the code that a test may ask to be killed at.
#[cfg(feature = "fault")]
#[track_caller]
pub fn reached(name: &str) {
    use std::{
        io::Write,
        sync::atomic::{AtomicU32, Ordering},
    };
    static PASSES: AtomicU32 = AtomicU32::new(0);
    let place = std::panic::Location::caller();
    in_process::pass(place);
    if let Some(file) = std::env::var_os("LITE_KILL_LOG") {
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(file);
        let line = format!("{name} {}:{}\n", place.file(), place.line());
        let _ = opened.and_then(|mut log| log.write_all(line.as_bytes()));
    }
    let asked = |variable| {
        let asked = std::env::var(variable).unwrap_or_default();
        asked.split_once(':').map(|(name, n): (&str, &str)| (name.to_owned(), n.parse::<u32>().ok()))
    };
    // The same end as `kill -9`: no destructor, no exit handler.
    let (kill, stop) = (signal_hook::consts::SIGKILL, signal_hook::consts::SIGSTOP);
    let Some(((wanted, n), signal)) =
        asked("LITE_KILL").map(|at| (at, kill)).or_else(|| asked("LITE_STOP").map(|at| (at, stop)))
    else {
        return;
    };
    if wanted == name && n == Some(PASSES.fetch_add(1, Ordering::SeqCst) + 1) {
        let _ = signal_hook::low_level::raise(signal);
    }
}
