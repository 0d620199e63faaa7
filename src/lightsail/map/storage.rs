//! Disks, snapshots and static addresses.

use super::gib;
use crate::{
    lightsail::{
        place::{Place, id_of},
        wire,
    },
    model::{DiskState, SnapshotState},
    view::{DiskRow, ListRow, SnapshotView, StaticIpRow, StorageRow},
};

/// The disk that an instance began with.
pub fn root_disk(row: &ListRow, place: &Place) -> wire::Disk {
    wire::Disk {
        name: None,
        arn: None,
        support_code: None,
        created_at: Some(row.created_at.into()),
        location: place.in_zone(),
        resource_type: "Disk",
        tags: [],
        size_in_gb: gib(row.disk),
        is_system_disk: true,
        path: Some("/dev/vda".to_owned()),
        state: "in-use",
        attached_to: Some(row.name.clone()),
        is_attached: true,
    }
}

/// A disk that an instance was given, as a part of it.
pub fn given_disk(row: &StorageRow, place: &Place) -> wire::Disk {
    wire::Disk {
        name: Some(row.name.clone()),
        arn: None,
        support_code: None,
        created_at: None,
        location: place.in_zone(),
        resource_type: "Disk",
        tags: [],
        size_in_gb: gib(row.size),
        is_system_disk: false,
        path: None,
        state: "in-use",
        attached_to: row.instance.clone(),
        is_attached: true,
    }
}

/// A disk.
pub fn disk(row: DiskRow, place: &Place) -> wire::Disk {
    let id = id_of("Disk", &row.name, row.created_at);
    let is_attached = row.instance.is_some();
    let state = match (row.state, is_attached) {
        (_, true) => "in-use",
        (DiskState::Available, false) => "available",
        _ => "pending",
    };
    wire::Disk {
        arn: Some(place.arn("Disk", id)),
        support_code: Some(place.support_code(id)),
        name: Some(row.name),
        created_at: Some(row.created_at.into()),
        location: place.in_zone(),
        resource_type: "Disk",
        tags: [],
        size_in_gb: gib(row.size),
        is_system_disk: false,
        path: is_attached.then_some(row.device),
        state,
        attached_to: row.instance,
        is_attached,
    }
}

/// A snapshot of an instance; none: it is one of a disk.
pub fn snapshot(view: SnapshotView, place: &Place) -> Option<wire::Snapshot> {
    let id = id_of("InstanceSnapshot", &view.name, view.created_at);
    Some(wire::Snapshot {
        from_instance_name: view.instance?,
        from_blueprint_id: view.blueprint?,
        from_bundle_id: view.bundle?,
        arn: place.arn("InstanceSnapshot", id),
        support_code: place.support_code(id),
        name: view.name,
        created_at: view.created_at.into(),
        location: place.everywhere(),
        resource_type: "InstanceSnapshot",
        tags: [],
        state: match view.state {
            SnapshotState::Available => "available",
            SnapshotState::Creating | SnapshotState::Deleting => "pending",
        },
        is_from_auto_snapshot: view.automatic,
        size_in_gb: gib(view.disk),
    })
}

/// A snapshot of a disk; none: it is one of an instance.
pub fn disk_snapshot(view: SnapshotView, place: &Place) -> Option<wire::DiskSnapshot> {
    let id = id_of("DiskSnapshot", &view.name, view.created_at);
    Some(wire::DiskSnapshot {
        from_disk_name: view.of_disk?,
        arn: place.arn("DiskSnapshot", id),
        support_code: place.support_code(id),
        name: view.name,
        created_at: view.created_at.into(),
        location: place.in_zone(),
        resource_type: "DiskSnapshot",
        tags: [],
        state: match view.state {
            SnapshotState::Available => "completed",
            SnapshotState::Creating | SnapshotState::Deleting => "pending",
        },
        is_from_auto_snapshot: false,
        size_in_gb: gib(view.disk),
    })
}

/// A static address.
pub fn static_ip(row: StaticIpRow, place: &Place) -> wire::StaticIp {
    let id = id_of("StaticIp", &row.name, row.created_at);
    wire::StaticIp {
        arn: place.arn("StaticIp", id),
        support_code: place.support_code(id),
        name: row.name,
        created_at: row.created_at.into(),
        location: place.everywhere(),
        resource_type: "StaticIp",
        ip_address: row.address,
        is_attached: row.instance.is_some(),
        attached_to: row.instance,
    }
}
