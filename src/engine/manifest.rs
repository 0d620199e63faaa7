//! What an export says of itself: its first member. With secrets only where it is encrypted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::hashed::Content;
use crate::{
    catalog::{self, Blueprint},
    model::{
        Code, Consistency, CopiedDisk, Disk, DiskAttachment, Error, MountPoint, Name, Record, Result, Size, escaped,
    },
    store::Secret,
};

/// What every export begins with.
const FORMAT: &str = "lite-export";
/// Version of its shape.
const VERSION: u32 = 2;
/// That of one without further disks: an earlier lite reads it too.
const WITHOUT_DISKS: u32 = 1;
/// Most secrets of an instance.
const SECRETS_MAX: usize = 64;
/// Longest part of a secret, bytes.
const SECRET_MAX: usize = 1024;

/// The first member of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// The disks that it was given, beside those two, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<ExportedDisk>,
}

/// A disk that the instance was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedDisk {
    /// What it was called.
    pub name: Name,
    /// What the guest saw of it.
    pub size: Size,
    /// Where the guest mounted it; none: lite did not have it do so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount: Option<MountPoint>,
    /// Its file.
    pub file: Content,
}

/// What is read first: whether the rest can be read.
#[derive(Deserialize)]
struct Shape {
    format: String,
    version: u32,
}

fn refused(why: impl AsRef<str>) -> Error {
    Error::new(Code::InvalidExport, format!("not an export that lite can read: {}", escaped(why.as_ref())))
        .hint("bring the file again, as `lite export` wrote it")
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

impl ExportedSecret {
    /// Whether it is of the form that lite gives a secret: one line each, none of it long.
    fn is_plain(&self) -> bool {
        let all = [Some(&self.name), self.account.as_ref(), Some(&self.description), Some(&self.value)];
        all.into_iter().flatten().all(|text| text.len() <= SECRET_MAX && !text.chars().any(char::is_control))
    }
}

/// Whether all are of the form that lite gives secrets, and no more than an instance has.
pub fn are_plain(secrets: &[ExportedSecret]) -> bool {
    secrets.len() <= SECRETS_MAX && secrets.iter().all(ExportedSecret::is_plain)
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

impl From<ExportedSecret> for Secret {
    fn from(secret: ExportedSecret) -> Self {
        let ExportedSecret { name, account, description, shown, value } = secret;
        Self { name, account, description, shown, value: value.into() }
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
    /// The disks that it was given.
    pub disks: Vec<CopiedDisk>,
}

/// An instance without what led to it, the disks that it was given, and the names that its things have on its host.
pub fn portable(record: Record) -> Record {
    Record {
        made_as: None,
        root_disk: None,
        lies_on: None,
        disks: Vec::new(),
        published: Vec::new(),
        sites: Vec::new(),
        asked: None,
        trusts_authority: false,
        kept: None,
        ..record
    }
}

impl Manifest {
    /// That of an export, with the files of its disks. What led to the instance stays with its host.
    pub fn new(of: Exported, exported_at: Timestamp, domain: Content, (disk, files): (Content, Vec<Content>)) -> Self {
        let Exported { taken_at, consistency, record, blueprint, parameters, secrets, disks } = of;
        let record = portable(record);
        let format = FORMAT.to_owned();
        let given = |(CopiedDisk { name, size, mount, .. }, file)| ExportedDisk { name, size, mount, file };
        let disks: Vec<ExportedDisk> = disks.into_iter().zip(files).map(given).collect();
        Self {
            format,
            version: if disks.is_empty() { WITHOUT_DISKS } else { VERSION },
            exported_at,
            taken_at,
            consistency,
            record,
            blueprint,
            parameters,
            secrets,
            domain,
            disk,
            disks,
        }
    }

    /// Reads what an export says of itself, and believes nothing of it that the host would act on.
    ///
    /// # Errors
    /// Refused: no export, one of another version, or something that no lite writes.
    pub fn read(text: &[u8]) -> Result<Self> {
        let Shape { format, version } = serde_json::from_slice(text).map_err(|e| refused(e.to_string()))?;
        if format != FORMAT {
            return Err(refused("it is something else"));
        }
        if ![WITHOUT_DISKS, VERSION].contains(&version) {
            let why = format!("it is of version {version}, and this lite reads versions up to {VERSION}");
            return Err(refused(why).hint("import it with the lite that wrote it, or a later one"));
        }
        let read: Self = serde_json::from_slice(text).map_err(|e| refused(e.to_string()))?;
        read.blueprint.check_foreign()?;
        catalog::id(&read.record.base)?;
        read.check_disks()?;
        let files = read.disks.iter().map(|disk| &disk.file);
        for content in [&read.domain, &read.disk].into_iter().chain(files) {
            if content.sha256.len() != 64
                || !content.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            {
                return Err(refused("a digest is not a SHA-256 in hexadecimal"));
            }
        }
        match are_plain(&read.secrets) {
            true => Ok(read),
            false => Err(refused("its passwords are none that lite makes")),
        }
    }

    /// Refused where the disks are not as an instance can have been given them.
    fn check_disks(&self) -> Result<()> {
        let most = usize::from(DiskAttachment::MOST);
        if self.disks.len() > most {
            return Err(refused(format!("it has {} disks, and an instance has {most} at most", self.disks.len())));
        }
        if self.version == WITHOUT_DISKS && !self.disks.is_empty() {
            return Err(refused(format!("one of version {WITHOUT_DISKS} has no further disks")));
        }
        for (n, disk) in self.disks.iter().enumerate() {
            let before = self.disks.get(..n).unwrap_or_default();
            if before.iter().any(|one| one.name == disk.name) {
                return Err(refused(format!("it tells of disk `{}` twice", disk.name)));
            }
            if disk.mount.is_some() && before.iter().any(|one| one.mount == disk.mount) {
                return Err(refused(format!("disk `{}` is mounted where another one is", disk.name)));
            }
            Disk::check_size(disk.size)?;
        }
        Ok(())
    }

    /// Its text.
    pub fn text(&self) -> Result<Vec<u8>> {
        let text = serde_json::to_vec_pretty(self);
        text.map_err(|e| Error::new(Code::Json, "cannot write what an export holds").cause(e))
    }
}
