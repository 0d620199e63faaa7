//! Points where a build for the tests can be killed. Compiled in with the feature `fault` alone.
//!
//! `LITE_FAULT=NAME:N` ends the process at the N-th pass of the point NAME as `kill -9` does; `LITE_FAULT_LOG=FILE` gets
//! the name of each point passed, a line each, so that a test knows how many there are.

/// A point of the code that a test may ask to die at.
#[cfg(not(feature = "fault"))]
pub fn point(_name: &str) {}

/// A point of the code that a test may ask to die at.
#[cfg(feature = "fault")]
pub fn point(name: &str) {
    use std::{
        io::Write,
        sync::atomic::{AtomicU32, Ordering},
    };
    static PASSES: AtomicU32 = AtomicU32::new(0);
    if let Some(file) = std::env::var_os("LITE_FAULT_LOG") {
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(file);
        let _ = opened.and_then(|mut log| writeln!(log, "{name}"));
    }
    let asked = std::env::var("LITE_FAULT").unwrap_or_default();
    let Some((wanted, n)) = asked.split_once(':') else { return };
    if wanted == name && n.parse() == Ok(PASSES.fetch_add(1, Ordering::SeqCst) + 1) {
        // The same end as `kill -9`: no destructor, no exit handler.
        let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL);
    }
}
