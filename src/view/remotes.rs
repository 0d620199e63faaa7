//! `lite remote`.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;

use super::{SecretView, row};
use crate::model::{RemoteState, Scheme};

/// A remote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemoteRow {
    /// Name.
    pub name: String,
    /// Where it is.
    pub location: String,
    /// What kind it is of.
    pub kind: Scheme,
    /// How far its life has come.
    pub state: RemoteState,
    /// The SSH host keys by which its machine is known.
    pub host_keys: Vec<String>,
    /// The public key by which lite logs in there; none where it does not.
    pub login_key: Option<String>,
    /// When it was added.
    #[serde(serialize_with = "row::time")]
    pub created_at: Timestamp,
}

/// A remote that was added.
#[derive(Debug, Clone)]
pub struct RemoteAdded {
    /// The remote.
    pub row: RemoteRow,
    /// The password that lite drew for it; none: somebody has it already.
    pub password: Option<SecretString>,
}

/// The document of `remote list` and `remote show`.
#[derive(Debug, Serialize)]
pub struct RemotesDocument<'a> {
    /// The remotes.
    pub remotes: &'a [RemoteRow],
}

/// The document of `remote add` and `remote show --secrets`.
#[derive(Debug, Serialize)]
pub struct RemoteSecretsDocument<'a> {
    /// The remote.
    pub remote: &'a RemoteRow,
    /// What opens it.
    pub secrets: &'a [SecretView],
}

/// The password of a remote, as `lite secrets` has others.
pub fn remote_password(value: SecretString) -> SecretView {
    let (name, description) = ("password".to_owned(), "what the remote holds".to_owned());
    SecretView { name, description, user: None, value }
}

/// A snapshot that is whole in a remote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemoteSnapshotRow {
    /// Name.
    pub name: String,
    /// Its id, which no other has.
    pub id: String,
    /// The instance, as it was called then.
    pub instance: String,
    /// Whether the watcher made it by itself.
    pub automatic: bool,
    /// When the disk was as it is there.
    #[serde(serialize_with = "row::time")]
    pub created_at: Timestamp,
    /// When it was copied.
    #[serde(serialize_with = "row::time")]
    pub pushed_at: Timestamp,
}

/// The document of `remote snapshots`.
#[derive(Debug, Serialize)]
pub struct RemoteSnapshotsDocument<'a> {
    /// The remote.
    pub remote: &'a str,
    /// Its snapshots, the oldest first.
    pub snapshots: &'a [RemoteSnapshotRow],
}
