//! Points where a test build can be killed: `LITE_FAULT=NAME:N` aborts at the N-th pass of the point NAME.
//! Compiled in with the feature `fault` alone.

/// A point of the code that a test may ask to die at.
#[cfg(not(feature = "fault"))]
pub fn point(_name: &str) {}

/// A point of the code that a test may ask to die at.
#[cfg(feature = "fault")]
pub fn point(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static PASSES: AtomicU32 = AtomicU32::new(0);
    let Some((wanted, n)) = std::env::var("LITE_FAULT").ok().and_then(|v| {
        let (wanted, n) = v.split_once(':')?;
        Some((wanted.to_owned(), n.parse::<u32>().ok()?))
    }) else {
        return;
    };
    if wanted == name && PASSES.fetch_add(1, Ordering::SeqCst) + 1 == n {
        // The same end as `kill -9`: no destructor, no exit handler.
        let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL);
    }
}
