//! Views of lite as the structures of the API, and back. Pure.

pub mod add_on;
pub mod catalog;
pub mod cost;
pub mod firewall;
pub mod instance;
pub mod load_balancer;
pub mod monitoring;
pub mod operation;
pub mod storage;

use crate::model::Size;

/// A size in GiB, as the API's GB are.
pub fn gib(size: Size) -> u64 {
    size.as_mib() >> 10
}

/// The same with a fraction.
pub fn gib_fraction(size: Size) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "sizes end at 1 PiB")]
    let mib = size.as_mib() as f64;
    mib / 1024.0
}
