//! The disks that an instance was given: its domain's definition and its run are made to have those of its record.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Ctx,
    domain::{definition_steps, volume_path},
    execute::{Payload, execute},
    lock::Lock,
};
use crate::{
    hypervisor::DomainState,
    kill_point,
    model::{Code, Disk, DiskAttachment, Error, Instance, LiveDisk, MountPoint, OperationKind, Record, Result},
    plan::{self, AttachedDisk, DiskPlace, Namespace, OwnedKind},
};

/// How long a guest may take to let go of a disk, and how often it is looked.
const LET_GO: (Duration, Duration) = (Duration::from_secs(5), Duration::from_millis(100));

/// What a guest runs to mount a disk, by the disk's serial number and the folder. An empty disk gets a file system first, and one that
/// is smaller than its disk gets as large; `blkid` ends with 2 where it finds nothing at all.
const MOUNT: &str = r#"
set -eu
disk=/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_$1
for _ in $(seq 50); do [ ! -e "$disk" ] || break; sleep 0.2; done
[ -e "$disk" ] || exit 41
[ ! -e "$2" ] || [ -z "$(ls -A "$2")" ] || exit 42
found=0; blkid -p "$disk" >/dev/null 2>&1 || found=$?
case $found in 0) ;; 2) mkfs.ext4 -q "$disk" || exit 43 ;; *) exit 43 ;; esac
uuid=$(blkid -s UUID -o value "$disk") || exit 43
[ -n "$uuid" ] || exit 43
mkdir -p "$2"
mount "UUID=$uuid" "$2" || exit 44
case $(findmnt -nro FSTYPE "$2") in
  ext4) resize2fs "$disk" >/dev/null 2>&1 || true ;;
  xfs) xfs_growfs "$2" >/dev/null 2>&1 || true ;;
esac
grep -q "^UUID=$uuid " /etc/fstab ||
  printf 'UUID=%s %s auto nofail 0 2\n' "$uuid" "$2" >>/etc/fstab
"#;

/// What a guest runs to let go of a disk: wherever it is mounted. Ends with 32 where something uses it.
const UNMOUNT: &str = r#"
set -u
disk=/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_$1
[ -e "$disk" ] || exit 0
disk=$(readlink -f "$disk")
while at=$(findmnt -nro TARGET -S "$disk" | head -n 1) && [ -n "$at" ]; do umount "$(printf '%b' "$at")" || exit 32; done
uuid=$(blkid -s UUID -o value "$disk")
[ -z "$uuid" ] || sed -i "/^UUID=$uuid /d" /etc/fstab
"#;

/// Whether a domain is up, so that its run has disks too.
pub fn is_up(state: DomainState) -> bool {
    !matches!(state, DomainState::Off | DomainState::Crashed)
}

/// The lock of a disk, which keeps it from others while no instance has it.
///
/// # Errors
/// Busy.
pub fn lock(ctx: &Ctx, disk: &Disk, kind: OperationKind) -> Result<Lock> {
    let what = format!("disk `{}`", disk.name);
    Lock::acquire_of(&ctx.locks(), (disk.id, &what), kind.as_str(), &*ctx.clock, ctx.wait)
}

/// The lock of a disk that is there.
///
/// # Errors
/// Busy; or it was deleted meanwhile.
pub fn lock_there(ctx: &Ctx, disk: &Disk, kind: OperationKind) -> Result<Lock> {
    let lock = lock(ctx, disk, kind)?;
    if ctx.store.disk_by_id(disk.id)?.is_some() {
        return Ok(lock);
    }
    lock.retire();
    Err(Error::new(Code::NoSuchDisk, format!("disk `{}` was deleted meanwhile", disk.name)))
}

/// The instance that has a disk.
///
/// # Errors
/// Refused where that is deleted, and kept.
pub fn holder(ctx: &Ctx, disk: Uuid) -> Result<Option<Instance>> {
    let has = |instance: &Instance| instance.record.attachment(disk).is_some();
    if let Some(kept) = ctx.store.kept(&ctx.host_id())?.into_iter().find(has) {
        let name = &kept.record.name;
        return Err(Error::new(Code::NotSettled, format!("the disk is that of the deleted instance `{name}`"))
            .hint(kept.record.way_back()));
    }
    Ok(ctx.store.instances()?.into_iter().find(has))
}

/// Makes the domain of an instance have the disks of its record, in its definition and, if it is up, in its run.
///
/// # Errors
/// What libvirt says, or a guest that does not let go of a disk. It may be done again.
pub fn apply(ctx: &Ctx, instance: &Instance) -> Result<()> {
    // What the run has is in the definition as well, whenever it ends.
    for step in definition_steps(ctx, instance, false)? {
        execute(ctx, &step, &Payload::none())?;
    }
    kill_point::reached("defined");
    let record = &instance.record;
    let up = ctx.hypervisor.domain(record.uuid)?.is_some_and(|domain| is_up(domain.state));
    if up { plug(ctx, record) } else { Ok(()) }
}

fn plug(ctx: &Ctx, record: &Record) -> Result<()> {
    let Some(live) = ctx.hypervisor.live_definition(record.uuid)? else { return Ok(()) };
    let wanted = given(ctx, record)?;
    let has = |path: &str| live.disks.iter().any(|disk| path_of(disk) == path);
    for disk in live.disks.iter().filter(|disk| is_given(path_of(disk))) {
        if wanted.iter().all(|one| one.path != path_of(disk)) {
            unplug(ctx, record, disk)?;
        }
    }
    let missing: Vec<&AttachedDisk> = wanted.iter().filter(|disk| !has(&disk.path)).collect();
    if !missing.is_empty() && !live.has_scsi {
        ctx.hypervisor.attach_device(record.uuid, &plan::scsi_controller_xml()?)?;
        kill_point::reached("controller");
    }
    missing.into_iter().try_for_each(|disk| ctx.hypervisor.attach_device(record.uuid, &plan::given_disk_xml(disk)?))
}

/// The disks that the record tells, as its domain has them.
fn given(ctx: &Ctx, record: &Record) -> Result<Vec<AttachedDisk>> {
    let place = ctx.place();
    let path = |volume: &str| volume_path(ctx, volume);
    let all = plan::attached(record, place, |volume| if is_given(volume) { path(volume) } else { Ok(String::new()) })?;
    Ok(all.disks.into_iter().filter(|disk| matches!(disk.port.place, DiskPlace::Unit(..))).collect())
}

fn path_of(disk: &LiveDisk) -> &str {
    disk.chain.first().map_or("", String::as_str)
}

/// Whether a path, or the name of a volume, is that of a disk which instances are given.
fn is_given(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    plan::owner_of(Namespace::Volume, name).is_some_and(|(kind, _)| kind == OwnedKind::Disk)
}

/// Takes a disk off a run, and waits until it is gone: libvirt tells a success before.
fn unplug(ctx: &Ctx, record: &Record, disk: &LiveDisk) -> Result<()> {
    let path = path_of(disk);
    let volume = path.rsplit('/').next().unwrap_or_default().to_owned();
    let id = plan::owner_of(Namespace::Volume, &volume).map(|(_, id)| id).unwrap_or_default();
    let unit = plan::DiskPort::unit_of(&disk.device).unwrap_or_default();
    let Some(port) = plan::DiskPort::of(&DiskAttachment { disk: id, unit, volume: None, mount: None }) else {
        return Ok(());
    };
    let attached = AttachedDisk { word: "disk", volume, path: path.to_owned(), port };
    ctx.hypervisor.detach_device(record.uuid, &plan::given_disk_xml(&attached)?)?;
    let end = ctx.clock.instant() + LET_GO.0;
    loop {
        let live = ctx.hypervisor.live_definition(record.uuid)?.unwrap_or_default();
        if live.disks.iter().all(|one| path_of(one) != path) {
            return Ok(());
        }
        if ctx.clock.instant() >= end {
            let text = format!("the guest of instance `{}` does not let go of disk `{}`", record.name, disk.device);
            return Err(Error::failed(Code::DiskInUse, text)
                .hint("it is asked again when the guest answers; a stop of the instance frees the disk as well"));
        }
        ctx.clock.sleep(LET_GO.1);
    }
}

/// Mounts a disk in the guest, which gets a file system if it has none, now and at each boot.
///
/// # Errors
/// What failed in the guest, or its agent.
pub fn mount(ctx: &Ctx, record: &Record, disk: &DiskAttachment, at: &MountPoint) -> Result<()> {
    let serial = DiskAttachment::serial(disk.disk);
    let code =
        ctx.hypervisor.run_in_guest(record.uuid, "/bin/sh", &["-c", MOUNT, "lite", &serial, at.as_str()], &[])?;
    let why = match code {
        0 => return Ok(()),
        41 => "the guest does not see the disk",
        42 => "the folder is not empty: what is in it would be hidden",
        43 => "the disk holds something that is no file system, or none could be made",
        44 => "`mount` failed",
        _ => "the guest could not do it",
    };
    Err(Error::new(Code::MountFailed, format!("could not mount the disk on `{at}` in instance `{}`", record.name))
        .cause(format!("{why} (exit {code})"))
        .hint("leave out `--mount`, and look at the disk in the guest: `lsblk --fs`"))
}

/// Has the guest unmount a disk, wherever it did mount it.
///
/// # Errors
/// [`Code::DiskInUse`] while something uses it, or those of the agent.
pub fn unmount(ctx: &Ctx, record: &Record, disk: &DiskAttachment) -> Result<()> {
    let serial = DiskAttachment::serial(disk.disk);
    let code = ctx.hypervisor.run_in_guest(record.uuid, "/bin/sh", &["-c", UNMOUNT, "lite", &serial], &[])?;
    if code == 0 {
        return Ok(());
    }
    let at = disk.mount.as_ref().map_or_else(|| "a folder".to_owned(), |at| format!("`{at}`"));
    Err(Error::new(Code::DiskInUse, format!("the disk is in use in instance `{}`, mounted on {at}", record.name))
        .cause(format!("the guest could not unmount it (exit {code})"))
        .hint("end what uses it there (`fuser -vm` tells what), or stop the instance first"))
}
