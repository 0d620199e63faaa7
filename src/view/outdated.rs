//! `lite blueprints outdated`.

use jiff::Timestamp;
use serde::Serialize;

use super::row;

/// An instance made from another version of its blueprint than today's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutdatedRow {
    /// The instance.
    pub name: String,
    /// Its blueprint.
    pub blueprint: String,
    /// The version it was made from.
    pub version: String,
    /// Today's version; none if there is no such blueprint any more.
    pub today: Option<String>,
    /// The command that brings it to today's version; none where its blueprint has no part for that.
    pub command: Option<String>,
    /// When it was made.
    #[serde(serialize_with = "row::time")]
    pub created_at: Timestamp,
}

/// The document of `blueprints outdated`.
#[derive(Debug, Serialize)]
pub struct OutdatedDocument<'a> {
    /// The instances.
    pub outdated: &'a [OutdatedRow],
}
