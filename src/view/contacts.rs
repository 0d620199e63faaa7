//! `lite contact list`, `deliveries`, and the secret that is shown once.

use jiff::Timestamp;
use serde::Serialize;

use super::row;

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContactRow {
    /// Name.
    pub name: String,
    /// Scheme and host of its address.
    pub url: String,
    /// Format.
    pub format: String,
    /// Private networks are allowed.
    pub private: bool,
    /// Messages and events that wait.
    pub waiting: i64,
    /// Messages that never arrived.
    pub dead: usize,
    /// Messages lost because too many waited.
    pub lost: i64,
    /// Why nothing is sent to it any more.
    pub disabled: Option<String>,
    /// It is told by mail.
    #[serde(skip)]
    pub mail: bool,
    /// Its address has not given its code back.
    #[serde(skip)]
    pub unverified: bool,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryRow {
    /// Id.
    pub id: String,
    /// Contact.
    pub contact: String,
    /// When it was made.
    #[serde(serialize_with = "row::time")]
    pub made_at: Timestamp,
    /// What it tells.
    pub what: String,
    /// `queued`, `delivered`, `superseded`, `dead`.
    pub state: String,
    /// Attempts made.
    pub attempts: u32,
    /// When the next is due.
    pub next_at: Option<Timestamp>,
    /// Status of the last answer.
    pub status: Option<u16>,
    /// What went wrong last.
    pub error: Option<String>,
}

/// A secret, printed once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretOnce {
    /// Contact.
    pub name: String,
    /// The secret.
    pub secret: String,
}

/// The document of `contact list`, `add` and `rotate`.
#[derive(Debug, Serialize)]
pub struct ContactsDocument<'a, T> {
    /// [`ContactRow`] or [`SecretOnce`].
    pub contacts: &'a [T],
}

/// The document of `contact deliveries`.
#[derive(Debug, Serialize)]
pub struct DeliveriesDocument<'a> {
    /// The messages.
    pub deliveries: &'a [DeliveryRow],
}
