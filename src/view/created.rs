//! The end of `lite create`.

use std::net::{Ipv4Addr, Ipv6Addr};

use secrecy::SecretString;
use serde::Serialize;

use super::show::outputs;
use crate::model::{Currency, InstanceState, Money};

/// A secret shown once. Its value is never part of the JSON form.
#[derive(Debug, Clone, Serialize)]
pub struct ShownSecret {
    /// What it opens, in a word: `ADMIN`.
    pub label: String,
    /// The account, if it belongs to one.
    pub user: Option<String>,
    /// The value.
    #[serde(skip)]
    pub value: SecretString,
}

/// How long a stage took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageTime {
    /// Name of the stage.
    pub name: String,
    /// Milliseconds.
    pub milliseconds: u64,
}

/// The image below a new instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageUsed {
    /// Its id; none if it was replaced since.
    pub id: Option<String>,
    /// SHA-256, hexadecimal.
    pub digest: String,
    /// The blueprint was installed in it already.
    pub baked: bool,
}

/// A new instance.
#[derive(Debug, Clone, Serialize)]
pub struct CreatedView {
    /// Name.
    pub name: String,
    /// Id.
    pub uuid: uuid::Uuid,
    /// State.
    pub state: InstanceState,
    /// Whether its application is known to answer; not with `--no-wait`.
    pub ready: bool,
    /// Blueprint id.
    pub blueprint: String,
    /// Bundle id.
    pub bundle: String,
    /// What the blueprint prints: label and value, such as `URL`.
    #[serde(serialize_with = "outputs")]
    pub outputs: Vec<(String, String)>,
    /// Address, if it is known.
    pub address: Option<Ipv4Addr>,
    /// Its IPv6 address, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address6: Option<Ipv6Addr>,
    /// Price agreed.
    pub price: Money,
    /// Its currency.
    pub currency: Currency,
    /// What to show once.
    pub secrets: Vec<ShownSecret>,
    /// The operation that made it.
    pub operation: String,
    /// The image below it.
    pub image: ImageUsed,
    /// Its stages.
    pub stages: Vec<StageTime>,
}

/// The document of `create`.
#[derive(Debug, Serialize)]
pub struct CreatedDocument<'a> {
    /// The new instance.
    pub instance: &'a CreatedView,
}
