//! A test that lacks something ends with the reason. `tests/real` counts that as a skip; elsewhere it is a failure.

use std::panic::resume_unwind;

/// Why a test was not run.
pub struct Skip(pub String);

/// Ends a test that lacks something.
pub fn skip(reason: impl Into<String>) -> ! {
    let reason = reason.into();
    eprintln!("skipped: {reason}");
    resume_unwind(Box::new(Skip(reason)))
}
