//! Documents of disks and snapshots.

use lite::model::{
    Consistency, DiskState, MountPoint, RemoteState, ResourceKind, Scheme, SnapshotState, StoragePrices,
};

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
        is_instance_deleted: false,
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
        instance: Some(text("web")),
        of_disk: Some(text("data")),
        state: SnapshotState::Available,
        consistency: Some(Consistency::Frozen),
        disk: Size::mib(1),
        disks: vec![view::CopiedDiskView {
            name: text("data"),
            size: Size::mib(1),
            mount: Some(MountPoint::parse("/srv").expect("a folder")),
        }],
        size: Some(Size::mib(1)),
        blueprint: Some(text("nginx")),
        bundle: Some(text("nano")),
        image: Some(text("base-debian-13")),
        used_by: vec![text("web")],
        automatic: true,
        expires_at: Some(now()),
        verified_at: Some(now()),
        verify_failure: Some(text("the guest was not up")),
        price: Money::hundredths(500),
        currency: usd(),
        created_at: now(),
    };
    let document = view::SnapshotsDocument { snapshots: &[snapshot] };
    add(all, "`snapshot create`, `snapshot list`, `snapshot show`, `remote restore`, `disk snapshot`", &document);
    let remote = view::RemoteRow {
        name: text("far"),
        location: text("sftp://a@b/c"),
        kind: Scheme::Sftp,
        state: RemoteState::Available,
        host_keys: vec![text("ssh-ed25519 SHA256:x")],
        login_key: Some(text("ssh-ed25519 x")),
        created_at: now(),
    };
    let document = view::RemotesDocument { remotes: std::slice::from_ref(&remote) };
    add(all, "`remote list`, `remote show`", &document);
    let row = view::RemoteSnapshotRow {
        name: text("web-snap-1"),
        id: text("x"),
        instance: text("web"),
        automatic: false,
        created_at: now(),
        pushed_at: now(),
    };
    add(all, "`remote snapshots`", &view::RemoteSnapshotsDocument { remote: "far", snapshots: &[row] });
    let document = view::RemoteSecretsDocument { remote: &remote, secrets: &[view::remote_password("x".into())] };
    add(all, "`remote add`, `remote show --secrets`", &document);
}
