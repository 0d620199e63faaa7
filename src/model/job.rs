//! A job: a command that has a machine of its own, which goes with it.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Requester, words};

words! {
    /// How a job stands.
    JobState;
    /// It waits until there is room for its machine.
    Waiting = "waiting",
    /// Its machine is made, or its command runs.
    Running = "running",
    /// Its command ended, with an exit code.
    Exited = "exited",
    /// Its command could not be run, or not to its end.
    Failed = "failed",
    /// Its time was over.
    TimedOut = "timed-out",
    /// Somebody ended it.
    Cancelled = "cancelled",
    /// The process that ran it died.
    CutOff = "cut-off",
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// `job-` and eight hexadecimal digits.
    pub id: String,
    /// How it stands.
    pub state: JobState,
    /// Blueprint id.
    pub blueprint: String,
    /// Bundle id.
    pub bundle: String,
    /// The words of its command.
    pub command: Vec<String>,
    /// Its machine stays as an instance.
    pub keep: bool,
    /// Who asked for it.
    pub requester: Requester,
    /// When.
    pub created_at: Timestamp,
    /// When its machine was reserved.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When somebody asked that it end.
    pub cancel_at: Option<Timestamp>,
    /// The exit code of its command.
    pub exit_code: Option<u8>,
    /// Why it failed.
    pub error: Option<String>,
    /// The name of its machine, also after that is gone.
    pub name: Option<String>,
    /// Its machine, as long as that is the job's to remove.
    pub instance: Option<Uuid>,
}

impl Job {
    /// Whether nothing is left to do of it.
    pub fn is_settled(&self) -> bool {
        self.ended_at.is_some() && self.instance.is_none()
    }
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobEnd {
    /// The state it gets.
    pub state: JobState,
    /// The exit code of its command.
    pub exit_code: Option<u8>,
    /// Why it failed.
    pub error: Option<String>,
}

impl JobEnd {
    /// An end without an exit code.
    pub fn of(state: JobState) -> Self {
        Self { state, exit_code: None, error: None }
    }

    /// Its command ended.
    pub fn exited(code: u8) -> Self {
        Self { exit_code: Some(code), ..Self::of(JobState::Exited) }
    }

    /// It failed.
    pub fn failed(why: impl std::fmt::Display) -> Self {
        Self { error: Some(why.to_string()), ..Self::of(JobState::Failed) }
    }
}
