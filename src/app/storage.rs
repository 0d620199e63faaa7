//! What disks and snapshots cost.

use super::{Caller, scope::Sight, sources::storage_prices};
use crate::{
    model::{
        AnySnapshot, Disk, DiskAttachment, HostId, Instance, Observer, ResourceKind, Result, Settings, StoragePrices,
    },
    store::Store,
    view::StorageRow,
};

/// The disks and snapshots of a host that a caller sees, each with its price of today.
///
/// # Errors
/// Those of the database.
pub(super) fn all(
    store: &Store,
    settings: &Settings,
    caller: &Caller,
    observer: &mut dyn Observer,
) -> Result<Vec<StorageRow>> {
    let host = &settings.host.id;
    let sight = Sight::of(store, host, caller)?;
    let (mut disks, mut snapshots) = (store.disks(host)?, store.all_snapshots(host)?);
    disks.retain(|disk| sight.disk(disk));
    snapshots.retain(|one| sight.any_snapshot(one));
    if disks.is_empty() && snapshots.is_empty() {
        return Ok(Vec::new());
    }
    let prices = storage_prices(settings, observer)?;
    let holders = if disks.is_empty() { Vec::new() } else { holders(store, host)? };
    let mut rows: Vec<StorageRow> = disks.iter().map(|disk| disk_row(disk, &holders, &prices)).collect();
    rows.extend(snapshots.into_iter().map(|stored| {
        let size = stored.allocation().unwrap_or(crate::model::Size::bytes(0));
        let instance = matches!(stored, AnySnapshot::Instance(_)).then(|| stored.of().to_string());
        let created_at = Some(stored.created_at());
        let row = StorageRow::new(ResourceKind::Snapshot, (stored.resource().name, instance), size, &prices);
        StorageRow { created_at, ..row }
    }));
    Ok(rows)
}

fn disk_row(disk: &Disk, holders: &[Instance], prices: &StoragePrices) -> StorageRow {
    let held = holder(disk, holders);
    let named = (disk.name.to_string(), held.map(|(instance, _)| instance.record.name.to_string()));
    let mount = held.and_then(|(_, attached)| attached.mount.as_ref()).map(ToString::to_string);
    StorageRow {
        mount,
        created_at: Some(disk.created_at),
        ..StorageRow::new(ResourceKind::Disk, named, disk.size, prices)
    }
}

/// The instance that has a disk, of those that may, and how.
pub(super) fn holder<'a>(disk: &Disk, instances: &'a [Instance]) -> Option<(&'a Instance, &'a DiskAttachment)> {
    instances.iter().find_map(|instance| Some((instance, instance.record.attachment(disk.id)?)))
}

/// Whoever may have a disk: the instances, and deleted ones that are kept.
///
/// # Errors
/// Those of the database.
pub(super) fn holders(store: &Store, host: &HostId) -> Result<Vec<Instance>> {
    let mut all = store.instances()?;
    all.extend(store.kept(host)?);
    Ok(all)
}
