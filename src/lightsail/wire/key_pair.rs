//! Key pairs.

use serde::{Deserialize, Serialize};

use super::{Location, Operation, Tag, Time};

/// What is about one key pair.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfKeyPair {
    /// Its name.
    pub key_pair_name: String,
}

/// `CreateKeyPair`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateKeyPair {
    /// Its name.
    pub key_pair_name: String,
    /// Its tags.
    pub tags: Option<Vec<Tag>>,
}

/// `ImportKeyPair`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportKeyPair {
    /// Its name.
    pub key_pair_name: String,
    /// The public key as OpenSSH writes it, or that in Base64.
    pub public_key_base64: String,
}

/// `GetKeyPairs`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetKeyPairs {
    /// Where the list goes on.
    pub page_token: Option<String>,
}

/// Key pairs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyPairs {
    /// Those of this page.
    pub key_pairs: Vec<KeyPair>,
    /// Where the list goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// One key pair.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OneKeyPair {
    /// It.
    pub key_pair: KeyPair,
}

/// A key pair that was made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MadeKeyPair {
    /// It.
    pub key_pair: KeyPair,
    /// Its public key, as OpenSSH writes it.
    pub public_key_base64: String,
    /// Its private key, as OpenSSH writes it, this once.
    pub private_key_base64: String,
    /// That it was made.
    pub operation: Operation,
}

/// The key pair by which lite itself logs in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DefaultKeyPair {
    /// Its public key.
    pub public_key_base64: String,
    /// Its private key.
    pub private_key_base64: String,
}

/// A key pair.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyPair {
    /// Its name.
    pub name: String,
    /// Its name among all there are.
    pub arn: String,
    /// For whoever is asked about it.
    pub support_code: String,
    /// When it was kept.
    pub created_at: Time,
    /// Where it is.
    pub location: Location,
    /// `KeyPair`.
    pub resource_type: &'static str,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// What tells its public key from others.
    pub fingerprint: String,
}
