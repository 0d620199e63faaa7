//! Where a domain differs from what lite recorded of it.

use std::fmt;

use serde::Serialize;

/// One difference; libvirt's words are not checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// What differs: `name`, `memory`, `vcpus`, `root disk`, `seed`, `disk`, `interface`, `network`, `port`, `link`, `filter`,
    /// `firewall`, `record`.
    pub what: &'static str,
    /// What lite recorded.
    pub recorded: String,
    /// What libvirt has now.
    pub now: String,
}

impl Drift {
    /// A difference.
    pub fn new(what: &'static str, recorded: impl fmt::Display, now: impl fmt::Display) -> Self {
        Self { what, recorded: recorded.to_string(), now: now.to_string() }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (recorded: {})", self.what, super::escaped(&self.now), super::escaped(&self.recorded))
    }
}
