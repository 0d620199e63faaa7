//! Samples become metrics, metrics become alarms, crashes become restarts. What decides is pure; the loop is thin.

pub mod actor;
pub mod backoff;
pub mod balancer;
pub mod clock;
pub mod decide;
pub mod evaluate;
pub mod export;
pub mod fullness;
pub mod guard;
pub mod machine;
pub mod policy;
pub mod probe;
pub mod run;
pub mod sample;
pub mod sender;
pub mod stop;
pub mod unit;
pub mod watcher;
pub mod window;

pub use decide::{Class, Decision, decide};
pub use machine::{AlarmTransition, step};
