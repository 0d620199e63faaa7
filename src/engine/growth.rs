//! Disks that get larger. libvirt would make one smaller as well, and cut its data off: sizes are compared here.

use uuid::Uuid;

use super::Ctx;
use crate::model::{Code, DiskAttachment, Error, Record, Result, Size};

/// What a guest runs to use all of its root disk, where cloud-init did not see to that at boot. Content where nothing is to be done.
const GROW_ROOT: &str = r#"
set -eu
part=$(findmnt -nro SOURCE /)
name=$(basename "$(readlink -f "$part")")
number=$(cat "/sys/class/block/$name/partition") || exit 51
disk=$(basename "$(readlink -f "/sys/class/block/$name/..")")
done=0; growpart "/dev/$disk" "$number" >/dev/null 2>&1 || done=$?
[ "$done" -le 1 ] || exit 52
case $(findmnt -nro FSTYPE /) in
  ext4) resize2fs "$part" >/dev/null 2>&1 || exit 53 ;;
  xfs) xfs_growfs / >/dev/null 2>&1 || exit 53 ;;
  btrfs) btrfs filesystem resize max / >/dev/null 2>&1 || exit 53 ;;
  *) exit 54 ;;
esac
"#;

/// Makes a volume larger; of a domain that runs with it, for the guest too.
///
/// # Errors
/// What libvirt says, or a volume that is larger than that already: nothing is cut off.
pub fn grow(ctx: &Ctx, (pool, volume): (&str, &str), domain: Option<Uuid>, bytes: u64) -> Result<()> {
    let seen = ctx.hypervisor.volume(pool, volume)?;
    let seen = seen.ok_or_else(|| Error::new(Code::NoVolume, format!("libvirt has no volume `{volume}`")))?;
    if seen.capacity > bytes {
        let sizes = Size::together([seen.capacity, bytes].map(Size::bytes));
        let [is, wanted] = sizes;
        let text = format!("volume `{volume}` has {is} already: it is not cut off at {wanted}");
        return Err(Error::failed(Code::InvalidSize, text));
    }
    if seen.capacity == bytes {
        return Ok(());
    }
    match device(ctx, domain, &seen.path)? {
        Some((uuid, device)) => ctx.hypervisor.resize_disk(uuid, &device, bytes),
        None => ctx.hypervisor.resize_volume(pool, volume, bytes),
    }
}

/// The device that a volume is in a domain that runs.
fn device(ctx: &Ctx, domain: Option<Uuid>, path: &str) -> Result<Option<(Uuid, String)>> {
    let Some(uuid) = domain else { return Ok(None) };
    let live = ctx.hypervisor.live_definition(uuid)?.unwrap_or_default();
    let is_it = |chain: &[String]| chain.first().is_some_and(|first| first == path);
    Ok(live.disks.into_iter().find(|disk| is_it(&disk.chain)).map(|disk| (uuid, disk.device)))
}

/// Has a guest use all of its root disk, if it has an agent. cloud-init does so at each boot; a guest without it needs to be told.
///
/// # Errors
/// What the guest answered.
pub fn use_whole_root(ctx: &Ctx, record: &Record) -> Result<()> {
    let uuid = record.uuid;
    if !ctx.hypervisor.live_definition(uuid)?.is_some_and(|live| live.has_agent) {
        return Ok(());
    }
    match ctx.hypervisor.run_in_guest(uuid, "/bin/sh", &["-c", GROW_ROOT], &[])? {
        0 => Ok(()),
        code => {
            let why = match code {
                51 => "its root is no partition",
                52 => "`growpart` failed",
                53 => "the file system could not be grown",
                54 => "its file system is none that lite can grow",
                _ => "the guest could not do it",
            };
            Err(Error::new(
                Code::GuestAgent,
                format!("the guest of instance `{}` does not use all of its disk", record.name),
            )
            .cause(format!("{why} (exit {code})")))
        }
    }
}

/// What a guest runs to use all of a disk, by the disk's serial number and its size in bytes: it is to have seen that first. A file
/// system grows while it is mounted.
const GROW: &str = r#"
set -eu
disk=/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_$1
[ -e "$disk" ] || exit 51
disk=$(readlink -f "$disk")
echo 1 2>/dev/null >"/sys/class/block/$(basename "$disk")/device/rescan" || true
for _ in $(seq 50); do [ "$(blockdev --getsize64 "$disk")" -lt "$2" ] || break; sleep 0.2; done
[ "$(blockdev --getsize64 "$disk")" -ge "$2" ] || exit 52
at=$(findmnt -nro TARGET -S "$disk" | head -n 1)
[ -n "$at" ] || exit 53
case $(findmnt -nro FSTYPE -S "$disk" | head -n 1) in
  ext4) resize2fs "$disk" >/dev/null 2>&1 || exit 54 ;;
  xfs) xfs_growfs "$(printf '%b' "$at")" >/dev/null 2>&1 || exit 54 ;;
  btrfs) btrfs filesystem resize max "$(printf '%b' "$at")" >/dev/null 2>&1 || exit 54 ;;
  *) exit 55 ;;
esac
"#;

/// Has a guest use all of a disk that it was given.
///
/// # Errors
/// It has no agent, or what it answered.
pub fn use_whole_disk(ctx: &Ctx, record: &Record, disk: Uuid, size: Size) -> Result<()> {
    let refused = |why: String| {
        let text = format!("what is on the disk does not use all of it yet in instance `{}`", record.name);
        Err(Error::new(Code::GuestAgent, text).cause(why))
    };
    if !ctx.hypervisor.live_definition(record.uuid)?.is_some_and(|live| live.has_agent) {
        return refused("its guest has no agent that could be asked".to_owned());
    }
    let (serial, bytes) = (DiskAttachment::serial(disk), size.as_bytes().to_string());
    let code = ctx.hypervisor.run_in_guest(record.uuid, "/bin/sh", &["-c", GROW, "lite", &serial, &bytes], &[])?;
    let why = match code {
        0 => return Ok(()),
        51 => "the guest does not see the disk",
        52 => "the guest does not see its new size yet",
        53 => "it is not mounted there",
        54 => "the file system could not be grown",
        55 => "its file system is none that lite can grow",
        _ => "the guest could not do it",
    };
    refused(format!("{why} (exit {code})"))
}
