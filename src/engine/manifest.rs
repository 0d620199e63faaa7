//! What an export says of itself: its first member. With secrets only where it is encrypted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{
    catalog::Blueprint,
    model::{Code, Consistency, Error, Record, Result},
    store::Secret,
};

/// What every export begins with.
const FORMAT: &str = "lite-export";
/// Version of its shape.
const VERSION: u32 = 1;

/// The first member of an export.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    version: u32,
    /// When it was exported.
    pub exported_at: Timestamp,
    /// When the disk was as it is here.
    pub taken_at: Timestamp,
    /// The state of the file systems.
    pub consistency: Consistency,
    /// The instance, without what it had of its host alone.
    pub record: Record,
    /// The blueprint that it was made from.
    pub blueprint: Blueprint,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// The secrets that lite made for it, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<ExportedSecret>,
    /// The definition beside it.
    pub domain: Content,
    /// The disk beside it.
    pub disk: Content,
}

/// What a member holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Content {
    /// Its bytes.
    pub length: u64,
    /// Their SHA-256, hexadecimal.
    pub sha256: String,
}

/// A secret of the instance.
#[derive(Clone, Serialize, Deserialize)]
pub struct ExportedSecret {
    name: String,
    account: Option<String>,
    description: String,
    shown: bool,
    value: String,
}

impl std::fmt::Debug for ExportedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportedSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

impl From<Secret> for ExportedSecret {
    fn from(secret: Secret) -> Self {
        let Secret { name, account, description, shown, value } = secret;
        Self { name, account, description, shown, value: value.expose_secret().to_owned() }
    }
}

/// What an export is of.
#[derive(Debug)]
pub struct Exported {
    /// When the disk was as it is.
    pub taken_at: Timestamp,
    /// The state of the file systems.
    pub consistency: Consistency,
    /// The instance.
    pub record: Record,
    /// Its blueprint.
    pub blueprint: Blueprint,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its secrets, where they go with it.
    pub secrets: Vec<ExportedSecret>,
}

impl Manifest {
    /// That of an export. What led to the instance, and the disks that it was given, stay with its host.
    pub fn new(of: Exported, exported_at: Timestamp, domain: Content, disk: Content) -> Self {
        let Exported { taken_at, consistency, record, blueprint, parameters, secrets } = of;
        let record = Record {
            made_as: None,
            root_disk: None,
            lies_on: None,
            disks: Vec::new(),
            published: Vec::new(),
            sites: Vec::new(),
            kept: None,
            ..record
        };
        let format = FORMAT.to_owned();
        Self {
            format,
            version: VERSION,
            exported_at,
            taken_at,
            consistency,
            record,
            blueprint,
            parameters,
            secrets,
            domain,
            disk,
        }
    }

    /// Its text.
    pub fn text(&self) -> Result<Vec<u8>> {
        let text = serde_json::to_vec_pretty(self);
        text.map_err(|e| Error::new(Code::Json, "cannot write what an export holds").cause(e))
    }
}
