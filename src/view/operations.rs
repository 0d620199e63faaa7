//! `lite operations`.

use jiff::Timestamp;
use serde::Serialize;

use super::row;
use crate::model::{Code, ResourceKind};

/// A change, journalled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationRow {
    /// Id, `op-…`.
    pub id: String,
    /// Kind: `create`, `delete` …
    pub kind: String,
    /// The resource it changes.
    pub resource: String,
    /// The instance's id, if it is about one.
    pub instance: Option<uuid::Uuid>,
    /// `started`, `succeeded`, `failed` or `needs-attention`.
    pub state: String,
    /// Who asked for it.
    pub actor: String,
    /// By which way: `cli`, `console`, `api` or `watcher`.
    pub via: String,
    /// The kind of that.
    #[serde(skip)]
    pub resource_kind: ResourceKind,
    /// When it began.
    #[serde(serialize_with = "row::time")]
    pub started_at: Timestamp,
    /// How long it took; none while it runs.
    pub milliseconds: Option<u64>,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// The same for machines; none where only an older lite knew.
    #[serde(skip)]
    pub error_code: Option<Code>,
}

/// A step of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepView {
    /// Name.
    pub name: String,
    /// `planned`, `started`, `done`, `undone` …
    pub state: String,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// An operation with its steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperationView {
    /// What a listing shows.
    #[serde(flatten)]
    pub row: OperationRow,
    /// The stage it is in, while it runs.
    pub stage: Option<String>,
    /// What it is doing there.
    pub note: Option<String>,
    /// How much of it is done.
    pub done_bytes: Option<u64>,
    /// Of how much.
    pub total_bytes: Option<u64>,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
}

/// The document of `operations` and its `show`.
#[derive(Debug, Serialize)]
pub struct OperationsDocument<'a, T> {
    /// [`OperationRow`] or [`OperationView`].
    pub operations: &'a [T],
}
