//! The tags of an instance.

use serde::Serialize;

use super::row;
use crate::model::Tag;

/// The document of `tag`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagsView {
    /// The instance.
    pub name: String,
    /// Its tags.
    #[serde(serialize_with = "row::tags")]
    pub tags: Vec<Tag>,
}
