//! What disks and snapshots cost.

use super::{Caller, scope::Sight, sources::storage_prices};
use crate::{
    model::{AnySnapshot, HostId, Instance, Observer, ResourceKind, Result, Settings, StoragePrices},
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
        StorageRow::new(ResourceKind::Snapshot, (stored.resource().name, instance), size, &prices)
    }));
    Ok(rows)
}

fn disk_row(disk: &crate::model::Disk, holders: &[Instance], prices: &StoragePrices) -> StorageRow {
    let of = |instance: &&Instance| instance.record.disks.iter().any(|one| one.disk == disk.id);
    let holder = holders.iter().find(of);
    let attached = holder.and_then(|instance| instance.record.disks.iter().find(|one| one.disk == disk.id));
    let named = (disk.name.to_string(), holder.map(|instance| instance.record.name.to_string()));
    let mount = attached.and_then(|one| one.mount.as_ref()).map(ToString::to_string);
    StorageRow { mount, ..StorageRow::new(ResourceKind::Disk, named, disk.size, prices) }
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
