//! `lite login`, `lite user` and `lite key`.

use std::net::IpAddr;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::model::Role;

/// A code that logs in once.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct LoginCodeView {
    /// Whom it logs in.
    pub user: String,
    /// The code, shown this once.
    pub code: String,
    /// Opens the page that takes it; none: it is not known where the console listens.
    pub link: Option<String>,
    /// Until when it counts.
    pub until: Timestamp,
}

/// A user in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserRow {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The tag of what it sees; none: it sees everything.
    pub only: Option<String>,
    /// It may not come in.
    pub disabled: bool,
    /// It has a password.
    pub password: bool,
    /// With the password it is asked for a code that changes.
    pub second_factor: bool,
    /// How many sessions it has.
    pub sessions: usize,
    /// How many keys it has.
    pub keys: usize,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A session of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionRow {
    /// From where it was begun.
    pub address: Option<IpAddr>,
    /// When somebody logged in.
    pub began_at: Timestamp,
    /// When it was used last.
    pub used_at: Timestamp,
}

/// A key of the API, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    /// `LITE` and 16 letters.
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// What it may do.
    pub role: Role,
    /// What it is for.
    pub label: String,
    /// It reads the metrics and nothing else.
    #[serde(rename = "for_metrics")]
    pub metrics: bool,
    /// Nobody comes in with it.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was used last.
    pub used_at: Option<Timestamp>,
    /// From where.
    pub address: Option<IpAddr>,
}

/// A user with its sessions and keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserView {
    /// As in a list.
    pub row: UserRow,
    /// The sessions, the one used last first.
    pub sessions: Vec<SessionRow>,
    /// The keys.
    pub keys: Vec<KeyRow>,
}

/// What somebody who is logged in has of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnView {
    /// What it may do.
    pub role: Role,
    /// Its sessions, the one used last first.
    pub sessions: Vec<SessionRow>,
    /// Its keys.
    pub keys: Vec<KeyRow>,
}

/// A second factor that was just made, and counts once a code confirmed it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct SecondFactorView {
    /// Whose it is.
    pub user: String,
    /// What a program for codes is given, in base 32; shown this once.
    pub secret: String,
    /// The same as a link.
    pub link: String,
}

/// How a host is told to clients of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientView {
    /// Its region.
    pub region: String,
    /// Its address; empty: it is not known where it listens.
    pub endpoint: String,
}

/// A key that was just made.
#[derive(Clone, Serialize)]
pub struct KeyCreated {
    /// The key.
    pub key: KeyRow,
    /// Its secret, or the token that it is; shown this once.
    pub secret: String,
    /// Where it is used.
    #[serde(flatten)]
    pub client: ClientView,
}

impl KeyCreated {
    /// A key with its secret.
    pub fn new(key: KeyRow, secret: &SecretString, client: ClientView) -> Self {
        Self { key, secret: secret.expose_secret().to_owned(), client }
    }

    /// What is pasted into `~/.aws/config`.
    pub fn profile(&self) -> String {
        let ClientView { region, endpoint } = &self.client;
        format!(
            "[profile lite]\nregion = {region}\nservices = lite\naws_access_key_id = {}\naws_secret_access_key = {}\n\
             [services lite]\nlightsail =\n  endpoint_url = {endpoint}\n",
            self.key.id, self.secret
        )
    }

    /// The same for one shell. Nothing of it needs quotes.
    pub fn environment(&self) -> String {
        let ClientView { region, endpoint } = &self.client;
        format!(
            "export AWS_ENDPOINT_URL_LIGHTSAIL={endpoint}\nexport AWS_REGION={region}\nexport AWS_ACCESS_KEY_ID={}\n\
             export AWS_SECRET_ACCESS_KEY={}\n",
            self.key.id, self.secret
        )
    }
}

/// The document of `user list`.
#[derive(Debug, Serialize)]
pub struct UsersDocument<'a> {
    /// The users.
    pub users: &'a [UserRow],
}

/// The document of `user show`.
#[derive(Debug, Serialize)]
pub struct UserDocument<'a> {
    /// The user.
    pub user: &'a UserRow,
    /// Its sessions.
    pub sessions: &'a [SessionRow],
    /// Its keys.
    pub keys: &'a [KeyRow],
}

/// The document of `key list`.
#[derive(Debug, Serialize)]
pub struct KeysDocument<'a> {
    /// The keys.
    pub keys: &'a [KeyRow],
}
