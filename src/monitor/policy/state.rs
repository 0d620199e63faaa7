//! What the policy looks at, what it remembers of an instance and what it answers. Plain data.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{DesiredState, EventKind};

/// What the host says of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed {
    /// Running, and its monitor answers.
    Running,
    /// Running, and its monitor does not answer.
    Silent,
    /// Paused by a person.
    Paused,
    /// Paused because the disk is full.
    DiskFull,
    /// On its way down.
    ShuttingDown,
    /// Off: QEMU crashed, could not start, or the guest panicked.
    Crashed,
    /// Off: the guest powered off.
    Shutdown,
    /// Off: somebody pulled the plug.
    Destroyed,
    /// Off, and libvirt does not know why: the host was booted.
    Off,
    /// Not there.
    Missing,
    /// Nobody could say.
    Unknown,
}

/// What to do when the guest powers itself off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestShutdown {
    /// It is meant: wanted becomes stopped.
    #[default]
    Stop,
    /// Start it again.
    Restart,
}

/// What the user decided about an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// Up or down.
    pub desired_state: DesiredState,
    /// Counts the user's decisions.
    pub generation: i64,
    /// What a power-off by the guest means.
    pub guest_shutdown: GuestShutdown,
    /// Reset it when it does not answer.
    pub reset_unresponsive: bool,
}

/// What the watcher remembers of an instance. Stored, so that it survives a restart of the watcher.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// The user's decision all this belongs to.
    pub generation: i64,
    /// Restarts after a crash, of the last half hour.
    pub restarts: Vec<Timestamp>,
    /// When it was first seen down by the crash that is to be dealt with.
    pub crashed_at: Option<Timestamp>,
    /// A restart was tried whose success was not told yet.
    #[serde(default)]
    pub restarting: bool,
    /// Why it was started otherwise, in words, where that was not told yet.
    #[serde(default)]
    pub starting: Option<String>,
    /// Gave up until somebody acts.
    pub crash_loop: bool,
    /// Samples in a row without an answer.
    pub silent: u32,
    /// When it was last tried to resume.
    pub resumed_at: Option<Timestamp>,
    /// What was told and still holds: nothing is told twice.
    pub told: Option<EventKind>,
    /// Boot of the host in which it was last seen up.
    pub boot: Option<String>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start it after a crash.
    Restart,
    /// Start it after a boot of the host or a shutdown by it; such starts are staggered.
    Start,
    /// Try whether it runs again.
    Resume,
    /// Press the reset button.
    Reset,
    /// From now on it is wanted off.
    WantStopped,
    /// Say it.
    Tell(EventKind, String),
}
