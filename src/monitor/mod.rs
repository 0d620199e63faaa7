//! Samples become metrics, metrics become alarms, crashes become restarts. What decides is pure; the loop is thin.

pub mod decide;
pub mod guard;
pub mod machine;
pub mod policy;
pub mod sample;
pub mod sender;
pub mod window;

pub use decide::{Class, Decision, decide};
pub use machine::{Happening, step};
