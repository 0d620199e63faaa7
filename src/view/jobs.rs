//! `lite run --list`.

use jiff::Timestamp;
use serde::Serialize;

use super::row;
use crate::model::JobState;

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobRow {
    /// Id, `job-…`.
    pub id: String,
    /// How it stands.
    pub state: JobState,
    /// Its place in the queue, while it waits.
    pub place: Option<u64>,
    /// The words of its command, as a shell would be given them.
    pub command: String,
    /// Blueprint id.
    pub blueprint: String,
    /// Bundle id.
    pub bundle: String,
    /// The name of its machine, also after that is gone.
    pub instance: Option<String>,
    /// Whether its machine stays as an instance.
    pub keep: bool,
    /// The exit code of its command.
    pub exit_code: Option<u8>,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// Who asked for it.
    pub actor: String,
    /// When.
    #[serde(serialize_with = "row::time")]
    pub created_at: Timestamp,
    /// When its machine was reserved.
    #[serde(serialize_with = "row::some_time")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(serialize_with = "row::some_time")]
    pub ended_at: Option<Timestamp>,
}

/// The document of `run --list`.
#[derive(Debug, Serialize)]
pub struct JobsDocument<'a> {
    /// The jobs, in the order of their arrival.
    pub jobs: &'a [JobRow],
}
