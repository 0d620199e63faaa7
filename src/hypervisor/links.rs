//! The guests' interfaces on the machine that runs them.

use crate::model::{Result, Tap};

/// The guests' interfaces on the host, which the kernel knows and libvirt does not look at again once they are made.
pub trait Links: Send + Sync {
    /// All tap devices, in no order. One is made before its bridge gets it: only that of a domain that runs is to be judged.
    fn taps(&self) -> Result<Vec<Tap>>;
    /// All links, those of the host too: one that somebody else put on a guests' bridge is of any kind.
    fn links(&self) -> Result<Vec<Tap>>;
    /// Puts a tap device, or another link, on a bridge that is there, isolated from others that are or not.
    fn attach_tap(&self, tap: &Tap) -> Result<()>;
}
