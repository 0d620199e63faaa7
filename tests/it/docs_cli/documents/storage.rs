//! Documents of disks and snapshots.

use lite::model::{Consistency, DiskState, ResourceKind, SnapshotState, StoragePrices};

use super::*;

/// A disk that costs something.
pub(super) fn rows() -> Vec<view::StorageRow> {
    let at = StoragePrices { disk: Money::hundredths(10), snapshot: Money::hundredths(5), currency: usd() };
    let row = view::StorageRow::new(ResourceKind::Disk, (text("data"), Some(text("web"))), Size::mib(1), &at);
    vec![view::StorageRow { mount: Some(text("/srv")), ..row }]
}

pub(super) fn documents_of_sizes(all: &mut Vec<(&'static str, Value)>) {
    let size = view::SizeView {
        bundle: text("nano"),
        vcpus: 2,
        memory: Size::mib(512),
        disk: Size::mib(1),
        price: Money::hundredths(500),
        currency: usd(),
    };
    let resized =
        view::ResizedView { name: text("web"), now: size.clone(), before: size, restarts: true, smaller: None };
    add(all, "`resize`", &view::ResizedDocument { dry_run: false, resized: &[resized] });
}

pub(super) fn documents_of_storage(all: &mut Vec<(&'static str, Value)>) {
    let disk = view::DiskRow {
        name: text("data"),
        size: Size::mib(1),
        state: DiskState::Available,
        instance: Some(text("web")),
        mount: Some(text("/srv")),
        device: text("/dev/disk/by-id/x"),
        price: Money::hundredths(500),
        currency: usd(),
        created_at: now(),
    };
    let document = view::DisksDocument { disks: &[disk] };
    add(all, "`disk create`, `disk attach`, `disk detach`, `disk resize`, `disk list`, `disk show`", &document);
    let snapshot = view::SnapshotView {
        name: text("web-snap-1"),
        instance: text("web"),
        state: SnapshotState::Available,
        consistency: Some(Consistency::Frozen),
        disk: Size::mib(1),
        size: Some(Size::mib(1)),
        blueprint: text("nginx"),
        bundle: text("nano"),
        image: text("base-debian-13"),
        used_by: vec![text("web")],
        automatic: true,
        expires_at: Some(now()),
        price: Money::hundredths(500),
        currency: usd(),
        created_at: now(),
    };
    let document = view::SnapshotsDocument { snapshots: &[snapshot] };
    add(all, "`snapshot create`, `snapshot list`, `snapshot show`", &document);
}
