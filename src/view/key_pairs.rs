//! Key pairs, as the API gives them.

use jiff::Timestamp;

use crate::model::Tag;

/// A key pair: its public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPairRow {
    /// Name.
    pub name: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// `ssh-ed25519 AAAA…`.
    pub public: String,
    /// Tags.
    pub tags: Vec<Tag>,
    /// When it was kept.
    pub created_at: Timestamp,
}
