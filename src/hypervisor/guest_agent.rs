//! The agent in a guest (`qemu-guest-agent`): what it does for the host.

use uuid::Uuid;

use crate::model::Result;

/// Calls that the guest answers. Each has a deadline of seconds, and fails with `guest_agent` if there is no agent, or it does
/// not answer; it may do what it was asked for all the same, later.
pub trait GuestAgent: Send + Sync {
    /// Freezes all file systems of the guest: they are whole on the disk, and no write ends before they are thawed. An error
    /// if they are frozen.
    fn freeze(&self, uuid: Uuid) -> Result<()>;
    /// Thaws the file systems; content if they are not frozen.
    fn thaw(&self, uuid: Uuid) -> Result<()>;
    /// Whether the file systems are frozen.
    fn is_frozen(&self, uuid: Uuid) -> Result<bool>;
    /// Runs a program in the guest, by its path there, with this to read, and waits for its end; its exit code.
    fn run_in_guest(&self, uuid: Uuid, program: &str, arguments: &[&str], input: &[u8]) -> Result<i64>;
}
