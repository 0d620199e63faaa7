//! `lite secrets`: the one verb whose JSON holds passwords.

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};

/// A secret of an instance.
#[derive(Debug, Clone, Serialize)]
pub struct SecretView {
    /// Name.
    pub name: String,
    /// What it opens.
    pub description: String,
    /// The account, if it belongs to one.
    pub user: Option<String>,
    /// The value.
    #[serde(serialize_with = "exposed")]
    pub value: SecretString,
}

fn exposed<S: Serializer>(value: &SecretString, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(value.expose_secret())
}

/// The document of `secrets`.
#[derive(Debug, Serialize)]
pub struct SecretsDocument<'a> {
    /// The instance.
    pub instance: &'a str,
    /// Its secrets.
    pub secrets: &'a [SecretView],
}
