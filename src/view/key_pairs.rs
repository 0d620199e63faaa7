//! Key pairs, as the API gives them.

use jiff::Timestamp;
use serde::Serialize;

use super::row;
use crate::model::Tag;

/// A key pair: its public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyPairRow {
    /// Name.
    pub name: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// `ssh-ed25519 AAAA…`.
    pub public: String,
    /// Tags.
    #[serde(serialize_with = "row::tags")]
    pub tags: Vec<Tag>,
    /// When it was kept.
    #[serde(serialize_with = "row::time")]
    pub created_at: Timestamp,
}
