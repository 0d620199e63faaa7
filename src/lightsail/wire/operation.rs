//! Operations.

use serde::{Deserialize, Serialize};

use super::{Location, Time};

/// `GetOperation`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetOperation {
    /// Its id.
    pub operation_id: String,
}

/// `GetOperationsForResource`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetOperationsForResource {
    /// The name of what they changed.
    pub resource_name: String,
    /// Where the list goes on.
    pub page_token: Option<String>,
}

/// One operation.
#[derive(Debug, Serialize)]
pub struct OneOperation {
    /// It.
    pub operation: Operation,
}

/// The operations of a change.
#[derive(Debug, Serialize)]
pub struct Begun {
    /// One for each resource.
    pub operations: Vec<Operation>,
}

/// Operations.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Operations {
    /// Those of this page.
    pub operations: Vec<Operation>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// An operation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// What it changes.
    pub resource_name: String,
    /// What that is.
    pub resource_type: &'static str,
    /// When it began.
    pub created_at: Time,
    /// Where it is.
    pub location: Location,
    /// It has ended.
    pub is_terminal: bool,
    /// What it does.
    pub operation_type: String,
    /// `Started`, `Succeeded` or `Failed`.
    pub status: &'static str,
    /// When it got there.
    pub status_changed_at: Time,
    /// Why it failed, for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_details: Option<String>,
}
