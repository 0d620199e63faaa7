//! `lite snapshot`.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::row;
use crate::model::{
    Consistency, CopiedDisk, Currency, Money, MountPoint, Size, SnapshotState, StoragePrices, StoredDiskSnapshot,
    StoredSnapshot,
};

/// A disk that the instance had been given, in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopiedDiskView {
    /// Its name then.
    pub name: String,
    /// What the guest saw of it.
    #[serde(rename = "size_bytes", serialize_with = "row::bytes")]
    pub size: Size,
    /// Where it was mounted; none: lite mounted it nowhere.
    pub mount: Option<MountPoint>,
}

impl From<CopiedDisk> for CopiedDiskView {
    fn from(copied: CopiedDisk) -> Self {
        Self { name: copied.name.to_string(), size: copied.size, mount: copied.mount }
    }
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SnapshotView {
    /// Name.
    pub name: String,
    /// The instance, as it was called then; none: it is one of a disk.
    pub instance: Option<String>,
    /// The disk, as it was called then; none: it is one of an instance.
    #[serde(rename = "disk")]
    pub of_disk: Option<String>,
    /// How far its life has come.
    pub state: SnapshotState,
    /// In what state the guest's file systems were; none: it is being made.
    pub consistency: Option<Consistency>,
    /// The root disk as the guest sees it, or the disk that it is of.
    #[serde(rename = "disk_bytes", serialize_with = "row::bytes")]
    pub disk: Size,
    /// The disks that the instance had been given, which are in it.
    pub disks: Vec<CopiedDiskView>,
    /// What it takes in the pool beside its image; none: it is being made.
    #[serde(rename = "size_bytes", serialize_with = "some_bytes")]
    pub size: Option<Size>,
    /// The blueprint of the instance.
    pub blueprint: Option<String>,
    /// The bundle of the instance.
    pub bundle: Option<String>,
    /// The image's volume, which stays as long as the snapshot does.
    pub image: Option<String>,
    /// Instances whose disk still lies on it: it cannot be deleted while there are any.
    pub used_by: Vec<String>,
    /// Whether the watcher made it by itself.
    pub automatic: bool,
    /// When it goes by itself, as the one that an upgrade began with does; none: it stays.
    #[serde(serialize_with = "row::some_time")]
    pub expires_at: Option<Timestamp>,
    /// When it was booted last to see whether it is whole; none: never.
    #[serde(serialize_with = "row::some_time")]
    pub verified_at: Option<Timestamp>,
    /// Why it was not; none: it was, or nobody has looked.
    pub verify_failure: Option<String>,
    /// Its price a month, as of today.
    pub price: Money,
    /// The currency of the price.
    pub currency: Currency,
    /// When it was asked for.
    #[serde(serialize_with = "row::time")]
    pub created_at: Timestamp,
}

fn some_bytes<S: Serializer>(size: &Option<Size>, to: S) -> Result<S::Ok, S::Error> {
    size.map(Size::as_bytes).serialize(to)
}

impl SnapshotView {
    /// Of a snapshot, with the instances whose disk still lies on it, at these prices.
    pub fn of(stored: StoredSnapshot, used_by: Vec<String>, prices: &StoragePrices) -> Self {
        let StoredSnapshot { snapshot, state, allocation, verification } = stored;
        let (verified_at, verify_failure) = verification.map_or((None, None), |one| (Some(one.at), one.failure));
        Self {
            name: snapshot.name.to_string(),
            instance: Some(snapshot.record.name.to_string()),
            of_disk: None,
            state,
            consistency: snapshot.consistency,
            disk: snapshot.size,
            disks: snapshot.disks.into_iter().map(CopiedDiskView::from).collect(),
            size: allocation,
            blueprint: Some(snapshot.record.blueprint),
            bundle: Some(snapshot.record.bundle),
            image: Some(snapshot.image),
            used_by,
            automatic: snapshot.automatic,
            expires_at: snapshot.expires_at,
            verified_at,
            verify_failure,
            price: allocation.map_or_else(Money::default, |size| prices.snapshot.of(size)),
            currency: prices.currency.clone(),
            created_at: snapshot.created_at,
        }
    }

    /// Of a snapshot of a disk, at these prices.
    pub fn of_disk(stored: StoredDiskSnapshot, prices: &StoragePrices) -> Self {
        let StoredDiskSnapshot { snapshot, state, allocation } = stored;
        Self {
            name: snapshot.name.to_string(),
            instance: None,
            of_disk: Some(snapshot.disk.name.to_string()),
            state,
            consistency: snapshot.consistency,
            disk: snapshot.disk.size,
            disks: Vec::new(),
            size: allocation,
            blueprint: None,
            bundle: None,
            image: None,
            used_by: Vec::new(),
            automatic: false,
            expires_at: None,
            verified_at: None,
            verify_failure: None,
            price: allocation.map_or_else(Money::default, |size| prices.snapshot.of(size)),
            currency: prices.currency.clone(),
            created_at: snapshot.created_at,
        }
    }
}

/// The document of `snapshot create`, `list` and `show`.
#[derive(Debug, Serialize)]
pub struct SnapshotsDocument<'a> {
    /// The snapshots.
    pub snapshots: &'a [SnapshotView],
}
