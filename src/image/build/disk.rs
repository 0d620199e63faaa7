//! The raw disk: boot code and partition table, and behind them one file system.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::files::io;
use super::super::tools;
use super::workdir::Workdir;
use crate::clock::{Clock, SystemClock};
use crate::model::{Code, Error, Result};

/// Small: the disk of an instance is larger, and the guest grows the partition at its first boot.
const DISK: u64 = 2 << 30;
const OFFSET: u64 = 1 << 20;
const SECTOR: u64 = 512;
const BOOT_CODE_LEN: usize = 440;
/// How often, and how long apart, it is looked whether others have let go: a minute in all.
const RETRIES: u32 = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// What extlinux reads: ext4 without 64-bit blocks and checksums. Named in full, since defaults differ from host to host.
const FEATURES: &str = "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super,large_file,\
                        huge_file,dir_nlink,extra_isize";

/// Makes `disk` out of the folder `root`.
pub(super) fn make(work: &Workdir, root: &Path, disk: &Path, cancel: &AtomicBool) -> Result<()> {
    let failed = |e| io("write", disk, e);
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).open(disk).map_err(failed)?;
    file.set_len(DISK).map_err(failed)?;

    let mut mkfs = tools::command("mkfs.ext4");
    mkfs.args(["-q", "-F", "-L", "root", "-b", "4096", "-I", "256", "-m", "1", "-O", FEATURES]);
    mkfs.arg("-E").arg(format!("offset={OFFSET},lazy_itable_init=0,root_owner=0:0"));
    mkfs.arg("-d").arg(root).arg(disk).arg(format!("{}k", (DISK - OFFSET) / 1024));
    tools::run(&mut mkfs, cancel)?;

    let mounted = work.mount(disk, OFFSET, DISK - OFFSET, cancel)?;
    let installed =
        tools::run(tools::command("extlinux").arg("--install").arg(mounted.path().join("boot/extlinux")), cancel);
    let unmounted = mounted.unmount();
    installed?;
    unmounted?;
    await_release(&file, disk, cancel)?;

    // Without its partition table so far, the file was no disk to anybody who looked.
    file.write_all(&first_sector()?).and_then(|()| file.sync_all()).map_err(failed)
}

/// Waits until the kernel has let go of the file system. A process that made a mount namespace meanwhile, as `ip netns exec`
/// does, has it mounted there for as long as it lives: the first mount of an image that was taken then would write its journal
/// over the boot sector.
fn await_release(file: &File, disk: &Path, cancel: &AtomicBool) -> Result<()> {
    for _ in 0..RETRIES {
        if is_released(file).map_err(|e| io("read", disk, e))? {
            return Ok(());
        }
        tools::check(cancel)?;
        SystemClock.sleep(PAUSE);
    }
    let text =
        format!("another process has the file system of `{}` mounted in a mount namespace of its own", disk.display());
    Err(Error::new(Code::StillMounted, text)
        .hint("try again once it has ended: `grep -l build- /proc/*/mountinfo` finds it"))
}

/// Whether no journal waits to be written back: `EXT4_FEATURE_INCOMPAT_RECOVER` of the superblock, which is set while it is
/// mounted.
fn is_released(file: &File) -> std::io::Result<bool> {
    let mut flags = [0; 4];
    file.read_exact_at(&mut flags, OFFSET + 1024 + 0x60)?;
    Ok(u32::from_le_bytes(flags) & 4 == 0)
}

/// Boot code, a random signature, and one bootable partition over the rest of the disk.
fn first_sector() -> Result<Vec<u8>> {
    let code_at = Path::new(super::BOOT_CODE);
    let mut sector = std::fs::read(code_at).map_err(|e| io("read", code_at, e))?;
    if sector.len() > BOOT_CODE_LEN {
        return Err(Error::new(
            Code::BuildIncomplete,
            format!("`{}` is longer than {BOOT_CODE_LEN} bytes", super::BOOT_CODE),
        ));
    }
    sector.resize(BOOT_CODE_LEN, 0);
    sector.extend_from_slice(&rand::random::<[u8; 4]>());
    sector.extend_from_slice(&[0, 0]);
    // Bootable, Linux; addresses by cylinder and head are at their end: only those by sector count.
    sector.extend_from_slice(&[0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff]);
    for sectors in [OFFSET / SECTOR, (DISK - OFFSET) / SECTOR] {
        sector.extend_from_slice(&u32::try_from(sectors).unwrap_or(u32::MAX).to_le_bytes());
    }
    sector.resize(510, 0);
    sector.extend_from_slice(&[0x55, 0xaa]);
    Ok(sector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_that_somebody_has_mounted_is_not_released() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(OFFSET + 4096).unwrap();
        // Extents, with and without recovery.
        for (flags, released) in [(0x40_u32, true), (0x44, false)] {
            file.write_all_at(&flags.to_le_bytes(), OFFSET + 1024 + 0x60).unwrap();
            assert_eq!(is_released(&file).unwrap(), released, "{flags:#x}");
        }
    }

    #[test]
    fn one_bootable_partition_behind_the_first_mebibyte() -> std::result::Result<(), Error> {
        if !Path::new(super::super::BOOT_CODE).exists() {
            return Ok(());
        }
        let sector = first_sector()?;
        assert_eq!(sector.len(), 512);
        assert_eq!(sector[446..462], [0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff, 0, 8, 0, 0, 0, 0xf8, 0x3f, 0]);
        assert_eq!(sector[462..510], [0; 48]);
        Ok(())
    }
}
